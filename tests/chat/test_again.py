"""What is sent again because its acknowledgement was lost (S001-20)."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio

from chat.dispatch import dispatch
from chat.expiry import Lifetime
from chat.limits import Limit
from chat.moderation import ModerationRules
from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Event, Sent
from protocol.requests import GENERAL, Send
from protocol.vocabulary.editing import Delete, Edit
from protocol.vocabulary.rooms import JoinRoom, LeaveRoom
from storage.errors import StorageUnavailable
from tests.chat.fakes import Author
from tests.chat.house import House, house

SOON = ModerationRules(lifetime=Lifetime(minutes=1e-4))  # 6 ms


async def expire(chat: House, *people: Author) -> None:
    """Let everything expire in the general chat, and be deleted."""
    for who in people:
        chat.messenger.markers.move(who.who.id, GENERAL, chat.published[-1].seq)
    await chat.messenger.markers.write()
    await trio.sleep(0.05)
    await chat.messenger.expiry.expire_general()
    assert await chat.stores.messages.GetAll(GENERAL) == []


def receipt(answer: Event) -> tuple[int, int, bool]:
    """Return what an acknowledgement is about, and whether it is a repetition."""
    assert isinstance(answer, Sent), answer
    return answer.id, answer.seq, answer.duplicate


async def test_after_its_time(sqlite_url: str) -> None:
    """S004-16: one device has had it, it is gone, and another one still has no answer."""
    async with house(sqlite_url, SOON) as chat:
        phone, desk, bob = [await chat.enter(name) for name in ("Ann", "Ann", "Bob")]
        request = Send(text="hello", uuid=uuid4())
        first = await chat.ask(phone, request)
        await expire(chat, desk, bob)
        assert isinstance(first, Sent)
        again = await chat.ask(phone, request)
        assert receipt(again) == (first.id, first.seq, True)
        assert await chat.stores.messages.GetAll(GENERAL) == []
        assert (await chat.say(phone, "and on")).seq == first.seq + 1


async def test_a_long_one_after_its_time(sqlite_url: str) -> None:
    """Its text, which was uploaded again, is given up again."""
    async with house(sqlite_url, SOON) as chat:
        ann = await chat.enter("Ann")
        request = Send(stream=1, uuid=uuid4())
        for number in range(2):
            await dispatch(chat.messenger, ann, TextChunk(stream=1, data=b"long " * 20_000))
            assert receipt(await chat.ask(ann, request)) == (1, 1, number == 1)
            if not number:
                await expire(chat, ann)
        with trio.fail_after(5):
            for body in (1, 2):
                while await chat.stores.bodies.read(body, 0, 1):  # noqa: ASYNC110
                    await trio.sleep(0.01)


async def test_when_no_more_can_be_sent(sqlite_url: str) -> None:
    """S004-17: also after a restart, which has forgotten what is counted."""
    async with house(sqlite_url, ModerationRules(limit=Limit(messages=1))) as chat:
        ann = await chat.enter("Ann")
        request = Send(text="hello", uuid=uuid4())
        first = receipt(await chat.ask(ann, request))
        chat.messenger.limits._counts[ann.who.id].uuids.clear()
        assert await chat.refusal(ann, Send(text="more", uuid=uuid4())) == ErrorCode.LIMIT_REACHED
        assert await chat.refusal(ann, Send(text="more")) == ErrorCode.LIMIT_REACHED
        assert receipt(await chat.ask(ann, request)) == (*first[:2], True)
        assert chat.texts == ["hello"]


@pytest.fixture
def edit() -> Edit:
    """A change of the first message."""
    return Edit(id=1, text="b", uuid=uuid4())


async def test_a_change_when_it_is_too_late(sqlite_url: str, edit: Edit) -> None:
    """S004-24: it was made in time, and only its answer was lost."""
    async with house(sqlite_url) as chat:
        ann = await chat.enter("Ann")
        await chat.say(ann, "a")
        first = receipt(await chat.ask(ann, edit))
        later = chat.messenger.schedule.now() * 1000 + int(16 * 60e9)
        chat.messenger.editing._now = lambda: later
        assert receipt(await chat.ask(ann, edit)) == (*first[:2], True)
        assert await chat.refusal(ann, Edit(id=1, text="c", uuid=uuid4())) == ErrorCode.TOO_LATE
        assert await chat.refusal(ann, Delete(id=1, uuid=uuid4())) == ErrorCode.TOO_LATE


async def test_a_change_of_what_is_deleted_since(sqlite_url: str, edit: Edit) -> None:
    async with house(sqlite_url) as chat:
        ann = await chat.enter("Ann")
        await chat.say(ann, "a")
        first = receipt(await chat.ask(ann, edit))
        await chat.ask(ann, Delete(id=1))
        assert receipt(await chat.ask(ann, edit)) == (*first[:2], True)


async def test_after_one_has_left_the_room(sqlite_url: str) -> None:
    async with house(sqlite_url) as chat:
        ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
        for who in (ann, bob):
            await chat.ask(who, JoinRoom(name="dev"))
        [room] = [number for number in bob.screen.followed if number != GENERAL]
        request = Send(text="hello", uuid=uuid4(), conversation=room)
        first = receipt(await chat.ask(bob, request))
        await chat.ask(bob, LeaveRoom(conversation=room))
        bob.screen.followed.pop(room, None)
        assert receipt(await chat.ask(bob, request)) == (*first[:2], True)


async def test_the_uuid_of_somebody_else(sqlite_url: str, edit: Edit) -> None:
    """It tells nothing of what that one has sent."""
    async with house(sqlite_url) as chat:
        ann, eve = await chat.enter("Ann"), await chat.enter("Eve")
        await chat.say(ann, "a")
        await chat.ask(ann, edit)
        assert await chat.refusal(eve, edit) == ErrorCode.NOT_ALLOWED


async def test_a_database_that_cannot_tell(
    sqlite_url: str, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal stands."""
    async with house(sqlite_url) as chat:
        ann, eve = await chat.enter("Ann"), await chat.enter("Eve")
        await chat.say(ann, "a")

        async def away(sender_id: int, uuid: bytes) -> None:
            raise StorageUnavailable(f"{sender_id} {uuid!r}")

        monkeypatch.setattr(chat.stores.messages, "sent", away)
        assert await chat.refusal(eve, edit) == ErrorCode.NOT_ALLOWED
