"""A long history, made quickly: the server's own tables, filled behind its back."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from bench.programs import our_server
from protocol.ids import new_uuid
from protocol.requests import GENERAL
from storage import KeyFile, Message
from storage.sealing import KeyVault, unwrap
from storage.seals import seal_message

_WRITERS = 100
_AT_ONCE = 100_000  # messages in one transaction
_ROW = 400  # bytes on the disk for each message, and some to spare
_SPARE = 1 << 30
_INSERT = """
    INSERT INTO messages (id, conversation_id, seq, sender_id, sender_name, uuid, sent_at, body,
                          size, body_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
"""


def check_space(count: int) -> None:
    """End the program where so many messages would fill the disk."""
    folder = tempfile.gettempdir()
    free, needed = shutil.disk_usage(folder).free, count * _ROW + _SPARE
    if free < needed:
        raise SystemExit(
            f"{count} messages need {needed >> 20} MiB in {folder}, and {free >> 20} MiB are free:"
            " use fewer --messages, or name another folder with TMPDIR."
        )


def fill(path: Path, count: int, *, age: float = 0.0) -> None:
    """Make a database that the server could have written, with so many messages of 100 bytes.

    ``age`` is how long ago they were sent, in seconds.
    """
    print(f"writing {count} messages to {path} ...", file=sys.stderr)
    with our_server(path=path):
        pass  # it makes the tables
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=ON")
        _add_people(connection, count)
        rows = _messages(_vault(connection, path), count, round(age * 1_000_000))
        while batch := list(islice(rows, _AT_ONCE)):
            connection.execute("BEGIN")
            connection.executemany(_INSERT, batch)
            connection.execute("COMMIT")


def _add_people(connection: sqlite3.Connection, count: int) -> None:
    """Add who wrote, all of it seen by everybody, and set the counters."""
    now = time.time_ns() // 1000
    people = [(number, _name(number), _name(number), now, now) for number in range(1, _WRITERS + 1)]
    connection.executemany(
        "INSERT INTO users (id, name, name_key, created_at, seen_at) VALUES (?, ?, ?, ?, ?)", people
    )
    connection.executemany(
        "INSERT INTO members (conversation_id, user_id, delivered_seq, read_seq, joined_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [(GENERAL, number, count, count, now) for number, *_ in people],
    )
    connection.execute("UPDATE conversations SET last_seq = ? WHERE id = ?", (count, GENERAL))
    connection.execute("UPDATE counters SET value = ? WHERE name = 'message_id'", (count,))


def _vault(connection: sqlite3.Connection, path: Path) -> KeyVault:
    """Return what seals in the server's own way."""
    (wrapped,) = connection.execute("SELECT wrapped FROM root_key").fetchone()
    [key] = KeyFile(Path(f"{path}.key")).load()
    return KeyVault(unwrap(key, wrapped))


def _messages(vault: KeyVault, count: int, age: int) -> Iterator[tuple[Any, ...]]:
    for seq in range(1, count + 1):
        writer = seq % _WRITERS + 1
        uuid, now = new_uuid().bytes, time.time_ns() // 1000 - age
        body = b"%-100d" % seq
        row = (seq, GENERAL, seq, writer, _name(writer), uuid, now)
        sealed = seal_message(vault, Message(*row, body, len(body)))
        yield *row, sealed, len(body)


def _name(number: int) -> str:
    return f"writer{number}"
