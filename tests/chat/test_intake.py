"""Long texts given up leave nothing behind, and many at once do not keep the journal waiting."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from chat.dispatch import dispatch
from chat.intake import RETRY, Intake
from chat.uploads import TextChunk, Upload
from protocol.events import Error
from protocol.requests import Login, Send
from storage.errors import StorageUnavailable
from storage.records import NewMessage, Saved
from tests.chat.fakes import Author, MemoryBodies, MemoryStores, ScriptedStorage, messenger_on


async def test_chunks_are_written_one_at_a_time() -> None:
    """S001-10: SQLite has one writer, and a commit waits for one chunk, not for all uploads."""
    bodies = MemoryBodies()
    intake = Intake(bodies)

    async def upload() -> None:
        one = Upload(intake)
        for _ in range(10):
            await one.append(b"text")

    given_up = await bodies.create(0)
    await bodies.append(given_up, 0, bytes(50))
    intake.give_up(given_up)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.run)
        async with trio.open_nursery() as uploads:
            for _ in range(20):
                uploads.start_soon(upload)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert sorted(map(bytes, bodies.bodies.values())) == [b"text" * 10] * 20
    assert bodies.most_at_once == 1


async def test_deleting_waits_for_the_database(autojump_clock: MockClock) -> None:
    """And goes on where it was; a text it chokes on does not keep the next one."""
    bodies = MemoryBodies()
    numbers = [await bodies.create(0) for _ in range(3)]
    for number in numbers:
        await bodies.append(number, 0, b"12")
    intake = Intake(bodies)
    intake.give_up(None)
    for number in numbers:
        intake.give_up(number)
    away = StorageUnavailable("away")
    bodies.script = [None, away, away, None, None, ValueError("choked")]
    with trio.move_on_after(1.5 * RETRY), capture_logs() as logs:
        await intake.run()
    assert list(bodies.bodies) == numbers
    with trio.move_on_after(RETRY), capture_logs() as logs:
        await intake.run()
    assert list(bodies.bodies) == numbers[1:2]
    assert [log["event"] for log in logs] == ["text.delete_failed"]


class OnceStorage(ScriptedStorage):
    """Stores what has the same uuid once, as databases do."""

    async def SaveMsg(self, messages: Sequence[NewMessage]) -> list[Saved]:  # noqa: N802
        [new] = messages
        for stored in self.messages:
            if stored.uuid == new.uuid:
                return [Saved(stored, duplicate=True)]
        return await super().SaveMsg(messages)


class Chat:
    """A messenger that runs, with somebody in it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.stores = MemoryStores()
        self.stores.scripted = OnceStorage()
        self.messenger = messenger_on(self.stores)
        self.ann = Author()
        nursery.start_soon(self.messenger.run)
        nursery.start_soon(self.messenger.journal.run)

    async def ask(self, *requests: Login | Send | TextChunk) -> list[object]:
        """Ask for things, and let what they bring about happen."""
        answers: list[object] = [
            await dispatch(self.messenger, self.ann, request) for request in requests
        ]
        await wait_all_tasks_blocked()
        return answers

    @property
    def stored(self) -> list[bytes]:
        """All long texts there are."""
        return [bytes(body) for body in self.stores.bodies.bodies.values()]


CHUNK = TextChunk(stream=1, data=b"text")
POISON = b"text that no transaction survives"


@pytest.mark.parametrize(
    "requests",
    [
        (TextChunk(stream=1, data=b" "), Send(stream=1)),
        (CHUNK, TextChunk(stream=1, data=b"\xff"), Send(stream=1)),
        (CHUNK, Send(stream=1, text="beside it")),
        (CHUNK, Send(stream=1, to="Nobody")),
        (CHUNK, Send(stream=1, conversation=99)),
        (TextChunk(stream=1, data=POISON), Send(stream=1)),
    ],
    ids=["empty", "broken", "twice", "to nobody", "to no conversation", "not stored"],
)
async def test_a_refused_text_is_deleted(requests: tuple[Send | TextChunk, ...]) -> None:
    """The server goes on for months; what nobody can ever read takes no room."""
    async with trio.open_nursery() as nursery:
        chat = Chat(nursery)
        chat.stores.scripted.poison = {POISON}
        await chat.ask(Login(name="Ann"))
        with capture_logs():
            answers = await chat.ask(*requests)
        assert any(isinstance(one, Error) for one in (*answers, *chat.ann.screen.posted))
        assert chat.stored == []
        assert chat.stores.scripted.messages == []
        nursery.cancel_scope.cancel()


async def test_a_text_whose_sender_has_gone_is_deleted() -> None:
    """What was sent before that is kept."""
    async with trio.open_nursery() as nursery:
        chat = Chat(nursery)
        await chat.ask(Login(name="Ann"), CHUNK, Send(stream=1))
        await chat.ask(CHUNK, TextChunk(stream=2, data=b"another"))
        chat.messenger.leave(chat.ann)
        await wait_all_tasks_blocked()
        assert chat.stored == [b"text"]
        nursery.cancel_scope.cancel()


async def test_a_text_sent_again_is_kept_once() -> None:
    """Its acknowledgement was lost: the first upload is the message, the second one is nothing."""
    async with trio.open_nursery() as nursery:
        chat = Chat(nursery)
        again = (CHUNK, Send(stream=1, uuid=uuid4()))
        await chat.ask(Login(name="Ann"), *again)
        await chat.ask(*again)
        [message] = chat.stores.scripted.messages
        assert list(chat.stores.bodies.bodies) == [message.body_id]
        nursery.cancel_scope.cancel()
