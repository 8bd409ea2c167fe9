"""A tenth of the clients never read, and the others are not to wait longer for that.

The reference are the other nine tenths alone. Beside a tenth that reads they would wait longer,
since the server would send more; the ratio would then hide what the stuck ones cost.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from bench.client import Client
from bench.options import Options
from bench.programs import Run, Server, fanout, our_server
from bench.runs import alternately, compare, p50, p99
from bench.table import Bar, Row
from protocol.requests import Send, Status

_RECEIVE_BUFFER = 4096  # bytes; with the usual one the kernel would read for them
_BACKLOG = 32  # messages that wait for a stuck client before the load begins
_TEXT = "x" * 60_000
_TAKEN = 512 * 1024
"""Bytes: more than both kernels' buffers and the server's channel take, far below the backlog."""


def stuck(options: Options) -> Iterator[Row]:
    """Latency of those who read at 100 messages/s, beside the stuck ones and alone."""
    number = max(1, options.clients // 10)
    runs = alternately(
        options.rounds, lambda: _measure(options, number, number), lambda: _measure(options, number)
    )
    what = f"100 msg/s, {number} of {options.clients} stuck (reference: without them)"
    yield compare(f"{what}, p50 ms", runs, p50)
    yield compare(f"{what}, p99 ms", runs, p99, Bar(1.25))


def _measure(options: Options, without: int, stuck: int = 0) -> Run:
    names = [f"stuck{number}" for number in range(stuck)]
    with our_server() as server, ExitStack() as stack:
        clients = [_stuck(stack, server, name) for name in names]
        with closing(Client(server.port, "writer")) as writer:
            for _ in range(_BACKLOG):
                writer.ask(Send(text=_TEXT))
        run = fanout(
            server,
            *("--clients", str(options.clients - without)),
            *("--duration", str(options.seconds)),
            *("--rate", "100"),
        )
        _check(server, clients, names)
    return run


def _stuck(stack: ExitStack, server: Server, name: str) -> Client:
    client = Client(server.port, name, receive_buffer=_RECEIVE_BUFFER)
    return stack.enter_context(closing(client))


def _check(server: Server, clients: Sequence[Client], names: Sequence[str]) -> None:
    """A client that was dropped, or whose kernel has taken everything, is not stuck."""
    with closing(Client(server.port, "witness")) as witness:
        dropped = set(names) - set(witness.ask(Status()).users)
    if dropped:
        raise SystemExit(f"The server dropped {len(dropped)} of the stuck clients.")
    if any(_arrived(client) + _TAKEN > _BACKLOG * len(_TEXT) for client in clients):
        raise SystemExit("The stuck clients were not stuck: their kernel took everything.")


def _arrived(client: Client) -> int:
    """Return the bytes that wait to be read by a client."""
    (size,) = struct.unpack("i", fcntl.ioctl(client.socket, termios.FIONREAD, bytes(4)))
    return int(size)
