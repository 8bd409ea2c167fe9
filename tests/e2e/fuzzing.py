"""Requests with wrong things in them, and what a database holds before and after them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect
from sqlalchemy import Connection, NullPool, create_engine, select

from protocol.requests import Chunk, Request
from storage.mysql import open_mysql
from storage.opening import mysql_address
from storage.schema import metadata
from tests.chat.world import PUBLIC, SECRET, World
from tests.harness import LineClient
from tests.protocol.frames import structs

Rows = dict[str, set[tuple[Any, ...]]]
"""What stands in each table."""

_MOVING = {
    "members": {"delivered_seq", "read_seq"},
    "users": {"seen_at", "quota_started_at", "quota_used"},
    "devices": {"seen_at", "address"},
}
"""Columns that are written now and then, and not at a request."""

_CLEARED = {"bodies", "body_chunks", "files"}
"""Tables from which what nobody refers to is deleted beside everything else."""

JUNK: list[object] = [
    None, True, 0, -1, 1.5, 1e308, float("nan"), float("inf"), 2**53 + 1, 2**63, 2**64, 10**30,
    -(2**63), "", " ", "x" * 70_000, "\ud800", "\x00", "\x1b[2J", "\u202e", "🦜" * 40, "../../x",
    "'; drop table users; --", [], [[]], [None], {}, {"1": 1}, {"x": []},
]  # fmt: skip
"""Values that are right for few fields, or for none."""

_SLOW = {
    ("login", "password"): st.none() | st.integers(),
    ("register", "password"): st.text(max_size=6) | st.integers(),
    ("change_password", "new"): st.text(max_size=6) | st.integers(),
}
"""Passwords that are refused before they are compared: each failure makes the next one wait."""


def _named(world: World) -> dict[type[inspect.Type], list[object]]:
    """Return what has a number or a name in a world, others' and one's own, by the type."""
    numbers = [
        1, 2, world.secret, world.direct, world.public, *world.messages.values(),
        *world.scheduled.values(), *world.links, 424242,
    ]  # fmt: skip
    names = [
        "Olga", "Pat", "Max", "Nobody", SECRET, PUBLIC, f"#{world.secret}", world.code, "+2d",
        world.devices["Olga"], "owner", "ru", "Europe/Moscow",
    ]  # fmt: skip
    uuids = [uuid.hex for uuid in world.uuids.values()]
    return {inspect.IntType: [*numbers], inspect.StrType: [*names], inspect.UUIDType: [*uuids]}


def _is(kind: inspect.Type, wanted: type[inspect.Type]) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is(kind.type, wanted)
    if isinstance(kind, inspect.UnionType):
        return any(_is(one, wanted) for one in kind.types)
    return isinstance(kind, wanted)


@st.composite
def _wild(draw: st.DrawFn, kind: type[Request], world: World) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(draw(structs(kind)))
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        names = [
            value
            for wanted, values in _named(world).items()
            if _is(field.type, wanted)
            for value in values
        ]
        if names and draw(st.sampled_from([True, False])):
            fields[field.encode_name] = draw(st.sampled_from(names))
    wrong = draw(st.none() | st.sampled_from([field.encode_name for field in info.fields]))
    if wrong is not None:
        fields[wrong] = draw(st.sampled_from(JUNK))
    for name in fields:
        slow = _SLOW.get((fields["type"], name))
        if slow is not None:
            fields[name] = draw(slow)
    return fields


@dataclass(frozen=True)
class Wild:
    """A request that may be wrong, as JSON values."""

    fields: dict[str, Any]

    def bytes(self, ref: int) -> bytes:
        """Return its frame, and the bytes that have to follow it."""
        size = self.fields.get("size") if self.fields["type"] == "chunk" else None
        follow = b"x" * size if type(size) is int and 0 < size <= 10_000 else b""
        return json.dumps({**self.fields, "ref": ref}).encode() + b"\n" + follow


def wild(kind: type[Request], world: World) -> st.SearchStrategy[Wild]:
    """Return requests of a kind in which some fields are wrong, or name what is others'."""
    drawn = _wild(kind, world).map(Wild)
    if kind is Chunk:  # not so many bytes that the test is about those
        return drawn.map(lambda one: Wild({**one.fields, "size": _smaller(one.fields["size"])}))
    return drawn


def _smaller(size: object) -> object:
    return size % 10_000 if type(size) is int and 0 < size <= 2**20 else size


def _rows(connection: Connection) -> Rows:
    found: Rows = {}
    for table in metadata.sorted_tables:
        moving = _MOVING.get(table.name, set())
        columns = [column for column in table.columns if column.name not in moving]
        found[table.name] = {tuple(row) for row in connection.execute(select(*columns))}
    return found


def sqlite_rows(path: Path) -> Rows:
    """Return all that an SQLite database holds, while a server uses it."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True),
        poolclass=NullPool,
    )
    with closing(engine.connect()) as connection:
        return _rows(connection)


@asynccontextmanager
async def mysql_rows(url: str) -> AsyncIterator[Callable[[], Awaitable[Rows]]]:
    """Open what returns all that a MySQL database holds."""
    async with open_mysql(mysql_address(url), create=False, deadline=10) as database:
        yield partial(database.read, _rows)


def changed(before: Rows, after: Rows) -> Rows:
    """Return what has been stored meanwhile, and what is gone that nobody clears away."""
    stored = {name: after[name] - before[name] for name in after}
    gone = {name: before[name] - after[name] for name in before if name not in _CLEARED}
    return {name: rows for part in (stored, gone) for name, rows in part.items() if rows}


async def up_to_mark(person: LineClient, mark: str) -> str:
    """Return the lines at telnet before the one that says that there is no such command."""
    await person.type(mark)
    shown = await person.until_bytes(mark.encode())
    await person.until_bytes(b"\r\n")
    lines = shown.decode(errors="replace").split("\r\n")[:-1]
    return "".join(f"{line}\n" for line in lines if line.strip())
