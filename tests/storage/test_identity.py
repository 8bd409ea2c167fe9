"""Passwords, devices and names that look alike, on every database."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from storage import Stores
from storage.records import Device, LookAlike, User, Visitor
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


async def test_devices_come_and_go(stores: Stores) -> None:
    """A token finds its device; a device is its user's alone."""
    ann, bob = await add_user(stores, "Ann"), await add_user(stores, "Bob")
    identity = stores.identity
    new = Device(0, ann.id, "laptop", "192.0.2.1", NOW, NOW)
    laptop = replace(new, id=await identity.add_device(new, b"a" * 32))
    phone = replace(laptop, id=await identity.add_device(laptop, b"b" * 32))
    assert await identity.device_by_token(b"a" * 32) == laptop
    assert await identity.device_by_token(b"c" * 32) is None
    assert await identity.devices_of(ann.id) == [laptop, phone]
    await identity.touch_device(laptop.id, "192.0.2.2", NOW + 5)
    moved = await identity.device_by_token(b"a" * 32)
    assert moved == replace(laptop, address="192.0.2.2", seen_at=NOW + 5)
    assert not await identity.remove_device(bob.id, phone.id)
    assert await identity.remove_device(ann.id, phone.id)
    assert not await identity.remove_device(ann.id, phone.id)
    assert await identity.devices_of(ann.id) == [moved]


@pytest.mark.parametrize("kept", [True, False])
async def test_a_new_password_forgets_other_devices(stores: Stores, kept: bool) -> None:
    ann, bob = await add_user(stores, "Ann"), await add_user(stores, "Bob")
    identity = stores.identity
    ids = [
        await identity.add_device(Device(0, user.id, "", "", NOW, NOW), token * 32)
        for user, token in ((ann, b"a"), (ann, b"b"), (bob, b"c"))
    ]
    await identity.register(ann.id, "old", NOW)
    await identity.set_password(ann.id, "new", ids[0] if kept else 0)
    assert await identity.password_hash(ann.id) == "new"
    assert [one.id for one in await identity.devices_of(ann.id)] == (ids[:1] if kept else [])
    assert [one.id for one in await identity.devices_of(bob.id)] == ids[2:]


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
