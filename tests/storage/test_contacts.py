"""Contacts in the database (S000-8, S000-15)."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from storage import Stores
from tests.storage.helpers import NOW, new, save, user


async def test_adding_and_removing(stores: Stores) -> None:
    """S000-15: each once, for each user alone, and not without end."""
    ann, bob, cid = [await user(stores, name) for name in ("Ann", "Bob", "Cid")]
    assert await stores.contacts.add(ann.id, bob.id, NOW, limit=1) is True
    assert await stores.contacts.add(ann.id, bob.id, NOW, limit=1) is False
    assert await stores.contacts.add(ann.id, cid.id, NOW, limit=1) is None
    assert await stores.contacts.listed(ann.id) == ([bob], {})
    assert await stores.contacts.listed(bob.id) == ([], {})
    assert await stores.contacts.remove(bob.id, ann.id) is False
    assert await stores.contacts.remove(ann.id, bob.id) is True
    assert await stores.contacts.remove(ann.id, bob.id) is False
    assert await stores.contacts.listed(ann.id) == ([], {})
    assert await stores.contacts.add(ann.id, cid.id, NOW, limit=1) is True


async def test_the_last_message_of_each_conversation(stores: Stores) -> None:
    """S000-8: by it contacts are sorted; rooms and the general chat are nobody's contacts."""
    ann, bob, cid = [await user(stores, name) for name in ("Ann", "Bob", "Cid")]
    with_bob = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    with_cid = await stores.conversations.ensure_direct(ann.id, cid.id, NOW)
    await save(stores, [new(ann), new(bob, conversation_id=with_bob.id)])
    assert await stores.contacts.listed(ann.id) == ([], {with_bob.id: 2})
    await save(stores, [new(cid, conversation_id=with_cid.id)])
    await save(stores, [new(ann, conversation_id=with_bob.id)])
    assert await stores.contacts.listed(ann.id) == ([], {with_bob.id: 4, with_cid.id: 3})
    assert await stores.contacts.listed(bob.id) == ([], {with_bob.id: 4})


async def test_somebody_who_does_not_exist(stores: Stores) -> None:
    """S000-15: is nobody's contact."""
    ann = await user(stores)
    with pytest.raises(IntegrityError):
        await stores.contacts.add(ann.id, 4711, NOW, limit=9)
    assert await stores.contacts.listed(ann.id) == ([], {})
