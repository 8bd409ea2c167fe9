"""Long texts on their way in: any size, any cut, whole or not at all (S001-10)."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.intake import Intake
from chat.uploads import Upload
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import TEXT_HEAD
from storage.errors import StorageUnavailable
from tests.chat.fakes import MemoryBodies


async def _upload(pieces: list[bytes]) -> tuple[Upload, bytes]:
    """Send pieces; return the upload, and what was stored."""
    bodies = MemoryBodies()
    upload = Upload(Intake(bodies))
    for piece in pieces:
        await upload.append(piece)
    return upload, bytes(bodies.bodies.get(upload.body_id or 0, b""))


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_LONG_TEXTS = st.builds(
    lambda text, count: text * (count // max(len(text.encode()), 1) + 1),
    st.text("aя日🦜\n", min_size=1, max_size=7),
    st.integers(TEXT_HEAD - 10, TEXT_HEAD + 10),
)
_CUTS = st.lists(st.integers(0, 20_000), max_size=20)


@given(text=_TEXTS | _LONG_TEXTS, cuts=_CUTS)
@settings(deadline=None)
def test_a_text_arrives_whole_however_it_is_cut(text: str, cuts: list[int]) -> None:
    """Also in the middle of a character; the head is as long as whole characters allow."""
    data = text.encode()

    async def check() -> None:
        upload, stored = await _upload(_cut(data, cuts))
        assert stored == data
        assert upload.size == len(data)
        if not text.strip():
            with pytest.raises(ProtocolError) as told:
                upload.finish()
            assert told.value.code == ErrorCode.EMPTY_MESSAGE
            return
        head = upload.finish()
        assert data.startswith(head)
        assert text.startswith(head.decode())
        assert len(head) <= TEXT_HEAD
        assert len(head) == len(data) or len(head) > TEXT_HEAD - 4

    trio.run(check)


_BROKEN = st.sampled_from(
    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xc3\xc3", b"\xf5"]
)


@given(before=_TEXTS, broken=_BROKEN, after=_TEXTS, cuts=_CUTS)
@settings(deadline=None)
def test_bytes_that_are_no_text_are_refused(
    before: str, broken: bytes, after: str, cuts: list[int]
) -> None:
    """S004-34: wherever they stand, however they are cut."""

    async def check() -> None:
        upload, _ = await _upload(_cut(before.encode() + broken + after.encode(), cuts))
        with pytest.raises(ProtocolError) as told:
            upload.finish()
        assert told.value.code == ErrorCode.BAD_STREAM

    trio.run(check)


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_a_text_that_ends_within_a_character_is_refused(size: int) -> None:
    """Half a parrot is no parrot."""
    upload, _ = await _upload([b"hello", "🦜".encode()[:size]])
    with pytest.raises(ProtocolError) as told:
        upload.finish()
    assert told.value.code == ErrorCode.BAD_STREAM


async def test_what_follows_broken_bytes_is_not_stored() -> None:
    """It can never be read, so it only would take room."""
    _, stored = await _upload([b"good", b"\xff", b"more", b"and more"])
    assert stored == b"good"


async def test_only_the_head_stays_in_memory() -> None:
    """S001-10: a text has no limit, and the server's memory has."""
    upload, stored = await _upload([b"x" * 256 * 1024] * 40)
    assert len(stored) == upload.size == 40 * 256 * 1024
    assert len(upload._head) == TEXT_HEAD
    assert upload.finish() == b"x" * TEXT_HEAD


async def test_a_text_with_a_chunk_missing_is_never_sent() -> None:
    """Stored whole or refused: a database that was away for a moment leaves no hole in a text."""
    bodies = MemoryBodies()
    upload = Upload(Intake(bodies))
    await upload.append(b"transfer 1")
    bodies.script = [StorageUnavailable("the database is away")]
    with pytest.raises(StorageUnavailable):
        await upload.append(b"00 roubles, not ")
    await upload.append(b"000 roubles")
    with pytest.raises(ProtocolError):
        upload.finish()
