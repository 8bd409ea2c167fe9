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
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from chat.dispatch import FileStream, dispatch
from chat.files import KEPT, MOST_UNSENT
from chat.intake import PIECE
from chat.limits import Limit
from chat.moderation import ModerationRules
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
async def _open(
    url: str,
    rules: ModerationRules = ModerationRules(),  # noqa: B008 - it cannot be changed
) -> AsyncIterator[House]:
    async with house(url, rules) as made, trio.open_nursery() as nursery:
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
    assert (answer.code, answer.message) == (
        ErrorCode.UNKNOWN_FILE, f"Message {sent.id} has been deleted.",
    )  # fmt: skip


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


async def test_a_file_that_is_a_byte_too_big(home: House) -> None:
    """S004-27: where the sizes look alike, they are told in bytes."""
    ann = await home.enter("Ann")
    most = 5 * 1024 * 1024
    for size, words in (
        (most + 1, "5242881 bytes, and this server takes up to 5242880 bytes."),
        (2 * most, "10.0 MiB, and this server takes up to 5.0 MiB."),
    ):
        refused = await _ask(home, ann, _offer(size=size))
        assert isinstance(refused, Error)
        assert refused.code == ErrorCode.TOO_BIG
        assert refused.message.endswith(words)


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


async def test_who_goes_on_with_a_file_is_the_only_one(home: House) -> None:
    """S003-12: also where a piece of the dead connection has still to be stored."""
    dead, alive = await home.enter("Ann"), await home.enter("Ann")
    offer = _offer()
    await _offered(home, dead, offer)
    gate = home.messenger.intake._writing
    answers: list[Event | None] = []

    async def last_words() -> None:
        answers.append(await _chunk(home, dead, DATA[: 2 * PIECE]))

    async with trio.open_nursery() as nursery:
        await gate.acquire_on_behalf_of("another upload")
        nursery.start_soon(last_words)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(dispatch, home.messenger, alive, _offer(uuid=offer.uuid, stream=2))
        await trio.testing.wait_all_tasks_blocked()
        gate.release_on_behalf_of("another upload")
    [lost] = answers
    assert isinstance(lost, Error)
    offered = await _posted(alive, Offered)
    assert isinstance(offered, Offered)
    assert offered.offset == PIECE, "the piece that was first in the queue, and no more"
    assert await _chunk(home, dead, DATA[2 * PIECE : 3 * PIECE]) is None
    assert isinstance(await _chunk(home, alive, DATA[PIECE:], stream=2), Received)
    assert isinstance(await _posted(alive, Sent), Sent)


async def test_files_that_are_not_sent_are_not_many(home: House) -> None:
    """S004-34: at most 32 of a user; those that are messages do not count, old ones go on."""
    eve = await home.enter("Eve")
    await _send(home, eve)
    offers = [_offer(stream=stream) for stream in range(10, 10 + MOST_UNSENT)]
    for offer in offers:
        await _offered(home, eve, offer)
        home.messenger.files.let_go(eve.files.pop(offer.stream))
    refused = await _ask(home, eve, _offer(stream=2))
    assert isinstance(refused, Error)
    assert refused.code == ErrorCode.LIMIT_REACHED
    await _offered(home, await home.enter("Ann"), _offer())
    await _offered(home, eve, _offer(uuid=offers[0].uuid, stream=2))
    await dispatch(home.messenger, eve, Withdraw(uuid=offers[1].uuid))
    await _offered(home, eve, _offer(stream=3))


async def test_a_file_that_may_not_be_sent_is_refused_before_it_travels(sqlite_url: str) -> None:
    """S004-23: who has sent enough to the general chat need not upload to learn that."""
    rules = ModerationRules(limit=Limit(messages=2))
    async with _open(sqlite_url, rules) as home:
        eve = await home.enter("Eve")
        sent, late = _offer(), _offer(stream=2)
        await _offered(home, eve, sent)
        await _offered(home, eve, late)
        await _chunk(home, eve, DATA)
        await home.say(eve, "the last one")
        refused = await _ask(home, eve, _offer(stream=3))
        assert isinstance(refused, Error)
        assert refused.code == ErrorCode.LIMIT_REACHED
        await home.enter("Bob")
        await _offered(home, eve, _offer(stream=3, to="Bob"))
        again = await home.enter("Eve")
        await _offered(home, again, _offer(uuid=sent.uuid))
        assert isinstance(await _posted(again, Sent), Sent), "it is counted already"
        await _chunk(home, eve, DATA, stream=2)
        error = await _posted(eve, Error)
        assert isinstance(error, Error)
        assert (error.ref, error.code) == (102, ErrorCode.LIMIT_REACHED)
        left = await home.stores.files.find(eve.who.id, late.uuid.bytes)
        assert left is None, "what was refused is not kept"


async def test_a_paste_that_is_refused_at_its_end_leaves_nothing(home: House) -> None:
    """S003-7: what was typed is a file then, but no message brings it."""
    paste = Paste(home.messenger, await home.enter("Eve"), "a.txt")
    await paste.add(b64encode(DATA))
    file = await paste.finish()
    assert await home.stores.files.get(file.id) is not None
    paste.give_up()
    await _gone(home, file.id)
    paste.give_up()


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
