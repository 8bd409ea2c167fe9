"""The rules of files: what is kept, what is deleted, what a failure leaves (S003-7, 12, 15, 16)."""

from __future__ import annotations

import hashlib
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from chat.dispatch import FileStream, dispatch
from chat.files import KEPT
from chat.intake import PIECE
from chat.pasting import Paste
from chat.uploads import TextChunk
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, Sent
from protocol.vocabulary.editing import Delete
from protocol.vocabulary.files import Download, Offer, Offered, Received, Withdraw
from storage.errors import StorageUnavailable
from storage.file_store import FileStore
from storage.schema import bodies, files
from tests.chat.fakes import Author
from tests.chat.house import PATIENCE, House, house
from tests.storage.helpers import run

DATA = bytes(range(256)) * 1024


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[House]:
    async with house(url) as made, trio.open_nursery() as nursery:
        nursery.start_soon(made.messenger.files.run)
        yield made
        nursery.cancel_scope.cancel()


@pytest.fixture
async def home(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger on SQLite, at work on files."""
    async with _open(sqlite_url) as made:
        yield made


def _offer(data: bytes = DATA, *, uuid: UUID | None = None, stream: int = 1, **more: Any) -> Offer:
    fields: dict[str, Any] = {
        "ref": 100 + stream, "uuid": uuid or uuid4(), "name": "a.bin", "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "stream": stream,
    }  # fmt: skip
    return Offer(**fields | more)


async def _ask(home: House, who: Author, request: Any) -> Event:
    """Return the first thing that is posted as the answer, or is it."""
    before = len(who.screen.posted)
    answer = await dispatch(home.messenger, who, request)
    if isinstance(answer, Event):
        return answer
    assert not isinstance(answer, FileStream)
    return who.screen.posted[before]


async def _offered(home: House, who: Author, offer: Offer) -> Offered:
    answer = await _ask(home, who, offer)
    assert isinstance(answer, Offered), answer
    return answer


async def _chunk(home: House, who: Author, data: bytes, *, stream: int = 1) -> Event | None:
    answer = await dispatch(home.messenger, who, TextChunk(stream=stream, data=data))
    assert answer is None or isinstance(answer, Event)
    return answer


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(PATIENCE):
        while not await look():  # noqa: ASYNC110 - it is the database that changes
            await trio.sleep(0.005)


async def _posted(who: Author, kind: type[Event]) -> Event:
    """Return what of a kind was posted last, once there is one."""
    found: list[Event] = []

    async def look() -> bool:
        found.extend(event for event in who.screen.posted if isinstance(event, kind))
        return bool(found)

    await _until(look)
    return found[-1]


async def _send(home: House, who: Author, data: bytes = DATA, **more: Any) -> Sent:
    await _offered(home, who, _offer(data, **more))
    await _chunk(home, who, data)
    sent = await _posted(who, Sent)
    assert isinstance(sent, Sent)
    return sent


async def _gone(home: House, file_id: int) -> None:
    """Wait until nothing of a file is stored."""

    async def look() -> bool:
        return await home.stores.files.get(file_id) is None

    await _until(look)

    async def look_again() -> bool:
        return await run(home.stores, _orphans) == 0

    await _until(look_again)


def _orphans(connection: Connection) -> int:
    kept = select(files.c.body_id).where(files.c.body_id.is_not(None))
    orphans = select(func.count()).select_from(bodies).where(bodies.c.id.not_in(kept))
    return int(connection.execute(orphans).scalar_one())


async def test_what_nobody_goes_on_with_is_deleted_after_a_day(home: House) -> None:
    """S003-12: an unfinished upload is kept for 24 hours; one on its way for as long as it is."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    left = await _offered(home, ann, _offer())
    await _chunk(home, ann, DATA[:PIECE])
    home.messenger.leave(ann)
    going_on = await _offered(home, bob, _offer())
    sent = await _send(home, await home.enter("Cy"))
    now = time.time_ns() // 1000
    assert await home.messenger.files.clean(now + (KEPT - 60) * 1_000_000) == 0
    assert await home.messenger.files.clean(now + (KEPT + 60) * 1_000_000) == 1
    await _gone(home, left.id)
    assert await home.stores.files.get(going_on.id) is not None
    message = await home.stores.messages.Get(sent.id)
    assert message is not None
    assert await home.stores.files.get(message.file_id or 0) is not None


async def test_the_file_of_a_deleted_message_is_deleted(home: House) -> None:
    """S003-15: nobody could download it any more."""
    ann = await home.enter("Ann")
    sent = await _send(home, ann)
    message = await home.stores.messages.Get(sent.id)
    assert message is not None
    assert message.file_id is not None
    home.messenger.files.release(message.file_id)  # not while a message brings it
    home.messenger.files.release(None)
    deleted = await home.ask(ann, Delete(ref=7, id=sent.id))
    assert isinstance(deleted, Sent), deleted
    await _gone(home, message.file_id)
    answer = await dispatch(home.messenger, ann, Download(id=sent.id))
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.UNKNOWN_FILE


async def test_nothing_of_a_damaged_file_is_kept(home: House) -> None:
    """S003-12: nor of one of which more comes than was said."""
    ann = await home.enter("Ann")
    wrong = await _offered(home, ann, _offer(sha256="0" * 64))
    assert isinstance(await _chunk(home, ann, DATA), Received)
    error = await _posted(ann, Error)
    assert isinstance(error, Error)
    assert (error.ref, error.code) == (101, ErrorCode.BAD_STREAM)
    await _gone(home, wrong.id)
    small = await _offered(home, ann, _offer(DATA[:10], stream=2))
    assert isinstance(await _chunk(home, ann, DATA[:11], stream=2), Error)
    assert await _chunk(home, ann, DATA[:11], stream=2) is None, "said once"
    await _gone(home, small.id)
    assert home.published == []


async def test_a_database_that_is_away_costs_no_byte(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S003-12: what was stored stays, what came meanwhile is dropped, an offer goes on with it."""
    ann = await home.enter("Ann")
    offer = _offer()
    await _offered(home, ann, offer)
    await _chunk(home, ann, DATA[:PIECE])

    async def away(*_: object) -> int:
        await trio.lowlevel.checkpoint()
        raise StorageUnavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "append", away)
        error = await _chunk(home, ann, DATA[PIECE : 2 * PIECE])
        assert isinstance(error, Error)
        assert (error.ref, error.code) == (101, ErrorCode.STORAGE_UNAVAILABLE)
    assert await _chunk(home, ann, DATA[2 * PIECE :]) is None
    again = await _offered(home, ann, _offer(uuid=offer.uuid, stream=2))
    assert again.offset == PIECE
    await _chunk(home, ann, DATA[PIECE:], stream=2)
    assert isinstance(await _posted(ann, Sent), Sent)


async def test_files_that_failed_make_room_for_others(home: House) -> None:
    """S003-14: at most eight at once, but any number one after the other."""
    ann = await home.enter("Ann")
    for stream in range(1, 9):
        await _offered(home, ann, _offer(DATA[:10], stream=stream))
    refused = await _ask(home, ann, _offer(stream=9))
    assert isinstance(refused, Error)
    assert refused.code == ErrorCode.LIMIT_REACHED
    assert isinstance(await _chunk(home, ann, DATA, stream=3), Error)
    await _offered(home, ann, _offer(stream=9))


async def test_a_withdrawn_file_is_gone_also_while_it_comes(home: House) -> None:
    """S003-16: who stops a transfer leaves nothing on the server."""
    ann = await home.enter("Ann")
    offer = _offer()
    offered = await _offered(home, ann, offer)
    await _chunk(home, ann, DATA[:PIECE])
    await dispatch(home.messenger, ann, Withdraw(uuid=offer.uuid))
    assert await _chunk(home, ann, DATA[PIECE:]) is None
    await _gone(home, offered.id)
    assert home.published == []


async def test_a_file_whose_sender_left_is_sent_all_the_same(home: House) -> None:
    """S003-12: all of it was here; the next connection learns that it is sent."""
    ann = await home.enter("Ann")
    offer = _offer()
    await _offered(home, ann, offer)
    await _chunk(home, ann, DATA)
    home.messenger.leave(ann)

    async def look() -> bool:
        return bool(home.published)

    await _until(look)
    again = await home.enter("Ann")
    assert (await _offered(home, again, offer)).offset == len(DATA)
    sent = await _posted(again, Sent)
    assert isinstance(sent, Sent)
    assert (sent.id, sent.duplicate) == (home.published[0].id, True)


@given(
    data=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 500), max_size=8),
    blank=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_base64_may_be_cut_anywhere(data: bytes, cuts: list[int], blank: bool) -> None:
    """S003-7: a terminal breaks lines where it likes."""
    text = b64encode(data)
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})

    async def check() -> None:
        paste = Paste(_Nowhere(), Author(), "a")  # type: ignore[arg-type]
        for begin, end in pairwise(edges):
            await paste.add(text[begin:end] + (b" \t" if blank else b""))
        assert bytes(paste._data) == data
        assert paste._typed == b""

    trio.run(check)


@given(text=st.binary(min_size=1, max_size=50))
@settings(deadline=None)
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    """S003-14: any bytes are either base64 or an error; nothing is guessed."""

    async def check() -> None:
        paste = Paste(_Nowhere(), Author(), "a")  # type: ignore[arg-type]
        try:
            await paste.add(text)
        except ProtocolError:
            return
        packed = text.translate(None, bytes(range(33)))
        assert bytes(paste._data) == b64decode(packed[: len(packed) // 4 * 4], validate=True)

    trio.run(check)


class _Nowhere:
    """What a short paste asks of a messenger."""

    @property
    def files(self) -> _Nowhere:
        return self

    def check_size(self, size: int) -> None:
        """Take any size."""
