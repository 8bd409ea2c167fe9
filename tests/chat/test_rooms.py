"""Rooms while several do something to them at once, and while the database is away."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence

import pytest
import trio
import trio.testing

from chat import admission, rooms
from chat.dispatch import dispatch
from protocol.errors import ErrorCode
from protocol.events import Conversation, ConversationLeft, Error, LoggedIn, Opened, Sent
from protocol.requests import Login, Send
from protocol.vocabulary.admission import (
    AcceptInvitation,
    AdmissionAsked,
    Approve,
    AskAdmission,
    DeclineInvitation,
    Deny,
    Invite,
    Invited,
    LinkMade,
    ListAdmissions,
    ListInvitations,
    ListLinks,
    MakeLink,
    RevokeLink,
)
from protocol.vocabulary.rooms import (
    JoinRoom,
    Kick,
    LeaveRoom,
    ListMembers,
    ListRooms,
    MemberList,
    RoomList,
    RoomTopic,
    SetRole,
    SetTopic,
    ShowTopic,
)
from storage.errors import StorageUnavailable
from storage.records import Membership
from storage.room_records import Limits
from tests.chat.fakes import Author
from tests.chat.house import PATIENCE, House, house

ROOM = 2  # the first conversation behind the general chat


@pytest.fixture
async def home(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger on SQLite."""
    async with house(sqlite_url) as made, trio.open_nursery() as nursery:
        nursery.start_soon(made.messenger.admission.run)
        yield made
        nursery.cancel_scope.cancel()


async def _join(home: House, who: Author, name: str = "dev", *, private: bool = False) -> int:
    opened = await home.ask(who, JoinRoom(name=name, private=private))
    assert isinstance(opened, Opened), opened
    return opened.conversation.id


async def _account(home: House, name: str) -> Author:
    """Log somebody in whose name has a password."""
    who = await home.enter(name)
    await home.stores.identity.register(who.who.id, "a hash", 1)
    who.registered = True
    return who


async def _settle(home: House) -> None:
    """Wait until what was written is stored."""
    journal = home.messenger.journal
    with trio.fail_after(PATIENCE):
        while journal._waiting or journal._asked_at is not None:  # noqa: ASYNC110
            await trio.sleep(0.001)
    await trio.testing.wait_all_tasks_blocked(0.01)


async def _kinds(home: House, conversation: int) -> list[str]:
    await _settle(home)
    return [one.kind for one in home.published if one.conversation_id == conversation]


class Gate:
    """Holds up what the database has said about memberships."""

    def __init__(self, home: House) -> None:
        self._store = home.stores.conversations
        self.read = trio.Event()
        self.open = trio.Event()
        home.messenger.conversations._store = self  # type: ignore[assignment]

    async def memberships(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        found = await self._store.memberships(user_ids)
        self.read.set()
        await self.open.wait()
        return found


@pytest.mark.parametrize("joins", [True, False])
async def test_a_login_does_not_miss_what_changes_meanwhile(home: House, joins: bool) -> None:
    """A join or a leave between the look at the memberships and the following."""
    phone = await home.enter("Ann")
    if not joins:
        await _join(home, phone)
    gate = Gate(home)
    laptop = Author()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dispatch, home.messenger, laptop, Login(name="Ann"))
        await gate.read.wait()
        if joins:
            await _join(home, phone)
        else:
            await home.ask(phone, LeaveRoom(conversation=ROOM))
        gate.open.set()
    assert (ROOM in laptop.screen.followed) is joins
    assert laptop.screen.followed.keys() == phone.screen.followed.keys()


async def test_two_devices_join_at_once(home: House) -> None:
    """Both get in, and it is told once."""
    devices = [await home.enter("Ann") for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for device in devices:
            nursery.start_soon(_join, home, device)
    assert all(device.screen.followed[ROOM] == 0 for device in devices)
    assert await _kinds(home, ROOM) == ["join"]


async def test_whatever_happens_sessions_follow_what_their_users_are_in(home: House) -> None:
    """Joins, leaves, kicks and appointments at random, many at once, against the database."""
    draw = random.Random(4)
    names = ["Ann", "Bob", "Eve"]
    sessions = [await home.enter(name) for name in names for _ in range(2)]

    async def live(who: Author) -> None:
        for _ in range(25):
            name = draw.choice(names)
            request = draw.choice(
                [
                    JoinRoom(name="dev"),
                    JoinRoom(name="dev"),
                    LeaveRoom(room="dev"),
                    Kick(room="dev", user=name),
                    SetRole(room="dev", user=name, role=draw.choice(["owner", "member"])),
                    SetTopic(room="dev", topic=str(draw.random())),
                    Send(conversation=ROOM, text="hello"),
                ]
            )
            answer = await dispatch(home.messenger, who, request)
            assert not isinstance(answer, Error) or answer.code != ErrorCode.INTERNAL, answer
            await trio.sleep(draw.random() / 500)

    async with trio.open_nursery() as nursery:
        for who in sessions:
            nursery.start_soon(live, who)
    await _settle(home)
    known = home.messenger._known
    for who in sessions:
        [stored] = await home.stores.conversations.memberships([who.who.id])
        assert set(who.screen.followed) == {one.conversation.id for one in stored}
        remembered = known.memberships(who.who.id) or []
        assert _facts(home, remembered) == _facts(home, stored)
    members, _ = await home.stores.rooms.members(ROOM, 10)
    assert not members or "owner" in {member.role for member in members}


def _facts(home: House, memberships: Sequence[Membership]) -> list[tuple[object, ...]]:
    applied = [home.messenger.markers.applied(one) for one in memberships]
    return [(one.conversation, one.role, one.read_seq, one.delivered_seq) for one in applied]


async def test_the_devices_of_a_user_hear_of_it(home: House) -> None:
    """S004-28: of going in and of leaving; the one that did it has its answer."""
    phone, laptop = await home.enter("Ann"), await home.enter("Ann")
    await _join(home, phone)
    [heard] = [one for one in laptop.screen.posted if isinstance(one, Conversation)]
    assert (heard.conversation.id, heard.conversation.name) == (ROOM, "dev")
    answer = await home.ask(laptop, LeaveRoom(conversation=ROOM))
    assert isinstance(answer, ConversationLeft)
    [left] = [one for one in phone.screen.posted if isinstance(one, ConversationLeft)]
    assert left.message == "You have left the room dev."
    assert not [one for one in laptop.screen.posted if isinstance(one, ConversationLeft)]


async def test_one_who_is_put_out_still_gets_its_acknowledgement(home: House) -> None:
    """Of a message that was on its way; the next one is refused."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    for who in (ann, bob):
        await _join(home, who)
    assert await dispatch(home.messenger, bob, Send(ref=7, conversation=ROOM, text="late")) is None
    await home.ask(ann, Kick(conversation=ROOM, user="Bob"))
    await bob.wait_in_flight(0)
    assert [one.ref for one in bob.screen.posted if isinstance(one, Sent)] == [7]
    code = await home.refusal(bob, Send(conversation=ROOM, text="later"))
    assert code == ErrorCode.UNKNOWN_CONVERSATION


async def test_while_the_database_is_away(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joins are refused, and who was in a room is in it when it comes back (S004-34)."""
    ann = await home.enter("Ann")
    await _join(home, ann)
    await home.ask(ann, SetTopic(conversation=ROOM, topic="tests"))

    async def fail(*_arguments: object) -> None:
        raise StorageUnavailable("gone")

    database = home.stores.rooms._database
    monkeypatch.setattr(database, "read", fail)
    monkeypatch.setattr(database, "write", fail)
    for request in (JoinRoom(name="dev"), LeaveRoom(conversation=ROOM), ListRooms()):
        assert await home.refusal(ann, request) == ErrorCode.STORAGE_UNAVAILABLE
    assert await dispatch(home.messenger, ann, Send(conversation=ROOM, text="later")) is None
    again = Author()
    logged_in = await dispatch(home.messenger, again, Login(name="Ann"))
    assert isinstance(logged_in, LoggedIn)
    place = logged_in.conversations[-1]
    assert (place.id, place.name, place.topic, place.role) == (ROOM, "dev", "tests", "owner")
    assert ROOM in again.screen.followed


async def test_limits(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rooms, members, topics, invitations, links and requests: each said in a sentence."""
    ann, bob = await _account(home, "Ann"), await _account(home, "Bob")
    eve = await _account(home, "Eve")
    secret = await _join(home, ann, "secret", private=True)
    other = await _join(home, ann, "other", private=True)
    monkeypatch.setattr(rooms, "LIMITS", Limits(members=1, rooms=2))
    limit = ErrorCode.LIMIT_REACHED
    assert await home.refusal(ann, JoinRoom(name="third")) == limit
    assert await home.stores.rooms.find("room:third") is None, "it was not even made"
    third = await _join(home, bob, "third")
    assert await home.refusal(eve, JoinRoom(name="third")) == limit
    topic = SetTopic(conversation=third, topic="x" * 201)
    assert await home.refusal(bob, topic) == ErrorCode.TEXT_TOO_LONG
    for name in ("MAX_INVITATIONS", "MAX_LINKS", "MAX_REQUESTS"):
        monkeypatch.setattr(admission, name, 1)
    await home.ask(ann, Invite(conversation=secret, user="Bob"))
    assert await home.refusal(ann, Invite(conversation=other, user="Bob")) == limit
    made = await home.ask(ann, MakeLink(conversation=secret))
    assert isinstance(made, LinkMade)
    assert await home.refusal(ann, MakeLink(conversation=secret)) == limit
    hours = MakeLink(conversation=other, hours=0)
    assert await home.refusal(ann, hours) == ErrorCode.BAD_ARGUMENTS
    await home.ask(bob, AskAdmission(code=made.code))
    assert await home.refusal(eve, AskAdmission(code=made.code)) == limit


async def test_who_may_do_what(home: House) -> None:
    """S004-29: what members and moderators may not; and what is for rooms only, or private ones."""
    ann, bob, eve = [await _account(home, name) for name in ("Ann", "Bob", "Eve")]
    guest = await home.enter("Guest")
    secret = await _join(home, ann, "secret", private=True)
    open_room = await _join(home, ann, "open")
    for who in (bob, eve, guest):
        await _join(home, who, "open")
    for who in (bob, eve):
        await home.ask(ann, Invite(conversation=secret, user=who.who.name))
        await home.ask(who, AcceptInvitation(room="secret"))
    allowed = ErrorCode.NOT_ALLOWED
    for request in (
        SetTopic(conversation=secret, topic="mine"),
        SetRole(conversation=secret, user="Bob", role="owner"),
        Kick(conversation=secret, user="Eve"),
        Invite(conversation=secret, user="Guest"),
        MakeLink(conversation=secret),
        ListLinks(conversation=secret),
        RevokeLink(conversation=secret, link=1),
        ListAdmissions(conversation=secret),
        Approve(conversation=secret, user="Guest"),
        Deny(conversation=secret, user="Guest"),
    ):
        assert await home.refusal(bob, request) == allowed, request
    await home.ask(ann, SetRole(conversation=secret, user="Bob", role="moderator"))
    for request in (
        SetRole(conversation=secret, user="Eve", role="owner"),
        Kick(conversation=secret, user="Ann"),
    ):
        assert await home.refusal(bob, request) == allowed, request
    assert await home.refusal(ann, Kick(conversation=secret, user="Ann")) == "bad_arguments"
    assert await home.refusal(ann, Kick(conversation=secret, user="Guest")) == "unknown_user"
    assert await home.refusal(ann, Kick(conversation=secret, user="Nobody")) == "unknown_user"
    unknown = SetRole(conversation=secret, user="Bob", role="king")
    assert await home.refusal(ann, unknown) == "bad_arguments"
    assert await home.refusal(bob, Invite(conversation=secret, user="Eve")) == "bad_arguments"
    assert await home.refusal(bob, Invite(conversation=secret, user="Guest")) == "needs_account"
    assert await home.refusal(guest, JoinRoom(name="x", private=True)) == "needs_account"
    assert await home.refusal(guest, AskAdmission(code="x")) == "needs_account"
    assert await home.refusal(ann, MakeLink(conversation=open_room)) == "bad_arguments"
    assert await home.refusal(ann, ListMembers()) == "unknown_room", "the general chat is none"
    assert isinstance(await home.ask(guest, Invite(conversation=open_room, user="Late")), Error)
    for name in ("two words", "", "with/slash", "x" * 33, "help"):
        assert await home.refusal(ann, JoinRoom(name=name)) == "bad_name"
    for name in ("#4711", "4711", str(secret)):
        assert await home.refusal(guest, JoinRoom(name=name)) == "unknown_room"
    assert await _join(home, await home.enter("Late"), str(open_room)) == open_room


async def test_rooms_of_one_name(home: House) -> None:
    """A private one comes before the public one; of several the number says which."""
    ann, bob = await _account(home, "Ann"), await _account(home, "Bob")
    first = await _join(home, ann, "dev", private=True)
    assert await _join(home, ann, "DEV", private=True) == first, "a repeated request makes none"
    second = await _join(home, bob, "dev", private=True)
    public = await _join(home, await home.enter("Eve"), "dev")
    assert len({first, second, public}) == 3
    await home.ask(ann, Invite(conversation=first, user="Bob"))
    await home.ask(bob, AcceptInvitation(room=str(first)))
    assert await home.refusal(bob, JoinRoom(name="dev")) == "bad_arguments"
    assert await _join(home, bob, f"#{first}") == first
    assert await home.refusal(bob, ListMembers(room="dev")) == "bad_arguments"
    for room in (f"#{second}", str(second)):
        members = await home.ask(bob, ListMembers(room=room))
        assert isinstance(members, MemberList)
        assert [member.name for member in members.members] == ["Bob"]
    listed = await home.ask(bob, ListRooms())
    assert isinstance(listed, RoomList)
    assert [(room.id, room.private, room.mine) for room in listed.rooms] == [
        (first, True, True), (second, True, True), (public, False, False),
    ]  # fmt: skip
    topic = await home.ask(bob, ShowTopic(conversation=second))
    assert isinstance(topic, RoomTopic)
    assert topic.topic == ""


async def test_what_waits_for_an_answer_is_told_at_each_login(home: House) -> None:
    """S004-29: invitations and requests, and only to whom they are for."""
    ann, bob = await _account(home, "Ann"), await _account(home, "Bob")
    secret = await _join(home, ann, "secret", private=True)
    made = await home.ask(ann, MakeLink(conversation=secret))
    assert isinstance(made, LinkMade)
    await home.ask(bob, AskAdmission(code=made.code))
    await home.ask(ann, Invite(conversation=secret, user="Bob"))
    for who, kind in ((ann, AdmissionAsked), (bob, Invited)):
        device = Author()
        device.user = who.who
        home.messenger.presence.add(device)
        home.messenger.admission.greet(device)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert [type(event) for event in device.screen.posted] == [kind]
        assert len([one for one in who.screen.posted if isinstance(one, kind)]) == 1
    assert await home.refusal(bob, DeclineInvitation(room="other")) == "unknown_room"
    await home.ask(bob, DeclineInvitation(room="secret"))
    assert not (await home.ask(bob, ListInvitations())).invitations  # type: ignore[attr-defined]
    await home.ask(ann, Approve(conversation=secret, user="Bob"))
    assert bob.screen.followed[secret] == 1
    assert await home.refusal(ann, Approve(conversation=secret, user="Bob")) == "unknown_user"


async def test_greetings_wait_for_a_database_that_is_away(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are forgotten for who has left meanwhile."""
    monkeypatch.setattr(admission, "RETRY", 0.01)
    ann, bob = await _account(home, "Ann"), await _account(home, "Bob")
    secret = await _join(home, ann, "secret", private=True)
    await home.ask(ann, Invite(conversation=secret, user="Bob"))
    store = home.stores.rooms
    invitations = store.invitations
    calls: list[Sequence[int]] = []

    async def fail(users: Sequence[int]) -> object:
        calls.append(users)
        if len(calls) < 3:
            raise StorageUnavailable("gone")
        return await invitations(users)

    monkeypatch.setattr(store, "invitations", fail)
    before = len(bob.screen.posted)
    for who in (ann, bob):
        home.messenger.admission.greet(who)
    home.messenger.presence.remove(ann)
    with trio.fail_after(PATIENCE):
        while len(bob.screen.posted) == before:  # noqa: ASYNC110
            await trio.sleep(0.005)
    assert [type(event) for event in bob.screen.posted[before:]] == [Invited]
    assert calls[-1] == [bob.who.id]
