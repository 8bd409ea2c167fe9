"""Passwords and devices that change while somebody comes in by them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
import trio
from argon2.profiles import CHEAPEST
from trio.testing import wait_all_tasks_blocked

from chat import identity as module
from chat import revocations
from chat.dispatch import dispatch
from chat.passwords import Passwords
from chat.revocations import Revocations
from protocol.events import Error, Event, Goodbye, LoggedIn, Notice
from protocol.requests import Login
from protocol.vocabulary.identity import (
    ChangePassword,
    EndSession,
    ListSessions,
    Register,
    Registered,
    SessionList,
)
from protocol.vocabulary.schedule import ListScheduled, Schedule, ScheduledList
from storage.errors import StorageUnavailable
from tests.chat.fakes import Author
from tests.chat.house import House, house

OLD, NEW = "correct-horse", "battery-staple"


@asynccontextmanager
async def cheap_house(url: str) -> AsyncIterator[House]:
    """A house in which passwords cost nothing."""
    async with house(url) as here:
        here.messenger.identity._passwords = Passwords(CHEAPEST)
        yield here


async def register(here: House, who: Author) -> str:
    """Make an account of a guest; return the token of its device."""
    answer = await dispatch(
        here.messenger, who, Register(password=OLD, remember=True, device="laptop")
    )
    assert isinstance(answer, Registered), answer
    assert answer.token is not None
    return answer.token


class Gate:
    """Lets a call wait, after it has been done or before."""

    def __init__(self, *, after: bool) -> None:
        self._after = after
        self.reached, self.open = trio.Event(), trio.Event()

    def around(self, f: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return what does the same, but for the wait of its first call."""

        async def slowly(*arguments: Any, **named: Any) -> Any:
            first = not self.reached.is_set()
            self.reached.set()
            if first and not self._after:
                await self.open.wait()
            result = await f(*arguments, **named)
            if first and self._after:
                await self.open.wait()
            return result

        return slowly


async def _log_in_meanwhile(
    here: House, gate: Gate, login: Login, meanwhile: Callable[[], Awaitable[object]]
) -> tuple[Author, Event]:
    """Return who logs in while something else happens, and the answer."""
    late = Author()
    answers: list[Any] = []

    async def log_in() -> None:
        answers.append(await dispatch(here.messenger, late, login))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(log_in)
        await gate.reached.wait()
        await meanwhile()
        gate.open.set()
    return late, answers[0]


@pytest.mark.parametrize("place", ["hash", "device", "memberships"])
@pytest.mark.parametrize("remember", [True, False])
async def test_the_old_password_opens_nothing_once_it_is_changed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, place: str, remember: bool
) -> None:
    """Wherever a login by it was at that moment; and it leaves no device behind."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        await register(here, ann)
        owner, name = {
            "hash": (here.stores.identity, "password_hash"),
            "device": (here.stores.identity, "add_device" if remember else "password_hash"),
            "memberships": (here.messenger.conversations, "of"),
        }[place]
        gate = Gate(after=place == "hash")
        monkeypatch.setattr(owner, name, gate.around(getattr(owner, name)))

        async def change() -> None:
            answer = await dispatch(here.messenger, ann, ChangePassword(old=OLD, new=NEW))
            assert isinstance(answer, Notice), answer

        login = Login(name="Ann", password=OLD, remember=remember)
        late, answer = await _log_in_meanwhile(here, gate, login, change)
        assert isinstance(answer, Error), answer
        assert answer.code == "bad_credentials"
        assert late.user is None
        devices = await here.stores.identity.devices_of(ann.who.id)
        assert [device.id for device in devices] == [ann.device_id]
        assert len(here.messenger.identity.devices._known) == 1


@pytest.mark.parametrize("by_removal", [True, False])
@pytest.mark.parametrize("place", ["token", "memberships"])
async def test_a_token_opens_nothing_once_it_is_none(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, place: str, by_removal: bool
) -> None:
    """Nor does it while the database is away: it is not known any more."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        token = await register(here, ann)
        laptop = ann.device_id
        desk = Author()
        answer = await dispatch(here.messenger, desk, Login(name="Ann", password=OLD))
        assert isinstance(answer, LoggedIn)
        gate = Gate(after=True)
        if place == "token":
            slow = gate.around(here.stores.identity.devices_by_token)
            monkeypatch.setattr(here.stores.identity, "devices_by_token", slow)
        else:
            of = gate.around(here.messenger.conversations.of)
            monkeypatch.setattr(here.messenger.conversations, "of", of)

        async def revoke() -> None:
            request = (
                EndSession(session=f"d{laptop}") if by_removal else ChangePassword(old=OLD, new=NEW)
            )
            assert isinstance(await dispatch(here.messenger, desk, request), Notice)

        login = Login(name="Ann", token=token)
        late, answer = await _log_in_meanwhile(here, gate, login, revoke)
        assert isinstance(answer, Error), answer
        assert answer.code == "session_ended"
        assert late.user is None
        assert not here.messenger.identity.devices._known


async def test_a_change_that_is_in_doubt_lets_nobody_in_by_the_old_password(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database went away in the middle of it; the device that was just added is deleted."""

    async def in_doubt(*_: object) -> NoReturn:
        raise StorageUnavailable("away")

    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        await register(here, ann)
        gate = Gate(after=True)
        of = gate.around(here.messenger.conversations.of)
        monkeypatch.setattr(here.messenger.conversations, "of", of)
        monkeypatch.setattr(here.stores.identity, "set_password", in_doubt)

        async def change() -> None:
            assert len(await here.stores.identity.devices_of(ann.who.id)) == 2
            await dispatch(here.messenger, ann, ChangePassword(old=OLD, new=NEW))

        login = Login(name="Ann", password=OLD, remember=True)
        late, answer = await _log_in_meanwhile(here, gate, login, change)
        assert isinstance(answer, Error), answer
        assert answer.code == "bad_credentials"
        assert late.user is None
        assert len(await here.stores.identity.devices_of(ann.who.id)) == 1


async def test_the_device_that_changes_the_password_stays(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it comes back over another connection just then."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        token = await register(here, ann)
        gate = Gate(after=True)
        of = gate.around(here.messenger.conversations.of)
        monkeypatch.setattr(here.messenger.conversations, "of", of)

        async def change() -> None:
            await dispatch(here.messenger, ann, ChangePassword(old=OLD, new=NEW))

        _, answer = await _log_in_meanwhile(here, gate, Login(name="Ann", token=token), change)
        assert isinstance(answer, LoggedIn), answer


async def test_of_two_changes_at_once_one_holds(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows the old password cannot undo the change that shuts them out."""
    async with cheap_house(sqlite_url) as here:
        ann, thief = await here.enter("Ann"), Author()
        await register(here, ann)
        await dispatch(here.messenger, thief, Login(name="Ann", password=OLD))
        gate = Gate(after=False)
        slow = gate.around(here.stores.identity.set_password)
        monkeypatch.setattr(here.stores.identity, "set_password", slow)
        answers: list[Any] = []

        async def steal() -> None:
            change = ChangePassword(old=OLD, new="stolen-stolen")
            answers.append(await dispatch(here.messenger, thief, change))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(steal)
            await gate.reached.wait()
            answer = await dispatch(here.messenger, ann, ChangePassword(old=OLD, new=NEW))
            assert isinstance(answer, Notice)
            gate.open.set()
        assert isinstance(answers[0], Error)
        assert any(isinstance(event, Goodbye) for event in thief.screen.posted)
        again = await dispatch(here.messenger, Author(), Login(name="Ann", password=NEW))
        assert isinstance(again, LoggedIn)


async def test_who_came_in_while_a_device_was_removed_goes_too(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S000-4: the sessions that are ended are those that there are then."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        token = await register(here, ann)
        laptop, desk, late = ann.device_id, Author(), Author()
        here.messenger.leave(ann)
        await dispatch(here.messenger, desk, Login(name="Ann", password=OLD))
        remove = here.stores.identity.remove_device

        async def slowly(*arguments: Any) -> bool:
            answer = await dispatch(here.messenger, late, Login(name="Ann", token=token))
            assert isinstance(answer, LoggedIn)
            return await remove(*arguments)

        monkeypatch.setattr(here.stores.identity, "remove_device", slowly)
        await dispatch(here.messenger, desk, EndSession(session=f"d{laptop}"))
        assert any(isinstance(event, Goodbye) for event in late.screen.posted)


async def test_a_strangers_device_stays_known(sqlite_url: str) -> None:
    """Who tries to end another's session finds none, and takes nothing from anybody."""
    async with cheap_house(sqlite_url) as here:
        ann, eve = await here.enter("Ann"), await here.enter("Eve")
        await register(here, ann)
        await register(here, eve)
        known = here.messenger.identity.devices._known
        assert await here.refusal(eve, EndSession(session=f"d{ann.device_id}")) == "bad_arguments"
        assert here.messenger.identity.devices._known is known
        assert len(known) == 2


async def test_a_registration_without_a_token_is_one(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database goes away in between: the others of that name have gone, too."""

    async def away(*_: object) -> NoReturn:
        raise StorageUnavailable("away")

    async with cheap_house(sqlite_url) as here:
        ann, other = await here.enter("Ann"), await here.enter("Ann")
        monkeypatch.setattr(here.stores.identity, "add_device", away)
        answer = await dispatch(here.messenger, ann, Register(password=OLD, remember=True))
        assert isinstance(answer, Registered), answer
        assert answer.token is None
        assert ann.registered
        assert any(isinstance(event, Goodbye) for event in other.screen.posted)


async def test_only_what_can_be_registered_is_hashed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal costs nothing, however often somebody asks for it."""
    async with cheap_house(sqlite_url) as here:
        ann, other, alike = [await here.enter(name) for name in ("Ann", "Ann", "Olaf")]
        hashed: list[str] = []
        make = here.messenger.identity._passwords.hash

        async def counted(password: str) -> str:
            hashed.append(password)
            return await make(password)

        monkeypatch.setattr(here.messenger.identity._passwords, "hash", counted)
        await register(here, ann)
        for who in (ann, other):
            for _ in range(20):
                assert await here.refusal(who, Register(password=NEW)) == "name_taken"
        assert hashed == [OLD]
        kinds: set[type[Any]] = set()
        async with trio.open_nursery() as nursery:

            async def one(who: Author) -> None:
                kinds.add(type(await dispatch(here.messenger, who, Register(password=OLD))))

            for _ in range(20):
                nursery.start_soon(one, alike)
        assert {kind.__name__ for kind in kinds} == {"Registered", "Error"}
        assert len(hashed) <= 4


async def test_registrations_from_one_address_are_counted(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs as much as a login; some are free, then there are waits (S004-34)."""
    monkeypatch.setattr(module, "FREE_REGISTRATIONS", 2)
    async with cheap_house(sqlite_url) as here:
        people = [await here.enter(name) for name in ("Ann", "Ben", "Cid", "Dan", "Eve", "Fay")]
        for who in people[:2]:
            await register(here, who)
        for entry in here.messenger.identity._registrations._entries.values():
            entry.ready_at += 100  # as after more of them
        codes = [await here.refusal(who, Register(password=OLD)) for who in people[2:]]
        assert codes == ["too_many_attempts"] * 4


async def test_logins_go_before_registrations() -> None:
    """However many register: who compares a password is behind one of them at most."""
    passwords = Passwords(CHEAPEST)
    stored = await passwords.hash(OLD)
    done: list[str] = []

    async def register_one() -> None:
        await passwords.hash(OLD)
        done.append("registered")

    async def log_in() -> None:
        assert await passwords.verify(stored, OLD)
        done.append("logged in")

    async with trio.open_nursery() as nursery, passwords._turn:
        for _ in range(20):
            nursery.start_soon(register_one)
        await wait_all_tasks_blocked()
        for _ in range(3):
            nursery.start_soon(log_in)
        await wait_all_tasks_blocked()
    assert done[:4] == ["registered", *["logged in"] * 3]


async def test_a_name_like_an_accounts_is_not_registered(sqlite_url: str) -> None:
    """Guests of long ago may be alike, accounts never."""
    async with cheap_house(sqlite_url) as here:
        accounts = here.stores.accounts
        ensure = accounts.ensure

        async def as_if_long_ago(visitors: Any, now: int, since: int = 0) -> Any:
            return await ensure(visitors, now, now + since)

        accounts.ensure = as_if_long_ago  # type: ignore[method-assign]
        bob, other = await here.enter("Bob"), await here.enter("B0b")
        await register(here, bob)
        answer = await dispatch(here.messenger, other, Register(password=OLD))
        assert isinstance(answer, Error)
        assert answer.message == (
            "B0b looks too much like Bob, which is taken. Choose another name."
        )
        answer = await dispatch(here.messenger, Author(), Login(name="B0b"))
        assert isinstance(answer, Error)
        assert answer.code == "name_taken"


async def test_a_crowd_with_tokens_shares_transactions(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart: reads in groups, and where devices were seen is written later."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        token = await register(here, ann)
        calls: list[str] = []
        for store, name in (
            (here.stores.identity, "devices_by_token"),
            (here.stores.identity, "touch_devices"),
            (here.stores.accounts, "find_all"),
        ):
            monkeypatch.setattr(store, name, _counted(name, getattr(store, name), calls))
        crowd = [Author() for _ in range(60)]
        async with trio.open_nursery() as nursery:
            for one in crowd:
                nursery.start_soon(dispatch, here.messenger, one, Login(name="Ann", token=token))
        assert all(one.registered for one in crowd)
        assert len(calls) < 12
        await here.messenger.write()
        assert calls.count("touch_devices") == 1
        shown = await dispatch(here.messenger, ann, ListSessions())
        assert isinstance(shown, SessionList)
        [device] = await here.stores.identity.devices_of(ann.who.id)
        assert device.address == crowd[0].ip


def _counted(
    name: str, f: Callable[..., Awaitable[Any]], calls: list[str]
) -> Callable[..., Awaitable[Any]]:
    async def counted(*arguments: Any) -> Any:
        calls.append(name)
        return await f(*arguments)

    return counted


async def test_what_is_seen_while_the_database_is_away_is_kept(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written when it is back, what is newer with it."""

    async def away(*_: object) -> NoReturn:
        raise StorageUnavailable("away")

    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        await register(here, ann)
        devices = here.messenger.identity.devices
        [device] = await devices.of(ann.who)
        devices.saw(device, "192.0.2.9")
        with monkeypatch.context() as patched:
            patched.setattr(here.stores.identity, "touch_devices", away)
            await devices.write()
        assert (await devices.of(ann.who))[0].address == "192.0.2.9"
        await devices.write()
        [stored] = await here.stores.identity.devices_of(ann.who.id)
        assert stored.address == "192.0.2.9"


async def test_what_a_guest_scheduled_is_shown_as_not_sent(sqlite_url: str) -> None:
    """S004-25: whoever wrote it had no password."""
    async with cheap_house(sqlite_url) as here:
        ann = await here.enter("Ann")
        await here.ask(ann, Schedule(when="+1h", text="from a guest"))
        await register(here, ann)
        shown = await here.ask(ann, ListScheduled())
        assert isinstance(shown, ScheduledList)
        assert [item.failure for item in shown.items] == ["needs_account"]


def test_revocations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forgotten is taken to be revoked by who began before it was."""
    monkeypatch.setattr(revocations, "MOST", 3)
    taken = Revocations()
    assert not taken.since(taken.now, 1, None)
    begun = taken.now
    taken.user(1, but=7)
    assert taken.since(begun, 1, None)
    assert taken.since(begun, 1, 8)
    assert not taken.since(begun, 1, 7)
    assert not taken.since(begun, 2, 8)
    assert not taken.since(taken.now, 1, None)
    taken.device(7)
    assert taken.since(begun, 1, 7)
    assert not taken.since(begun, 2, None)
    for number in range(10, 20):
        taken.device(number)
    assert len(taken._last) == 3
    assert taken.since(begun, 1, None)
    assert not taken.since(taken.now, 1, 7)
