"""A text without end passes through, and the chat of the others is not to wait much longer.

Measured twice: while one client writes it, and while ten fetch it, against the chat alone.
Writer and readers are threads of this process, so they take from the machine what real ones
on machines of their own would not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress

from bench.client import Client
from bench.options import Options
from bench.programs import Run, Server, fanout, our_server
from bench.runs import alternately, compare, p99
from bench.table import Bar, Row
from protocol.framing import encode
from protocol.limits import MAX_CHUNK
from protocol.requests import Chunk, Fetch, Send

CLIENTS = 200
"""Who chats meanwhile; with a thousand the machine is busy without any text."""

READERS = 10
_CHUNKS = 512  # of 256 KiB, in the text that is fetched
_PIECE = b"x" * MAX_CHUNK

Work = Callable[[Server, ExitStack], list[threading.Thread]]


def long_text(options: Options) -> Iterator[Row]:
    """Latency of the others at 100 messages/s, beside a long text and alone."""
    for what, work in (("written", _writing), ("fetched by ten", _fetching)):
        runs = alternately(
            options.rounds,
            lambda work=work: _measure(options, work),  # type: ignore[misc]
            lambda: _measure(options, _nothing),
        )
        yield compare(
            f"100 msg/s, {CLIENTS} clients, p99 ms while a long text is {what}"
            " (reference: without)",
            runs,
            p99,
            Bar(2.0),
        )


def _measure(options: Options, work: Work) -> Run:
    with our_server() as server, ExitStack() as stack:
        threads = work(server, stack)
        for thread in threads:
            thread.start()
        run = fanout(
            server,
            *("--clients", str(CLIENTS), "--settle", "1", "--rate", "100"),
            *("--duration", str(options.seconds)),
        )
        if not all(thread.is_alive() for thread in threads):
            raise SystemExit("The text had an end before the measurement had.")
        stack.close()  # hangs up, which ends the threads
        for thread in threads:
            thread.join()
    return run


def _nothing(_server: Server, _stack: ExitStack) -> list[threading.Thread]:
    return []


def _writing(server: Server, stack: ExitStack) -> list[threading.Thread]:
    writer = stack.enter_context(closing(Client(server.port, "writer")))
    return [threading.Thread(target=_write, args=(writer,))]


def _write(writer: Client) -> None:
    with suppress(OSError):
        while True:
            _send_chunk(writer)


def _send_chunk(writer: Client) -> None:
    writer.socket.sendall(encode(Chunk(stream=1, size=len(_PIECE)), _PIECE))


def _fetching(server: Server, stack: ExitStack) -> list[threading.Thread]:
    with closing(Client(server.port, "writer")) as writer:
        for _ in range(_CHUNKS):
            _send_chunk(writer)
        text_id = writer.ask(Send(stream=1)).id
    readers = [
        stack.enter_context(closing(Client(server.port, f"reader{number}")))
        for number in range(READERS)
    ]
    return [threading.Thread(target=_fetch, args=(reader, text_id)) for reader in readers]


def _fetch(reader: Client, text_id: int) -> None:
    """Fetch it again and again; nobody looks at what comes."""
    ask = encode(Fetch(id=text_id))
    buffer = bytearray(1024 * 1024)
    left = 0
    with suppress(OSError):
        while True:
            if left <= 0:
                reader.socket.sendall(ask)
                left = _CHUNKS * MAX_CHUNK
            taken = reader.socket.recv_into(buffer)
            if not taken:
                return
            left -= taken
