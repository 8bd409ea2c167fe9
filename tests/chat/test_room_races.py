"""Rooms where an answer is lost, somebody goes in the middle, or is no longer what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import trio
import trio.testing

from chat import admission, public_rooms
from chat.dispatch import dispatch
from chat.sync import snapshot
from protocol.errors import ErrorCode
from protocol.events import ConversationLeft, Error, Event, LoggedIn, Opened
from protocol.requests import GENERAL, Login, Request
from protocol.vocabulary.admission import (
    AcceptInvitation,
    Approve,
    AskAdmission,
    Deny,
    Invite,
    Invited,
    LinkMade,
    ListLinks,
    MakeLink,
    RevokeLink,
)
from protocol.vocabulary.rooms import (
    JoinRoom,
    Kick,
    LeaveRoom,
    ListRooms,
    RoomList,
    SetRole,
    SetTopic,
)
from storage.errors import StorageUnavailable
from tests.chat.fakes import Author
from tests.chat.house import PATIENCE, House, house

ROOM = 2  # the first conversation behind the general chat
StoreCall = Callable[..., Awaitable[object]]


@pytest.fixture
async def home(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger on SQLite."""
    async with house(sqlite_url) as made, trio.open_nursery() as nursery:
        nursery.start_soon(made.messenger.admission.run)
        yield made
        nursery.cancel_scope.cancel()


async def _account(home: House, name: str) -> Author:
    """Log somebody in whose name has a password."""
    who = await home.enter(name)
    await home.stores.identity.register(who.who.id, "a hash", 1)
    who.registered = True
    return who


async def _join(home: House, who: Author, name: str = "dev", *, private: bool = False) -> int:
    opened = await home.ask(who, JoinRoom(name=name, private=private))
    assert isinstance(opened, Opened), opened
    return opened.conversation.id


def _lose_answer(home: House, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the next call be done, but not answered."""
    call: StoreCall = getattr(home.stores.rooms, name)

    async def lost(*arguments: object) -> object:
        await call(*arguments)
        monkeypatch.setattr(home.stores.rooms, name, call)
        raise StorageUnavailable("the connection broke behind the commit")

    monkeypatch.setattr(home.stores.rooms, name, lost)


def _left(who: Author) -> list[str]:
    return [one.message for one in who.screen.posted if isinstance(one, ConversationLeft)]


# ---- what is done, though nobody is told so


async def test_who_was_put_out_is_out_however_it_was_answered(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S004-28: it reads and writes there until somebody tries again, and no longer."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    for who in (ann, bob):
        await _join(home, who)
    _lose_answer(home, monkeypatch, "leave")
    kick = Kick(conversation=ROOM, user="Bob")
    assert await home.refusal(ann, kick) == ErrorCode.STORAGE_UNAVAILABLE
    assert await home.refusal(ann, kick) == ErrorCode.UNKNOWN_USER
    assert ROOM not in bob.screen.followed
    assert _left(bob) == ["You are no longer in the room dev."]


async def test_who_has_left_is_out_however_it_was_answered(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On all devices; the general chat is none that one could be out of."""
    phone, laptop = await home.enter("Ann"), await home.enter("Ann")
    await _join(home, phone)
    _lose_answer(home, monkeypatch, "leave")
    leave = LeaveRoom(conversation=ROOM)
    assert await home.refusal(phone, leave) == ErrorCode.STORAGE_UNAVAILABLE
    assert await home.refusal(phone, leave) == ErrorCode.UNKNOWN_ROOM
    for device in (phone, laptop):
        assert list(device.screen.followed) == [GENERAL]
    assert await home.refusal(phone, LeaveRoom()) == ErrorCode.UNKNOWN_ROOM
    assert GENERAL in phone.screen.followed


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("leave", Kick(conversation=ROOM, user="Bob")),
        ("set_role", SetRole(conversation=ROOM, user="Bob", role="owner")),
        ("set_topic", SetTopic(conversation=ROOM, topic="tea")),
        ("enter", JoinRoom(name="other")),
        ("leave", LeaveRoom(conversation=ROOM)),
    ],
)
async def test_who_goes_in_the_middle_has_done_it(
    home: House, monkeypatch: pytest.MonkeyPatch, name: str, request_: Request
) -> None:
    """The connection ends while the database works; all others hear of what it has done."""
    ann, bob, also = [await home.enter(who) for who in ("Ann", "Bob", "Ann")]
    for who in (ann, bob):
        await _join(home, who)
    call: StoreCall = getattr(home.stores.rooms, name)
    stored, answer = trio.Event(), trio.Event()

    async def slow(*arguments: object) -> object:
        done = await call(*arguments)
        stored.set()
        await answer.wait()
        return done

    monkeypatch.setattr(home.stores.rooms, name, slow)
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def ask() -> None:
            with scope:
                await dispatch(home.messenger, ann, request_)

        nursery.start_soon(ask)
        await stored.wait()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked(0.01)
        answer.set()
    known = {
        one.conversation.id: one for one in home.messenger._known.memberships(bob.who.id) or ()
    }
    match request_:
        case Kick():
            assert ROOM not in bob.screen.followed
        case SetRole():
            assert known[ROOM].role == "owner"
        case SetTopic():
            assert known[ROOM].conversation.topic == "tea"
        case JoinRoom():
            assert ROOM + 1 in also.screen.followed
        case _:
            assert ROOM not in also.screen.followed


# ---- what one was when one began


async def _while_it_waits(
    home: House, who: Author, request: Request, change: Callable[[], Awaitable[object]]
) -> Event | None:
    """Change the room in the database while a request waits for its turn; return the answer."""
    rooms = home.messenger.rooms
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await dispatch(home.messenger, who, request))

    async with trio.open_nursery() as nursery, rooms.changing(ROOM):
        nursery.start_soon(ask)
        with trio.fail_after(PATIENCE):
            while not rooms._changing[ROOM].statistics().tasks_waiting:  # noqa: ASYNC110
                await trio.sleep(0.001)
        await change()
    [answer] = answers
    assert isinstance(answer, Event)
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        Kick(conversation=ROOM, user="Eve"),
        SetRole(conversation=ROOM, user="Eve", role="owner"),
        SetTopic(conversation=ROOM, topic="mine"),
        Invite(conversation=ROOM, user="Dan"),
        MakeLink(conversation=ROOM),
        RevokeLink(conversation=ROOM, link=1),
        Approve(conversation=ROOM, user="Dan"),
        Deny(conversation=ROOM, user="Dan"),
    ],
)
@pytest.mark.parametrize("out", [True, False])
async def test_who_is_no_longer_an_owner_does_nothing(
    home: House, request_: Request, out: bool
) -> None:
    """S002-9, S004-29: not with what it was when it asked; one who is out learns nothing."""
    ann, bob, eve, dan = [await _account(home, name) for name in ("Ann", "Bob", "Eve", "Dan")]
    await _join(home, ann, private=True)
    for who in (bob, eve):
        await home.ask(ann, Invite(conversation=ROOM, user=who.who.name))
        await home.ask(who, AcceptInvitation(room="dev"))
    await home.ask(ann, SetRole(conversation=ROOM, user="Bob", role="owner"))
    made = await home.ask(ann, MakeLink(conversation=ROOM))
    assert isinstance(made, LinkMade)
    await home.ask(dan, AskAdmission(code=made.code))

    async def change() -> None:
        if out:
            await home.stores.rooms.leave(ROOM, bob.who.id, 1)
        else:
            await home.stores.rooms.set_role(ROOM, bob.who.id, "member")

    answer = await _while_it_waits(home, bob, request_, change)
    assert isinstance(answer, Error), answer
    assert answer.code == (ErrorCode.UNKNOWN_ROOM if out else ErrorCode.NOT_ALLOWED)
    assert (ROOM in bob.screen.followed) is not out
    assert ROOM in eve.screen.followed
    assert ROOM not in dan.screen.followed
    store = home.stores.rooms
    [seat] = await store.seats(eve.who.id, ROOM)
    assert (seat.role, seat.conversation.topic) == ("member", "")
    assert not await store.invitations([dan.who.id])
    assert [one.name for one in await store.requests(ROOM)] == ["Dan"]
    listed = await home.ask(ann, ListLinks(conversation=ROOM))
    assert len(listed.links) == 1  # type: ignore[attr-defined]


async def test_nobody_is_invited_into_what_the_last_one_has_left(home: House) -> None:
    """S004-29: a private room that nobody is in stays shut."""
    ann, bob = await _account(home, "Ann"), await _account(home, "Bob")
    await _join(home, ann, private=True)
    answer = await _while_it_waits(
        home, ann, Invite(conversation=ROOM, user="Bob"),
        lambda: home.stores.rooms.leave(ROOM, ann.who.id, 1),
    )  # fmt: skip
    assert isinstance(answer, Error)
    assert await home.refusal(bob, AcceptInvitation(room=str(ROOM))) == ErrorCode.UNKNOWN_ROOM


async def test_one_user_gives_another_a_few_invitations(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so takes nobody all it can have."""
    monkeypatch.setattr(admission, "MAX_BY_ONE", 1)
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    first, second = [await _join(home, ann, name) for name in ("first", "second")]
    await home.ask(ann, Invite(conversation=first, user="Bob"))
    answer = await home.ask(ann, Invite(conversation=second, user="Bob"))
    assert isinstance(answer, Error)
    assert answer.message == (
        "Bob has 1 invitations of yours that are not answered; wait for one."
    )  # fmt: skip
    assert len([one for one in bob.screen.posted if isinstance(one, Invited)]) == 1


# ---- looks, lists and greetings


@pytest.mark.parametrize("role", [True, False])
async def test_nobody_looks_again_for_a_topic_or_a_role(home: House, role: bool) -> None:
    """What changed while somebody came is put over what was read."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    for who in (ann, bob):
        await _join(home, who)
    store = home.stores.conversations
    memberships = store.memberships
    looks: list[Sequence[int]] = []

    async def slow(users: Sequence[int]) -> object:
        looks.append(users)
        found = await memberships(users)
        if role:
            await home.ask(ann, SetRole(conversation=ROOM, user="Bob", role="moderator"))
        else:
            await home.ask(ann, SetTopic(conversation=ROOM, topic=f"topic {len(looks)}"))
        return found

    store.memberships = slow  # type: ignore[method-assign, assignment]
    again = Author()
    logged_in = await dispatch(home.messenger, again, Login(name="Bob"))
    assert isinstance(logged_in, LoggedIn)
    room = logged_in.conversations[-1]
    assert (room.role, room.topic) == (("moderator", "") if role else ("member", "topic 1"))
    assert len(looks) == 1


async def _rooms(home: House, who: Author) -> list[tuple[str, int]]:
    listed = await home.ask(who, ListRooms())
    assert isinstance(listed, RoomList)
    return [(room.name, room.members) for room in listed.rooms]


async def test_where_there_are_many_rooms_one_list_is_for_all(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S002-10: one's own rooms are in it at once, and those of others some seconds later."""
    monkeypatch.setattr(public_rooms, "MOST", 2)
    monkeypatch.setattr(public_rooms, "HELD", 0.3)
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    store = home.stores.rooms
    public, calls = store.public, 0

    async def counted(limit: int) -> object:
        nonlocal calls
        calls += 1
        return await public(limit)

    monkeypatch.setattr(store, "public", counted)
    for number, name in enumerate(("one", "two"), start=1):
        await _join(home, ann, name)
        assert await _rooms(home, bob) == [("one", 1), ("two", 1)][:number]
        assert calls == number, "there are few: each list is a new one"
    await _join(home, ann, "three")
    await _join(home, bob, "two")
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(_rooms, home, bob)
    assert calls == 2
    assert await _rooms(home, bob) == [("two", 2), ("one", 1)]
    assert await _rooms(home, ann) == [("one", 1), ("two", 2), ("three", 1)]
    await trio.sleep(0.35)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(_rooms, home, bob)
    assert calls == 3


async def test_a_snapshot_brings_what_waits_for_an_answer(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S004-29: for news of it may have been left out; memberships are read once for all of it."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    place = await _join(home, ann)
    await home.ask(ann, Invite(conversation=place, user="Bob"))
    bob.screen.posted.clear()
    of, looks = home.messenger.conversations.of, 0

    async def counted(user: object) -> object:
        nonlocal looks
        looks += 1
        return await of(user)  # type: ignore[arg-type]

    monkeypatch.setattr(home.messenger.conversations, "of", counted)
    await snapshot(home.messenger, bob)
    assert looks == 1
    with trio.fail_after(PATIENCE):
        while not bob.screen.posted:  # noqa: ASYNC110
            await trio.sleep(0.005)
    assert [type(event) for event in bob.screen.posted] == [Invited]


async def test_greetings_go_on_after_a_mistake(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is in the log; and those who have left wait for nothing, wherever they stood."""
    monkeypatch.setattr(admission, "RETRY", 0.01)
    monkeypatch.setattr(admission, "AT_ONCE", 1)
    ann, bob, eve = [await home.enter(name) for name in ("Ann", "Bob", "Eve")]
    place = await _join(home, ann)
    await home.ask(ann, Invite(conversation=place, user="Bob"))
    bob.screen.posted.clear()
    invitations = home.stores.rooms.invitations
    failures: list[Exception] = [ZeroDivisionError("ours"), StorageUnavailable("gone")]
    calls: list[Sequence[int]] = []

    async def fail(users: Sequence[int]) -> object:
        calls.append(users)
        if failures:
            raise failures.pop(0)
        return await invitations(users)

    monkeypatch.setattr(home.stores.rooms, "invitations", fail)
    home.messenger.presence.remove(eve)
    for who in (ann, bob, eve):
        home.messenger.admission.greet(who)
    with trio.fail_after(PATIENCE):
        while not bob.screen.posted:  # noqa: ASYNC110
            await trio.sleep(0.005)
    await trio.sleep(0.05)
    assert calls == [[ann.who.id], [bob.who.id], [bob.who.id]]
