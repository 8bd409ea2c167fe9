"""What was sent is known when it is sent again, also after it has expired (S001-20, S004-16)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, func, select

from protocol.ids import new_uuid
from storage import GENERAL_ID, Message, NewMessage, Stores, spent_statements
from storage.expiry_store import Stretch
from storage.schema import messages, spent
from storage.spent_statements import Key
from tests.storage.helpers import NOW, new, run, save, user

MINUTE = 60_000_000
UUIDS: dict[str, Callable[[], bytes]] = {
    "random": lambda: uuid4().bytes,
    "made now": lambda: new_uuid().bytes,
    "made at another time": lambda: bytes(6) + new_uuid().bytes[6:],
}


async def expire(stores: Stores, upto: int) -> None:
    """Delete the oldest messages of the general chat."""
    gone = await stores.expiry.delete_slice(Stretch(GENERAL_ID, 0, upto, 2**62), 1000)
    assert gone.last_seq == upto


async def count(stores: Stores, table: Table = messages) -> int:
    """Return how many rows a table has."""
    found = select(func.count()).select_from(table)
    return int(await run(stores, lambda c: c.execute(found).scalar_one()))


@pytest.mark.parametrize("uuid", UUIDS.values(), ids=UUIDS)
@pytest.mark.parametrize("kind", ["text", "file", "deleted"])
async def test_it_is_not_stored_again(stores: Stores, uuid: Callable[[], bytes], kind: str) -> None:
    """It is acknowledged as what it was, alone and among others, and nothing is left of it."""
    ann, bob = await user(stores), await user(stores, "Bob")
    now = time.time_ns() // 1000
    once = replace(new(ann, "secret", uuid=uuid(), kind=kind), sent_at=now)
    [first] = await save(stores, [once])
    await expire(stores, 1)
    fresh = replace(new(ann, "fresh", uuid=new_uuid().bytes), sent_at=now)
    others = replace(new(bob, "Bob has it by chance", uuid=once.uuid), sent_at=now)
    for batch, places in (([once], [0]), ([fresh, once, others, once], [1, 3])):
        saved = await save(stores, batch)
        assert [place for place, one in enumerate(saved) if one.duplicate] == places
        for place in places:
            stored = saved[place].message
            assert (stored.id, stored.seq, stored.sent_at, stored.kind, stored.body) == (
                first.message.id, 1, now, "deleted", b""
            )  # fmt: skip
    left = await stores.messages.GetAll(GENERAL_ID)
    assert [(one.seq, one.body) for one in left] == [(2, b"fresh"), (3, b"Bob has it by chance")]


async def test_one_whose_senders_clock_is_wrong(stores: Stores) -> None:
    """An hour later its uuid is that of a message which was written now."""
    ann = await user(stores)
    now = time.time_ns() // 1000
    once = replace(new(ann, uuid=new_uuid().bytes), sent_at=now - 60 * MINUTE)
    await save(stores, [once])
    await expire(stores, 1)
    [again] = await save(stores, [replace(once, sent_at=now)])
    assert again.duplicate
    assert await count(stores) == 0


async def test_the_sender_is_told_what_was_sent(stores: Stores) -> None:
    ann = await user(stores)
    once = new(ann)
    sent = stores.messages.sent
    assert await sent(ann.id, once.uuid) is None
    await save(stores, [once])
    found = await sent(ann.id, once.uuid)
    assert found is not None
    assert (found.kind, found.body) == ("text", b"hello")
    assert await sent(ann.id + 1, once.uuid) is None
    await expire(stores, 1)
    found = await sent(ann.id, once.uuid)
    assert found is not None
    assert (found.id, found.kind, found.body) == (1, "deleted", b"")
    assert await sent(ann.id + 1, once.uuid) is None


async def test_only_what_people_say_is_kept(stores: Stores) -> None:
    ann = await user(stores)
    kinds = ("text", "join", "edit", "delete", "leave", "topic", "role")
    await save(stores, [new(ann, kind=kind, target_id=99) for kind in kinds])
    await expire(stores, len(kinds))
    assert await count(stores, spent) == 1


async def test_it_is_forgotten_after_a_while(stores: Stores) -> None:
    ann = await user(stores)
    times = [NOW + number // 3 for number in range(30)]  # three at a time
    await save(stores, [replace(new(ann), sent_at=at) for at in times])
    await expire(stores, 30)
    forget = stores.expiry.forget_spent
    assert await forget(NOW, 4) is False
    assert await count(stores, spent) == 30
    calls = 1
    while await forget(NOW + 8, 4):
        calls += 1
    assert calls == 5
    assert await count(stores, spent) == 6
    assert await forget(NOW + 100, 100) is False
    assert await count(stores, spent) == 0


async def test_what_is_written_now_costs_one_look(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, and whatever has expired: a commit does not ask for each."""
    ann = await user(stores)
    now = time.time_ns() // 1000

    def batch() -> list[NewMessage]:
        return [replace(new(ann, uuid=new_uuid().bytes), sent_at=now) for _ in range(500)]

    old = [replace(one, uuid=bytes(6) + one.uuid[6:], sent_at=NOW) for one in batch()]
    await save(stores, old)
    await expire(stores, 500)
    asked: list[int] = []
    find = spent_statements.find

    def counting(connection: Connection, uuids: Sequence[bytes]) -> dict[Key, Message]:
        asked.append(len(uuids))
        return find(connection, uuids)

    monkeypatch.setattr(spent_statements, "find", counting)
    await save(stores, batch())
    assert asked == []
    await save(stores, [*batch(), old[0]])
    assert asked == [1, 501]
