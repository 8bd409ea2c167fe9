"""Browsers: what a delivery through a WebSocket costs, against our protocol without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.options import Options
from bench.programs import IN_WEBSOCKETS, Server, our_server
from bench.runs import alternately, compare, connecting, cost, load, millions, p99
from bench.table import Bar, Row

_RATE = 100
_COST = Bar(1.5)


def websocket(options: Options) -> Iterator[Row]:
    """The same load through WebSockets and without; here the plain protocol is the reference."""
    runs = alternately(
        options.rounds,
        lambda: load(_browsers(), options, _RATE),
        lambda: load(our_server(), options, _RATE),
    )
    what = f"WebSockets (reference: plain), {_RATE} msg/s"
    yield compare(f"{what}, server µs a delivery", runs, cost, _COST)
    yield compare(f"{what}, p99 ms", runs, p99)
    yield compare(f"{what}, connect and log in, s", runs, connecting)
    runs = alternately(
        options.rounds,
        lambda: load(_browsers(), options, 0),
        lambda: load(our_server(), options, 0),
    )
    yield compare("WebSockets (reference: plain), million deliveries/s", runs, millions)


@contextmanager
def _browsers() -> Iterator[Server]:
    with our_server() as server:
        yield Server(server.port, server.pid, IN_WEBSOCKETS)
