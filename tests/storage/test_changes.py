"""Edits and deletions, which are entries of their own and change another one."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

from storage import GENERAL_ID, Message, NewMessage, Stores, User
from tests.storage.helpers import NOW, add_file, new, save, say, user


def edit(who: User, target_id: int, text: str, at: int = NOW) -> NewMessage:
    """Return an edit."""
    return replace(new(who, text, kind="edit", target_id=target_id), sent_at=at)


def deletion(who: User, target_id: int, at: int = NOW) -> NewMessage:
    """Return a deletion."""
    return replace(new(who, "", kind="delete", target_id=target_id), sent_at=at)


async def seen(stores: Stores) -> list[tuple[str, str, int | None]]:
    """Return kind, text and time of change of all there is."""
    found = await stores.messages.GetAll(GENERAL_ID)
    return [(one.kind, one.body.decode(), one.edited_at) for one in found]


async def one(stores: Stores, message_id: int) -> Message:
    """Return a message that is there."""
    found = await stores.messages.Get(message_id)
    assert found is not None
    return found


async def test_an_edit_changes_its_target_and_is_an_entry(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "one", "two")
    entry = edit(ann, 1, "uno 🦊", NOW + 5)
    [saved] = await save(stores, [entry])
    assert (saved.message.id, saved.message.seq, saved.message.kind) == (3, 3, "edit")
    assert saved.message.body.decode() == "uno 🦊"
    assert await stores.messages.Get(3) == saved.message
    assert await seen(stores) == [
        ("text", "uno 🦊", NOW + 5),
        ("text", "two", None),
        ("edit", "uno 🦊", None),
    ]
    assert (await one(stores, 1)).size == len("uno 🦊".encode())


async def test_a_deleted_text_is_nowhere(stores: Stores) -> None:
    """Neither in the message nor in what once changed it."""
    ann = await user(stores)
    await say(stores, ann, "secret", "other")
    await save(stores, [edit(ann, 1, "secret too"), edit(ann, 2, "kept")])
    [saved] = await save(stores, [deletion(ann, 1, NOW + 7)])
    assert saved.message.kind == "delete"
    assert await seen(stores) == [
        ("deleted", "", NOW + 7),
        ("text", "kept", NOW),
        ("edit", "", None),
        ("edit", "kept", None),
        ("delete", "", None),
    ]
    assert [(await one(stores, number)).size for number in (1, 3)] == [0, 0]


async def test_a_long_text_and_a_file_are_let_go(stores: Stores) -> None:
    ann = await user(stores)
    long, longer = await stores.bodies.create(NOW), await stores.bodies.create(NOW)
    file_id = await add_file(stores, ann, "a.txt", 3)
    await save(stores, [new(ann, "head", body_id=long)])
    await save(stores, [replace(new(ann, "look", kind="file"), file_id=file_id)])
    await save(stores, [replace(edit(ann, 1, "another head"), body_id=longer, size=1000)])
    edited = await one(stores, 1)
    assert (edited.body, edited.size, edited.body_id) == (b"another head", 1000, longer)
    assert await stores.bodies.delete_orphans() == 1
    await save(stores, [deletion(ann, 1), deletion(ann, 2)])
    assert await stores.bodies.delete_orphans() == 1
    for number in (1, 2):
        gone = await one(stores, number)
        assert (gone.kind, gone.body, gone.size) == ("deleted", b"", 0)
        assert (gone.body_id, gone.file_id, gone.file) == (None, None, None)


async def test_in_one_batch_they_act_in_order(stores: Stores) -> None:
    ann = await user(stores)
    batch = [
        new(ann, "a"),
        edit(ann, 1, "b"),
        new(ann, "x"),
        edit(ann, 1, "c", NOW + 1),
        deletion(ann, 3, NOW + 2),
        edit(ann, 3, "too late"),
    ]
    saved = await save(stores, batch)
    assert saved[-1].message.body == b""
    assert await seen(stores) == [
        ("text", "c", NOW + 1),
        ("edit", "b", None),
        ("deleted", "", NOW + 2),
        ("edit", "c", None),
        ("delete", "", None),
        ("edit", "", None),
    ]


async def test_a_repetition_acts_once(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "a")
    first, second = edit(ann, 1, "b"), edit(ann, 1, "c")
    await save(stores, [first, second, first])
    assert (await one(stores, 1)).body == b"c"
    again = await save(stores, [first, new(ann, "next")])
    assert [saved.duplicate for saved in again] == [True, False]
    assert again[0].message.body == b"b"
    assert (await one(stores, 1)).body == b"c"
    gone = deletion(ann, 1)
    await save(stores, [gone])
    assert [saved.duplicate for saved in await save(stores, [gone, first])] == [True, True]
    assert (await one(stores, 1)).kind == "deleted"
    [repeated] = await save(stores, [first])
    assert repeated.message.body == b"", "the first one's text is gone with its target"


async def test_all_or_none(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "a", "b")
    lost = new(ann, conversation_id=4711)
    with pytest.raises(KeyError, match="4711"):
        await save(stores, [edit(ann, 1, "c"), deletion(ann, 2), lost])
    assert await seen(stores) == [("text", "a", None), ("text", "b", None)]


@pytest.mark.parametrize("kind", ["edit", "delete", "deleted", "join", "topic"])
async def test_only_what_people_wrote_is_changed(stores: Stores, kind: str) -> None:
    ann = await user(stores)
    await save(stores, [new(ann, "as it is", kind=kind)])
    before = await one(stores, 1)
    await save(stores, [edit(ann, 1, "changed"), deletion(ann, 1)])
    assert await one(stores, 1) == before


@pytest.mark.parametrize("target", [2, 4711, None])
async def test_a_target_elsewhere_is_not_changed(stores: Stores, target: int | None) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    await save(stores, [new(ann, "here"), new(bob, "there", conversation_id=direct.id)])
    strange = [new(ann, "x", kind=kind, target_id=target) for kind in ("edit", "delete")]
    saved = await save(stores, strange)
    assert saved[0].message.body == b""
    assert [one.body for one in await stores.messages.GetAll(direct.id)] == [b"there"]
    assert (await seen(stores))[0] == ("text", "here", None)
    for entry in saved:
        assert await stores.messages.Get(entry.message.id) == entry.message


async def test_many_edit_at_once(stores: Stores) -> None:
    """The one with the highest number is what stays."""
    ann = await user(stores)
    await say(stores, ann, "a")

    async def change(text: str) -> None:
        await save(stores, [edit(ann, 1, text), new(ann, text)])

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(change, str(number))
    entries = [m for m in await stores.messages.GetAll(GENERAL_ID) if m.kind == "edit"]
    assert len(entries) == 20
    assert (await one(stores, 1)).body == entries[-1].body
