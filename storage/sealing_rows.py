"""Seals what is in a database already: one that was made without a key, or by an older program.

It is done in one transaction, so a database is sealed as a whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Update,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from storage import seals
from storage.driver import Row
from storage.records import Message
from storage.schema import body_chunks, complaints, conversations, files, messages, scheduled
from storage.sealing import Vault

_AT_ONCE = {body_chunks.name: 64}
"""Rows that are in memory at once, of other tables 500; a chunk has 256 KiB at most."""

Values: TypeAlias = dict[str, Any]


def _message(vault: Vault, row: Row) -> Values:
    message = Message(*row)
    return {} if seals.is_emptied(message) else {"body": seals.seal_message(vault, message)}


def _chunk(vault: Vault, row: Row) -> Values:
    return {"data": seals.seal_chunk(vault, *row)}


def _conversation(vault: Vault, row: Row) -> Values:
    number, private, title, topic = row
    sealed: Values = {}
    if topic is not None:
        sealed["topic"] = seals.seal_topic(vault, number, topic.decode())
    if private:
        sealed["title"], sealed["sealed_title"] = None, seals.seal_title(vault, number, title or "")
    return sealed


def _file(vault: Vault, row: Row) -> Values:
    *place, name, sha256 = row
    name, sha256 = seals.seal_file(vault, seals.FilePlace(*place), name, sha256)
    return {"name": name, "sha256": sha256}


def _later(vault: Vault, row: Row) -> Values:
    _, *place, body = row
    return {"body": seals.seal_scheduled(vault, seals.LaterPlace(*place), body)}


def _complaint(vault: Vault, row: Row) -> Values:
    _, *place, reason = row
    return {"reason": seals.seal_reason(vault, seals.ComplaintPlace(*place), reason)}


def _columns(table: Table, *names: str) -> tuple[Column[Any], ...]:
    return tuple(table.c[name] for name in names)


_EVERY: tuple[tuple[tuple[Column[Any], ...], Callable[[Vault, Row], Values]], ...] = (
    (tuple(messages.c), _message),
    (_columns(body_chunks, "body_id", "start", "data"), _chunk),
    (_columns(conversations, "id", "private", "title", "topic"), _conversation),
    (_columns(files, "id", "owner_id", "uuid", "size", "body_id", "name", "sha256"), _file),
    (
        _columns(
            scheduled, "id", "user_id", "conversation_id", "created_at", "uuid", "body"
        ),
        _later,
    ),
    (
        _columns(
            complaints, "id", "target_id", "reporter", "reporter_id", "created_at", "reason"
        ),
        _complaint,
    ),
)  # fmt: skip
"""What is sealed: columns, the primary key first, and what becomes of a row of them."""

SEALED_TABLES = tuple(columns[0].table.name for columns, _ in _EVERY)


def seal_rows(connection: Connection, vault: Vault) -> int:
    """Seal all that people have written; return how many rows that were."""
    return sum(_seal_table(connection, vault, columns, seal) for columns, seal in _EVERY)


def _seal_table(
    connection: Connection,
    vault: Vault,
    columns: tuple[Column[Any], ...],
    seal: Callable[[Vault, Row], Values],
) -> int:
    table = columns[0].table
    key = tuple(table.primary_key)
    page = rest = select(*columns).order_by(*key).limit(_AT_ONCE.get(table.name, 500))
    count = 0
    while rows := connection.execute(rest).all():
        changes: dict[tuple[str, ...], list[Values]] = defaultdict(list)
        for row in rows:
            if values := seal(vault, row):
                place = {f"key{number}": row[number] for number in range(len(key))}
                new = {f"new_{name}": value for name, value in values.items()}
                changes[tuple(values)].append(place | new)
        for names, some in changes.items():
            connection.execute(_change(key, names), some)
            count += len(some)
        rest = page.where(_behind(key, rows[-1]))
    return count


def _change(key: tuple[Column[Any], ...], names: Iterable[str]) -> Update:
    """Return what gives a row new values in some columns."""
    here = and_(*(column == bindparam(f"key{place}") for place, column in enumerate(key)))
    values: Values = {name: bindparam(f"new_{name}") for name in names}
    return update(key[0].table).where(here).values(values)


def _behind(key: tuple[Column[Any], ...], last: Row) -> ColumnElement[bool]:
    """Return the condition for the rows behind one, such that MySQL too uses the index for it."""
    first, *second = (column > value for column, value in zip(key, last, strict=False))
    return and_(key[0] >= last[0], or_(first, *second))
