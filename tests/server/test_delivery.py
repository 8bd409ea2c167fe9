"""Delivery: everyone gets everything once, in order, whoever reads how slowly."""

from __future__ import annotations

import random

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.events import Shutdown
from protocol.framing import encode
from storage.records import Conversation, NewMessage
from tests.server.rooms import LIMIT, drain, room


async def test_a_stuck_reader_is_bounded_and_catches_up() -> None:
    """C-4: it holds one channel's worth, others go on; then it gets everything, once, in order."""
    async with room() as chat:
        stuck, quick, author = [await chat.join() for _ in range(3)]
        for _ in range(600):
            chat.publish(author.conn.session, 200)
            await trio.lowlevel.checkpoint()
            quick.read(65536)
            author.read(65536)
            assert stuck.conn.channel.waiting <= LIMIT + 33 * 1024
        await drain([quick, author])
        assert quick.numbers == author.numbers == author.acknowledged == list(range(1, 601))
        assert author.conn.session.in_flight == 0
        assert not stuck.is_live()
        await drain([stuck])
        assert stuck.numbers == list(range(1, 601))
        assert stuck.is_live()
        chat.publish(author.conn.session, 10)
        await drain([stuck])
        assert stuck.numbers[-1] == 601


async def test_a_commit_whose_answer_was_lost_is_shown_all_the_same() -> None:
    """Repeated, all of it is a duplicate, which those who follow have not seen yet."""
    async with room() as chat:
        author, reader = await chat.join(), await chat.join()
        await drain([author, reader])
        chat.publish(author.conn.session, 10, duplicate=True)
        chat.publish(author.conn.session, 10)
        await drain([author, reader])
        assert reader.numbers == author.acknowledged == [1, 2]


async def test_an_author_and_a_slow_reader_become_like_the_others_again() -> None:
    """The quick way is left for as long as needed and no longer: 1000 followers depend on it."""
    async with room() as chat:
        author, slow = [await chat.join() for _ in range(2)]
        chat.publish(author.conn.session, 10)
        chat.publish(author.conn.session, 60_000)  # more than both sockets take
        await trio.testing.wait_all_tasks_blocked()
        assert not slow.conn.subscriptions[1].clear
        await drain([author, slow])
        assert all(one.conn.subscriptions[1].clear for one in (author, slow))
        assert author.acknowledged == slow.numbers == [1, 2]


async def test_what_is_published_while_a_connection_ends_harms_nobody() -> None:
    """Between its end and its removal there are moments in which it is still a follower."""
    for _ in range(20):
        async with room() as chat:
            stuck, author = await chat.join(), await chat.join()
            await drain([author])
            while not stuck.conn.channel.waiting:
                chat.publish(author.conn.session, 500)
                await trio.testing.wait_all_tasks_blocked()
                author.read(65536)
            stuck.conn.abort("gone")
            for _ in range(8):
                chat.publish(author.conn.session, 10)
                await trio.lowlevel.checkpoint()
            await drain([author])
            assert author.numbers == list(range(1, len(chat.storage.messages) + 1))


async def test_the_notice_reaches_one_that_is_catching_up() -> None:
    """S001-18: it waits for no page of a silent database, and nothing stands behind it."""
    async with room() as chat:
        gate = trio.Event()
        chat.storage.gate = gate
        for number in range(5):
            chat.storage.add(NewMessage(1, 1, "Ann", bytes([number]), 0, b"hi", 2))
        follower = await chat.join()
        await trio.testing.wait_all_tasks_blocked()
        settled = trio.Event()
        settled.set()
        follower.conn.shut_down(settled, Shutdown(reason="the end"))
        await trio.testing.wait_all_tasks_blocked()
        assert follower.far.recv(65536) == encode(Shutdown(reason="the end"))
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert follower.far.recv(65536) == b""


async def test_a_page_of_long_messages_is_bounded_in_bytes() -> None:
    """Not by their number: fifty of them would be megabytes for one that does not read."""
    async with room() as chat:
        for number in range(60):
            body = b"x" * 60_000
            chat.storage.add(NewMessage(1, 1, "Ann", bytes([number]), 0, body, len(body)))
        follower = await chat.join()
        await trio.testing.wait_all_tasks_blocked()
        assert follower.conn.channel.waiting < LIMIT + 61_000
        await drain([follower])
        assert follower.numbers == list(range(1, 61))


async def test_a_number_that_is_missing_is_read_from_storage() -> None:
    """Another server on the same database, or an error behind a commit, leaves such a hole."""
    async with room() as chat:
        author, reader = await chat.join(), await chat.join()
        chat.publish(author.conn.session, 10)
        await drain([author, reader])
        chat.storage.add(NewMessage(1, 2, "Bob", b"elsewhere", 0, b"hi", 2))
        for _ in range(3):
            chat.publish(author.conn.session, 10)
        await drain([author, reader])
        assert reader.numbers == author.numbers == [1, 2, 3, 4, 5]
        assert author.conn.session.in_flight == 0
        assert reader.is_live()


async def test_a_busy_conversation_does_not_starve_a_quiet_one() -> None:
    """One too slow for the general chat still gets what is written to it alone."""
    async with room() as chat:
        slow, author = await chat.join(), await chat.join()
        chat.storage.add(NewMessage(2, 1, "Ann", b"private", 0, b"psst", 4))
        for _ in range(400):
            chat.publish(author.conn.session, 500)
            await trio.lowlevel.checkpoint()
            author.read(65536)
        slow.conn.follow(Conversation(2, "direct", "direct:1:2", 1), after=0, delivered=0)
        for _ in range(400):
            if slow.conn.position(2) == 1:
                break
            chat.publish(author.conn.session, 500)
            slow.read(400)
            author.read(65536)
            await trio.testing.wait_all_tasks_blocked()
        assert slow.conn.position(2) == 1
        assert not slow.is_live()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_nobody_misses_or_repeats_anything(seed: int) -> None:
    """Joining, reading at any speed, writing and resuming, in any order, by a seed."""
    trio.run(_random_life, random.Random(seed))


async def _random_life(rng: random.Random) -> None:
    async with room() as chat:
        followers = [await chat.join()]
        starts = [1]
        for _ in range(150):
            what = rng.random()
            if what < 0.05 and len(followers) < 12:
                after = rng.randint(0, len(chat.storage.messages))
                followers.append(await chat.join(after))
                # What is stored but not yet flushed is still to come.
                begun = followers[-1].conn.position(1)
                assert begun is not None
                starts.append(begun + 1)
            elif what < 0.6:
                for _ in range(rng.choice([1, 1, 5, 40])):
                    chat.publish(rng.choice(followers).conn.session, rng.choice([1, 50, 3000]))
            elif what < 0.8:
                rng.choice(followers).read(rng.choice([1, 100, 5000, 65536]))
            else:
                await trio.lowlevel.checkpoint()
        await drain(followers)
        last = len(chat.storage.messages)
        for start, follower in zip(starts, followers, strict=True):
            assert follower.numbers == list(range(start, last + 1))
            assert follower.conn.session.in_flight == 0
