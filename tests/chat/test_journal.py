"""The one writer: stored before shown, one order, nothing lost (S001-17, DESIGN.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs

from chat import journal as module
from chat.journal import MAX_BATCH, MAX_BATCH_BYTES, MAX_WAITING_BYTES, Entry, Journal, Published
from chat.patience import Patience
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, StorageState
from storage.errors import StorageUnavailable
from storage.records import NewMessage
from tests.chat.fakes import Author, ScriptedStorage


class Room:
    """A journal, and everything that comes out of it."""

    def __init__(self) -> None:
        self.storage = ScriptedStorage()
        self.published: list[list[bytes]] = []
        self.announced: list[bool] = []
        self.given_up: list[int | None] = []
        self.author = Author()
        self.delivery = 0.0
        """Seconds that a delivery takes."""
        self.journal = Journal(
            self.storage, self._publish, self._announce, Patience(), self.given_up.append
        )
        self.ended = trio.Event()

    async def _publish(self, batch: Sequence[Published]) -> None:
        stored = {message.id for message in self.storage.messages}
        assert all(one.saved.message.id in stored for one in batch), "shown before it was stored"
        self.published.append([one.saved.message.body for one in batch])
        await trio.sleep(self.delivery)
        for one in batch:
            one.author.acknowledged()

    def _announce(self, event: Event) -> None:
        assert isinstance(event, StorageState)
        self.announced.append(event.available)

    @property
    def shown(self) -> list[bytes]:
        """Everything published, in order."""
        return [body for batch in self.published for body in batch]

    def say(self, *bodies: bytes, ref: int | None = None) -> None:
        """Hand messages over."""
        for body in bodies:
            message = NewMessage(1, 1, "Ann", b"u" * 16, 0, body, len(body))
            self.journal.append(Entry(message, self.author, ref))

    async def run(self) -> None:
        """Write until closed."""
        await self.journal.run()
        self.ended.set()


@asynccontextmanager
async def writing() -> AsyncIterator[Room]:
    """A journal that writes, for the time of a test."""
    room = Room()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.run)
        await trio.testing.wait_all_tasks_blocked()
        yield room
        nursery.cancel_scope.cancel()


def _away() -> None:
    raise StorageUnavailable("the database is away")


def _numbered(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


async def test_what_arrives_during_a_commit_goes_into_the_next_one() -> None:
    """Group commit: a thousand senders cost hardly more transactions than one."""
    async with writing() as room:
        committing = trio.Event()
        room.storage.script = [committing]
        room.say(b"0")
        await trio.testing.wait_all_tasks_blocked()
        for body in _numbered(1, 100):
            room.say(body)
            await trio.lowlevel.checkpoint()
        assert room.storage.calls == [[b"0"]]
        assert room.published == []
        committing.set()
        await trio.testing.wait_all_tasks_blocked()
        assert room.storage.calls == room.published == [[b"0"], _numbered(1, 100)]
        assert room.author.in_flight == 0


async def test_messages_are_shown_in_the_order_in_which_they_came(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """S001-17: across many transactions, each of a bounded number of messages."""
    async with writing() as room:
        room.say(*_numbered(0, 2 * MAX_BATCH + 7))
        await trio.testing.wait_all_tasks_blocked()
        assert [len(call) for call in room.storage.calls] == [MAX_BATCH, MAX_BATCH, 7]
        assert room.shown == _numbered(0, 2 * MAX_BATCH + 7)


async def test_a_transaction_is_bounded_in_bytes(autojump_clock: trio.testing.MockClock) -> None:
    """Long texts do not pile up in one statement."""
    async with writing() as room:
        body = b"x" * (64 * 1024)
        room.say(*[body] * 200)
        await trio.testing.wait_all_tasks_blocked()
        sizes = [sum(map(len, call)) for call in room.storage.calls]
        assert sum(sizes) == 200 * len(body)
        assert max(sizes) <= MAX_BATCH_BYTES + len(body)
        assert len(sizes) <= 2 + sum(sizes) // MAX_BATCH_BYTES


async def test_few_wait_for_company_behind_a_long_delivery(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What answers its last ones is in one commit, not each in its own."""
    async with writing() as room:
        room.delivery = 0.8
        room.say(*_numbered(0, 20))
        await trio.sleep(0.7)
        room.say(*_numbered(20, 21))
        await trio.sleep(0.15)  # the delivery has ended
        room.say(*_numbered(21, 30))
        await trio.sleep(2)
        assert [len(call) for call in room.storage.calls] == [20, 10]


async def test_neither_many_nor_the_first_wait_for_company(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Whoever writes into a quiet room, or with half of the others, is not held up."""
    async with writing() as room:
        room.delivery = 0.8
        room.say(*_numbered(0, 20))
        await trio.sleep(0.7)
        room.say(*_numbered(20, 30))
        await trio.sleep(0.11)  # the delivery has ended
        room.say(*_numbered(30, 31))
        assert [len(call) for call in room.storage.calls] == [20, 10]
        await trio.sleep(5)
        room.say(*_numbered(31, 32))
        await trio.sleep(0.01)
        assert [len(call) for call in room.storage.calls] == [20, 10, 1, 1]


async def test_nothing_is_lost_while_the_database_is_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is tried again, patiently; everyone is told once that it is away and once it is back."""
    async with writing() as room:
        room.storage.script = [_away] * 6
        start = trio.current_time()
        with capture_logs() as logs:
            room.say(b"first")
            await trio.sleep(0.05)
            assert (room.announced, room.journal.available) == ([False], False)
            room.say(b"second")
            while room.shown != [b"first", b"second"]:
                await trio.sleep(0.05)
                assert room.announced == ([False, True] if room.published else [False])
        assert trio.current_time() - start == pytest.approx(0.1 + 0.2 + 0.4 + 0.8 + 1 + 1, abs=0.11)
        assert room.storage.calls == [[b"first"]] * 7 + [[b"second"]]
        assert (room.announced, room.journal.available) == ([False, True], True)
        assert [log["event"] for log in logs if log["log_level"] != "debug"] == [
            "storage.unavailable",
            "storage.available",
        ]
        assert room.author.in_flight == 0


async def test_a_database_that_says_nothing_is_announced_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Frozen, it neither stores nor fails; what it stores in the end is shown as ever."""
    async with writing() as room, trio.open_nursery() as nursery:
        nursery.start_soon(room.journal.watch)
        await trio.sleep(60)  # nobody writes: nothing to say
        answer = trio.Event()
        room.storage.script = [answer]
        room.say(b"x")
        await trio.sleep(1.9)
        assert room.announced == []
        await trio.sleep(0.7)
        assert (room.announced, room.journal.available) == ([False], False)
        answer.set()
        await trio.sleep(60)
        assert (room.announced, room.shown) == ([False, True], [b"x"])
        nursery.cancel_scope.cancel()


async def test_every_outage_is_announced_for_itself(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """And a long one keeps being tried at the same pace."""
    async with writing() as room:
        for _ in range(2):
            room.storage.script = [_away] * 50
            room.say(b"x")
            await trio.sleep(60)
            assert room.storage.script == []
        assert room.announced == [False, True, False, True]
        assert room.shown == [b"x", b"x"]


async def test_a_message_the_database_chokes_on_is_refused_alone() -> None:
    """The others of its transaction are stored, in order; its author is told, the log knows."""
    async with writing() as room:
        committing = trio.Event()
        room.storage.script = [committing]
        room.storage.poison = {b"secret poison"}
        room.say(b"before")
        await trio.testing.wait_all_tasks_blocked()
        room.say(b"1", b"2")
        poisoned, room.author = room.author, Author()
        poisoned_author, room.author = room.author, poisoned
        message = NewMessage(1, 1, "Eve", b"u" * 16, 0, b"secret poison", 13)
        room.journal.append(Entry(message, poisoned_author, 77))
        room.say(b"3")
        with capture_logs() as logs:
            committing.set()
            await trio.testing.wait_all_tasks_blocked()
        assert room.shown == [b"before", b"1", b"2", b"3"]
        [error] = poisoned_author.screen.posted
        assert isinstance(error, Error)
        assert (error.ref, error.code) == (77, ErrorCode.INTERNAL)
        assert room.author.screen.posted == []
        assert (room.author.in_flight, poisoned_author.in_flight) == (0, 0)
        assert "message.store_failed" in [log["event"] for log in logs]
        assert "secret poison" not in str([{**log, "exc_info": None} for log in logs])
        room.say(b"after")
        await trio.testing.wait_all_tasks_blocked()
        assert room.shown[-1] == b"after"


async def test_a_poisoned_group_survives_an_outage_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While the group is stored one by one the database may go away and come back."""
    async with writing() as room:
        room.storage.poison = {b"bad"}
        room.storage.script = [lambda: None, lambda: None, _away, _away]
        room.say(b"1", b"2", b"bad", b"3")
        await trio.sleep(10)
        assert room.shown == [b"1", b"2", b"3"]
        assert room.announced == [False, True]
        assert room.author.in_flight == 0


async def test_what_may_wait_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound senders are refused, nothing is stored of that, and later it goes on."""
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", MAX_WAITING_BYTES // 64)
    async with writing() as room:
        committing = trio.Event()
        room.storage.script = [committing]
        room.say(b"first")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ProtocolError) as told:
            room.say(*[b"x" * 1000] * 100_000)
        assert told.value.code == ErrorCode.STORAGE_UNAVAILABLE
        taken = room.author.in_flight - 1
        assert 0.8 < taken * 1000 / (MAX_WAITING_BYTES // 64) < 1.01
        committing.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(room.shown) == taken + 1
        room.say(b"again")
        await trio.testing.wait_all_tasks_blocked()
        assert room.shown[-1] == b"again"


async def test_small_messages_are_counted_with_what_they_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A million messages of one letter are not a megabyte."""
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 100_000)
    room = Room()
    with pytest.raises(ProtocolError):
        room.say(*[b"x"] * 1000)


async def test_close_stores_what_was_taken_and_takes_nothing_more() -> None:
    """On the way down nothing that was taken is dropped (issue 2, shutdown)."""
    async with writing() as room:
        committing = trio.Event()
        room.storage.script = [committing]
        room.say(b"first")
        await trio.testing.wait_all_tasks_blocked()
        room.say(*_numbered(0, MAX_BATCH + 1))
        room.journal.close()
        with pytest.raises(ProtocolError) as told:
            room.say(b"too late")
        assert told.value.code == ErrorCode.SHUTTING_DOWN
        await trio.testing.wait_all_tasks_blocked()
        assert not room.ended.is_set()
        committing.set()
        await room.ended.wait()
        assert room.shown == [b"first", *_numbered(0, MAX_BATCH + 1)]


async def test_close_ends_a_journal_that_has_nothing_to_do() -> None:
    """Also when it waits, and when it is closed twice."""
    async with writing() as room:
        room.journal.close()
        room.journal.close()
        with trio.fail_after(5):
            await room.ended.wait()


async def test_close_waits_for_a_database_that_comes_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The caller decides how long; the journal does not give up by itself."""
    async with writing() as room:
        room.storage.script = [_away] * 20
        room.say(b"first")
        await trio.sleep(0.01)
        room.journal.close()
        await room.ended.wait()
        assert room.shown == [b"first"]
        assert room.announced == [False, True]


async def test_the_log_counts_what_was_stored(autojump_clock: trio.testing.MockClock) -> None:
    """S004-36: now and then a line, none where nothing happened, and no text in it."""
    async with writing() as room, trio.open_nursery() as nursery:
        with capture_logs() as logs:
            nursery.start_soon(room.journal.report)
            await trio.sleep(1)
            room.say(b"secret", b"secret")
            await trio.sleep(200)
        summaries = [log for log in logs if log["event"] == "messages.summary"]
        assert [log["count"] for log in summaries] == [2]
        assert "secret" not in str(logs)
        nursery.cancel_scope.cancel()


async def test_a_cancelled_journal_ends_at_once() -> None:
    """Cancelling is not an error of a message."""
    async with writing() as room:
        room.storage.script = [trio.Event()]
        room.say(b"1", b"2")
        await trio.testing.wait_all_tasks_blocked()
    assert room.author.screen.posted == []
    assert len(room.storage.calls) == 1
