"""What has had its time: found, and deleted from the old end (S004-16, decision 2)."""

from __future__ import annotations

import random
from itertools import pairwise
from uuid import uuid4

from msgspec.structs import replace
from sqlalchemy import func, select

from storage import GENERAL_ID, Marker, Saved, Stores, User
from storage.expiry_statements import MAX_BYTES
from storage.expiry_store import NOTHING, Horizon, Slice, Stretch
from storage.schema import files
from tests.storage.helpers import NOW, add_file, new, run, save, user

SECOND = 1_000_000


async def write(stores: Stores, sender: User, times: list[int]) -> list[Saved]:
    """Store a message for each time, in seconds from NOW."""
    return await save(
        stores, [replace(new(sender, str(at)), sent_at=NOW + at * SECOND) for at in times]
    )


async def left(stores: Stores, conversation_id: int = GENERAL_ID) -> list[int]:
    """Return the numbers of the messages that are left."""
    return [message.seq for message in await stores.messages.GetAll(conversation_id)]


def stretch(upto: int, cutoff: int, *, after: int = 0) -> Stretch:
    """Return what may go of the general chat; ``cutoff`` in seconds from NOW."""
    return Stretch(GENERAL_ID, after, upto, NOW + cutoff * SECOND)


async def test_the_horizon_is_the_last_old_one(stores: Stores) -> None:
    ann = await user(stores)
    assert await stores.expiry.horizon(GENERAL_ID, NOTHING, NOW) == NOTHING
    saved = await write(stores, ann, list(range(50)))
    for cutoff in (0, 1, 7, 49, 50, 1000):
        found = await stores.expiry.horizon(GENERAL_ID, NOTHING, NOW + cutoff * SECOND)
        old = saved[:cutoff]
        assert found == (Horizon(old[-1].message.seq, old[-1].message.id) if old else NOTHING)
        again = await stores.expiry.horizon(GENERAL_ID, found, NOW + cutoff * SECOND)
        assert again == found
    # a clock that was put back moves nothing back
    far = await stores.expiry.horizon(GENERAL_ID, NOTHING, NOW + 30 * SECOND)
    assert await stores.expiry.horizon(GENERAL_ID, far, NOW) == far


async def test_the_horizon_of_a_clock_that_jumps(stores: Stores) -> None:
    """It is the end of something old, or the known one, and what follows is young."""
    ann, chance = await user(stores), random.Random(7)
    start = NOTHING
    for _ in range(30):
        cutoff = NOW + chance.randrange(32) * SECOND
        times = [chance.randrange(31) for _ in range(chance.randint(1, 40))]
        saved = [one.message for one in await write(stores, ann, times)]
        found = await stores.expiry.horizon(GENERAL_ID, start, cutoff)
        old = {start.seq: True} | {one.seq: one.sent_at < cutoff for one in saved}
        assert old[found.seq], (times, cutoff)
        assert found.seq == saved[-1].seq or not old[found.seq + 1], (times, cutoff)
        start = Horizon(saved[-1].seq, saved[-1].id)


async def test_nothing_is_deleted_that_is_young_or_not_delivered(stores: Stores) -> None:
    ann = await user(stores)
    await write(stores, ann, list(range(10)))
    assert await stores.expiry.delete_slice(stretch(upto=10, cutoff=0), 100) == Slice(0, 0, ())
    assert await stores.expiry.delete_slice(stretch(upto=4, cutoff=8), 100) == Slice(4, 4, ())
    assert await left(stores) == [5, 6, 7, 8, 9, 10]
    assert await stores.expiry.delete_slice(stretch(upto=10, cutoff=8), 3) == Slice(3, 7, ())
    assert await stores.expiry.delete_slice(stretch(upto=10, cutoff=8, after=7), 3) == (
        Slice(1, 8, ())
    )
    assert await left(stores) == [9, 10]
    # numbers go on where they were
    [saved] = await write(stores, ann, [20])
    assert saved.message.seq == 11
    await stores.expiry.delete_slice(stretch(upto=11, cutoff=100), 100)
    [saved] = await write(stores, ann, [21])
    assert (saved.message.seq, saved.message.id) == (12, 12)


async def test_the_gap_is_at_the_old_end_only(stores: Stores) -> None:
    """Also where a clock was put back in between: the young one holds the old ones behind it."""
    ann = await user(stores)
    await write(stores, ann, [0, 1, 50, 2, 3, 60])
    await stores.expiry.delete_slice(stretch(upto=6, cutoff=10), 100)
    assert await left(stores) == [3, 4, 5, 6]
    await stores.expiry.delete_slice(stretch(upto=6, cutoff=55), 100)
    seqs = await left(stores)
    assert seqs == [6]
    assert all(later - earlier == 1 for earlier, later in pairwise(seqs))


async def test_the_lowest_marker_of_those_who_count(stores: Stores) -> None:
    everyone = [await user(stores, f"user{number}") for number in range(10)]
    await write(stores, everyone[0], list(range(30)))
    await stores.conversations.move_markers(
        [Marker(GENERAL_ID, one.id, 10 + number) for number, one in enumerate(everyone)]
    )
    await stores.moderation.saw([one.id for one in everyone[3:]], NOW + 5)
    lowest = stores.expiry.lowest_delivered
    assert await lowest(GENERAL_ID, 0, NOW, 100) == (10, None)
    assert await lowest(GENERAL_ID, 0, NOW + 5, 100) == (13, None)
    assert await lowest(GENERAL_ID, 0, NOW + 6, 100) == (None, None)
    assert await lowest(GENERAL_ID, 0, NOW + 5, 4) == (13, everyone[3].id)
    assert await lowest(GENERAL_ID, 0, NOW + 5, 2) == (None, everyone[1].id)
    assert await lowest(GENERAL_ID, everyone[3].id, NOW + 5, 100) == (14, None)
    assert await stores.expiry.delivered(GENERAL_ID, everyone[2].id) == 12
    assert await stores.expiry.delivered(GENERAL_ID, 4711) == 0


async def test_which_other_conversations_have_something_old(stores: Stores) -> None:
    ann, *others = [await user(stores, name) for name in ("Ann", "Bob", "Cid", "Dan")]
    places = [await stores.conversations.ensure_direct(ann.id, one.id, NOW) for one in others]
    await write(stores, ann, [0])
    for at, place in ((5, places[0]), (1, places[2])):
        message = replace(new(ann, conversation_id=place.id), sent_at=NOW + at * SECOND)
        await save(stores, [message])
    others_of = stores.expiry.others
    assert await others_of(0, 100, NOW + 3 * SECOND) == ([places[2].id], None)
    assert await others_of(0, 100, NOW + 9 * SECOND) == ([places[0].id, places[2].id], None)
    assert await others_of(0, 2, NOW + 9 * SECOND) == ([places[0].id], places[1].id)
    assert await others_of(places[1].id, 2, NOW + 9 * SECOND) == ([places[2].id], None)


async def test_long_texts_and_later_edits_go_with_the_message(stores: Stores) -> None:
    """The edit keeps its place in the stream, and tells nothing any more."""
    ann = await user(stores)
    long, longer = await stores.bodies.create(NOW), await stores.bodies.create(NOW)
    for body in (long, longer):
        await stores.bodies.append(body, 0, b"text")
    [first, edit] = await save(
        stores,
        [
            replace(new(ann, "long", body_id=long), sent_at=NOW),
            replace(new(ann, "longer", body_id=longer, kind="edit"), sent_at=NOW + 9 * SECOND),
        ],
    )
    target = first.message.id
    [edit] = await save(
        stores,
        [
            replace(
                new(ann, "longer", body_id=longer, kind="edit", target_id=target),
                sent_at=NOW + 9 * SECOND,
            )
        ],
    )
    gone = await stores.expiry.delete_slice(stretch(upto=1, cutoff=5), 100)
    assert (gone.count, gone.last_seq) == (1, 1)
    assert longer in gone.bodies
    kept = await stores.messages.Get(edit.message.id)
    assert kept is not None
    assert (kept.kind, kept.body, kept.size, kept.body_id) == ("edit", b"", 0, None)
    assert await stores.bodies.delete_orphans() == 2
    assert await stores.bodies.read(longer, 0, 10) == b""


async def test_a_file_goes_with_the_last_message_that_brings_it(stores: Stores) -> None:
    ann = await user(stores)
    body = await stores.bodies.create(NOW)
    file_id = await add_file(stores, ann, "a.txt", 4, body)
    bringing = replace(new(ann, "a.txt", kind="file"), file_id=file_id)
    await save(
        stores,
        [
            replace(bringing, sent_at=NOW, uuid=b"1" * 16),
            replace(bringing, sent_at=NOW + 9 * SECOND, uuid=b"2" * 16),
        ],
    )
    assert (await stores.expiry.delete_slice(stretch(upto=2, cutoff=5), 9)).bodies == ()
    assert await run(stores, lambda c: c.execute(select(func.count(files.c.id))).scalar_one()) == 1
    assert (await stores.expiry.delete_slice(stretch(upto=2, cutoff=50), 9)).bodies == (body,)
    assert await run(stores, lambda c: c.execute(select(func.count(files.c.id))).scalar_one()) == 0
    assert await stores.bodies.delete_orphans() == 1


async def test_a_slice_ends_where_the_texts_are_long(stores: Stores) -> None:
    """A commit waits behind it: it has some bytes at most, but always one message."""
    ann = await user(stores)
    texts = [replace(new(ann), sent_at=NOW, body=b"x" * 65_000, size=65_000) for _ in range(40)]
    stored = await save(stores, [replace(text, uuid=uuid4().bytes) for text in texts])
    many = MAX_BYTES // 65_000
    edits = [
        replace(texts[0], uuid=uuid4().bytes, kind="edit", target_id=stored[20].message.id)
        for _ in range(20)
    ]
    await save(stores, edits)
    counts, after = [], 0
    while (gone := await stores.expiry.delete_slice(stretch(40, 1, after=after), 200)).count:
        counts.append(gone.count)
        after = gone.last_seq
    assert (many, counts) == (16, [16, 4, 1, 16, 3])
    assert {one.body for one in await stores.messages.GetAll(GENERAL_ID)} == {b""}


async def test_up_to_where_a_conversation_is_deleted(stores: Stores) -> None:
    ann = await user(stores)
    assert await stores.expiry.deleted_seq(GENERAL_ID) == 0
    await write(stores, ann, list(range(5)))
    assert await stores.expiry.deleted_seq(GENERAL_ID) == 0
    await stores.expiry.delete_slice(stretch(upto=5, cutoff=3), 9)
    assert await stores.expiry.deleted_seq(GENERAL_ID) == 3
    await stores.expiry.delete_slice(stretch(upto=5, cutoff=9), 9)
    assert await stores.expiry.deleted_seq(GENERAL_ID) == 5


async def test_who_has_missed_what_is_deleted(stores: Stores) -> None:
    ann, bob, cid = [await user(stores, name) for name in ("Ann", "Bob", "Cid")]
    direct = (await stores.conversations.ensure_direct(ann.id, bob.id, NOW)).id
    await save(stores, [new(ann, conversation_id=direct) for _ in range(4)])
    await write(stores, ann, [0, 1])
    await stores.conversations.move_markers([Marker(direct, ann.id, 3)])
    missed = stores.expiry.missed
    assert [await missed(one.id) for one in (ann, bob, cid)] == [[], [], []]
    await stores.expiry.delete_slice(Stretch(direct, 0, 3, NOW + 1), 9)
    assert [await missed(one.id) for one in (ann, bob, cid)] == [[], [(direct, 3)], []]
    await stores.expiry.delete_slice(Stretch(direct, 3, 4, NOW + 1), 9)
    await stores.expiry.delete_slice(stretch(upto=2, cutoff=9), 9)
    general = (GENERAL_ID, 2)
    assert await missed(ann.id) == [general, (direct, 4)]
    assert await missed(bob.id) == [general, (direct, 4)]
    assert await missed(cid.id) == [general]


async def test_texts_that_nothing_refers_to(stores: Stores) -> None:
    ann = await user(stores)
    old = [await stores.bodies.create(NOW + number) for number in range(5)]
    await save(stores, [new(ann, body_id=old[1])])
    await add_file(stores, ann, "a.txt", 1, old[2])
    assert await stores.expiry.orphans(0, NOW + 4, 9) == [old[0], old[3]]
    assert await stores.expiry.orphans(0, NOW + 4, 1) == [old[0]]
    assert await stores.expiry.orphans(old[0], NOW + 4, 9) == [old[3]]
