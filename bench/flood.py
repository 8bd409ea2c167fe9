"""Two thousand connections from one address that never log in, beside members who chat.

The reference are the members alone. Those who flood come from 127.0.0.2, which counts as a
stranger's address here, and come back as soon as they are turned away. They run at the lowest
priority: on another machine they would take none of this one's time but what they cost the server.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from bench.client import Client
from bench.options import Options
from bench.programs import ROOT, Run, fanout, our_server
from bench.runs import alternately, compare, p50, p99
from bench.table import Bar, Row
from protocol.requests import Status

_CONNECTIONS = 2000
_MEMBERS = 200
_STRANGER = "127.0.0.2"
_BEGINNINGS = (b"", b"{", b'{"type":"hello","protocol":1}\n', b"GET / HTTP/1.1\r\n", b"x" * 20_000)
_READY = "flooding"


def flood(options: Options) -> Iterator[Row]:
    """Latency of 200 members at 100 messages/s, flooded and alone."""
    runs = alternately(options.rounds, lambda: _measure(options, True), lambda: _measure(options))
    what = f"100 msg/s, {_MEMBERS} members, {_CONNECTIONS} strangers flood (reference: nobody)"
    yield compare(f"{what}, p50 ms", runs, p50)
    yield compare(f"{what}, p99 ms", runs, p99, Bar(2))


def _measure(options: Options, flooded: bool = False) -> Run:
    load = ("--clients", str(_MEMBERS), "--duration", str(options.seconds), "--rate", "100")
    with our_server("--limit-exempt", "127.0.0.1") as server:
        if not flooded:
            return fanout(server, *load)
        with flooding(server.port, _CONNECTIONS):
            run = fanout(server, *load)
        Client(server.port, "witness").ask(Status())
        return run


@contextmanager
def flooding(port: int, connections: int) -> Iterator[None]:
    """Flood a server on this machine for the time of a block."""
    command = [sys.executable, "-m", "bench.flood", str(port), str(connections)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101
            if _READY.encode() not in process.stdout.readline():
                raise SystemExit("There was no flood.")
            yield
        finally:
            process.kill()


def _run(port: int, connections: int) -> None:
    os.nice(19)
    selector = selectors.DefaultSelector()
    beginnings = cycle(_BEGINNINGS)
    for _ in range(connections):
        _connect(selector, port, next(beginnings))
    print(_READY, flush=True)
    while True:
        for key, events in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)  # noqa: S101
            if _goes_on(sock, events, key.data):
                selector.modify(sock, selectors.EVENT_READ, b"")
            else:
                selector.unregister(sock)
                sock.close()
                _connect(selector, port, next(beginnings))


def _goes_on(sock: socket.socket, events: int, beginning: bytes) -> bool:
    """Say something where the connection has just been made; False where it has ended."""
    try:
        if events & selectors.EVENT_WRITE:
            sock.send(beginning)
            return True
        return bool(sock.recv(4096))
    except OSError:
        return False


def _connect(selector: selectors.BaseSelector, port: int, beginning: bytes) -> None:
    sock = socket.socket()
    sock.setblocking(False)
    # Whoever closes first would use up all the ports there are.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.bind((_STRANGER, 0))
    sock.connect_ex(("127.0.0.1", port))
    selector.register(sock, selectors.EVENT_WRITE, beginning)


if __name__ == "__main__":
    _run(*map(int, sys.argv[1:]))
