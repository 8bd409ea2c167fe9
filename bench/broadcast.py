"""Everyone in one conversation: against the C reference, and MySQL against SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from bench.options import Options
from bench.programs import BUILD, our_server, reference_server
from bench.runs import alternately, compare, connecting, cost, load, millions, p50, p99
from bench.table import Bar, Row
from tests.mariadb import NoServerProgram, running_mariadb

_P99 = Bar(1.25)
_KEY = ("--master-key-file", str(BUILD / "mysql.key"))


def saturated(options: Options) -> Iterator[Row]:
    """As many messages as the server takes; the connecting before it is measured too."""
    runs = alternately(
        options.rounds,
        lambda: load(our_server(), options, 0),
        lambda: load(reference_server(), options, 0),
    )
    yield compare("saturated, million deliveries/s", runs, millions, Bar(0.6, least=True))
    yield compare("connect and log in, s", runs, connecting, Bar(1, unit="s"))


def rate_100(options: Options) -> Iterator[Row]:
    """A hundred messages a second."""
    yield from _at_rate(options, 100, Bar(1.5))


def rate_10(options: Options) -> Iterator[Row]:
    """Ten messages a second."""
    yield from _at_rate(options, 10, None)


def _at_rate(options: Options, rate: int, cost_bar: Bar | None) -> Iterator[Row]:
    runs = alternately(
        options.rounds,
        lambda: load(our_server(), options, rate),
        lambda: load(reference_server(), options, rate),
    )
    yield compare(f"{rate} msg/s, p50 ms", runs, p50)
    yield compare(f"{rate} msg/s, p99 ms", runs, p99, _P99)
    yield compare(f"{rate} msg/s, server µs a delivery", runs, cost, cost_bar)


def mysql(options: Options) -> Iterator[Row]:
    """Saturated, ours on both databases: here SQLite is the reference."""
    with _databases(options.database) as database:
        runs = alternately(
            options.rounds,
            # Always the same key: a database that is named may have been measured on before.
            lambda: load(our_server("--database", database(), *_KEY), options, 0),
            lambda: load(our_server(), options, 0),
        )
    what = "saturated on MySQL (reference: ours on SQLite), million deliveries/s"
    yield compare(what, runs, millions, Bar(0.8, least=True))


@contextmanager
def _databases(given: str | None) -> Iterator[Callable[[], str]]:
    """Yield what names a database for each run: the one given, or a new one each time."""
    if given is not None:
        yield lambda: given
        return
    try:
        with running_mariadb() as server:
            numbers = count(1)
            yield lambda: server.url(f"bench{next(numbers)}")
    except NoServerProgram as error:
        raise SystemExit(f"{error}, or name a database with --database.") from error
