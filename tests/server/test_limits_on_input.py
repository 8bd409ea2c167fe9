"""Whatever comes in: an error with a code and a sentence, and nobody else notices (S004-34)."""

from __future__ import annotations

import itertools
import json
import socket
import sqlite3
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.errors import ErrorCode
from protocol.events import Error, Goodbye, HistoryPage, Message, Part, PongReply, Sent, Welcome
from protocol.framing import encode
from protocol.limits import MAX_CHUNK, MAX_HEADER
from protocol.requests import (
    Chunk,
    Delivered,
    Fetch,
    Hello,
    History,
    Ping,
    Quit,
    Send,
)
from protocol.vocabulary import REQUESTS
from server.conn import Conn
from server.delivery import Delivery
from server.gateways.native import NATIVE, serve_native
from tests.chat.fakes import MemoryStores, messenger_on
from tests.harness import PATIENCE, NativeClient, RunningServer, native, telnet
from tests.memory_storage import MemoryStorage
from tests.protocol.frames import frames, wrong_requests

CODES = set(ErrorCode)


@asynccontextmanager
async def _greeted(server: RunningServer, name: str | None = None) -> AsyncIterator[NativeClient]:
    """A connection that has said hello, and logged in where a name is given; without history."""
    async with native(server, name, resume={1: 2**53}) as client:
        if name is None:
            await client.ask(Hello(protocol=1), Welcome)
        yield client


async def _last_seq(server: RunningServer) -> int:
    async with native(server, "Auditor") as auditor:
        page = await auditor.ask(History(limit=1), HistoryPage)
        return page.messages[-1].seq if page.messages else 0


async def _expect_end(client: NativeClient) -> None:
    """The connection ends, with a goodbye that says why."""
    goodbye = await client.next()
    assert isinstance(goodbye, Goodbye), goodbye
    assert goodbye.reason.endswith(".")
    assert await client.next() is None


def _check_error(error: Error, code: ErrorCode | None = None) -> None:
    assert error.code in CODES
    assert error.code != ErrorCode.INTERNAL, error
    assert code is None or error.code == code
    assert len(error.message.split()) >= 4, "that is no sentence"


WRONG_LINES = [
    b"x",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b'{"type":"nonsense"}',
    b'{"type":"sent","id":1}',
    b'{"type":"send","text":"\\ud800"}',
    b'{"type":"send","text":"\xff"}',
    b'{"type":"send","text":"\x00"}',
    b'{"type":"ping","ref":1e999}',
    b'{"type":"ping","ref":NaN}',
    b'{"type":"ping","x":' + b"[" * 100_000 + b"}",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"\x00" * 1000,
    b"GET / HTTP/1.1\r",
]


async def test_every_wrong_line_is_answered_and_the_connection_goes_on(
    sqlite_server: RunningServer,
) -> None:
    """One error for each, in order with the right ones between them; others are not disturbed."""
    async with (
        _greeted(sqlite_server, "Eve") as eve,
        _greeted(sqlite_server, "Ann") as ann,
        telnet(sqlite_server, "Tess") as tess,
    ):
        for number, line in enumerate(WRONG_LINES):
            await eve.stream.send_all(line + b"\n" + encode(Ping(ref=number)))
        for number in range(len(WRONG_LINES)):
            error, pong = await eve.next(), await eve.next()
            assert isinstance(error, Error)
            _check_error(error, ErrorCode.BAD_FRAME)
            assert pong == PongReply(ref=number)
        sent = await ann.say("undisturbed")
        assert sent.seq == 1
        assert isinstance(await eve.next(), Message)
        await tess.until("Ann: undisturbed")
        await tess.type("me too")
        assert (await ann.messages(1))[0].seq == 2


async def test_a_header_of_a_megabyte_is_refused_before_it_ends(
    sqlite_server: RunningServer,
) -> None:
    """The error comes without waiting for the newline, and the next line is read again."""
    async with _greeted(sqlite_server, "Eve") as eve:
        await eve.stream.send_all(b'{"type":"send","text":"' + b"x" * (MAX_HEADER + 1))
        error = await eve.next()
        assert isinstance(error, Error)
        _check_error(error, ErrorCode.FRAME_TOO_LONG)
        for _ in range(32):
            await eve.stream.send_all(b'{"type":"send","text":"x"}' * 20_000)
        await eve.stream.send_all(b"\n" + encode(Ping(ref=1)))
        assert await eve.next() == PongReply(ref=1)
    assert await _last_seq(sqlite_server) == 0


@pytest.mark.parametrize("name", [None, "Eve"])
@pytest.mark.parametrize(
    "size", [0, -1, "5", None, 1.5, MAX_CHUNK + 1, 2**63, 10**30], ids=lambda size: f"{size}"
)
async def test_a_chunk_of_an_impossible_size_ends_the_connection(
    size: object, name: str | None, shared_server: RunningServer
) -> None:
    """Nothing of what follows is taken for frames: error, goodbye, end (docs/protocol.md)."""
    before = await _last_seq(shared_server)
    async with _greeted(shared_server, name) as eve:
        header = json.dumps({"type": "chunk", "stream": 1, "size": size, "ref": 4})
        smuggled = encode(Send(text="smuggled"))
        await eve.stream.send_all(header.encode() + b"\n" + smuggled)
        error = await eve.next()
        assert isinstance(error, Error)
        _check_error(error, ErrorCode.BAD_FRAME)
        assert error.ref == 4
        await _expect_end(eve)
    assert await _last_seq(shared_server) == before


async def test_the_first_frame_has_to_be_hello(shared_server: RunningServer) -> None:
    """Else error, goodbye, end; a line that cannot be read may come before it."""
    async with native(shared_server) as eve:
        await eve.stream.send_all(b'{"type":"hello"}\n{broken\n' + encode(Ping(ref=7)))
        for ref in (None, None, 7):
            error = await eve.next()
            assert isinstance(error, Error)
            _check_error(error, ErrorCode.BAD_FRAME)
            assert error.ref == ref
        await _expect_end(eve)


@pytest.mark.parametrize("version", [0, 2, 10**300])
async def test_another_version_is_told_which_one_is_spoken(
    version: int, shared_server: RunningServer
) -> None:
    """Error, goodbye, end."""
    async with native(shared_server) as eve:
        error = await eve.ask(Hello(ref=3, protocol=version), Error)
        _check_error(error, ErrorCode.UNSUPPORTED_VERSION)
        assert error.ref == 3
        assert "version 1" in error.message
        await _expect_end(eve)


HALVES = [
    b"{",
    b'{"type":"send","text":"half a fra',
    encode(Send(text="whole, but for the newline"))[:-1],
    encode(Chunk(stream=1, size=1000)) + b"x" * 500,
    b'{"type":"login","name":"H' + b"x" * 100_000,
]


@pytest.mark.parametrize("half", HALVES, ids=lambda half: ascii(half[:30]))
@pytest.mark.parametrize("reset", [False, True])
async def test_half_a_frame_is_no_frame(
    half: bytes, reset: bool, shared_server: RunningServer
) -> None:
    """A client that breaks off in the middle has not said it; the server does not mind."""
    before = await _last_seq(shared_server)
    async with _greeted(shared_server, "Eve") as eve:
        await eve.stream.send_all(half)
        if reset:
            linger_and_reset = struct.pack("ii", 1, 0)
            eve.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_and_reset)
        else:
            await eve.stream.send_eof()
            assert await eve.next() is None
    assert await _last_seq(shared_server) == before


async def test_the_ends_of_ranges_are_answered(sqlite_server: RunningServer) -> None:
    """Numbers that no database has, in requests about a message that there is."""
    async with _greeted(sqlite_server, "Eve") as eve:
        data = "я🦜".encode() * 20_000
        await eve.send(Chunk(stream=2**53, size=len(data)), data)
        sent = await eve.ask(Send(stream=2**53), Sent)
        for offset in (len(data), len(data) + 1, 2**53 - 1, 2**53):
            part = await eve.ask(Fetch(ref=1, id=sent.id, offset=offset), Part)
            assert (part.offset, part.size, part.last) == (offset, 0, True)
        for page in (History(before=0), History(after=2**53), History(before=1, after=2**53)):
            assert (await eve.ask(page, HistoryPage)).messages == []
        assert len((await eve.ask(History(before=2**53, after=0), HistoryPage)).messages) == 1
        _check_error(await eve.ask(Fetch(id=2**53), Error), ErrorCode.UNKNOWN_MESSAGE)
        await eve.send(Delivered(conversation=1, seq=2**53))
        await eve.send(Delivered(conversation=2**53, seq=2**53))
        assert await eve.ask(Ping(ref=2), PongReply) == PongReply(ref=2)


@pytest.mark.parametrize("request_", wrong_requests(), ids=str)
async def test_a_field_of_a_wrong_type_is_answered(
    request_: dict[str, object], shared_server: RunningServer
) -> None:
    """Every field of every request: one error; then the connection goes on, or says goodbye."""
    async with _greeted(shared_server) as eve:
        await eve.stream.send_all(json.dumps(request_).encode() + b"\n" + encode(Ping(ref=1)))
        error = await eve.next()
        assert isinstance(error, Error)
        _check_error(error, ErrorCode.BAD_FRAME)
        if request_["type"] == "chunk":
            await _expect_end(eve)
        else:
            assert await eve.next() == PongReply(ref=1)


_numbers = itertools.count(100)


@pytest.mark.parametrize("name", [None, "Eve"])
def test_no_right_request_makes_the_server_make_a_mistake(
    name: str | None, shared_server: RunningServer
) -> None:
    """Any values that the types allow, the ends of their ranges too, in any order."""
    usual = frames(tuple(kind for kind in REQUESTS if kind is not Quit))

    @given(requests=st.lists(usual, max_size=12))
    @settings(
        deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def check(requests: list[tuple[Any, bytes]]) -> None:
        # One request may put a password on the name, so each has a name of its own.
        own = None if name is None else f"{name}-{next(_numbers)}"
        trio.run(_send_all, shared_server, own, requests)

    check()


async def _send_all(
    server: RunningServer, name: str | None, requests: list[tuple[Any, bytes]]
) -> None:
    async with _greeted(server, name) as eve:
        for request, payload in requests:
            await eve.send(request, payload)
        await eve.send(Quit(ref=99))
        with trio.fail_after(PATIENCE):
            event = await eve.next()
            while not (event is None or (isinstance(event, Goodbye) and event.ref == 99)):
                assert not isinstance(event, Goodbye), event
                if isinstance(event, Error):
                    _check_error(event)
                event = await eve.next()
        assert event is not None, "the connection ended without a goodbye"


_GARBAGE = st.binary(min_size=1, max_size=300) | st.lists(
    st.sampled_from([b"{", b"}", b'"', b"\n", b"\xff", b"\x00", b'"type":"ping"', b"chunk", b":"]),
    min_size=1,
).map(b"".join)


def test_garbage_never_brings_the_server_down(shared_server: RunningServer) -> None:
    """Before and after hello, any bytes: it is answered or refused, and the server lives."""

    @given(before=st.just(b"") | _GARBAGE, after=_GARBAGE)
    @settings(
        deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def check(before: bytes, after: bytes) -> None:
        trio.run(_send_garbage, shared_server, before, after)

    check()


async def _send_garbage(server: RunningServer, before: bytes, after: bytes) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        with trio.fail_after(PATIENCE):
            await stream.send_all(before + b'{"type":"hello","protocol":1}\n' + after)
            await stream.send_eof()
            while await stream.receive_some(65536):
                pass


async def test_nothing_of_all_that_was_stored_or_logged_as_a_mistake(
    sqlite_server: RunningServer,
) -> None:
    """After garbage of each kind: no message, no warning in the log, and it stops in good order.

    Except that somebody sent more than it takes to log in: that is no mistake of the server.
    """
    for line in WRONG_LINES:
        await _send_garbage(sqlite_server, line, line)
    for request in wrong_requests()[::5]:
        async with _greeted(sqlite_server, "Eve") as eve:
            await eve.stream.send_all(json.dumps(request).encode() + b"\n")
            await eve.expect(Error)
    for half in HALVES:
        async with _greeted(sqlite_server, "Eve") as eve:
            await eve.stream.send_all(half)
    assert await _last_seq(sqlite_server) == 0
    async with _greeted(sqlite_server, "Ann") as ann:
        assert (await ann.say("still there")).seq == 1
    assert await trio.to_thread.run_sync(sqlite_server.stop) == 0
    entries = [json.loads(line) for line in sqlite_server.log.read_text().splitlines()]
    told = {"limit.max_login_bytes"}
    assert {entry["level"] for entry in entries if entry["event"] not in told} == {"info"}


async def test_who_does_not_read_the_answers_is_not_read_from() -> None:
    """A flood of wrong frames costs one channel and one read's worth of answers, not memory."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    conn = Conn(near, "a test", Delivery(MemoryStorage()), NATIVE, 8192)
    messenger = messenger_on(MemoryStores())
    flood, answers = b"x\n" * 30_000, 30_000 * 200
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conn.run, lambda conn: serve_native(conn, messenger, 30))
        far.send(b'{"type":"hello","protocol":1}\n')
        for _ in range(60):
            with suppress(BlockingIOError):
                far.send(flood)
            await trio.testing.wait_all_tasks_blocked()
        assert 8192 <= conn.channel.waiting < 2 * answers
        nursery.cancel_scope.cancel()
    far.close()


async def test_what_a_broken_upload_stored_is_deleted_at_the_next_start(
    sqlite_server: RunningServer, tmp_path: Path
) -> None:
    """S001-10: a text that never became a message does not fill the disk for ever."""
    async with _greeted(sqlite_server, "Eve") as eve:
        for stream in (1, 2):
            await eve.send(Chunk(stream=stream, size=5), b"hello")
        await eve.ask(Send(stream=1), Sent)
    for left in (2, 1):
        with closing(sqlite3.connect(tmp_path / "chat.db")) as database:
            assert database.execute("SELECT count(*) FROM bodies").fetchone() == (left,)
        sqlite_server.kill()
        sqlite_server.start()


async def test_a_stream_is_sent_or_forgotten(sqlite_server: RunningServer) -> None:
    """Chunks without their send are no message, whoever says it on another connection."""
    async with _greeted(sqlite_server, "Eve") as eve:
        await eve.send(Chunk(stream=1, size=5), b"hello")
        await eve.ask(Ping(), PongReply)
    async with _greeted(sqlite_server, "Eve") as eve:
        error = await eve.ask(Send(stream=1, ref=2), Error)
        _check_error(error, ErrorCode.BAD_STREAM)
        await eve.send(Chunk(stream=1, size=2), b"\xff\xff")
        error = await eve.ask(Send(stream=1, ref=3), Error)
        _check_error(error, ErrorCode.BAD_STREAM)
        await eve.send(Chunk(stream=1, size=5), b"world")
        assert (await eve.ask(Send(stream=1, ref=4), Sent)).seq == 1
