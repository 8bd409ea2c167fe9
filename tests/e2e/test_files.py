"""Files of any format: sent, got and listed (S003-7, 15, 16, 19, 20; S004-27)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from cli.client import Client
from cli.errors import Refused
from cli.transfers import LocalFile
from protocol.errors import ErrorCode
from protocol.events import Error, FileInfo, Message, Part, Sent
from protocol.requests import Fetch, Send
from protocol.vocabulary.files import (
    DescribeFile,
    Download,
    FileDetails,
    FileList,
    ListFiles,
    Offered,
    Received,
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
    take_parts,
)
from tests.harness import RunningServer, native, running_server

LIMIT = 5 * MIB


@pytest.fixture
def boundless(tmp_path: Path, database_url: str) -> Iterator[RunningServer]:
    """A server on each of the two databases, with no limit for files."""
    with running_server(tmp_path, "--database", database_url, "--max-file-bytes", "0") as server:
        yield server


@asynccontextmanager
async def _client(server: RunningServer, name: str) -> AsyncIterator[Client]:
    async with Client.New("127.0.0.1", server.port, name, echo=True) as client:
        yield client


async def test_a_file_of_any_format_is_a_message_that_can_be_downloaded(
    server: RunningServer,
) -> None:
    """S003-7, S003-15, S003-19, S003-20: byte for byte, for everyone there and those who come."""
    data = some_bytes(MIB + 17)
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        sent = await send_file(ann, data, name="Отчёт 1.pdf")
        message = await bob.expect(Message)
        assert (message.id, message.kind, message.sender) == (sent.id, "file", "Ann")
        assert message.file is not None
        assert (message.file.name, message.file.size) == ("Отчёт 1.pdf", len(data))
        assert await get_file(bob, sent.id) == data
        details = await ann.ask(DescribeFile(id=sent.id), FileDetails)
        assert details.sha256 == hashlib.sha256(data).hexdigest()
        assert await files_of(bob) == [(sent.id, "Отчёт 1.pdf", len(data))]
    async with native(server, "Cy", history=5) as cy:
        seen = await cy.expect(Message)
        assert isinstance(seen.file, FileInfo)
        assert await get_file(cy, seen.id) == data


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1])
async def test_files_of_all_sizes(server: RunningServer, size: int) -> None:
    """S003-7: an empty one, too."""
    data = some_bytes(size)
    async with native(server, "Ann") as ann:
        sent = await send_file(ann, data)
        assert await get_file(ann, sent.id) == data


async def test_any_part_can_be_asked_for(server: RunningServer) -> None:
    """S003-12: the download goes on from any byte, as far as is wanted."""
    data = some_bytes(3 * PIECE + 5)
    async with native(server, "Ann") as ann:
        number = (await send_file(ann, data)).id
        for offset, limit in ((0, 1), (PIECE - 1, 2), (7, None), (len(data) - 3, 100)):
            await ann.send(Download(id=number, offset=offset, limit=limit))
            end = len(data) if limit is None else offset + limit
            assert await take_parts(ann) == data[offset:end]
        await ann.send(Download(id=number, offset=len(data) + 1))
        assert await take_parts(ann) == b""


async def test_names_are_cleaned_by_the_server(server: RunningServer) -> None:
    """S003-15: a client that cleans nothing can be saved from strangers' tricks, too."""
    async with native(server, "Ann") as ann:
        for name, shown in (("../../.bashrc", "bashrc"), ("a\u202efdp.exe", "afdp.exe")):
            await send_file(ann, some_bytes(3), name=name, uuid=uuid4())
            assert (await files_of(ann))[-1][1] == shown


async def test_a_private_file_is_for_the_two_only(server: RunningServer) -> None:
    """S003-15: who cannot see the message can neither get, describe nor list its file."""
    data = some_bytes(100)
    async with (
        native(server, "Ann") as ann,
        native(server, "Bob") as bob,
        native(server, "Eve") as eve,
    ):
        sent = await send_file(ann, data, to="Bob")
        assert await get_file(bob, sent.id) == data
        direct = await ann.ask(ListFiles(conversation=sent.conversation), FileList)
        assert [file.id for file in direct.files] == [sent.id]
        for request in (Download(id=sent.id), DescribeFile(id=sent.id)):
            assert (await eve.ask(request, Error)).code == ErrorCode.UNKNOWN_MESSAGE
        refused = await eve.ask(ListFiles(conversation=sent.conversation), Error)
        assert refused.code == ErrorCode.UNKNOWN_CONVERSATION
        assert await files_of(eve) == []


async def test_what_brings_no_file_is_told(server: RunningServer) -> None:
    """S003-15: a text has none."""
    async with native(server, "Ann") as ann:
        number = (await ann.say("just a text")).id
        for request in (Download(id=number), DescribeFile(id=number)):
            assert (await ann.ask(request, Error)).code == ErrorCode.UNKNOWN_FILE
        assert (await ann.ask(Download(id=4711), Error)).code == ErrorCode.UNKNOWN_MESSAGE


# --- beside everything else ---------------------------------------------------------------------


async def test_one_can_talk_while_a_file_is_sent(server: RunningServer) -> None:
    """S003-16: messages of the same connection pass between the chunks, in both directions."""
    data = some_bytes(2 * MIB)
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        await ann.ask(offer_of(data), Offered)
        for number in range(7):
            await send_chunks(ann, data[number * MIB // 4 : (number + 1) * MIB // 4])
            assert (await ann.say(f"so far {number}")).kind == "text"
            assert (await bob.expect(Message)).text == f"so far {number}"
            await bob.say(f"heard {number}")
            assert (await ann.expect(Message)).text == f"heard {number}"
        await send_chunks(ann, data[7 * MIB // 4 :])
        message = await bob.expect(Message)
        assert message.kind == "file"
        assert await get_file(bob, message.id) == data


async def test_one_can_talk_while_a_file_is_got(boundless: RunningServer) -> None:
    """S003-16: others' messages come between the parts, and answers to what is asked meanwhile."""
    data = some_bytes(16 * MIB)
    async with native(boundless, "Ann") as ann, native(boundless, "Bob") as bob:
        number = (await send_file(ann, data)).id
        await bob.expect(Message)
        await bob.send(Download(ref=9, id=number))
        for _ in range(10):
            assert isinstance((await bob.next()), Part)
        await ann.say("are you still there?")
        await bob.send(Send(ref=8, text="yes"))
        waiting = {"are you still there?", "yes"}
        parts_after, last = 0, False
        while waiting or not last:
            event = await bob.next()
            if isinstance(event, Message):
                waiting.discard(event.text)
            elif isinstance(event, Sent):
                waiting.discard("yes")
            elif isinstance(event, Part):
                parts_after += not waiting
                last = event.last
        assert parts_after > 10, "the messages did not wait for the end of the file"


async def test_the_memory_of_the_server_is_bounded(tmp_path: Path) -> None:
    """S003-12, S003-16: whatever the size of a file; its ends take 40 MiB and more."""
    data = some_bytes(32 * MIB)
    with running_server(tmp_path, "--max-file-bytes", "0") as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            before = server.memory()
            number = (await send_file(ann, data)).id
            await bob.expect(Message)
            assert await get_file(bob, number) == data
            assert server.memory() - before < 16 * MIB


# --- what is refused ----------------------------------------------------------------------------


async def test_a_damaged_file_is_not_published(server: RunningServer) -> None:
    """S003-12: SHA-256 is compared, also of what came in two connections; nothing is kept."""
    data, uuid = some_bytes(3 * PIECE), uuid4()
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    async with native(server, "Bob") as bob:
        for halves in (False, True):
            if halves:
                async with native(server, "Ann") as ann:
                    await ann.ask(offer_of(data, uuid=uuid), Offered)
                    await send_chunks(ann, wrong[:PIECE])
                    await ann.expect(Received)
            async with native(server, "Ann") as ann:
                offered = await ann.ask(offer_of(data, uuid=uuid), Offered)
                assert offered.offset == (PIECE if halves else 0)
                await send_chunks(ann, wrong[offered.offset :])
                error = await ann.expect(Error)
                assert (error.ref, error.code) == (1005, ErrorCode.BAD_STREAM)
                assert "SHA-256" in error.message
        async with native(server, "Ann") as ann:
            assert (await ann.ask(offer_of(data, uuid=uuid), Offered)).offset == 0
            await ann.say("no file")
        assert (await bob.expect(Message)).text == "no file"
        assert await files_of(bob) == []


async def test_a_file_above_the_limit_is_refused_before_it_is_sent(server: RunningServer) -> None:
    """S004-27: 5 MB by default; said at the offer, and what is declared is not trusted."""
    async with native(server, "Ann") as ann:
        sha256 = "0" * 64
        error = await ann.ask(offer_of(b"", size=LIMIT + 1, sha256=sha256), Error)
        assert error.code == ErrorCode.TOO_BIG
        sizes = f"it has {LIMIT + 1} bytes, and this server takes up to {LIMIT} bytes"
        assert sizes in error.message
        await ann.ask(offer_of(b"", size=LIMIT, sha256=sha256, stream=6), Offered)
        await ann.ask(offer_of(b"", size=10, sha256=sha256, stream=7), Offered)
        await send_chunks(ann, bytes(11), stream=7)
        error = await ann.expect(Error)
        assert (error.ref, error.code) == (1007, ErrorCode.BAD_STREAM)


async def test_no_limit_at_all(boundless: RunningServer) -> None:
    """S004-27: MAX_FILE_BYTES=0."""
    data = some_bytes(LIMIT + 1)
    async with native(boundless, "Ann") as ann:
        number = (await send_file(ann, data)).id
        assert await get_file(ann, number) == data


async def test_offers_that_cannot_be(server: RunningServer) -> None:
    """S003-14: each refused with a code and a sentence, and the connection goes on."""
    async with native(server) as stranger:
        await stranger.send(offer_of(b""))
    async with native(server, "Ann") as ann:
        for offer, code in (
            (offer_of(b"", sha256="xyz"), ErrorCode.BAD_ARGUMENTS),
            (offer_of(b"", to="Nobody"), ErrorCode.UNKNOWN_USER),
            (offer_of(b"", to="Ann"), ErrorCode.BAD_ARGUMENTS),
            (offer_of(b"", conversation=4711), ErrorCode.UNKNOWN_CONVERSATION),
        ):
            assert (await ann.ask(offer, Error)).code == code
        await ann.ask(offer_of(bytes(10)), Offered)
        assert (await ann.ask(offer_of(bytes(11)), Error)).code == ErrorCode.BAD_STREAM
        for stream in range(10, 17):
            await ann.ask(offer_of(bytes(10), stream=stream), Offered)
        error = await ann.ask(offer_of(bytes(10), stream=17), Error)
        assert error.code == ErrorCode.LIMIT_REACHED
        assert (await ann.say("still there")).id


async def test_a_file_is_no_text(server: RunningServer) -> None:
    """S003-19: its stream cannot become a text, nor be fetched as one."""
    async with native(server, "Ann") as ann:
        await ann.ask(offer_of(some_bytes(10)), Offered)
        error = await ann.ask(Send(ref=4, stream=5), Error)
        assert error.code == ErrorCode.BAD_STREAM
        await send_chunks(ann, some_bytes(10))
        number = (await ann.expect(Sent)).id
        await ann.send(Fetch(id=number))
        assert await take_parts(ann) == b"report.pdf"


async def test_a_refusal_reaches_the_program(server: RunningServer, tmp_path: Path) -> None:
    """S004-27, S003-15: the library raises what the server says."""
    path = tmp_path / "big"
    path.write_bytes(bytes(LIMIT + 1))
    async with _client(server, "Ann") as ann:
        file = await LocalFile.open(str(path))
        with pytest.raises(Refused) as told:
            await ann.files.send(file)
        assert told.value.code == ErrorCode.TOO_BIG
        file.close()
        with pytest.raises(Refused):
            await ann.files.describe(4711)
