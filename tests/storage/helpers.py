"""Messages for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Table, insert

from storage import GENERAL_ID, Membership, NewMessage, Saved, Stores, User, Visitor
from storage.records import NewFile
from storage.stores import DatabaseStores

T = TypeVar("T")

NOW = 1_700_000_000_000_000
"""A time, in microseconds."""


async def user(stores: Stores, name: str = "Ann") -> User:
    """Return a user of that name."""
    return await ensure(stores, name, name.casefold())


async def ensure(stores: Stores, name: str, key: str, now: int = NOW) -> User:
    """Return the user with that key, made with that name if there is none."""
    [made] = await stores.accounts.ensure([Visitor(name, key)], now)
    assert isinstance(made, User)
    return made


async def memberships(stores: Stores, user_id: int) -> list[Membership]:
    """Return the conversations a user is in."""
    [found] = await stores.conversations.memberships([user_id])
    return found


def new(
    sender: User,
    text: str = "hello",
    *,
    conversation_id: int = GENERAL_ID,
    uuid: bytes | None = None,
    body_id: int | None = None,
    kind: str = "text",
    target_id: int | None = None,
) -> NewMessage:
    """Return a message that was not stored yet."""
    body = text.encode()
    return NewMessage(
        conversation_id=conversation_id,
        sender_id=sender.id,
        sender_name=sender.name,
        uuid=uuid or uuid4().bytes,
        sent_at=NOW,
        body=body,
        size=len(body),
        body_id=body_id,
        kind=kind,
        target_id=target_id,
    )


async def save(stores: Stores, messages: Iterable[NewMessage]) -> list[Saved]:
    """Store messages in one call."""
    return await stores.messages.SaveMsg(list(messages))


async def say(stores: Stores, sender: User, *texts: str) -> list[Saved]:
    """Store texts in one call."""
    return await save(stores, [new(sender, text) for text in texts])


async def run(stores: Stores, f: Callable[[Connection], T]) -> T:
    """Run a function in the database behind the stores, for what they have no method for."""
    assert isinstance(stores, DatabaseStores)
    return await stores.messages._database.write(f)


async def add_row(stores: Stores, table: Table, **values: Any) -> int:
    """Add a row to a table and return its id."""

    def add(connection: Connection) -> int:
        key: Any = connection.execute(insert(table).values(values)).inserted_primary_key
        return int(key[0])

    return await run(stores, add)


async def add_file(
    stores: Stores, owner: User, name: str, size: int, body_id: int | None = None
) -> int:
    """Add a file that has arrived and return its id."""
    made = NewFile(owner.id, uuid4().bytes, name.encode(), size, bytes(32), NOW)
    return (await stores.files.add(made, body_id)).id
