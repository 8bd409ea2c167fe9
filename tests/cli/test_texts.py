"""Long texts on the client's side: read from files, kept in temporary ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.errors import TextFailed
from cli.texts import HEAD, IN_MEMORY, FileText, Spool, open_whole, whole_text
from protocol.commands import Built, Place, SaveText
from protocol.errors import ProtocolError
from protocol.limits import MAX_CHUNK
from protocol.requests import Fetch, Send
from protocol.typed import parse_line


def _understood(line: str) -> Built | None:
    return parse_line(line, Place())


async def _all(text: FileText) -> bytes:
    return b"".join([piece async for piece in text()])


async def _spool(*pieces: bytes) -> Spool:
    spool = Spool("Line 1")
    for piece in pieces:
        await spool.write(piece)
    return spool


@pytest.mark.parametrize("size", [1, MAX_CHUNK, MAX_CHUNK + 1, 3 * MAX_CHUNK])
async def test_file_is_read_anew_at_each_call(tmp_path: Path, size: int) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * size)
    with await open_whole(str(path)) as file:
        text = await whole_text(file, str(path))
        assert text.size == size
        assert await _all(text) == await _all(text) == b"x" * size


@pytest.mark.parametrize("place", [0, 1, MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1])
@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3(", "ä".encode()[:1] + b"\xf0"])
async def test_wrong_byte_is_named(tmp_path: Path, place: int, wrong: bytes) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * place + wrong + b"y" * MAX_CHUNK)
    with await open_whole(str(path)) as file:
        text = await whole_text(file, str(path))
        with pytest.raises(TextFailed, match=f"the byte at {place} is wrong"):
            await _all(text)


async def test_cut_off_character_at_the_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("€".encode()[:2])
    with await open_whole(str(path)) as file:
        text = await whole_text(file, str(path))
        with pytest.raises(TextFailed, match="the byte at 0 is wrong"):
            await _all(text)


async def test_characters_may_lie_across_pieces(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" + "€".encode() * MAX_CHUNK)
    with await open_whole(str(path)) as file:
        assert await _all(await whole_text(file, str(path))) == path.read_bytes()


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
async def test_file_that_changes_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * 2 * MAX_CHUNK)
    os.utime(path, ns=(0, 0))
    with await open_whole(str(path)) as file:
        text = await whole_text(file, str(path))
        pieces = text()
        await anext(pieces)
        with path.open("r+b") as other:
            if change == "shrink":
                other.truncate(MAX_CHUNK)
            else:
                other.seek(0, os.SEEK_END if change == "grow" else os.SEEK_SET)
                other.write(b"y")
        with pytest.raises(TextFailed, match="changed while it was being read"):
            await anext(pieces)


async def test_file_that_is_deleted_or_replaced_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * 2 * MAX_CHUNK)
    with await open_whole(str(path)) as file:
        text = await whole_text(file, str(path))
        path.unlink()
        path.write_bytes(b"another")
        assert await _all(text) == b"x" * 2 * MAX_CHUNK


async def test_what_has_no_size_is_read_to_its_end() -> None:
    with await open_whole("/proc/self/limits") as file:
        text = await whole_text(file, "/proc/self/limits")
        assert b"Max open files" in await _all(text)
        text.close()


@pytest.mark.parametrize("blanks", [b"", b" \t"])
@pytest.mark.parametrize("size", [10, IN_MEMORY + 10])
async def test_spool_finds_its_text(blanks: bytes, size: int) -> None:
    spool = await _spool(b" " * 5, blanks + b"/send-to Ann  a", b"b" * size, blanks, b"\r")
    whole = spool.head()
    assert whole.startswith("/send-to Ann  a")
    request = _understood(whole)
    assert isinstance(request, Send)
    assert request.to == "Ann"
    text = spool.text_of(request.text or "")
    assert await _all(text) == b"a" + b"b" * size
    spool.release()
    assert await _all(text) == b"a" + b"b" * size  # the text still wants it
    text.close()


async def test_spool_of_bytes_that_are_no_text_is_cut_in_the_right_place() -> None:
    spool = await _spool("\u00a0".encode() + b"//x\xff" + "ä".encode() * HEAD)
    request = _understood(spool.head())
    assert isinstance(request, Send)
    text = spool.text_of(request.text or "")
    with pytest.raises(TextFailed, match="Line 1 is not UTF-8: the byte at 2 is wrong"):
        await _all(text)
    text.close()


@pytest.mark.parametrize(("end", "kept"), [(b"\r", b""), (b"", b""), (b" ", b" ")])
async def test_verbatim_keeps_all_but_the_return(end: bytes, kept: bytes) -> None:
    spool = await _spool(b"  x", end)
    text = spool.without_return()
    assert await _all(text) == b"  x" + kept
    text.close()


async def test_spool_that_cannot_be_kept_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/null")
    spool = await _spool(b"x" * IN_MEMORY, b"y", b"z")
    with pytest.raises(TextFailed, match=r"Line 1 cannot be kept in /dev/null: .* TMPDIR"):
        spool.text()


@pytest.mark.parametrize(
    "line", ["/text 5 my file.txt", " /TEXT 5  my file.txt ", "/text 5 > my file.txt"]
)
def test_saving_takes_a_number_and_a_file(line: str) -> None:
    assert _understood(line) == SaveText(Fetch(id=5), "my file.txt")


def test_what_saves_nothing() -> None:
    assert _understood("/text 5") == _understood("/text 5 >") == Fetch(id=5)
    assert _understood("text 5 file") == Send(text="text 5 file")
    for line in ("/text five file", "/text 0 file", "/text"):
        with pytest.raises(ProtocolError):
            _understood(line)
