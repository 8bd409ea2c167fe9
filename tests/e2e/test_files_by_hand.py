"""Files for people: at telnet, in the line client and for scripts (S003-7, 12, 15, 16; S004-27)."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from protocol.events import Message
from protocol.vocabulary.files import FileList, ListFiles
from tests.cli.programs import Terminal, piped, run, terminal
from tests.e2e.filing import MIB, some_bytes
from tests.harness import LineClient, RunningServer, native, running_server, telnet


@pytest.fixture
def boundless(tmp_path: Path, database_url: str) -> Iterator[RunningServer]:
    """A server on each of the two databases, with no limit for files."""
    with running_server(tmp_path, "--database", database_url, "--max-file-bytes", "0") as server:
        yield server


async def _paste(person: LineClient, data: bytes) -> None:
    text = b64encode(data).decode()
    for begin in range(0, len(text), 76):
        await person.type(text[begin : begin + 76])
    await person.type(".")


def _unpacked(shown: str) -> bytes:
    lines = [line for line in shown.splitlines() if line and not line.startswith(("-", "*"))]
    return b64decode("".join(line for line in lines if " " not in line))


async def test_both_ways_at_telnet(server: RunningServer) -> None:
    """S003-7, S003-15: pasted as base64, listed, and shown as base64 with its hash."""
    data = some_bytes(5000)
    sha256 = hashlib.sha256(data).hexdigest()
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("/file ../my report.pdf")
        await ann.until("ends it, one with /stop gives it up.")
        await _paste(ann, data)
        await ann.until(f"* my report.pdf has arrived and is sent: 4.9 KiB, sha256 {sha256}.")
        line = await bob.until("saves it]")
        assert "Ann: [file my report.pdf, 4.9 KiB; /get " in line
        number = line.rpartition("/get ")[2].split()[0]
        await bob.type("/files")
        assert f"#{number} " in await bob.until("Ann: my report.pdf (4.9 KiB)")
        await bob.type(f"/get {number}")
        await bob.until("--- file my report.pdf, 5000 bytes, base64 ---\r\n")
        shown = await bob.until(f"--- end, sha256 {sha256} ---")
        assert _unpacked(shown) == data


async def test_a_file_for_one_at_telnet(server: RunningServer) -> None:
    """S003-7: /file NAME to WHOM; nobody else sees it."""
    async with (
        telnet(server, "Ann") as ann,
        telnet(server, "Bob") as bob,
        telnet(server, "Eve") as eve,
    ):
        await ann.type("/file secret.txt to Nobody")
        await ann.until("! Nobody called Nobody has been here.")
        await ann.type('/file "a secret to keep" to Bob')
        await ann.until("gives it up.")
        await _paste(ann, b"secret")
        line = await bob.until("saves it]")
        assert "Ann (private): [file a secret to keep, 6 bytes;" in line
        number = line.rpartition("/get ")[2].split()[0]
        await eve.type(f"/get {number}")
        await eve.until(f"! You can see no message with the number {number}.")


async def test_what_is_pasted_wrongly_never_goes_to_everyone(server: RunningServer) -> None:
    """S003-7, S004-27: too much, no base64, a change of mind: none of it is a message."""
    async with telnet(server, "Ann") as ann, native(server, "Bob") as bob:
        await ann.type("/file a")
        await ann.until("gives it up.")
        await ann.type("this is no base64!")
        await ann.until("! This is not base64; nothing of the file is kept.")
        await ann.until("* What follows is thrown away, up to a line with a dot alone.")
        await ann.type("QUJD")
        await ann.type(".")
        await ann.until("* The file was not sent.")
        await ann.type("/file b")
        await ann.until("gives it up.")
        await ann.type("QUJD")
        await ann.type("/stop")
        await ann.until("* The file was not sent.")
        await ann.type("/file c")
        await ann.until("gives it up.")
        for _ in range(6 * MIB // (48 * 1024)):
            await ann.type("QUJD" * 16 * 1024)
        await ann.type(".")
        assert "! The file is too big" in await ann.until("* The file was not sent.")
        await ann.type("/file d")
        await ann.until("gives it up.")
        await ann.type("QUJ")
        await ann.type(".")
        await ann.until("! This is not base64; nothing of the file is kept.")
        await ann.type("hello")
        assert (await bob.expect(Message)).text == "hello"
        assert (await bob.ask(ListFiles(), FileList)).files == []


async def test_a_long_file_is_stopped_at_telnet(boundless: RunningServer, tmp_path: Path) -> None:
    """S003-16: /stop, and one can go on talking."""
    path = tmp_path / "long"
    path.write_bytes(some_bytes(8 * MIB))
    async with native(boundless, "Bob") as bob, telnet(boundless, "Ann") as ann:
        await ann.type("/stop")
        await ann.until("* No file is on its way.")
        await trio.to_thread.run_sync(run, boundless.port, "Cy", "--send-file", str(path))
        number = (await bob.expect(Message)).id
        await ann.type(f"/get {number}")
        await ann.until("base64 ---")
        await ann.type(f"/get {number}")
        await ann.until("* There is a file on its way; wait for its end, or write /stop.")
        await ann.type("/stop")
        await ann.until("--- stopped ---")
        await ann.type("that was long")
        assert (await bob.expect(Message)).text == "that was long"


# --- the line client ----------------------------------------------------------------------------


def _connected(person: Terminal, name: str) -> None:
    person.until("* Connected to mymessenger")
    person.until_prompt(f"{name}>")


def _number(shown: list[str]) -> str:
    return str(re.findall(r"/get (\d+) saves", " ".join(shown))[-1])


def test_both_ways_in_the_line_client(server: RunningServer, tmp_path: Path) -> None:
    """S003-7, S003-12, S003-15, S003-16: with progress, and talk meanwhile; nothing overwritten."""
    data = some_bytes(3 * MIB)
    path = tmp_path / "my report.pdf"
    path.write_bytes(data)
    home = tmp_path / "home"
    home.mkdir()
    with (
        terminal(server.port, "Ann") as ann,
        terminal(server.port, "Bob", HOME=str(home)) as bob,
    ):
        _connected(ann, "Ann")
        _connected(bob, "Bob")
        ann.type(f"/file {path}\rhello meanwhile\r")
        for percent in (0, 25, 50, 75, 100):
            ann.until(f"* my report.pdf: {percent} % of 3.0 MiB")
        ann.until("Ann: [file my report.pdf, 3.0 MiB; /get ")
        bob.until("Ann: hello meanwhile")
        number = _number(bob.until("Ann: [file my report.pdf, 3.0 MiB; /get "))
        bob.type("/files\r")
        bob.until("Ann: my report.pdf (3.0 MiB)")
        for saved in ("my report.pdf", "my report (2).pdf"):
            bob.type(f"/get {number} ~\r")
            bob.until(f"is saved as {home}/{saved}")
            assert (home / saved).read_bytes() == data
        bob.type(f"/get {number} ~/my report.pdf\r")
        bob.until(f"* File {number} was not saved: There is a file of that name already.")
        bob.type("/get 4711\r")
        bob.until("was not saved: You can see no message with the number 4711.")
        bob.type(f"/file {home}/nothing to Ann\r")
        bob.until("nothing cannot be read: No such")


def test_a_file_goes_to_where_one_is(server: RunningServer, tmp_path: Path) -> None:
    """S003-7: to the present conversation, or to who is named; the others do not see it."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"secret")
    with (
        terminal(server.port, "Ann") as ann,
        terminal(server.port, "Bob") as bob,
        terminal(server.port, "Eve") as eve,
    ):
        for person, name in ((ann, "Ann"), (bob, "Bob"), (eve, "Eve")):
            _connected(person, name)
        ann.type(f'/file "{path}" to Bob\r')
        shown = bob.until("Ann (private): [file a.txt, 6 bytes; /get ")
        eve.type(f"/get {_number(shown)}\r")
        eve.until("You can see no message with the number")
        ann.type("/chats den\r")
        ann.until_prompt("Ann@den>")
        ann.type(f"/file {path}\r")
        ann.until("Ann (den): [file a.txt, 6 bytes; /get ")
        ann.type("/files\r")
        ann.until("Ann: a.txt (6 bytes)")
        eve.type("/files\r")
        eve.until("There are no files here.")


def test_a_transfer_is_stopped_in_the_line_client(boundless: RunningServer, tmp_path: Path) -> None:
    """S003-16: /stop ends it, and nothing of it stays at either end."""
    path = tmp_path / "movie"
    path.write_bytes(some_bytes(32 * MIB))
    with terminal(boundless.port, "Ann") as ann:
        _connected(ann, "Ann")
        ann.type(f"/file {path}\r")
        ann.until("* movie: 0 % of 32.0 MiB")
        ann.type("/stop\r")
        ann.until("movie was not sent: it was stopped.")
        ann.type("/files\r")
        ann.until("There are no files here.")


def test_the_limit_is_told(server: RunningServer, tmp_path: Path) -> None:
    """S004-27: before anything is sent, with the limit in the sentence."""
    path = tmp_path / "big"
    path.write_bytes(bytes(5 * MIB + 1))
    with terminal(server.port, "Ann") as ann:
        _connected(ann, "Ann")
        ann.type(f"/file {path}\r")
        ann.until("Not sent: The file is too big: it has 5242881 bytes, and this server takes up")


# --- for scripts --------------------------------------------------------------------------------


def test_files_for_scripts(server: RunningServer, tmp_path: Path) -> None:
    """S003-7, S003-15: --send-file and --get, to standard output or into a file."""
    data = some_bytes(MIB)
    path, target = tmp_path / "a.bin", tmp_path / "b.bin"
    path.write_bytes(data)
    assert run(server.port, "Ann", "-q").returncode == 0
    done = run(server.port, "Bob", "--send-file", str(path), "--to", "Ann")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    with piped(server.port, "Ann") as ann:
        shown = ann.lines(1)
    number = _number(shown)
    assert shown[0].startswith("Bob (private): [file a.bin, 1.0 MiB;")
    done = run(server.port, "Ann", "--get", number)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")
    assert run(server.port, "Ann", "--get", number, "-o", str(target)).returncode == 0
    assert target.read_bytes() == data
    again = run(server.port, "Ann", "--get", number, "-o", str(target))
    assert again.returncode == 1
    assert b"was not saved: There is a file of that name already." in again.stderr
    done = run(server.port, "Eve", "--get", number)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"mymessenger: You can see no message with the number")
    done = run(server.port, "Bob", "--send-file", str(path), "--to", "Nobody")
    assert done.returncode == 1
    assert b"Not sent: Nobody called Nobody has been here." in done.stderr
    assert run(server.port, "Bob", "--to", "Ann").returncode == 2


def test_no_line_of_a_pipe_sends_a_file(server: RunningServer, tmp_path: Path) -> None:
    """S003-14: it may come from strangers; it neither reads nor writes a file."""
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    done = run(server.port, "Ann", typed=f"/file {path}\n/get 1 {tmp_path}/x\n/files\n")
    assert done.returncode == 1
    assert done.stderr.count(b"No line of a pipe sends or saves a file") == 2
    assert b"There are no files here." in done.stdout
    assert [one.name for one in tmp_path.iterdir() if one.name == "x"] == []


def test_a_script_survives_a_crash_of_the_server(boundless: RunningServer, tmp_path: Path) -> None:
    """S003-12: kill -9 in the middle; the file is there once, and whole."""
    data = some_bytes(24 * MIB)
    path = tmp_path / "big.bin"
    path.write_bytes(data)
    with terminal(boundless.port, "Ann", "--send-file", str(path)) as ann:
        ann.until("mymessenger: big.bin: 25 % of 24.0 MiB")
        boundless.kill()
        ann.until("Connection lost")
        boundless.start(port=boundless.port)
        ann.until("mymessenger: big.bin: 100 % of 24.0 MiB")
        assert ann.wait() == 0
    shown = run(boundless.port, "Bob").stdout.decode()
    assert shown.count("[file big.bin, 24.0 MiB;") == 1
    got = run(boundless.port, "Bob", "--get", _number(shown.splitlines())).stdout
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(data).hexdigest()
