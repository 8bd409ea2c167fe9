"""Pages of a history, every one against a slice of a list."""

from __future__ import annotations

from itertools import product

from storage import GENERAL_ID, Message, Stores
from tests.storage.helpers import NOW, new, save, user

LAST = 9
EDGES = [None, -1, 0, 1, 2, 5, LAST - 1, LAST, LAST + 1, LAST + 7]
LIMITS = [None, 0, 1, 3, LAST, 100]


def expected(after: int | None, before: int | None, limit: int | None) -> list[int]:
    """Return the seqs that a page must hold."""
    inside = [
        seq
        for seq in range(1, LAST + 1)
        if (after is None or seq > after) and (before is None or seq < before)
    ]
    if limit is None:
        return inside
    if after is not None:
        return inside[:limit]
    return inside[max(0, len(inside) - limit) :]


async def test_every_page(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    for _ in range(LAST):  # two histories that grow together
        await save(stores, [new(ann), new(ann, conversation_id=direct.id)])
    for conversation_id in (GENERAL_ID, direct.id):
        for after, before, limit in product(EDGES, EDGES, LIMITS):
            found = await stores.messages.GetAll(
                conversation_id, after=after, before=before, limit=limit
            )
            place = (after, before, limit)
            assert [message.seq for message in found] == expected(*place), place
            assert {message.conversation_id for message in found} <= {conversation_id}


async def test_pages_join_without_a_gap(stores: Stores) -> None:
    ann = await user(stores)
    await save(stores, [new(ann, str(number)) for number in range(25)])
    forward: list[Message] = []
    backward: list[Message] = []
    after, before = 0, LAST * 10
    while found := await stores.messages.GetAll(GENERAL_ID, after=after, limit=4):
        forward += found
        after = found[-1].seq
    while found := await stores.messages.GetAll(GENERAL_ID, before=before, limit=4):
        backward = found + backward
        before = found[0].seq
    assert forward == backward == await stores.messages.GetAll(GENERAL_ID)
