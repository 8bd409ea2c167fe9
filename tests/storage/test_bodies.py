"""Long texts in chunks, the same for every database."""

from __future__ import annotations

import random

import pytest

from storage import Stores
from tests.storage.helpers import NOW, add_file, new, save, user

CHUNK = 256 * 1024


async def store(stores: Stores, data: bytes, size: int = CHUNK) -> int:
    """Store a body in chunks."""
    body_id = await stores.bodies.create(NOW)
    for offset in range(0, len(data), size):
        await stores.bodies.append(body_id, offset, data[offset : offset + size])
    return body_id


async def test_some_mebibytes(stores: Stores) -> None:
    data = random.Random(4).randbytes(3 * 1024 * 1024 + 17)
    body_id = await store(stores, data)
    found, offset = [], 0
    while part := await stores.bodies.read(body_id, offset, 100_000):
        assert len(part) <= 100_000
        found.append(part)
        offset += len(part)
    assert b"".join(found) == data


async def test_any_part(stores: Stores) -> None:
    data = bytes(range(50))
    body_id = await store(stores, data, size=7)
    for offset in range(53):
        for limit in (0, 1, 6, 7, 8, 20, 100):
            part = await stores.bodies.read(body_id, offset, limit)
            assert part == data[offset : offset + limit], (offset, limit)


async def test_bodies_do_not_mix(stores: Stores) -> None:
    one, other = await store(stores, b"one"), await store(stores, b"other")
    assert await stores.bodies.read(one, 0, 10) == b"one"
    assert await stores.bodies.read(other, 0, 10) == b"other"


async def test_a_repeated_chunk_changes_nothing(stores: Stores) -> None:
    body_id = await store(stores, b"abcdef", size=3)
    await stores.bodies.append(body_id, 3, b"def")
    await stores.bodies.append(body_id, 0, b"xyz")
    assert await stores.bodies.read(body_id, 0, 100) == b"abcdef"


async def test_reading_ends_at_a_gap(stores: Stores) -> None:
    body_id = await stores.bodies.create(NOW)
    await stores.bodies.append(body_id, 0, b"abc")
    await stores.bodies.append(body_id, 5, b"fgh")
    assert await stores.bodies.read(body_id, 0, 100) == b"abc"
    assert await stores.bodies.read(body_id, 3, 100) == b""
    assert await stores.bodies.read(body_id, 5, 100) == b"fgh"


async def test_a_body_that_is_not_there(stores: Stores) -> None:
    assert await stores.bodies.read(4711, 0, 100) == b""
    with pytest.raises(KeyError, match="4711"):
        await stores.bodies.append(4711, 0, b"lost")


async def test_a_chunk_has_a_limit(stores: Stores) -> None:
    body_id = await stores.bodies.create(NOW)
    with pytest.raises(ValueError, match="too long"):
        await stores.bodies.append(body_id, 0, bytes(CHUNK + 1))
    assert await stores.bodies.read(body_id, 0, 1) == b""


async def test_orphans_are_deleted_and_others_are_not(stores: Stores) -> None:
    ann = await user(stores)
    kept = await store(stores, b"kept")
    message = new(ann, "ke", body_id=kept)
    [saved] = await save(stores, [message])
    assert saved.message.body_id == kept
    empty = await stores.bodies.create(NOW)
    # More chunks than one transaction deletes.
    long = await store(stores, bytes(1000), size=7)
    assert await stores.bodies.delete_orphans() == 2
    assert await stores.bodies.delete_orphans() == 0
    assert await stores.bodies.read(kept, 0, 100) == b"kept"
    for gone in (empty, long):
        assert await stores.bodies.read(gone, 0, 100) == b""
        with pytest.raises(KeyError):
            await stores.bodies.append(gone, 0, b"late")


async def test_a_text_given_up_is_deleted_in_slices(stores: Stores) -> None:
    """Others have their turn between two; what is next to it stays."""
    before, long, after = [await store(stores, bytes(1000), size=7) for _ in range(3)]
    slices = 1
    while await stores.bodies.delete_slice(long):
        slices += 1
    assert slices > 1
    assert await stores.bodies.delete_slice(long) is False, "it is gone already"
    with pytest.raises(KeyError):
        await stores.bodies.append(long, 0, b"late")
    for kept in (before, after):
        assert await stores.bodies.read(kept, 0, 2000) == bytes(1000)
    assert await stores.bodies.delete_orphans() == 2


async def test_the_text_of_a_message_is_never_deleted(stores: Stores) -> None:
    """Nor one that never was."""
    kept = await store(stores, bytes(1000), size=7)
    await save(stores, [new(await user(stores), "", body_id=kept)])
    for body_id in (kept, 4711):
        assert await stores.bodies.delete_slice(body_id) is False
    assert await stores.bodies.read(kept, 0, 2000) == bytes(1000)


async def test_the_contents_of_a_file_are_never_deleted(stores: Stores) -> None:
    """Also before, or without, a message that brings it."""
    kept = await store(stores, bytes(1000), size=7)
    await add_file(stores, await user(stores), "zeros", 1000, kept)
    assert await stores.bodies.delete_orphans() == 0
    assert await stores.bodies.delete_slice(kept) is False
    assert await stores.bodies.read(kept, 0, 2000) == bytes(1000)
