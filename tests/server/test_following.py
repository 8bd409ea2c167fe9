"""What a connection follows and in which dialect, when either changes under way; and news."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.messenger import as_event
from protocol.events import Message as MessageEvent
from protocol.events import Notice, Sent
from protocol.framing import encode
from server import delivery
from server.gateways.native import NATIVE, NativeDialect
from storage.records import Conversation, Message, NewMessage
from tests.server.rooms import LIMIT, Follower, Room, drain, room


class Marked(NativeDialect):
    """Frames by whose senders one can tell that they are of this dialect."""

    def message(self, message: Message, prev: int) -> bytes:
        """Return a frame with another sender."""
        return encode(msgspec.structs.replace(as_event(message, prev), sender="marked"))


MARKED = Marked()


def _senders(follower: Follower) -> list[str]:
    return [frame.sender for frame in follower.frames if isinstance(frame, MessageEvent)]


@contextmanager
def _turns_of_one() -> Iterator[None]:
    """Let delivery give way to all others after every follower."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "STRIDE", 1)
        patch.setattr(delivery, "TURN", -1.0)
        yield


async def test_a_live_follower_changes_its_dialect() -> None:
    """What comes after is in the new one; nothing is lost, nothing comes twice."""
    async with room() as chat:
        reader, author = await chat.join(), await chat.join()
        for _ in range(2):
            chat.publish(author.conn.session, 10)
        await drain([reader, author])
        reader.conn.change_dialect(MARKED)
        reader.conn.change_dialect(MARKED)  # which changes nothing
        for _ in range(2):
            chat.publish(author.conn.session, 10)
        await drain([reader, author])
        reader.conn.change_dialect(NATIVE)
        await drain([reader])
        assert reader.is_live()
        chat.publish(author.conn.session, 10)
        await drain([reader, author])
        assert reader.numbers == author.acknowledged == [1, 2, 3, 4, 5]
        assert _senders(reader) == ["Ann", "Ann", "marked", "marked", "Ann"]


async def test_an_author_changes_its_dialect() -> None:
    """Its own messages are acknowledged in their places all the same, each once."""
    async with room() as chat:
        author = await chat.join()
        for _ in range(5):
            chat.publish(author.conn.session, 10)
            author.conn.change_dialect(MARKED if author.conn.dialect is NATIVE else NATIVE)
            await trio.lowlevel.checkpoint()
        await drain([author])
        assert author.numbers == author.acknowledged == [1, 2, 3, 4, 5]
        assert author.conn.session.in_flight == 0


async def test_one_that_is_behind_changes_its_dialect() -> None:
    """The page it is waiting for is shown in the new one."""
    async with room() as chat:
        gate = chat.storage.gate = trio.Event()
        for number in range(3):
            chat.storage.add(NewMessage(1, 1, "Ann", bytes([number]), 0, b"hi", 2))
        reader = await chat.join()
        await trio.testing.wait_all_tasks_blocked()
        reader.conn.change_dialect(MARKED)
        gate.set()
        await drain([reader])
        assert reader.numbers == [1, 2, 3]
        assert _senders(reader) == ["marked"] * 3


async def test_who_follows_no_more_gets_nothing_more() -> None:
    """At once, whether live or behind; what came before stays, and others are not disturbed."""
    async with room() as chat:
        live, behind, author = [await chat.join() for _ in range(3)]
        chat.publish(author.conn.session, 10)
        await drain([live, behind, author])
        while not behind.conn.channel.waiting:
            chat.publish(author.conn.session, 500)
            await trio.testing.wait_all_tasks_blocked()
            live.read(65536)
            author.read(65536)
        last = len(chat.storage.messages)
        for follower in (live, behind):
            sent = follower.conn.sent
            follower.conn.unfollow(1)
            assert follower.conn.position(1) is None
            assert follower.conn.sent == sent  # what it was sent is still counted
        for _ in range(3):
            chat.publish(author.conn.session, 10)
        await drain([live, behind, author])
        assert live.numbers == list(range(1, last + 1))
        assert behind.numbers == list(range(1, len(behind.numbers) + 1))
        assert len(behind.numbers) <= last
        assert author.numbers == list(range(1, last + 4))
        live.conn.unfollow(1)  # of what is not followed it means nothing


async def test_a_page_on_its_way_is_not_handed_over() -> None:
    """The database may answer long after the one who asked has left the conversation."""
    async with room() as chat:
        gate = chat.storage.gate = trio.Event()
        chat.storage.add(NewMessage(1, 1, "Ann", b"1", 0, b"hi", 2))
        reader = await chat.join()
        await trio.testing.wait_all_tasks_blocked()
        reader.conn.unfollow(1)
        gate.set()
        await drain([reader])
        assert reader.frames == []
        assert not reader.conn.writing


async def test_own_messages_are_answered_when_one_follows_no_more() -> None:
    """Those whose places will never be reached, and those that are stored later; each once."""
    async with room() as chat:
        author, other = await chat.join(), await chat.join()
        while not author.conn.channel.waiting:
            chat.publish(other.conn.session, 500)
            await trio.testing.wait_all_tasks_blocked()
            other.read(65536)
        chat.publish(other.conn.session, 3 * LIMIT)
        await trio.testing.wait_all_tasks_blocked()
        own = [chat.publish(author.conn.session, 10) for _ in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        assert author.conn.session.in_flight == 2
        author.conn.unfollow(1)
        assert author.conn.session.in_flight == 0
        own.append(chat.publish(author.conn.session, 10))
        await drain([author, other])
        assert author.acknowledged == own
        assert author.conn.session.in_flight == 0


async def test_one_may_follow_again() -> None:
    """From wherever it is told, live in the end, and in the dialect that it has by now."""
    async with room() as chat:
        reader, author = await chat.join(), await chat.join()
        for _ in range(3):
            chat.publish(author.conn.session, 10)
        await drain([reader, author])
        reader.conn.unfollow(1)
        reader.conn.change_dialect(MARKED)
        chat.publish(author.conn.session, 10)
        await drain([reader, author])
        reader.conn.follow(Conversation(1, "general", "general", 4), after=2, delivered=2)
        await drain([reader])
        assert reader.is_live()
        chat.publish(author.conn.session, 10)
        await drain([reader, author])
        assert reader.numbers == [1, 2, 3, 3, 4, 5]
        assert _senders(reader) == ["Ann"] * 3 + ["marked"] * 3


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_whatever_changes_nobody_misses_or_repeats_anything(seed: int) -> None:
    """Dialects that change, and conversations left and entered again, at any moment."""
    with _turns_of_one():
        trio.run(_random_life, random.Random(seed))


async def _random_life(rng: random.Random) -> None:
    async with room() as chat:
        followers = [await chat.join() for _ in range(5)]
        left: dict[int, int] = {}  # who follows no more, to where it has got
        for _ in range(200):
            what, which = rng.random(), rng.randrange(len(followers))
            follower = followers[which]
            if what < 0.2:
                follower.conn.change_dialect(rng.choice([NATIVE, MARKED]))
            elif what < 0.25 and which not in left:
                left[which] = follower.conn.position(1) or 0
                follower.conn.unfollow(1)
            elif what < 0.3 and which in left:
                _follow_again(chat, follower, left.pop(which))
            elif what < 0.7:
                authors = [one for number, one in enumerate(followers) if number not in left]
                if authors:
                    chat.publish(rng.choice(authors).conn.session, rng.choice([1, 50, 3000]))
            elif what < 0.85:
                follower.read(rng.choice([1, 100, 5000, 65536]))
            else:
                await trio.lowlevel.checkpoint()
        for which, position in left.items():
            _follow_again(chat, followers[which], position)
        await drain(followers)
        everything = list(range(1, len(chat.storage.messages) + 1))
        for follower in followers:
            _check(follower, everything)


def _follow_again(chat: Room, follower: Follower, after: int) -> None:
    conversation = Conversation(1, "general", "general", len(chat.storage.messages))
    follower.conn.follow(conversation, after=after, delivered=after)


def _check(follower: Follower, everything: list[int]) -> None:
    """Everything came, in order; own messages may be answered out of it by one who had left."""
    others = [frame.seq for frame in follower.frames if isinstance(frame, MessageEvent)]
    assert others == sorted(set(others))
    assert sorted(set(follower.numbers)) == everything
    assert len(follower.acknowledged) == len(set(follower.acknowledged))
    assert follower.conn.session.in_flight == 0


def _missed(follower: Follower) -> bool:
    return follower.conn.news.missed


async def test_news_are_left_out_where_the_channel_is_full() -> None:
    """One that does not read costs no memory, however much happens; a snapshot is due then."""
    async with room() as chat:
        stuck = await chat.join()
        await drain([stuck])
        stuck.conn.notify(Notice(message="first"))
        assert not _missed(stuck)
        for _ in range(1000):
            stuck.conn.notify(Notice(message="x" * 1000))
        assert _missed(stuck)
        assert stuck.conn.channel.waiting <= LIMIT + 1100
        await drain([stuck])
        assert stuck.frames[0] == Notice(message="first")
        assert 8 < len(stuck.frames) < 100
        stuck.conn.notify(Notice(message="later"))
        await drain([stuck])
        assert stuck.frames[-1] == Notice(message="later")
        assert _missed(stuck)  # until the snapshot has been sent


async def test_an_answer_is_sent_where_news_are_not() -> None:
    """What was asked for is never left out: the one who asks is not read from meanwhile."""
    async with room() as chat:
        stuck = await chat.join()
        await drain([stuck])
        while not stuck.conn.channel.full:
            stuck.conn.post(Notice(message="x" * 1000))
        stuck.conn.notify(Notice(message="news"))
        stuck.conn.post(Sent(id=1, seq=1, time=0))
        await drain([stuck])
        assert Notice(message="news") not in stuck.frames
        assert stuck.frames[-1] == Sent(id=1, seq=1, time=0)
