"""What sealing costs: ours as it is by default, against ours with nothing sealed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from statistics import median

import trio

from bench.options import Options
from bench.programs import Run, our_server
from bench.runs import alternately, compare, cost, load, millions, p50, p99
from bench.table import Row
from protocol.ids import new_uuid
from storage import GENERAL_ID, GivenKey, MasterKey, NewMessage, User, Visitor, open_stores
from storage.sealing import new_key

_TEXT = b"x" * 100


def sealing(options: Options) -> Iterator[Row]:
    """Deliveries, latency, and rows in group commits of one process."""
    runs = _pairs(options, 0)
    yield compare("sealed (reference: not), saturated, million deliveries/s", runs, millions)
    runs = _pairs(options, 100)
    yield compare("sealed, 100 msg/s, p50 ms", runs, p50)
    yield compare("sealed, 100 msg/s, p99 ms", runs, p99)
    yield compare("sealed, 100 msg/s, server µs a delivery", runs, cost)
    for rows in (1, 100, 500):
        yield from _commits(options, rows)


def _pairs(options: Options, rate: int) -> tuple[list[Run], list[Run]]:
    sealed, plain = (partial(_run, options, rate, word) for word in ("on", "off"))
    return alternately(options.rounds, sealed, plain)


def _run(options: Options, rate: int, encryption: str) -> Run:
    return load(our_server("--encryption", encryption), options, rate)


def _commits(options: Options, rows: int) -> Iterator[Row]:
    """Return how many rows a second are stored in commits of so many, and what a row costs."""
    key = GivenKey(new_key().hex(), "the benchmark")
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for _ in range(options.rounds):
        for sealed, keys in ((True, key), (False, None)):
            found[sealed].append(trio.run(_store, keys, rows, options.seconds))
    for number, figure in enumerate(("rows/s", "µs of CPU a row")):
        ours, reference = (median(run[number] for run in found[sealed]) for sealed in (True, False))
        yield Row(f"sealed, SQLite, commits of {rows}, {figure}", ours, reference)


async def _store(keys: MasterKey | None, rows: int, seconds: float) -> tuple[float, float]:
    """Store rows for some seconds; return how many a second, and microseconds of CPU a row."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with open_stores(f"sqlite:///{folder}/chat.db", keys=keys) as stores:
            [ann] = await stores.accounts.ensure([Visitor("Ann", "ann")], 1)
            assert isinstance(ann, User)  # noqa: S101
            stored, spent, cpu = 0, 0.0, 0.0
            while spent < seconds:
                batch = [_text(ann) for _ in range(rows)]
                start, used = time.monotonic(), time.process_time()
                stored += len(await stores.messages.SaveMsg(batch))
                spent += time.monotonic() - start
                cpu += time.process_time() - used
            return stored / spent, cpu / stored * 1e6


def _text(sender: User) -> NewMessage:
    now = time.time_ns() // 1000
    uuid = new_uuid().bytes
    return NewMessage(GENERAL_ID, sender.id, sender.name, uuid, now, _TEXT, len(_TEXT))
