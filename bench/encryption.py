"""What TLS costs: ours over TLS against ours without it, in turn.

The load generator decrypts everything that it receives, on the other core; where it is
the one that is busy, the ratio says less of the server than it could.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.options import Options
from bench.programs import Run, Server, build_tls, our_server
from bench.runs import alternately, compare, connecting, cost, load, memory, millions, p50, p99
from bench.table import Bar, Row


def tls(options: Options) -> Iterator[Row]:
    """Saturated, connecting, and at 100 messages/s."""
    build_tls()
    runs = _both(options, 0)
    yield compare(_named("saturated, million deliveries/s"), runs, millions, Bar(0.5, least=True))
    yield compare(_named("saturated, server µs a delivery"), runs, cost)
    yield compare(_named("connect and log in, s"), runs, connecting, Bar(2, unit="s"))
    yield compare(_named("load generator, % of a core"), runs, _generator)
    yield compare(_named("KiB a connection"), runs, memory)
    runs = _both(options, 100)
    yield compare(_named("100 msg/s, p50 ms"), runs, p50)
    yield compare(_named("100 msg/s, p99 ms"), runs, p99, Bar(2))
    yield compare(_named("100 msg/s, server µs a delivery"), runs, cost)


def _named(what: str) -> str:
    return f"TLS (reference: without), {what}"


def _both(options: Options, rate: int) -> tuple[list[Run], list[Run]]:
    return alternately(
        options.rounds,
        lambda: load(_over_tls(), options, rate),
        lambda: load(our_server(), options, rate),
    )


@contextmanager
def _over_tls() -> Iterator[Server]:
    with our_server() as server:
        yield server.over_tls()


def _generator(run: Run) -> float:
    return float(run["gen_cpu_pct"])
