"""Requests a second over HTTP: the API against a bare hello-world on the same libraries."""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import msgspec

from bench.options import Options
from bench.programs import ROOT, our_server
from bench.table import Bar, Row

_CONNECTIONS = 16
_SECONDS = 3.0
_HOST = b"Host: localhost\r\n"


class _LoggedIn(msgspec.Struct):
    token: str


def http(options: Options) -> Iterator[Row]:
    """Ask on connections that stay; each sends its next request when it has the last answer."""
    with our_server() as server, _hello() as port:
        token = _log_in(server.port)
        asking = b"GET /api/v1/me/zone HTTP/1.1\r\n" + _HOST + token + b"\r\n"
        hello = b"GET / HTTP/1.1\r\n" + _HOST + b"\r\n"
        runs = [(_rate(server.port, asking), _rate(port, hello)) for _ in range(options.rounds)]
        ours, reference = (median(side) for side in zip(*runs, strict=True))
        what = "API requests/s (reference: bare h11 on Trio)"
        yield Row(what, ours, reference, Bar(0.5, least=True))
        yield Row("API messages/s, stored", median(_messages(server.port, token) for _ in range(3)))


def _messages(port: int, token: bytes) -> float:
    body = b'{"text":"%s"}' % (b"x" * 100)
    head = b"POST /api/v1/conversations/1/messages HTTP/1.1\r\n" + _HOST + token
    kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return _rate(port, head + kind + body)


def _log_in(port: int) -> bytes:
    """Return the header that a guest's requests carry."""
    body = b'{"name":"bench"}'
    head = b"POST /api/v1/sessions HTTP/1.1\r\nConnection: close\r\n" + _HOST
    kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(head + kind + body)
        with sock.makefile("rb") as answered:
            _, _, answer = answered.read().partition(b"\r\n\r\n")
    token = msgspec.json.decode(answer, type=_LoggedIn).token
    return b"Authorization: Bearer " + token.encode() + b"\r\n"


def _rate(port: int, request: bytes) -> float:
    """Return how many requests a second are answered; every answer fits into one read."""
    with selectors.DefaultSelector() as selector:
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(_CONNECTIONS)]
        by_number = {sock.fileno(): sock for sock in socks}
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
            sock.sendall(request)
        count, begun = 0, time.perf_counter()
        while (now := time.perf_counter()) < begun + _SECONDS:
            for key, _ in selector.select(1):
                asker = by_number[key.fd]
                answer = asker.recv(65536)
                if not answer.startswith(b"HTTP/1.1 2"):
                    raise SystemExit(f"This is no good answer: {answer[:200]!r}")
                count += 1
                asker.sendall(request)
        for sock in socks:
            sock.close()
    return count / (now - begun)


@contextmanager
def _hello() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.http_hello"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as program:  # noqa: S603
        assert program.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield int(program.stdout.readline())
        finally:
            program.kill()
