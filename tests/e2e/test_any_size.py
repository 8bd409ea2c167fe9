"""Messages of any size through the real client: sent from files and pipes, shown, saved."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.programs import COLUMNS, Terminal, command, environment, piped, run, terminal
from tests.harness import PATIENCE, ROOT, RunningServer, running_server

MIB = 1024 * 1024
HELD_WHOLE = 64 * MIB
"""A text that nobody holds in memory by accident."""
PROGRAM = 80 * MIB
"""More than the client needs for itself and its buffers, less than with such a text."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests that only talk."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def _text(size: int) -> bytes:
    """Return lines of text, none like another, with characters of one to four bytes."""
    lines = "".join(f"{number} ä€😀\n" for number in range(size // 12))
    text = lines.encode()[:size].decode(errors="ignore").encode()
    return text + b"." * (size - len(text))


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _number(server: RunningServer, reader: str = "Reader") -> int:
    """Return the number of the last message, as somebody is told who sees its head."""
    shown = run(server.port, reader, "--history", "1").stdout.decode()
    return int(re.findall(r"/text (\d+) shows all of it\)\n", shown)[-1])


def _fetched(server: RunningServer, number: int, reader: str = "Reader") -> bytes:
    done = run(server.port, reader, "--text", str(number))
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def _peak(arguments: list[str], feed: bytes = b"") -> int:
    """Run a client, fed with pieces of text up to HELD_WHOLE; return the most memory it took."""
    with (
        subprocess.Popen(
            arguments, cwd=ROOT, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as process,
        ThreadPoolExecutor(1) as pool,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        watching = pool.submit(_watch_peak, process)
        for _ in range(HELD_WHOLE // len(feed) if feed else 0):
            process.stdin.write(feed)
        process.stdin.close()
        peak = watching.result(PATIENCE)
        assert process.wait(PATIENCE) == 0, process.stderr.read()
        return peak


def _watch_peak(process: subprocess.Popen[bytes]) -> int:
    """Return what the kernel last called the most memory of a program.

    What it says at the end counts that of the program it was forked from, too.
    """
    peak = 0
    while process.returncode is None:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        if found is None:  # it has ended, and waits to be waited for
            break
        peak = int(found[1]) * 1024
        time.sleep(0.005)
    return peak


# --- sending ----------------------------------------------------------------------------------


def test_file_reaches_everyone_byte_for_byte(shared: RunningServer, tmp_path: Path) -> None:
    text = _text(3 * MIB)
    path = tmp_path / "report"
    path.write_bytes(text)
    done = run(shared.port, "Bob", "--message-file", str(path), typed="not sent\n")
    assert (done.returncode, done.stderr) == (0, b"")
    number = _number(shared)
    sums = {_sum(_fetched(shared, number, reader)) for reader in ("Ann", "Ben", "Cy", "Bob")}
    assert sums == {_sum(text)}
    assert b"not sent" not in run(shared.port, "Reader", "--history", "5").stdout


def test_whole_input_is_one_message(shared: RunningServer) -> None:
    text = _text(3 * MIB) + b"/quit\n"
    done = run(shared.port, "Bob", "-q", "--whole", typed=text)
    assert (done.returncode, done.stderr) == (0, b"")
    assert _fetched(shared, _number(shared)) == text


def test_short_input_is_shown_whole(shared: RunningServer) -> None:
    assert run(shared.port, "Bob", "-q", "--whole", typed="/status\ntwo\n").returncode == 0
    shown = run(shared.port, "Reader", "--history", "1").stdout.decode()
    assert shown.endswith(" Bob: /status⏎two⏎\n")


@pytest.mark.parametrize("flag", ["--whole", "--message-file"])
def test_pipe_can_stand_for_a_file(shared: RunningServer, tmp_path: Path, flag: str) -> None:
    """What is redirected is read where it is, a named pipe is kept."""
    text = _text(2 * MIB)
    path = tmp_path / "text"
    path.write_bytes(b"head\n" + text)
    line = " ".join(command(shared.port, "Bob", "-q"))
    end = f"{{ read head; {line} --whole; }} < {path}"
    if flag == "--message-file":
        end = f"mkfifo {path}.pipe; tail -n +2 {path} > {path}.pipe & {line} {flag} {path}.pipe"
    subprocess.run(["sh", "-c", end], cwd=ROOT, env=environment(), timeout=PATIENCE, check=True)
    assert _fetched(shared, _number(shared)) == text


@pytest.mark.parametrize("verbatim", [True, False])
def test_long_lines_are_messages_among_others(shared: RunningServer, verbatim: bool) -> None:
    run(shared.port, "Ann", "-q")
    long = "x" * (2 * MIB) + "ä"
    flags = ("-q", "--verbatim") if verbatim else ("-q",)
    typed = f"first\n  {long} \r\n/send-to Ann {long}\nsecond\n"
    done = run(shared.port, "Bob", *flags, typed=typed)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = run(shared.port, "Ann", "--history", "4").stdout.decode().splitlines()
    texts = [line.partition(": ")[2] for line in lines]
    assert {"first", "second"} <= set(texts)
    numbers = sorted(int(n) for n in re.findall(r"/text (\d+) ", "".join(lines)))[-2:]
    general, private = (_fetched(shared, number, "Ann").decode() for number in numbers)
    assert (general, private) == (
        (f"  {long} ", f"/send-to Ann {long}") if verbatim else (long, long)
    )
    told = run(shared.port, "Reader", "--text", str(numbers[1]))
    assert told.returncode == (0 if verbatim else 1)  # the private one is Ann's


def test_long_text_for_one_never_goes_to_all(shared: RunningServer) -> None:
    run(shared.port, "Ann", "-q")
    for size in (100_000, 2 * MIB):
        done = run(shared.port, "Bob", "-q", typed=f"/send Ann secret{'x' * size}\n")
        assert done.returncode == 1
        assert b"Not sent: a text this long needs /send-to NAME" in done.stderr
    assert b"secret" not in run(shared.port, "Reader", "--history", "5").stdout


# --- what cannot be sent ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Path.exists, "{} cannot be read: No such file or directory."),
        (Path.mkdir, "{} cannot be read: Is a directory."),
        (lambda path: path.write_bytes(b""), "Not sent: {} is empty: there is nothing to send."),
        (
            lambda path: path.write_bytes(b"x" * 70_000 + b"\xff" + b"x" * MIB),
            "Not sent: {} is not UTF-8: the byte at 70000 is wrong (invalid start byte).",
        ),
        (
            lambda path: path.write_bytes(b"abc\xff"),
            "Not sent: {} is not UTF-8: the byte at 3 is wrong (invalid start byte).",
        ),
        (lambda path: path.write_bytes(b" \n"), "Not sent: There is no text in this message."),
        (lambda path: path.write_bytes(b" " * MIB), "Not sent: There is no text in this message."),
    ],
)
def test_file_that_cannot_be_sent_is_said(
    shared: RunningServer, tmp_path: Path, make: Callable[[Path], object], sentence: str
) -> None:
    path = tmp_path / "it"
    make(path)
    done = run(shared.port, "Bob", "-q", "--message-file", str(path))
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"mymessenger: {sentence.format(path)}")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_said(shared: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0)
    done = run(shared.port, "Bob", "-q", "--message-file", str(path))
    assert done.returncode == 1
    assert done.stderr.decode() == f"mymessenger: {path} cannot be read: Permission denied.\n"


def test_disk_error_of_a_file_is_said(shared: RunningServer) -> None:
    done = run(shared.port, "Bob", "-q", "--message-file", "/proc/self/mem")
    assert done.returncode == 1
    assert done.stderr == b"mymessenger: /proc/self/mem cannot be read: Input/output error.\n" or (
        b"Not sent: /proc/self/mem cannot be read: Input/output error.\n" in done.stderr
    )


def test_long_line_that_cannot_be_sent_is_said_and_the_rest_goes_on(shared: RunningServer) -> None:
    """More often than there are streams in one connection: none stays open."""
    wrong = b"x" * 2 * MIB + b"\xff\n"
    done = run(shared.port, "Bob", "-q", typed=wrong * 9 + b"x" * 2 * MIB + b"\nlast\n")
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()
    assert said == [
        f"mymessenger: Not sent: Line {number} is not UTF-8: the byte at {2 * MIB} is wrong "
        "(invalid start byte)."
        for number in range(1, 10)
    ]
    assert run(shared.port, "Reader", "--history", "1").stdout.endswith(b" Bob: last\n")
    assert _fetched(shared, _number_before_last(shared)) == b"x" * 2 * MIB


def _number_before_last(server: RunningServer) -> int:
    shown = run(server.port, "Reader", "--history", "2").stdout.decode().splitlines()[-2]
    return int(re.findall(r"/text (\d+) ", shown)[-1])


def test_line_there_is_no_disk_for_is_said_and_the_rest_goes_on(shared: RunningServer) -> None:
    line = "x" * 2 * MIB
    done = subprocess.run(
        command(shared.port, "Bob", "-q"), cwd=ROOT, env=environment(TMPDIR="/dev/null"),
        input=f"{line}\nafter\n".encode(), capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(b"mymessenger: Not sent: Line 1 cannot be kept in /dev/null: ")
    assert run(shared.port, "Reader", "--history", "1").stdout.endswith(b" Bob: after\n")


# --- memory and lost connections --------------------------------------------------------------


@pytest.mark.parametrize("way", ["file", "whole", "line"])
def test_client_never_holds_a_text(shared: RunningServer, tmp_path: Path, way: str) -> None:
    path = tmp_path / "big"
    flags = {"file": ["--message-file", str(path)], "whole": ["--whole"], "line": []}[way]
    piece = b"x" * MIB
    if way == "file":
        path.write_bytes(piece * (HELD_WHOLE // MIB))
    arguments = command(shared.port, "Bob", "-q", *flags)
    assert _peak(arguments, b"" if way == "file" else piece) < PROGRAM
    reading = command(shared.port, "Reader", "--text", str(_number(shared)))
    assert way != "file" or _peak(reading) < PROGRAM


@pytest.mark.parametrize("way", ["file", "whole"])
def test_crash_of_the_server_in_the_middle_is_bridged(tmp_path: Path, way: str) -> None:
    text = _text(16 * MIB)
    path = tmp_path / "text"
    path.write_bytes(text)
    flags = ["--message-file", str(path)] if way == "file" else ["--whole"]
    with running_server(tmp_path) as server, piped(server.port, "Bob", "-q", *flags) as bob:
        assert bob.process.stdin is not None
        if way == "whole":
            bob.process.stdin.write(text)
        bob.process.stdin.close()
        _wait_for_upload(tmp_path)
        server.kill()
        assert "Connection lost" in bob.error()
        server.start(port=server.port)
        assert bob.process.wait(PATIENCE) == 0
        shown = run(server.port, "Reader").stdout
        assert shown.count(b"\n") == 1
        number = _number(server, "Another")
        assert _sum(_fetched(server, number)) == _sum(text)


def _wait_for_upload(folder: Path) -> None:
    """Wait until some of a text is on the server's disk, which is long before all of it is."""
    deadline = time.monotonic() + PATIENCE
    while sum(file.stat().st_size for file in folder.glob("chat.db*")) < 2 * MIB:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_file_that_changes_while_it_is_sent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 48 * MIB)
    flags = ["--message-file", str(path)]
    with running_server(tmp_path) as server, piped(server.port, "Bob", "-q", *flags) as bob:
        _wait_for_upload(tmp_path)
        with path.open("ab") as file:
            file.write(b"more")
        assert bob.error() == f"mymessenger: Not sent: {path} changed while it was being read.\n"
        assert bob.process.wait(PATIENCE) == 1
        assert run(server.port, "Reader").stdout == b""


# --- receiving --------------------------------------------------------------------------------


def test_text_is_for_files_and_pipes(shared: RunningServer) -> None:
    with terminal(shared.port, "Bob", "--text", "1") as bob:
        bob.until("--text writes what a stranger wrote as it is")
        assert bob.wait() == 1
    done = run(shared.port, "Bob", "--text", "999999")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"mymessenger: You can see no message with the number 999999.\n"


def test_no_line_of_a_pipe_writes_a_file(shared: RunningServer, tmp_path: Path) -> None:
    done = run(shared.port, "Bob", "-q", typed=f"/text 1 {tmp_path}/file\n")
    assert done.returncode == 1
    assert b"No line of a pipe saves a file; mymessenger --text 1 does." in done.stderr
    assert list(tmp_path.iterdir()) == []


def _connected(bob: Terminal) -> None:
    bob.until("* Connected to mymessenger")
    bob.until_prompt("Bob>")


def test_terminal_saves_a_text_and_overwrites_nothing(
    shared: RunningServer, tmp_path: Path
) -> None:
    text = _text(3 * MIB) + b"\x1b[2J\x00"
    assert run(shared.port, "Ann", "-q", "--whole", typed=text).returncode == 0
    number = _number(shared)
    (tmp_path / "t").write_bytes(b"mine")
    (tmp_path / "l").symlink_to("nowhere")
    with terminal(shared.port, "Bob", "--history", "1", HOME=str(tmp_path)) as bob:
        bob.until(f"/text {number} shows all of it)")
        there = "There is a file of that name already"
        for name, reason in (("t", there), ("l", there), ("n/t", "No such file")):
            bob.type(f"/text {number} ~/{name}\r")
            bob.until(f"* Message {number} was not saved in ~/{name}: {reason}")
        bob.type(f"/text {number} ~/t two\r")
        bob.until(f"Message {number} is in ~/t two (3.0 MiB).")
    assert (tmp_path / "t").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l", "t", "t two"]
    assert (tmp_path / "t two").read_bytes() == text


def _notes(shown: list[str]) -> int:
    return sum("Bob: note " in line for line in shown)


def test_texts_come_in_one_piece_beside_the_prompt(shared: RunningServer) -> None:
    lines = [f"row {number} ".ljust(COLUMNS - 1, "z") for number in range(700)]
    text = "\n".join(lines).encode() + b"\n"
    assert run(shared.port, "Ann", "-q", "--whole", typed=text).returncode == 0
    number, count = _number(shared), 5
    with terminal(shared.port, "Bob", "--history", "0") as bob:
        _connected(bob)
        for index in range(count):
            bob.type(f"/text {number}\rnote {index}\r")
        while (shown := bob.look()).count(lines[-1]) < count or _notes(shown) < count:
            time.sleep(0.02)
        assert _notes(shown) == count
        for start in (place for place, line in enumerate(shown) if line == lines[0]):
            assert shown[start : start + len(lines)] == lines
        bob.type("\x03")
        assert bob.wait() == 0


def test_prompt_does_not_wait_for_a_text(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, terminal(server.port, "Bob") as bob:
        _connected(bob)
        run(server.port, "Ann", "-q", "--whole", typed=_text(MIB))
        bob.until("/text 1 shows all of it)")
        server.kill()
        bob.until("* Connection lost")
        path = tmp_path / "saved"
        bob.type(f"/text 1\r/text 1 {path}\r/help\r")
        bob.until("/text NUMBER [FILE]")
        bob.type("/quit\r")
        assert bob.wait() == 0
        assert not path.exists()
        assert any("* Message 1 was not saved in " in line for line in bob.lines)
        assert bob.is_restored
