"""What is shown of a message beside its own row, and pages of what people said."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from storage import GENERAL_ID, FileFacts, Message, Quote, Stores
from storage.records import QUOTED
from storage.schema import messages
from tests.storage.helpers import NOW, add_file, new, run, save, say, user

KINDS = ["text", "file", "edit", "delete", "deleted", "join", "leave", "topic", "role"]


async def everywhere(stores: Stores, message_id: int) -> Message:
    """Return a message, the same however it is found."""
    found = await stores.messages.Get(message_id)
    assert found is not None
    [in_page] = await stores.messages.GetAll(GENERAL_ID, after=found.seq - 1, limit=1)
    before = await stores.messages.GetAll(GENERAL_ID, before=found.seq + 1, limit=1)
    assert [in_page] == before == [found]
    return found


async def test_all_fields_come_back(stores: Stores) -> None:
    ann = await user(stores)
    file_id = await add_file(stores, ann, "чай.txt", 2**40)
    await say(stores, ann, "first")
    shown = {"quote": Quote("Ann", b"first"), "file": FileFacts("чай.txt".encode(), 2**40)}
    comment = replace(
        new(ann, "look", kind="file", target_id=1), file_id=file_id, due_at=NOW + 9, **shown
    )
    [saved] = await save(stores, [comment])
    assert asdict(saved.message) == asdict(comment) | {"id": 2, "seq": 2, "edited_at": None}
    assert await everywhere(stores, 2) == saved.message
    [again] = await save(stores, [replace(comment, quote=None, file=None)])
    assert (again.duplicate, again.message) == (True, saved.message)


async def test_plain_texts_beside_others(stores: Stores) -> None:
    """A batch of plain texts is stored another way than one with something else in it."""
    ann = await user(stores)
    plain, comment = new(ann, "plain"), new(ann, "comment", target_id=1)
    late = replace(new(ann, "late"), due_at=NOW)
    for batch in ([plain], [new(ann, "a"), comment, new(ann, "b")], [late]):
        for saved in await save(stores, batch):
            found = await everywhere(stores, saved.message.id)
            assert replace(found, quote=None) == saved.message


async def test_a_quote_follows_its_target(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, ann, "щ" * QUOTED)
    await save(stores, [new(bob, "why?", target_id=1)])
    head = ("щ" * QUOTED).encode()[:QUOTED]
    assert (await everywhere(stores, 2)).quote == Quote("Ann", head)
    await save(stores, [new(ann, "short", kind="edit", target_id=1)])
    assert (await everywhere(stores, 2)).quote == Quote("Ann", b"short")
    await save(stores, [new(ann, "", kind="delete", target_id=1)])
    assert (await everywhere(stores, 2)).quote == Quote("Ann", b"")
    await run(stores, lambda connection: connection.execute(messages.delete().filter_by(id=1)))
    assert (await everywhere(stores, 2)).quote is None


async def test_only_what_people_say_has_a_quote(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "hello")
    for kind in KINDS:
        [saved] = await save(stores, [new(ann, "x", kind=kind, target_id=1)])
        quote = (await everywhere(stores, saved.message.id)).quote
        assert (quote is not None) == (kind in ("text", "file")), kind


async def test_pages_of_what_people_said(stores: Stores) -> None:
    ann = await user(stores)
    await save(stores, [new(ann, str(number), kind=kind) for number, kind in enumerate(KINDS * 4)])
    everything = await stores.messages.GetAll(GENERAL_ID)
    said = [one for one in everything if one.kind in ("text", "file", "deleted")]
    assert len(everything) == len(KINDS) * 4
    assert await stores.messages.GetAll(GENERAL_ID, spoken=True) == said
    assert await stores.messages.GetAll(GENERAL_ID, spoken=True, limit=3) == said[-3:]
    assert await stores.messages.GetAll(GENERAL_ID, spoken=True, after=2, limit=3) == said[2:5]
    before = await stores.messages.GetAll(GENERAL_ID, spoken=True, before=12, limit=3)
    assert [one.seq for one in before] == [5, 10, 11]


async def test_a_thread(stores: Stores) -> None:
    """The comments on a message and nothing else about it."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, ann, "one", "two")
    for number in range(5):
        await save(stores, [new(bob, f"on one {number}", target_id=1), new(bob, target_id=2)])
    await save(stores, [new(ann, "changed", kind="edit", target_id=1)])
    await save(stores, [new(bob, "on a comment", target_id=3)])
    await save(stores, [new(bob, "", kind="delete", target_id=5)])
    found = await stores.messages.thread(1)
    assert [one.body.decode()[-1] for one in found] == ["0", "2", "3", "4"]
    assert {one.quote for one in found} == {Quote("Ann", b"changed")}
    assert [one.id for one in found] == sorted(one.id for one in found)
    assert await stores.messages.thread(1, limit=2) == found[-2:]
    assert await stores.messages.thread(4711) == []


async def test_a_thread_is_not_endless(stores: Stores) -> None:
    ann = await user(stores)
    await save(stores, [new(ann, target_id=1) for _ in range(120)])
    assert [one.id for one in await stores.messages.thread(1)] == list(range(21, 121))


async def test_what_somebody_wrote_last(stores: Stores) -> None:
    """Texts and files of that conversation, the last ones, in rising order."""
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    await say(stores, ann, "one", "two", "three")
    await say(stores, bob, "four")
    await save(stores, [new(ann, "private", conversation_id=direct.id)])
    await save(stores, [new(ann, "", kind="delete", target_id=2)])
    await save(stores, [new(ann, "uno", kind="edit", target_id=1)])
    found = await stores.messages.own(GENERAL_ID, ann.id, limit=10)
    assert [one.body for one in found] == [b"uno", b"three"]
    assert await stores.messages.own(GENERAL_ID, ann.id, limit=1) == found[-1:]
    [private] = await stores.messages.own(direct.id, ann.id, limit=10)
    assert private.body == b"private"
    assert await stores.messages.own(4711, ann.id, limit=10) == []


async def test_a_comment_quotes_what_its_target_says_when_it_is_stored(stores: Stores) -> None:
    """Whoever looked before may have seen what has been changed or deleted meanwhile."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, ann, "secret", "old")
    stale = [
        replace(new(bob, "why?", target_id=number), quote=Quote("Ann", b"secret"))
        for number in (1, 2)
    ]
    delete, edit = (
        new(ann, "", kind="delete", target_id=1),
        new(ann, "new", kind="edit", target_id=2),
    )
    saved = await save(stores, [delete, edit, *stale])
    assert [one.message.quote for one in saved[2:]] == [Quote("Ann", b""), Quote("Ann", b"new")]
