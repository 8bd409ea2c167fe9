"""Passwords, devices and names that look alike, on every database."""

from __future__ import annotations

from uuid import uuid4

import pytest
from msgspec.structs import replace

from storage import GENERAL_ID, Stores
from storage.records import Device, LookAlike, NewScheduled, User, Visitor
from tests.storage.helpers import NOW
from tests.storage.helpers import user as add_user


async def test_a_name_is_registered_once(stores: Stores) -> None:
    """Of two who register the same name at once, one has it."""
    user = await add_user(stores, "Ann")
    identity = stores.identity
    assert await identity.password_hash(user.id) is None
    assert await identity.register(user.id, "first", NOW)
    assert not await identity.register(user.id, "second", NOW)
    assert await identity.password_hash(user.id) == "first"
    found = await stores.accounts.find(user.name_key)
    assert found is not None
    assert found.registered


async def test_a_registration_may_be_repeated(stores: Stores) -> None:
    """The database repeats a transaction whose end it was not told of."""
    user = await add_user(stores, "Ann")
    assert await stores.identity.register(user.id, "first", NOW)
    assert await stores.identity.register(user.id, "first", NOW)
    assert not await stores.identity.register(user.id, "second", NOW)


async def test_what_a_guest_scheduled_is_not_sent_by_the_account(stores: Stores) -> None:
    """Somebody else of that name may have written it; it stays in the list, with the reason."""
    ann, bob = await add_user(stores, "Ann"), await add_user(stores, "Bob")
    for user in (ann, bob):
        new = NewScheduled(user.id, GENERAL_ID, b"soon", NOW + 5, NOW, uuid4().bytes)
        assert await stores.schedule.add(new, most=9) is not None
    await stores.identity.register(ann.id, "hash", NOW)
    due = await stores.schedule.due(NOW + 9, 9)
    assert [one.scheduled.user_id for one in due] == [bob.id]
    [kept] = await stores.schedule.of_user(ann.id)
    assert kept.failure == "needs_account"
    later = NewScheduled(ann.id, GENERAL_ID, b"later", NOW + 5, NOW, uuid4().bytes)
    assert await stores.schedule.add(later, most=9) is not None
    assert await stores.identity.register(ann.id, "hash", NOW), "repeated"
    assert len(await stores.schedule.due(NOW + 9, 9)) == 2


async def _account(stores: Stores, name: str) -> User:
    user = await add_user(stores, name)
    assert await stores.identity.register(user.id, "hash", NOW)
    return user


async def _add(stores: Stores, user: User, token: bytes, seen_at: int = NOW) -> Device:
    new = Device(0, user.id, "laptop", "192.0.2.1", NOW, seen_at)
    number = await stores.identity.add_device(new, token * 32, "hash", 50)
    assert number is not None
    return replace(new, id=number)


async def test_devices_come_and_go(stores: Stores) -> None:
    """A token finds its device; a device is its user's alone."""
    ann, bob = await _account(stores, "Ann"), await _account(stores, "Bob")
    identity = stores.identity
    laptop, phone = await _add(stores, ann, b"a"), await _add(stores, ann, b"b")
    tokens = [b"b" * 32, b"c" * 32, b"a" * 32, b"b" * 32]
    assert await identity.devices_by_token(tokens) == [phone, None, laptop, phone]
    assert await identity.devices_of(ann.id) == [laptop, phone]
    moved = replace(laptop, address="192.0.2.2", seen_at=NOW + 5)
    await identity.touch_devices([replace(phone, seen_at=NOW + 6), moved])
    assert await identity.devices_by_token([b"a" * 32]) == [moved]
    assert not await identity.remove_device(bob.id, phone.id)
    assert await identity.remove_device(ann.id, phone.id)
    assert not await identity.remove_device(ann.id, phone.id)
    assert await identity.devices_of(ann.id) == [moved]


async def test_a_device_may_be_added_again(stores: Stores) -> None:
    """The database repeats a transaction whose end it was not told of."""
    ann = await _account(stores, "Ann")
    laptop = await _add(stores, ann, b"a")
    assert await _add(stores, ann, b"a") == laptop
    assert await stores.identity.devices_of(ann.id) == [laptop]


async def test_a_device_needs_the_password_that_there_is_now(stores: Stores) -> None:
    """It may have been changed while somebody came in by the old one."""
    ann = await _account(stores, "Ann")
    assert await stores.identity.set_password(ann.id, "hash", "new", 0)
    new = Device(0, ann.id, "laptop", "192.0.2.1", NOW, NOW)
    assert await stores.identity.add_device(new, b"a" * 32, "hash", 50) is None
    assert await stores.identity.devices_of(ann.id) == []


async def test_a_user_has_so_many_devices(stores: Stores) -> None:
    """Those that were not seen for longest go, never the one that is added."""
    ann, bob = await _account(stores, "Ann"), await _account(stores, "Bob")
    other = await _add(stores, bob, b"z", NOW - 99)
    old, older = await _add(stores, ann, b"a", NOW - 1), await _add(stores, ann, b"b", NOW - 2)
    late = await _add(stores, ann, b"c", NOW)
    new = Device(0, ann.id, "laptop", "192.0.2.1", NOW, NOW - 9)
    number = await stores.identity.add_device(new, b"d" * 32, "hash", 3)
    kept = {device.id for device in await stores.identity.devices_of(ann.id)}
    assert kept == {old.id, late.id, number}
    assert older.id not in kept
    assert await stores.identity.devices_of(bob.id) == [other]


@pytest.mark.parametrize("kept", [True, False])
async def test_a_new_password_forgets_other_devices(stores: Stores, kept: bool) -> None:
    """Of two who change it at once, one does."""
    ann, bob = await _account(stores, "Ann"), await _account(stores, "Bob")
    identity = stores.identity
    first, _, others = [
        await _add(stores, user, token) for user, token in ((ann, b"a"), (ann, b"b"), (bob, b"c"))
    ]
    number = first.id if kept else 0
    assert await identity.set_password(ann.id, "hash", "new", number)
    assert await identity.set_password(ann.id, "hash", "new", number), "repeated"
    assert not await identity.set_password(ann.id, "hash", "third", number)
    assert await identity.password_hash(ann.id) == "new"
    assert await identity.devices_of(ann.id) == ([first] if kept else [])
    assert await identity.devices_of(bob.id) == [others]


async def test_a_changed_password_is_not_put_back(stores: Stores) -> None:
    """Where it was to be kept in another way just when it was changed."""
    ann = await _account(stores, "Ann")
    await stores.identity.rehash(ann.id, "hash", "hashed better")
    assert await stores.identity.password_hash(ann.id) == "hashed better"
    await stores.identity.rehash(ann.id, "hash", "late")
    assert await stores.identity.password_hash(ann.id) == "hashed better"


async def test_a_guest_who_looks_like_an_account_stays_out(stores: Stores) -> None:
    """Also one who was here before that was registered; and it cannot become an account."""
    ensure, identity = stores.accounts.ensure, stores.identity
    bob, other = Visitor("Bob", "bob", "bob"), Visitor("B0b", "b0b", "bob")
    [guest] = await ensure([other], NOW, 0)
    assert isinstance(guest, User)
    [first] = await ensure([bob], NOW + 9, NOW + 9)
    assert isinstance(first, User)
    assert await ensure([bob, other], NOW + 9, 0) == [first, guest], "two guests of old"
    assert await identity.register(first.id, "hash", NOW + 9) is True
    assert await ensure([other], NOW + 10, NOW + 10) == [LookAlike("Bob")]
    assert await identity.register(guest.id, "hash", NOW + 10) == LookAlike("Bob")
    assert await identity.password_hash(guest.id) is None
    [account] = await ensure([bob], NOW + 10, NOW + 10)
    assert isinstance(account, User)
    assert account.id == first.id


async def test_users_are_found_together(stores: Stores) -> None:
    ann, bob = await add_user(stores, "Ann"), await add_user(stores, "Bob")
    keys = ["bob", "nobody", "ann", "bob"]
    assert await stores.accounts.find_all(keys) == [bob, None, ann, bob]


async def test_look_alikes(stores: Stores) -> None:
    """Who looks like somebody else is not made; guests of long ago are no reason."""
    ensure = stores.accounts.ensure
    first, alike, other = await ensure(
        [Visitor("Bob", "bob", "bob"), Visitor("B0b", "b0b", "bob"), Visitor("Ann", "ann", "ann")],
        NOW,
        NOW - 10,
    )
    assert isinstance(first, User)
    assert isinstance(other, User)
    assert alike == LookAlike("Bob")
    assert await stores.accounts.find("b0b") is None
    assert await ensure([Visitor("BOB", "bob", "bob")], NOW, NOW - 10) == [first]
    [late] = await ensure([Visitor("B0b", "b0b", "bob")], NOW, NOW)
    assert isinstance(late, User)
    await stores.identity.register(first.id, "hash", NOW)
    later = await ensure([Visitor("Вob", "вob", "bob")], NOW + 20, NOW + 20)
    assert later == [LookAlike("Bob")]


async def test_older_names_get_their_shapes(stores: Stores) -> None:
    user = await add_user(stores, "Ann")
    assert await stores.identity.unshaped() == [(user.id, "Ann")]
    await stores.identity.shape([(user.id, "ann")])
    assert await stores.identity.unshaped() == []
