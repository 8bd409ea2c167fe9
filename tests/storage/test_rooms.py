"""Rooms in the database: who is in them, as what, and who may come in (S002-9, S004-29)."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from msgspec.structs import replace

from storage import Stores, User, open_stores, room_statements
from storage.admission_statements import NewLink, TooManyByOneError, TooManyError
from storage.records import Conversation
from storage.room_records import (
    Entered,
    Limits,
    TooManyMembersError,
    TooManyRoomsError,
)
from tests.keys import KEY
from tests.storage.helpers import NOW, memberships, new, save, user

LIMITS = Limits(members=100, rooms=100)
HOUR = 3_600_000_000


async def _room(
    stores: Stores, owner: User, name: str = "dev", *, private: bool = False
) -> Conversation:
    """Return a room with that owner in it."""
    key = f"private:{name}" if private else f"room:{name}"
    room, made = await stores.rooms.make(key, name, owner.id, NOW, private=private)
    assert made
    assert (await _enter(stores, room, owner)).role == "owner"
    return room


async def _enter(stores: Stores, room: Conversation, who: User, *, show: int = 0) -> Entered:
    return await stores.rooms.enter(room.id, who.id, NOW, replace(LIMITS, messages=show))


async def _invite(
    stores: Stores, room: Conversation, who: User, by: User, *, most: int = 5, most_by_one: int = 5
) -> bool:
    return await stores.rooms.invite(
        room.id, who.id, by.id, NOW, most=most, most_by_one=most_by_one
    )


async def _people(stores: Stores, *names: str) -> list[User]:
    return [await user(stores, name) for name in names]


async def _parts(stores: Stores, room: Conversation) -> list[tuple[str, str]]:
    members, total = await stores.rooms.members(room.id, 1000)
    assert total == len(members)
    return [(member.user.name, member.role) for member in members]


async def test_a_room_is_made_once(stores: Stores) -> None:
    """By its key, whoever asks; private ones of the same name are others."""
    ann, bob = await _people(stores, "Ann", "Bob")
    room, made = await stores.rooms.make("room:dev", "Dev", ann.id, NOW)
    assert made
    assert (room.kind, room.title, room.private, room.last_seq) == ("room", "Dev", False, 0)
    assert await stores.rooms.make("room:dev", "DEV", bob.id, NOW) == (room, False)
    assert await stores.rooms.find("room:dev") == room
    assert await stores.rooms.find("room:other") is None
    other, made = await stores.rooms.make("private:1", "Dev", bob.id, NOW, private=True)
    assert (made, other.private) == (True, True)
    assert other.id != room.id


async def test_who_comes_finds_the_latest_and_has_read_all(stores: Stores) -> None:
    """The first one is the owner; who is in it already is left as it was."""
    ann, bob = await _people(stores, "Ann", "Bob")
    room = await _room(stores, ann)
    await save(stores, [new(ann, f"{n}", conversation_id=room.id) for n in range(5)])
    await save(stores, [new(ann, "", conversation_id=room.id, kind="join")])
    entered = await _enter(stores, room, bob, show=3)
    assert [message.body for message in entered.messages] == [b"2", b"3", b"4"]
    assert (entered.role, entered.fresh, entered.read_seq, entered.delivered_seq) == (
        "member", True, 6, 6,
    )  # fmt: skip
    assert entered.conversation.last_seq == 6
    await save(stores, [new(ann, "more", conversation_id=room.id)])
    again = await _enter(stores, room, bob)
    assert (again.fresh, again.role, again.read_seq) == (False, "member", 6)
    [_, place] = await memberships(stores, bob.id)
    assert (place.role, place.read_seq, place.conversation.title) == ("member", 6, "dev")


async def test_rooms_and_users_have_their_limits(stores: Stores) -> None:
    """And nothing stays of who did not get in."""
    ann, bob, eve = await _people(stores, "Ann", "Bob", "Eve")
    room, other = await _room(stores, ann), await _room(stores, ann, "other")
    await _enter(stores, room, bob)
    enter = partial(stores.rooms.enter, now=NOW)
    with pytest.raises(TooManyMembersError):
        await enter(room.id, eve.id, limits=Limits(members=2, rooms=100))
    with pytest.raises(TooManyRoomsError):
        await enter(other.id, bob.id, limits=Limits(members=100, rooms=1))
    assert await _parts(stores, room) == [("Ann", "owner"), ("Bob", "member")]
    assert len(await memberships(stores, bob.id)) == 2


async def test_the_last_owner_hands_over(stores: Stores) -> None:
    """To the moderator who came first, else to the member who did."""
    ann, bob, eve, dan = await _people(stores, "Ann", "Bob", "Eve", "Dan")
    room = await _room(stores, ann)
    for later, who in enumerate((bob, eve, dan), 1):
        await stores.rooms.enter(room.id, who.id, NOW + later, LIMITS)
    assert await stores.rooms.set_role(room.id, dan.id, "moderator")
    parts = [("Ann", "owner"), ("Dan", "moderator"), ("Bob", "member"), ("Eve", "member")]
    assert await _parts(stores, room) == parts
    assert not await stores.rooms.set_role(room.id, ann.id, "member"), "no owner would be left"
    assert await _parts(stores, room) == parts
    heirs = []
    for who in (ann, dan, eve, bob):
        left = await stores.rooms.leave(room.id, who.id, NOW)
        assert left is not None
        heirs.append(left.heir.name if left.heir else None)
    assert heirs == ["Dan", "Bob", None, None]
    assert await stores.rooms.leave(room.id, bob.id, NOW) is None
    assert (await _enter(stores, room, eve)).role == "owner", "the first one in an empty room"


async def test_two_owners(stores: Stores) -> None:
    """One may go, or be something else, without an heir."""
    ann, bob = await _people(stores, "Ann", "Bob")
    room = await _room(stores, ann)
    await _enter(stores, room, bob)
    assert await stores.rooms.set_role(room.id, bob.id, "owner")
    assert await stores.rooms.set_role(room.id, ann.id, "moderator")
    assert await stores.rooms.role_of(room.id, ann.id) == "moderator"
    assert list(await stores.rooms.keepers(room.id)) == [ann.id, bob.id]
    assert await stores.rooms.role_of(room.id, 4711) is None


async def test_what_is_listed(stores: Stores) -> None:
    """S002-10: public rooms where somebody is or something was said, the fullest first."""
    ann, bob = await _people(stores, "Ann", "Bob")
    _, empty, silent = [await _room(stores, ann, name) for name in ("small", "empty", "silent")]
    full = await _room(stores, ann, "full")
    secret = await _room(stores, ann, "secret", private=True)
    await stores.rooms.set_topic(full.id, "тема")
    await _enter(stores, full, bob)
    await save(stores, [new(ann, "words", conversation_id=empty.id)])
    await save(stores, [new(ann, "", conversation_id=silent.id, kind="join")])
    for room in (empty, silent):
        await stores.rooms.leave(room.id, ann.id, NOW)
    found = [(room.title, room.topic, count) for room, count in await stores.rooms.public(10)]
    assert found == [("full", "тема", 2), ("small", "", 1), ("empty", "", 0)]
    assert len(await stores.rooms.public(1)) == 1
    assert await stores.rooms.heads([full.id, empty.id, secret.id]) == {full.id: 2, secret.id: 1}
    seats = await stores.rooms.seats(ann.id)
    assert [seat.conversation.title for seat in seats] == ["small", "full", "secret"]
    [seat] = await stores.rooms.seats(bob.id, full.id)
    assert (seat.role, seat.conversation.topic) == ("member", "тема")
    assert not await stores.rooms.seats(bob.id, secret.id)
    assert not await stores.rooms.seats(bob.id, 1), "the general chat is no room"
    await stores.rooms.set_topic(full.id, "")
    assert (await stores.rooms.public(1))[0][0].topic == ""


async def test_invitations(stores: Stores) -> None:
    """S004-29: each answered once; coming in by another way answers it too."""
    ann, bob, eve = await _people(stores, "Ann", "Bob", "Eve")
    room = await _room(stores, ann, private=True)
    assert await _invite(stores, room, bob, ann)
    assert not await _invite(stores, room, bob, ann)
    [invitation] = await stores.rooms.invitations([bob.id, eve.id])
    assert (invitation.user_id, invitation.by, invitation.conversation) == (bob.id, "Ann", room)
    other = await _room(stores, ann, "other", private=True)
    with pytest.raises(TooManyError):
        await _invite(stores, other, bob, ann, most=1)
    with pytest.raises(TooManyByOneError):
        await _invite(stores, other, bob, ann, most_by_one=1)
    third = await _room(stores, eve, "third", private=True)
    assert await _invite(stores, third, bob, eve, most_by_one=1), "those of others do not count"
    await stores.rooms.decline(third.id, bob.id)
    entered = await stores.rooms.enter_invited(room.id, bob.id, NOW, LIMITS)
    assert entered is not None
    assert entered.fresh
    assert await stores.rooms.enter_invited(room.id, bob.id, NOW, LIMITS) is None
    assert await stores.rooms.enter_invited(room.id, eve.id, NOW, LIMITS) is None
    await _invite(stores, room, eve, ann)
    assert await stores.rooms.decline(room.id, eve.id)
    assert not await stores.rooms.decline(room.id, eve.id)
    await _invite(stores, room, eve, ann)
    await _enter(stores, room, eve)
    assert not await stores.rooms.invitations([eve.id])


async def test_an_invitation_stays_where_one_does_not_fit_in(stores: Stores) -> None:
    """It was not answered."""
    ann, bob = await _people(stores, "Ann", "Bob")
    room = await _room(stores, ann, private=True)
    await _invite(stores, room, bob, ann)
    with pytest.raises(TooManyMembersError):
        await stores.rooms.enter_invited(room.id, bob.id, NOW, Limits(members=1, rooms=9))
    assert len(await stores.rooms.invitations([bob.id])) == 1


async def test_links_hold_until_they_are_old_or_revoked(stores: Stores) -> None:
    """S004-29: and a hash that is no link's is like one that was."""
    ann, bob = await _people(stores, "Ann", "Bob")
    room, other = await _room(stores, ann, private=True), await _room(stores, ann, "other")
    token, second = bytes(32), bytes([1]) * 32
    await stores.rooms.add_link(NewLink(room.id, token, ann.id, NOW, NOW + HOUR), 2)
    for _ in range(2):  # as where its end was not heard of
        await stores.rooms.add_link(NewLink(room.id, second, ann.id, NOW, NOW + 2 * HOUR), 2)
    with pytest.raises(TooManyError):
        await stores.rooms.add_link(NewLink(room.id, bytes([2]) * 32, ann.id, NOW, NOW + HOUR), 2)
    links = await stores.rooms.links(room.id, NOW)
    assert [(link.by, link.expires_at) for link in links] == [
        ("Ann", NOW + HOUR), ("Ann", NOW + 2 * HOUR),
    ]  # fmt: skip
    assert len(await stores.rooms.links(room.id, NOW + HOUR)) == 1
    assert await stores.rooms.ask(token, bob.id, NOW + HOUR, 5) is None
    assert await stores.rooms.ask(bytes([9]) * 32, bob.id, NOW, 5) is None
    assert not await stores.rooms.revoke_link(other.id, links[0].id, NOW)
    assert await stores.rooms.revoke_link(room.id, links[0].id, NOW)
    assert not await stores.rooms.revoke_link(room.id, links[0].id, NOW)
    assert await stores.rooms.ask(token, bob.id, NOW, 5) is None
    asked = await stores.rooms.ask(second, bob.id, NOW, 5)
    assert asked is not None
    assert (asked.conversation, asked.member, asked.fresh) == (room, False, True)


async def test_requests_are_answered_once(stores: Stores) -> None:
    """S004-29: those who keep the room are asked, and nobody else."""
    ann, bob, eve, dan = await _people(stores, "Ann", "Bob", "Eve", "Dan")
    room = await _room(stores, ann, private=True)
    await _enter(stores, room, eve)
    token = bytes(32)
    await stores.rooms.add_link(NewLink(room.id, token, ann.id, NOW, NOW + HOUR), 9)
    for fresh in (True, False):
        asked = await stores.rooms.ask(token, bob.id, NOW, 5)
        assert asked is not None
        assert asked.fresh is fresh
    with pytest.raises(TooManyError):
        await stores.rooms.ask(token, dan.id, NOW, 1)
    asked = await stores.rooms.ask(token, eve.id, NOW, 5)
    assert asked is not None
    assert asked.member
    [asking] = await stores.rooms.asking([ann.id, bob.id, eve.id], 9)
    assert (asking.keeper_id, asking.name, asking.conversation) == (ann.id, "Bob", room)
    assert [one.name for one in await stores.rooms.requests(room.id)] == ["Bob"]
    assert await stores.rooms.deny(room.id, bob.id)
    assert not await stores.rooms.deny(room.id, bob.id)
    assert await stores.rooms.enter_approved(room.id, bob.id, NOW, LIMITS) is None
    await stores.rooms.ask(token, bob.id, NOW, 5)
    assert await stores.rooms.enter_approved(room.id, bob.id, NOW, LIMITS) is not None
    assert not await stores.rooms.requests(room.id)


async def test_so_many_requests_are_told_and_no_more(stores: Stores) -> None:
    """To each of the keepers, the oldest, from all of its rooms together."""
    ann, eve = await _people(stores, "Ann", "Eve")
    askers = await _people(stores, "Bob", "Cid", "Dan")
    rooms = [
        await _room(stores, owner, name, private=True)
        for owner, name in ((ann, "one"), (ann, "two"), (eve, "three"))
    ]
    for number, room in enumerate(rooms):
        link = NewLink(room.id, bytes([number]) * 32, ann.id, NOW, NOW + HOUR)
        await stores.rooms.add_link(link, 9)
        for late, asker in enumerate(askers):
            await stores.rooms.ask(link.token_hash, asker.id, NOW + late, 9)
    asking = await stores.rooms.asking([ann.id, eve.id], 4)
    told = {who.id: [one.name for one in asking if one.keeper_id == who.id] for who in (ann, eve)}
    assert told == {ann.id: ["Bob", "Bob", "Cid", "Cid"], eve.id: ["Bob", "Cid", "Dan"]}


async def test_who_is_in_too_many_rooms_makes_none(stores: Stores) -> None:
    """Not one that stays empty either."""
    [ann] = await _people(stores, "Ann")
    room = await _room(stores, ann)
    with pytest.raises(TooManyRoomsError):
        await stores.rooms.make("room:other", "other", ann.id, NOW, most=1)
    assert await stores.rooms.find("room:other") is None
    assert await stores.rooms.make(room.key, "dev", ann.id, NOW, most=1) == (room, False)


async def test_who_comes_finds_the_latest_among_the_newest(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long people have only come and gone: the whole of it is not looked through."""
    monkeypatch.setattr(room_statements, "NEWEST", 10)
    ann, bob, eve = await _people(stores, "Ann", "Bob", "Eve")
    room = await _room(stores, ann)
    say = partial(new, ann, conversation_id=room.id)
    await save(stores, [say(text) for text in ("old", "late")])
    await save(stores, [say("", kind="join") for _ in range(9)])
    assert [one.body for one in (await _enter(stores, room, bob, show=5)).messages] == [b"late"]
    await save(stores, [say("", kind="join")])
    assert not (await _enter(stores, room, eve, show=5)).messages


async def test_an_empty_private_room_is_shut_for_good(stores: Stores) -> None:
    """S004-29: what was given out lets nobody in when the last one has left."""
    ann, bob, eve = await _people(stores, "Ann", "Bob", "Eve")
    room = await _room(stores, ann, private=True)
    token = bytes(32)
    await stores.rooms.add_link(NewLink(room.id, token, ann.id, NOW, NOW + HOUR), 9)
    await stores.rooms.ask(token, eve.id, NOW, 5)
    await _invite(stores, room, bob, ann)
    await stores.rooms.leave(room.id, ann.id, NOW)
    assert not await stores.rooms.invitations([bob.id])
    assert await stores.rooms.ask(token, bob.id, NOW, 5) is None
    assert await stores.rooms.enter_approved(room.id, eve.id, NOW, LIMITS) is None


async def test_many_at_once(stores: Stores) -> None:
    """One owner, however many come first at once; one heir, however many go at once."""
    people = await _people(stores, *(f"user{number}" for number in range(12)))
    made: list[Conversation] = []

    async def come(who: User) -> None:
        room, _ = await stores.rooms.make("room:dev", "dev", who.id, NOW)
        made.append(room)
        await _enter(stores, room, who)

    async with trio.open_nursery() as nursery:
        for who in people:
            nursery.start_soon(come, who)
    assert len({room.id for room in made}) == 1
    room = made[0]
    assert sorted(part for _, part in await _parts(stores, room)) == ["member"] * 11 + ["owner"]
    async with trio.open_nursery() as nursery:
        for who in people[:11]:
            nursery.start_soon(stores.rooms.leave, room.id, who.id, NOW)
    assert await _parts(stores, room) == [("user11", "owner")]


async def test_two_servers_on_one_database(mysql_url: str) -> None:
    """The room is made once, it has one owner, and never more members than fit in."""
    async with open_stores(mysql_url, keys=KEY) as one, open_stores(mysql_url, keys=KEY) as other:
        people = await _people(one, *(f"user{number}" for number in range(12)))
        refused = []

        async def come(stores: Stores, who: User) -> None:
            room, _ = await stores.rooms.make("room:dev", "dev", who.id, NOW)
            try:
                await stores.rooms.enter(room.id, who.id, NOW, Limits(members=8, rooms=9))
            except TooManyMembersError:
                refused.append(who)

        async with trio.open_nursery() as nursery:
            for number, who in enumerate(people):
                nursery.start_soon(come, (one, other)[number % 2], who)
        found = await one.rooms.find("room:dev")
        assert found is not None
        assert sorted(part for _, part in await _parts(one, found)) == ["member"] * 7 + ["owner"]
        assert len(refused) == 4
