"""Files whose way is broken off: resumed where they were, sent exactly once (S003-12)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import trio

from cli.client import Client
from cli.transfers import LocalFile
from protocol.errors import ErrorCode
from protocol.events import Error, Message, Notice, Sent
from protocol.vocabulary.files import (
    FileList,
    ListFiles,
    Offered,
    Received,
    Withdraw,
)
from tests.e2e.filing import (
    MIB,
    PIECE,
    files_of,
    get_file,
    offer_of,
    send_chunks,
    send_file,
    some_bytes,
)
from tests.harness import RunningServer, native, running_server


@pytest.fixture
def boundless(tmp_path: Path, database_url: str) -> Iterator[RunningServer]:
    """A server on each of the two databases, with no limit for files."""
    with running_server(tmp_path, "--database", database_url, "--max-file-bytes", "0") as server:
        yield server


async def test_an_upload_goes_on_where_it_broke(server: RunningServer) -> None:
    """S003-12: another connection is told the offset, and sends only the rest."""
    data, uuid = some_bytes(MIB), uuid4()
    async with native(server, "Bob") as bob:
        async with native(server, "Ann") as ann:
            await ann.ask(offer_of(data, uuid=uuid), Offered)
            await send_chunks(ann, data[: 5 * PIECE])
            received = [await ann.expect(Received) for _ in range(5)]
            assert [one.offset for one in received] == [PIECE * n for n in range(1, 6)]
        async with native(server, "Ann") as ann:
            offered = await ann.ask(offer_of(data, uuid=uuid), Offered)
            assert offered.offset == 5 * PIECE
            await send_chunks(ann, data[offered.offset :])
            sent = await ann.expect(Sent)
        assert (await bob.expect(Message)).id == sent.id
        assert await get_file(bob, sent.id) == data


async def test_the_same_uuid_is_one_file_and_one_message(server: RunningServer) -> None:
    """S003-12: an offer of what has been sent sends nothing, and gets the first one's answer."""
    data, uuid = some_bytes(1000), uuid4()
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        first = await send_file(ann, data, uuid=uuid)
        again = await ann.ask(offer_of(data, uuid=uuid, stream=6), Offered)
        assert again.offset == len(data)
        sent = await ann.expect(Sent)
        assert (sent.id, sent.duplicate) == (first.id, True)
        await ann.say("that was all")
        assert [message.kind for message in await bob.messages(2)] == ["file", "text"]
        assert len(await files_of(bob)) == 1
        other = await ann.ask(offer_of(b"something else", uuid=uuid, stream=7), Error)
        assert other.code == ErrorCode.BAD_STREAM


async def test_of_two_connections_with_one_file_the_later_one_sends_it(
    server: RunningServer,
) -> None:
    """S003-12: a client is back before the server knows that it had gone."""
    data, uuid = some_bytes(4 * PIECE), uuid4()
    async with native(server, "Ann") as old, native(server, "Ann") as new:
        await old.ask(offer_of(data, uuid=uuid), Offered)
        await send_chunks(old, data[:PIECE])
        await old.expect(Received)
        offered = await new.ask(offer_of(data, uuid=uuid), Offered)
        assert offered.offset == PIECE
        await send_chunks(old, data[PIECE : 3 * PIECE])
        await old.say("all of it has been read")
        await send_chunks(new, data[PIECE:])
        sent = await new.expect(Sent)
        assert await get_file(new, sent.id) == data


@asynccontextmanager
async def _client(server: RunningServer, name: str) -> AsyncIterator[Client]:
    async with Client.New("127.0.0.1", server.port, name, echo=True) as client:
        yield client


async def test_the_client_resumes_after_a_crash_of_the_server(
    boundless: RunningServer, tmp_path: Path
) -> None:
    """S003-12: kill -9 in the middle, both ways: one message, right to the last byte."""
    data = some_bytes(8 * MIB)
    path = tmp_path / "movie.bin"
    path.write_bytes(data)
    port = boundless.port
    half = trio.Event()

    def kill_at_half(done: int, size: int) -> None:
        if not half.is_set() and done > size // 2:
            half.set()
            boundless.kill()

    async def restart() -> None:
        await half.wait()
        await trio.to_thread.run_sync(lambda: boundless.start(port=port))

    with trio.fail_after(60):
        async with _client(boundless, "Ann") as ann:
            file = await LocalFile.open(str(path))
            afterwards: list[int] = []

            def watch(done: int, size: int) -> None:
                kill_at_half(done, size)
                if half.is_set():
                    afterwards.append(done)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(restart)
                sent = await ann.files.send(file, progress=watch)
            assert min(afterwards) > len(data) // 4, "it did not begin anew"
            message = await ann.ReadMsg()
            assert (message.id, message.frame.kind) == (sent.id, "file")

            half = trio.Event()
            details = await ann.files.describe(sent.id)
            got = b""
            async with trio.open_nursery() as nursery:
                nursery.start_soon(restart)
                async for piece in ann.files.fetch(details, progress=kill_at_half):
                    got += piece
            assert got == data
            file.close()
        async with native(boundless, "Bob", history=10) as bob:
            page = await bob.ask(ListFiles(), FileList)
            assert [one.id for one in page.files] == [sent.id]


async def test_what_is_given_up_leaves_nothing(server: RunningServer) -> None:
    """S003-12: a withdrawn file begins anew; one that has been sent is sent."""
    data, uuid = some_bytes(2 * PIECE), uuid4()
    async with native(server, "Ann") as ann:
        await ann.ask(offer_of(data, uuid=uuid), Offered)
        await send_chunks(ann, data[:PIECE])
        assert (await ann.ask(Withdraw(ref=3, uuid=uuid), Notice)).ref == 3
        await send_chunks(ann, data[PIECE:])  # on the way when it was withdrawn
        assert (await ann.ask(Withdraw(ref=4, uuid=uuid4()), Notice)).ref == 4
        offered = await ann.ask(offer_of(data, uuid=uuid, stream=6), Offered)
        assert offered.offset == 0
        await send_chunks(ann, data, stream=6)
        await ann.expect(Sent)
        assert (await ann.ask(Withdraw(uuid=uuid), Error)).code == ErrorCode.TOO_LATE
        assert len(await files_of(ann)) == 1
