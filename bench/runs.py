"""Runs of the load generator: ours and the reference's in turn, and the figures in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from statistics import median

from bench.options import Options
from bench.programs import Run, Server, fanout
from bench.table import Bar, Row


def alternately(
    rounds: int, ours: Callable[[], Run], reference: Callable[[], Run]
) -> tuple[list[Run], list[Run]]:
    """Measure one and then the other, again and again, so that noise falls upon both."""
    pairs = [(ours(), reference()) for _ in range(rounds)]
    return [mine for mine, _ in pairs], [theirs for _, theirs in pairs]


def load(context: AbstractContextManager[Server], options: Options, rate: int) -> Run:
    """Run a server under load; a rate of 0 is as fast as it goes."""
    with context as server:
        return fanout(
            server,
            *("--clients", str(options.clients)),
            *("--duration", str(options.seconds)),
            *("--rate", str(rate)),
        )


def compare(
    what: str,
    runs: tuple[Sequence[Run], Sequence[Run]],
    figure: Callable[[Run], float],
    bar: Bar | None = None,
) -> Row:
    """Return the medians of a figure in our runs and in the reference's."""
    ours, reference = (median(map(figure, side)) for side in runs)
    return Row(what, ours, reference, bar)


def millions(run: Run) -> float:
    """Deliveries a second, in millions."""
    return float(run["deliveries_per_s"]) / 1e6


def connecting(run: Run) -> float:
    """Seconds until all were connected and logged in."""
    return float(run["connect_s"])


def memory(run: Run) -> float:
    """KiB of the server's memory a connection."""
    return float(run["rss_per_conn_kb"])


def p50(run: Run) -> float:
    """Milliseconds from when a message was due until it was received, half of the deliveries."""
    return float(run["lat_ms"]["p50"])


def p99(run: Run) -> float:
    """The same of all but a hundredth of the deliveries."""
    return float(run["lat_ms"]["p99"])


def cost(run: Run) -> float:
    """Microseconds of the server's CPU time a delivery."""
    return float(run["server_us_per_delivery"])
