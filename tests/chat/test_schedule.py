"""Messages that are sent at their time, once, by a clock that may be set (S004-25)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing

from chat.editing import EditingRules
from chat.limits import Limit
from chat.moderation import ModerationRules
from chat.schedule import GROUP, MOST, MachineZone
from protocol.errors import ErrorCode
from protocol.events import Error, Notice, Sent
from protocol.language import english
from protocol.limits import MAX_TEXT
from protocol.requests import GENERAL, Request, Send
from protocol.view import View, lines
from protocol.vocabulary.rooms import JoinRoom, LeaveRoom
from protocol.vocabulary.schedule import (
    Cancel,
    ListScheduled,
    Schedule,
    Scheduled,
    ScheduledInfo,
    ScheduledList,
    ScheduledRefused,
    TimeZone,
    Zone,
    ZoneChanged,
)
from storage import open_stores
from storage.errors import StorageUnavailable
from storage.records import NewScheduled
from tests.chat.fakes import Author
from tests.chat.house import House, house
from tests.storage.helpers import user

NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
"""When the tests begin, in seconds."""


class Clock:
    """The clock of a machine, which somebody sets."""

    def __init__(self) -> None:
        self.seconds = float(NOON)

    def __call__(self) -> int:
        return int(self.seconds * 1e9)


class Office(House):
    """A messenger with a clock."""

    clock: Clock

    async def keep(self, who: Author, when: str, text: str = "later", **more: object) -> int:
        """Schedule a message and return its id."""
        request = Schedule(when=when, text=text, **more)  # type: ignore[arg-type]
        answer = await self.ask(who, request)
        assert isinstance(answer, Scheduled), answer
        return answer.item.id

    async def kept(self, who: Author) -> list[ScheduledInfo]:
        """Return what somebody has scheduled."""
        answer = await self.ask(who, ListScheduled())
        assert isinstance(answer, ScheduledList)
        return answer.items

    async def work(self, seconds: float = 0) -> None:
        """Let time pass, and what is due then be sent."""
        self.clock.seconds += seconds
        while await self.messenger.schedule.send_due(self.messenger):
            pass


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A messenger on each of the databases, in which one message an hour goes to everyone."""
    rules = ModerationRules(limit=Limit(messages=3, minutes=60))
    async with house(database_url, moderation=rules) as made:
        made.__class__ = Office
        assert isinstance(made, Office)
        made.clock = Clock()
        made.messenger.schedule._now = made.clock
        made.messenger.schedule._zone = UTC
        yield made


async def test_at_the_time_and_once(office: Office) -> None:
    ann = await office.enter("Ann")
    await office.keep(ann, "+10m", "in ten minutes")
    await office.keep(ann, "12:05", "at five past")
    await office.work(4 * 60)
    assert office.texts == []
    await office.work(60)
    assert office.texts == ["at five past"]
    await office.work(5 * 60)
    await office.work(3600)
    assert office.texts == ["at five past", "in ten minutes"]
    [first, _] = office.published
    assert (first.sender_name, first.kind, first.due_at) == ("Ann", "text", None)
    assert await office.kept(ann) == []


async def test_a_clock_that_is_put_forward_or_back(office: Office) -> None:
    """Forward: what was jumped over goes out, marked. Back: nothing goes out early or twice."""
    ann = await office.enter("Ann")
    await office.keep(ann, "12:10", "one")
    await office.keep(ann, "12:30", "two")
    await office.work(3600 * 0.25)
    assert office.texts == ["one"]
    assert office.published[0].due_at == (NOON + 600) * 10**6
    await office.work(-3600)
    assert office.texts == ["one"]
    await office.work(3600)
    assert office.texts == ["one"]
    await office.work(15 * 60 + 59)
    assert office.texts == ["one", "two"]
    assert office.published[1].due_at is None  # a minute is not late


async def test_many_that_are_due_at_once_keep_their_order(office: Office) -> None:
    """In groups; also where their author may not send so many to everyone."""
    ann = await office.enter("Ann")
    await office.enter("Bob")
    for number in range(MOST):
        await office.keep(ann, "12:30", f"{number}", to="Bob")
    await office.work(3600)
    assert office.texts == [str(number) for number in range(MOST)]
    assert await office.kept(ann) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Schedule(when="nonsense", text="x"), ErrorCode.BAD_ARGUMENTS),
        (Schedule(when="+367d", text="x"), ErrorCode.BAD_ARGUMENTS),
        (Schedule(when="2026-06-01 11:59", text="x"), ErrorCode.BAD_ARGUMENTS),
        (Schedule(when="+1h", text=" "), ErrorCode.EMPTY_MESSAGE),
        (Schedule(when="+1h", text="x" * (MAX_TEXT + 1)), ErrorCode.TEXT_TOO_LONG),
        (Schedule(when="+1h", text="x", to="Nobody"), ErrorCode.UNKNOWN_USER),
        (Schedule(when="+1h", text="x", room="none"), ErrorCode.UNKNOWN_ROOM),
        (Schedule(when="+1h", text="x", conversation=99), ErrorCode.UNKNOWN_CONVERSATION),
        (Cancel(id=99), ErrorCode.UNKNOWN_MESSAGE),
        (TimeZone(name="Nowhere"), ErrorCode.BAD_ARGUMENTS),
        (TimeZone(name="../../etc/passwd"), ErrorCode.BAD_ARGUMENTS),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_cannot_be_done(office: Office, request_: Request, code: ErrorCode) -> None:
    ann = await office.enter("Ann")
    assert await office.refusal(ann, request_) == code
    assert await office.kept(ann) == []


async def test_so_many_and_no_more(office: Office) -> None:
    ann, bob = await office.enter("Ann"), await office.enter("Bob")
    for _ in range(MOST):
        await office.keep(ann, "+1d")
    assert await office.refusal(ann, Schedule(when="+1d", text="x")) == ErrorCode.LIMIT_REACHED
    await office.keep(bob, "+366d")


async def test_a_request_sent_again_is_the_same(office: Office) -> None:
    """Also where another user uses the same uuid."""
    ann, bob = await office.enter("Ann"), await office.enter("Bob")
    uuid = uuid4()
    one = await office.keep(ann, "+1h", uuid=uuid)
    assert await office.keep(ann, "+1h", uuid=uuid) == one
    assert await office.keep(bob, "+1h", uuid=uuid) != one
    await office.work(3600)
    assert office.texts == ["later", "later"]


async def test_cancelled(office: Office) -> None:
    """By its author only, and not once it is on its way."""
    ann, bob = await office.enter("Ann"), await office.enter("Bob")
    one, two = await office.keep(ann, "+1h", "one"), await office.keep(ann, "+2h", "two")
    assert await office.refusal(bob, Cancel(id=one)) == ErrorCode.UNKNOWN_MESSAGE
    assert isinstance(await office.ask(ann, Cancel(id=one)), Notice)
    assert [item.text for item in await office.kept(ann)] == ["two"]
    await office.work(3600)
    assert office.texts == []
    office.clock.seconds += 3600
    begun, held = trio.Event(), trio.Event()
    save = office.stores.messages.SaveMsg

    async def slow(messages: object) -> object:
        begun.set()
        await held.wait()
        return await save(messages)  # type: ignore[arg-type]

    office.stores.messages.SaveMsg = slow  # type: ignore[method-assign, assignment]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.messenger.schedule.send_due, office.messenger)
        await begun.wait()
        assert await office.refusal(ann, Cancel(id=two)) == ErrorCode.TOO_LATE
        held.set()
    assert office.texts == ["two"]
    assert await office.refusal(ann, Cancel(id=two)) == ErrorCode.UNKNOWN_MESSAGE


async def test_a_crash_between_two_steps_sends_nothing_twice(office: Office) -> None:
    """It is stored, and not yet forgotten here: the next start finds it due again."""
    ann = await office.enter("Ann")
    await office.keep(ann, "+1h")

    async def fail(_ids: object) -> None:
        raise StorageUnavailable("the power went off")

    remove = office.stores.schedule.remove
    office.stores.schedule.remove = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(StorageUnavailable):
        await office.work(3600)
    office.stores.schedule.remove = remove  # type: ignore[method-assign]
    assert len(await office.kept(ann)) == 1
    await office.work()
    assert len(await office.stores.messages.GetAll(GENERAL)) == 1
    assert await office.kept(ann) == []


async def test_while_the_database_is_away_it_waits(office: Office) -> None:
    ann = await office.enter("Ann")
    await office.keep(ann, "+1h")
    due = office.stores.schedule.due

    async def away(_now: int, _limit: int) -> object:
        raise StorageUnavailable("away")

    office.stores.schedule.due = away  # type: ignore[method-assign, assignment]
    with pytest.raises(StorageUnavailable):
        await office.work(3600)
    office.stores.schedule.due = due  # type: ignore[method-assign]
    await office.work(5)
    assert office.texts == ["later"]


async def test_a_journal_that_takes_nothing_is_asked_again(office: Office) -> None:
    """A server on its way down says nothing about the message: the next one sends it."""
    ann = await office.enter("Ann")
    await office.keep(ann, "+1h")
    office.messenger.journal._closing = True
    await office.work(3600)
    [item] = await office.kept(ann)
    assert item.failure is None
    office.messenger.journal._closing = False
    await office.work()
    assert office.texts == ["later"]


async def _leave_the_room(office: Office, ann: Author, room: int) -> None:
    await office.ask(ann, LeaveRoom(conversation=room))


async def _be_blocked(office: Office, ann: Author, room: int) -> None:
    boss = await office.enter("Boss")
    await office.messenger.complaints.block(boss, ann.who, 4, "spam")


@pytest.mark.parametrize(
    ("happens", "code", "reason"),
    [
        (_leave_the_room, ErrorCode.UNKNOWN_CONVERSATION, "no longer in that conversation"),
        (_be_blocked, ErrorCode.BLOCKED, "blocked at that time"),
    ],
)
async def test_who_may_no_longer_send_is_told(
    office: Office,
    happens: Callable[[Office, Author, int], Awaitable[None]],
    code: ErrorCode,
    reason: str,
) -> None:
    """At once, and in the list until it is cancelled; it is not tried again."""
    ann = await office.enter("Ann")
    await office.ask(ann, JoinRoom(name="dev"))
    [room] = [number for number in ann.screen.followed if number != GENERAL]
    number = await office.keep(ann, "+1h", room="dev")
    await happens(office, ann, room)
    await office.work(3600)
    await office.work(3600)
    assert "later" not in office.texts
    [news] = [event for event in ann.screen.posted if isinstance(event, ScheduledRefused)]
    [item] = await office.kept(ann)
    assert news.item == item
    assert item.failure == code
    for event in (news, ScheduledList(items=[item])):
        assert reason in " ".join(lines(event, View(english())))
    assert isinstance(await office.ask(ann, Cancel(id=number)), Notice)
    assert await office.kept(ann) == []


async def test_the_limit_of_the_general_chat_holds(office: Office) -> None:
    """S004-23: whether one writes now or has written before."""
    ann = await office.enter("Ann")
    await office.keep(ann, "+1h")
    for _ in range(3):
        assert isinstance(await office.ask(ann, Send(text="now")), Sent)
    await office.work(3600)
    [item] = await office.kept(ann)
    assert item.failure == ErrorCode.LIMIT_REACHED


async def test_nobody_hears_of_it_before_its_time(office: Office) -> None:
    """A direct conversation begins with its first message, not when that is scheduled."""
    ann, bob = await office.enter("Ann"), await office.enter("Bob")
    await office.keep(ann, "+1h", "surprise", to="Bob")
    [item] = await office.kept(ann)
    assert (item.kind, item.name, item.text) == ("direct", "Bob", "surprise")
    assert bob.screen.posted == []
    await office.work(3600)
    assert office.published[0].conversation_id != GENERAL
    assert set(bob.screen.followed) == set(ann.screen.followed) == {1, item.conversation}


async def test_a_users_own_time_zone(office: Office) -> None:
    """18:30 in Moscow is 15:30 here; on all devices, at once and after a login (S004-28)."""
    ann, phone = await office.enter("Ann"), await office.enter("Ann")
    answer = await office.ask(ann, TimeZone(name="Europe/Moscow"))
    assert isinstance(answer, Zone)
    assert answer.name == "Europe/Moscow"
    assert phone.screen.posted == [ZoneChanged(name="Europe/Moscow")]
    await office.keep(phone, "18:30")
    [item] = await office.kept(ann)
    assert item.due == (NOON + int(3.5 * 3600)) * 10**6
    later = await office.enter("Ann")
    assert later.zone == ZoneInfo("Europe/Moscow")
    asked = await office.ask(later, TimeZone())
    assert isinstance(asked, Zone)
    assert asked.name == "Europe/Moscow"


async def test_summer_time(office: Office) -> None:
    """18:30 is 18:30 before and after the clocks are changed."""
    ann = await office.enter("Ann")
    await office.ask(ann, TimeZone(name="Europe/Berlin"))
    for day in ("2026-10-24", "2026-10-25"):
        await office.keep(ann, f"{day} 18:30")
    summer, winter = [item.due for item in await office.kept(ann)]
    assert winter - summer == 25 * 3600 * 10**6


def test_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that only the C library understands is read with its summer time."""
    import time

    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        berlin = ZoneInfo("Europe/Berlin")
        for month in (1, 6):
            local = datetime(2026, month, 1, 12, tzinfo=MachineZone())
            assert local.astimezone(UTC) == datetime(2026, month, 1, 12, tzinfo=berlin)
            assert local.utcoffset() == local.astimezone(berlin).utcoffset()
            back = local.astimezone(UTC).astimezone(MachineZone())
            assert back.replace(tzinfo=None) == local.replace(tzinfo=None)
        assert datetime(2026, 1, 1, tzinfo=MachineZone()).tzname() == "CET"
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_message_that_the_database_chokes_on(office: Office) -> None:
    """It takes no other with it, and is not tried for ever."""
    ann = await office.enter("Ann")
    await office.keep(ann, "+1h", "poison")
    await office.keep(ann, "+1h", "good")
    save = office.stores.messages.SaveMsg

    async def choke(messages: list[object]) -> object:
        if any(one.body == b"poison" for one in messages):  # type: ignore[attr-defined]
            raise ValueError("the database chokes on this row")
        return await save(messages)  # type: ignore[arg-type]

    office.stores.messages.SaveMsg = choke  # type: ignore[method-assign, assignment]
    await office.work(3600)
    assert office.texts == ["good"]
    [item] = await office.kept(ann)
    assert item.failure == ErrorCode.INTERNAL
    assert not isinstance(await office.ask(ann, ListScheduled()), Error)


async def test_who_is_blocked_is_told_at_once(office: Office) -> None:
    """S002-16: in the words of the block, and nothing is kept for later."""
    ann = await office.enter("Ann")
    await _be_blocked(office, ann, GENERAL)
    said = await office.ask(ann, Send(text="now"))
    answer = await office.ask(ann, Schedule(when="+1h", text="later", to="Boss"))
    assert isinstance(said, Error)
    assert isinstance(answer, Error)
    assert (answer.code, answer.message) == (ErrorCode.BLOCKED, said.message)
    assert await office.kept(ann) == []


async def test_what_was_due_while_no_server_ran_comes_first(database_url: str) -> None:
    """S004-25: it is sent before the port is opened, so nobody's new message precedes it."""
    async with open_stores(database_url) as stores:
        before = House(stores, ModerationRules(), EditingRules())
        ann = await user(stores, "Ann")
        for number in range(GROUP + 3):
            kept = NewScheduled(ann.id, GENERAL, f"{number}".encode(), number + 1, 0, uuid4().bytes)
            assert await stores.schedule.add(kept, most=MOST) is not None
        with trio.fail_after(60):
            await before.messenger.prepare()
        assert before.texts == [str(number) for number in range(GROUP + 3)]
        assert all(message.due_at is not None for message in before.published)
        again = House(stores, ModerationRules(), EditingRules())
        await again.messenger.prepare()
        assert again.texts == []


async def test_a_start_does_not_wait_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S003-8: a database that takes nothing at this moment gets it later, once."""
    monkeypatch.setattr("chat.schedule.AT_START", 0.2)
    async with open_stores(sqlite_url) as stores, trio.open_nursery() as nursery:
        made = House(stores, ModerationRules(), EditingRules())
        ann = await user(stores, "Ann")
        kept = NewScheduled(ann.id, GENERAL, b"late", 1, 0, uuid4().bytes)
        await stores.schedule.add(kept, most=MOST)

        async def away(*_: object) -> object:
            await trio.lowlevel.checkpoint()
            raise StorageUnavailable("it is away")

        with monkeypatch.context() as patch:
            patch.setattr(stores.messages, "SaveMsg", away)
            await made.messenger.prepare()
        assert made.texts == []
        nursery.start_soon(made.messenger.journal.run)
        while await made.messenger.schedule.send_due(made.messenger):
            pass
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert {one.id for one in made.published} == {1}
        assert await stores.schedule.of_user(ann.id) == []
        nursery.cancel_scope.cancel()
