"""Files at the client's end: windows, breaks, hashes, and what is saved where (S003-12, 15, 16)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from cli.client import Client
from cli.errors import FileFailed, Refused
from cli.files import FileCommands
from cli.here import Here
from cli.saving import open_named
from cli.transfers import CHUNK, RANGE, WINDOW, LocalFile
from protocol.errors import ErrorCode
from protocol.events import Error, Notice, Part, Sent
from protocol.language import voice
from protocol.requests import GENERAL, Chunk
from protocol.vocabulary.files import (
    DescribeFile,
    Download,
    FileDetails,
    GetFile,
    Offer,
    Offered,
    Received,
    SendFile,
    StopTransfers,
    Withdraw,
)
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, Peer

PATIENCE = 20.0
DATA = os.urandom(WINDOW + 5 * CHUNK + 7)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "report.pdf"
    path.write_bytes(DATA)
    return path


async def _take_chunks(peer: Peer, upto: int, begin: int = 0) -> bytes:
    """Take chunks until so many bytes of a file have come."""
    data = b""
    while begin + len(data) < upto:
        incoming = await peer.receive()
        assert isinstance(incoming.frame, Chunk), incoming.frame
        data += incoming.payload
    return data


async def _serve(peer: Peer, offer: Offer, begin: int = 0) -> bytes:
    """Take a file from an offset, and acknowledge it."""
    await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=begin))
    data = b""
    while begin + len(data) < offer.size:
        data += (await peer.receive()).payload
        await peer.send(Received(ref=offer.ref, offset=begin + len(data)))
    await peer.send(Sent(ref=offer.ref, id=101, seq=1, time=1, kind="file"))
    return data


@asynccontextmanager
async def _sending(client: Client, path: Path) -> AsyncIterator[list[Sent]]:
    """Send a file beside a block; its acknowledgement is in the list at the end."""
    sent: list[Sent] = []
    file = await LocalFile.open(str(path))

    async def send() -> None:
        sent.append(await client.files.send(file))

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            yield sent
    file.close()


async def test_no_more_than_a_window_is_on_its_way(meet: Meet, path: Path) -> None:
    """S003-16: what is said meanwhile does not wait for the whole file."""
    async with meet(echo=True) as (client, peer):
        async with _sending(client, path):
            offer = await peer.expect(Offer)
            assert (offer.name, offer.size, offer.sha256) == ("report.pdf", len(DATA), SHA256)
            await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=0))
            got = await _take_chunks(peer, WINDOW)
            await client.begin_send("meanwhile")
            await peer.store(1)
            await peer.send(Received(ref=offer.ref, offset=WINDOW))
            got += await _take_chunks(peer, len(DATA), WINDOW)
            await peer.send(Sent(ref=offer.ref, id=102, seq=2, time=2, kind="file"))
        assert got == DATA
        assert (await client.ReadMsg()).text == "meanwhile"
        message = await client.ReadMsg()
        assert message.own
        assert message.frame.file is not None
        assert (message.frame.kind, message.frame.file.name) == ("file", "report.pdf")


async def test_a_lost_connection_is_gone_on_from(
    meet: Meet, server: FakeServer, path: Path
) -> None:
    """S003-12: with the same uuid, from the byte that the server has."""
    async with meet() as (client, peer), _sending(client, path) as sent:
        offer = await peer.expect(Offer)
        await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=0))
        await _take_chunks(peer, 2 * CHUNK)
        await peer.lose()
        other = await server.accept()
        await other.welcome()
        again = await other.expect(Offer)
        assert again.uuid == offer.uuid
        assert await _serve(other, again, CHUNK) == DATA[CHUNK:]
    assert [one.id for one in sent] == [101]


@pytest.mark.parametrize("when", ["at the offer", "later"])
async def test_a_database_that_is_away_is_waited_for(meet: Meet, path: Path, when: str) -> None:
    """S003-12: the offer is made again."""
    async with meet() as (client, peer), _sending(client, path) as sent:
        offer = await peer.expect(Offer)
        if when == "later":
            await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=0))
            await _take_chunks(peer, WINDOW)
        away = Error(ref=offer.ref, code=ErrorCode.STORAGE_UNAVAILABLE, message="It is away.")
        await peer.send(away)
        again = await peer.expect(Offer)
        assert (again.uuid, again.stream != offer.stream) == (offer.uuid, True)
        await _serve(peer, again)
    assert len(sent) == 1


async def test_a_file_that_changes_is_not_sent(meet: Meet, path: Path) -> None:
    """S003-12: and the server forgets what it has of it."""
    async with meet() as (client, peer):
        file = await LocalFile.open(str(path))
        failures: list[str] = []

        async def send() -> None:
            try:
                await client.files.send(file)
            except FileFailed as failed:
                failures.append(str(failed))

        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                offer = await peer.expect(Offer)
                with path.open("ab") as more:
                    more.write(b"more")
                await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=0))
                withdraw = await peer.expect(Withdraw)
                await peer.send(Notice(ref=withdraw.ref, message="It is gone."))
        assert withdraw.uuid == offer.uuid
        assert failures == [f"{path} changed while it was being sent."]
        file.close()


@pytest.mark.parametrize("what", ["missing", "folder", "pipe"])
async def test_what_cannot_be_sent_is_said(tmp_path: Path, what: str) -> None:
    """S003-14: before anything is asked of the server."""
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    with trio.fail_after(PATIENCE):
        with pytest.raises(FileFailed, match=str(path)):
            await LocalFile.open(str(path))


# --- getting ------------------------------------------------------------------------------------

BIG = os.urandom(RANGE + 1000)
DETAILS = FileDetails(id=12, name="a.bin", size=len(BIG), sha256=hashlib.sha256(BIG).hexdigest())


async def _hand_out(peer: Peer, data: bytes, request: Download, *, stop: int | None = None) -> None:
    """Send what a download asks for, up to a byte."""
    assert request.limit is not None
    end = min(request.offset + request.limit, len(data))
    for begin in range(request.offset, end if stop is None else stop, CHUNK):
        piece = data[begin : min(begin + CHUNK, end)]
        await peer.send(Part(ref=request.ref, id=12, offset=begin, size=len(piece)), payload=piece)
    if stop is None:
        await peer.send(Part(ref=request.ref, id=12, offset=end, size=0, last=True))


async def test_a_download_goes_on_where_it_broke(meet: Meet, server: FakeServer) -> None:
    """S003-12: it is asked for in ranges, and after a break from the byte reached."""
    async with meet() as (client, peer):
        got: list[bytes] = []

        async def fetch() -> None:
            got.extend([piece async for piece in client.files.fetch(DETAILS)])

        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fetch)
                request = await peer.expect(Download)
                assert (request.offset, request.limit) == (0, RANGE)
                await _hand_out(peer, BIG, request, stop=3 * CHUNK)
                await peer.lose()
                other = await server.accept()
                await other.welcome()
                request = await other.expect(Download)
                assert request.offset == 3 * CHUNK
                await _hand_out(other, BIG, request)
        assert b"".join(got) == BIG


@pytest.mark.parametrize("fault", ["other bytes", "too short"])
async def test_a_file_that_is_another_one_is_not_kept(
    meet: Meet, tmp_path: Path, fault: str
) -> None:
    """S003-12: the SHA-256 is compared at this end, too, and what is wrong does not stay."""
    data = BIG[:-1] + (b"" if fault == "too short" else bytes([BIG[-1] ^ 1]))
    async with _commands(meet) as (commands, peer, told), trio.open_nursery() as nursery:
        nursery.start_soon(commands.do, GetFile(12, str(tmp_path)))
        describe = await peer.expect(DescribeFile)
        assert describe.id == 12
        await peer.send(
            FileDetails(
                ref=describe.ref, id=12, name=DETAILS.name, size=DETAILS.size, sha256=DETAILS.sha256
            )
        )
        for _ in range(2 if fault == "other bytes" else 3):
            await _hand_out(peer, data, await peer.expect(Download))
    assert _names(tmp_path) == []
    assert "! File 12 was not saved: What arrived is not the file that was sent" in told[-1]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@asynccontextmanager
async def _commands(meet: Meet) -> AsyncIterator[tuple[FileCommands, Peer, list[str]]]:
    """Connect, and yield what does file commands, and what it says."""
    told: list[str] = []
    with trio.fail_after(PATIENCE):
        async with meet() as (client, peer):
            yield (
                FileCommands(
                    client,
                    Here(voice()),
                    lambda sentence: told.append(f"* {sentence}"),
                    lambda sentence: told.append(f"! {sentence}"),
                ),
                peer,
                told,
            )


async def test_progress_is_shown_in_quarters(meet: Meet, path: Path) -> None:
    """S003-16: a line at the beginning, at every quarter and at the end."""
    async with _commands(meet) as (commands, peer, told), trio.open_nursery() as nursery:
        nursery.start_soon(commands.do, SendFile(str(path), None, GENERAL))
        await _serve(peer, await peer.expect(Offer))
    assert told == [f"* report.pdf: {percent} % of 832.0 KiB" for percent in (0, 25, 50, 75, 100)]


async def test_a_refused_file_is_said(meet: Meet, path: Path) -> None:
    """S004-27: in the words of the server."""
    async with _commands(meet) as (commands, peer, told), trio.open_nursery() as nursery:
        nursery.start_soon(commands.do, SendFile(str(path), "Ann", GENERAL))
        offer = await peer.expect(Offer)
        assert offer.to == "Ann"
        await peer.send(Error(ref=offer.ref, code=ErrorCode.TOO_BIG, message="Too big."))
    assert told == ["! Not sent: Too big."]


async def test_transfers_can_be_stopped(meet: Meet, path: Path, tmp_path: Path) -> None:
    """S003-16: /stop; the server is told, and of a download nothing stays."""
    folder = tmp_path / "got"
    folder.mkdir()
    async with _commands(meet) as (commands, peer, told), trio.open_nursery() as nursery:
        nursery.start_soon(commands.do, SendFile(str(path), None, GENERAL))
        offer = await peer.expect(Offer)
        nursery.start_soon(commands.do, GetFile(12, str(folder)))
        describe = await peer.expect(DescribeFile)
        await peer.send(FileDetails(ref=describe.ref, id=12, name="a", size=9, sha256="0" * 64))
        await peer.expect(Download)
        await commands.do(StopTransfers())
        withdraw = await peer.expect(Withdraw)
        await peer.send(Notice(ref=withdraw.ref, message="It is gone."))
    assert withdraw.uuid == offer.uuid
    assert set(told) == {
        f"! {path} was not sent: it was stopped.",
        "! File 12 was not saved: it was stopped.",
    }
    assert _names(folder) == []
    async with _commands(meet) as (commands, _, told):
        await commands.do(StopTransfers())
    assert told == ["* No file is on its way."]


async def test_what_was_sent_before_it_was_stopped_is_not_denied(meet: Meet, path: Path) -> None:
    """S003-16: where all of it was there, /stop comes too late, and that is said."""
    async with _commands(meet) as (commands, peer, told), trio.open_nursery() as nursery:
        nursery.start_soon(commands.do, SendFile(str(path), None, GENERAL))
        offer = await peer.expect(Offer)
        await peer.send(Offered(ref=offer.ref, id=3, name="report.pdf", offset=0))
        await peer.send(Received(ref=offer.ref, offset=len(DATA)))
        await _take_chunks(peer, len(DATA))
        await commands.do(StopTransfers())
        withdraw = await peer.expect(Withdraw)
        late = Error(ref=withdraw.ref, code=ErrorCode.TOO_LATE, message="It has been sent.")
        await peer.send(late)
    assert told[-1] == f"* {path} had been sent already, before it could be stopped."
    assert not any(line.startswith("!") for line in told)


async def test_what_there_is_not_is_said(meet: Meet) -> None:
    """S003-15: nothing is made for it."""
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(Refused):
                await client.files.describe(12)

        nursery.start_soon(ask)
        request = await peer.expect(DescribeFile)
        unknown = Error(ref=request.ref, code=ErrorCode.UNKNOWN_FILE, message="It has none.")
        await peer.send(unknown)


# --- names --------------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S003-15: another name is found where none was asked for; else it is an error."""
    monkeypatch.chdir(tmp_path)
    for shown in ("report.pdf", "report (2).pdf", "report (3).pdf"):
        with open_named("report.pdf") as file:
            assert Path(file.name) == Path(shown)
    (tmp_path / "link.pdf").symlink_to("nowhere")
    with open_named("link.pdf") as file:
        assert Path(file.name) == Path("link (2).pdf")
    for path in ("report.pdf", "link.pdf", str(tmp_path / "report.pdf")):
        with pytest.raises(FileExistsError):
            open_named("other", path)
    folder = tmp_path / "folder"
    folder.mkdir()
    with open_named("../../evil", str(folder)) as file:
        assert Path(file.name) == folder / "evil"
    with open_named("x", str(folder / "chosen")) as file:
        assert Path(file.name) == folder / "chosen"
