"""What delivery keeps and makes is bounded by who is there; what is owed is never left out."""

from __future__ import annotations

import pytest
import trio

from chat.dispatch import dispatch
from chat.messenger import as_event
from chat.session import Session
from protocol.commands import Place
from protocol.events import Event, Notice
from protocol.framing import encode
from protocol.requests import GENERAL, Login
from server import news
from server.delivery import Delivery
from server.gateways import line
from server.gateways.native import NativeDialect
from server.gateways.terminal import Terminal
from server.timeline import MAX_ENCODINGS, Entry, Timeline
from storage.expiry_store import Horizon
from storage.records import Conversation, Message
from tests.chat.fakes import MemoryStores, messenger_on
from tests.memory_storage import MemoryStorage
from tests.server.rooms import Follower, Room, drain, room
from tests.server.test_changed_tail import entry


class Counted(NativeDialect):
    """A dialect that knows how much was said in it."""

    def __init__(self) -> None:
        self.made = 0

    def message(self, message: Message, prev: int) -> bytes:
        """Return a frame."""
        self.made += 1
        return encode(as_event(message, prev))


def _timeline(chat: Room) -> Timeline:
    return chat.delivery._timelines[1]


async def test_nothing_is_made_for_nobody() -> None:
    """One who goes through all the zones there are leaves no work behind."""
    async with room() as chat:
        changing, author = await chat.join(), await chat.join()
        dialects = [Counted() for _ in range(20)]
        for dialect in dialects:
            changing.conn.change_dialect(dialect)
            await drain([changing, author])
        assert len(_timeline(chat).live) == 2
        for _ in range(3):
            chat.publish(author.conn.session, 10)
        await drain([changing, author])
        assert [dialect.made for dialect in dialects] == [0] * 19 + [3]
        changing.conn.unfollow(1)
        assert len(_timeline(chat).live) == 1


def test_a_message_is_kept_in_some_dialects_only() -> None:
    """In the latest; who needs another makes it again."""
    kept = Entry(entry(1), [], [])
    dialects = [Counted() for _ in range(MAX_ENCODINGS + 1)]
    for dialect in dialects:
        kept.bytes_for(dialect)
    assert len(kept.dialects) == len(kept.encoded) == MAX_ENCODINGS
    for dialect in reversed(dialects):
        kept.bytes_for(dialect)
    assert [dialect.made for dialect in dialects] == [2] + [1] * MAX_ENCODINGS


async def _fall_behind(chat: Room, author: Follower) -> int:
    """Let an author write until it no longer gets what is new at once; return how much that is."""
    await drain([author])
    while author.is_live():
        chat.publish(author.conn.session, 2000)
        await trio.testing.wait_all_tasks_blocked()
    return len(chat.storage.messages)


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_what_is_deleted_meanwhile_is_acknowledged(all_of_them: bool) -> None:
    """S001-8, S004-22: its place is gone, or the whole page; its author waits for the answer."""
    async with room() as chat:
        author = await chat.join()
        count = await _fall_behind(chat, author)
        for _ in range(5):
            chat.publish(author.conn.session, 10)
        await trio.testing.wait_all_tasks_blocked()
        last = count + 5
        chat.delivery.forget(1, Horizon(last, last))
        kept = [] if all_of_them else chat.storage.messages[-1:]
        before, chat.storage.messages = len(chat.storage.messages), kept
        assert before == last
        await drain([author])
        assert author.acknowledged == list(range(1, last + 1))
        assert author.conn.session.in_flight == 0
        assert author.is_live()


def test_what_nobody_follows_is_not_remembered() -> None:
    """A server that runs for years sees millions of rooms expire."""
    delivery = Delivery(MemoryStorage())
    for number in range(1, 100):
        delivery.forget(number, Horizon(5, 5))
    assert list(delivery._expired) == [GENERAL]


async def test_what_is_followed_is_remembered_as_long() -> None:
    """And forgotten with the last who follows it; with it goes the name of a room."""
    async with room() as chat:
        author = await chat.join()
        tea = Conversation(2, "room", "room:tea", 5, title="Tea")
        author.conn.follow(tea, after=5, delivered=5)
        chat.delivery.forget(2, Horizon(3, 3))
        assert chat.delivery._expired == {2: 3}
        assert [chat.delivery.title_of(number) for number in (1, 2, 3)] == [None, "Tea", None]
        author.conn.unfollow(2)
        assert chat.delivery._expired == {}
        assert chat.delivery.title_of(2) is None


async def test_news_are_not_undone_by_an_older_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """S002-17: what comes while one is being made is sent, and another snapshot behind it."""
    monkeypatch.setattr(news, "SNAPSHOT_RETRY", 0.01)
    async with room() as chat:
        follower = await chat.join()
        await drain([follower])
        state, gate, made = ["old"], trio.Event(), []

        async def snapshot(_session: Session) -> Event:
            seen = state[0]
            made.append(seen)
            await gate.wait()
            return Notice(message=seen)

        follower.conn.news.snapshot = snapshot
        while not follower.conn.channel.full:
            follower.conn.post(Notice(message="x" * 1000))
        follower.conn.notify(Notice(message="left out"))
        await drain([follower])
        assert made == ["old"]
        state[0] = "new"
        follower.conn.notify(Notice(message="news"))
        gate.set()
        await trio.sleep(0.05)
        await drain([follower])
        told = [one.message for one in follower.frames if isinstance(one, Notice)]
        assert told[-3:] == ["news", "old", "new"]
        assert made == ["old", "new"], "one that nothing came in between is the last"


async def test_what_was_shown_is_noted_when_it_has_changed() -> None:
    """S002-7, S002-17: the other devices of one who sits there hear nothing of it."""
    messenger = messenger_on(MemoryStores())
    async with room() as chat:
        follower = await chat.join()
        session = follower.conn.session
        async with trio.open_nursery() as nursery:
            nursery.start_soon(messenger.run)
            await dispatch(messenger, session, Login(name="Ann"))
            nursery.cancel_scope.cancel()
        gateway = line.LineGateway(messenger, None, chat.delivery.title_of)
        person = line._Person(Terminal(follower.conn), messenger, gateway)
        moves: list[tuple[int, int]] = []
        for name in ("read", "delivered"):
            move = getattr(messenger.reading, name)

            def noted(session: Session, place: int, seq: int, move: object = move) -> None:
                assert callable(move)
                moves.append((place, seq))
                move(session, place, seq)

            setattr(messenger.reading, name, noted)
        for count in (1, 2):
            chat.publish(session, 10)
            for _ in range(3):
                await drain([follower])
                person.note_shown()
            assert moves == [(GENERAL, seq) for seq in range(1, count + 1)]
        person._place = Place(2)
        person.note_shown()
        person.note_shown()
        assert len(moves) == 3
