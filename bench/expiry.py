"""A long history has had its time and is deleted, and the chat is not to wait for it.

One server after the other runs on the same database: with a lifetime, so that it deletes for as
long as it runs, and without one. The reference is the chat without.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.filling import check_space, fill
from bench.options import Options
from bench.programs import Run, fanout, our_server
from bench.runs import alternately, compare, p50, p99
from bench.table import Bar, Row
from protocol.requests import GENERAL

CLIENTS = 200
"""Who chats meanwhile; with a thousand the machine is busy without any expiry."""

_AGE = 7200.0  # seconds; twice the lifetime


def expiry(options: Options) -> Iterator[Row]:
    """Latency of the chat at 100 messages/s, and how fast the old ones go."""
    check_space(options.messages)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "chat.db"
        fill(path, options.messages, age=_AGE)
        before, deleting = _count(path), 0.0

        def ours() -> Run:
            nonlocal deleting
            start = time.monotonic()
            run = _measure(options, path, "60")
            deleting += time.monotonic() - start
            return run

        runs = alternately(options.rounds, ours, lambda: _measure(options, path, "0"))
        gone = before - _count(path)
        if not _count(path):
            raise SystemExit("All was deleted before the measurement ended: take more --messages.")
    what = f"100 msg/s, {CLIENTS} clients, while {options.messages} old messages are deleted"
    yield compare(f"{what}, p50 ms (reference: without)", runs, p50, Bar(2.0))
    yield compare(f"{what}, p99 ms (reference: without)", runs, p99, Bar(2.0))
    yield Row(f"{what}: deleted a second", gone / deleting)


def _measure(options: Options, path: Path, lifetime: str) -> Run:
    _deliver(path)
    with our_server("--lifetime-messages", lifetime, path=path) as server:
        return fanout(
            server,
            *("--clients", str(CLIENTS), "--settle", "1", "--rate", "100"),
            *("--duration", str(options.seconds)),
        )


def _deliver(path: Path) -> None:
    """Let everybody have had what the run before this one wrote."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE members SET delivered_seq ="
            " (SELECT last_seq FROM conversations WHERE id = conversation_id)"
        )


def _count(path: Path) -> int:
    """Return how many old messages are left."""
    with closing(sqlite3.connect(path)) as connection:
        oldest = (time.time_ns() // 1000) - 3_600_000_000
        row = connection.execute(
            "SELECT count(*) FROM messages WHERE conversation_id = ? AND sent_at < ?",
            (GENERAL, oldest),
        )
        (count,) = row.fetchone()
    return int(count)
