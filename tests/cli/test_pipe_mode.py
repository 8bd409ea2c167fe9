"""The client as a Unix filter, with a real server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.limits import MAX_TEXT
from tests.cli.programs import Pipe, command, environment, forgetful, piped, run, sluggish, turncoat
from tests.harness import PATIENCE, ROOT, RunningServer, running_server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests that only talk."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningServer]:
    """A server for a test that counts or kills."""
    with running_server(tmp_path) as server:
        yield server


def _log_in(pipe: Pipe) -> None:
    """Wait until a client is logged in, so that it misses nothing of what follows."""
    pipe.type("/status")
    while not pipe.lines(1)[0].startswith("here ("):
        pass


def test_sends_prints_and_ends(own: RunningServer) -> None:
    sent = run(own.port, "Bob", typed="hi\nthere\n")
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, b"", b"")
    read = run(own.port, "Alice")
    assert (read.returncode, read.stderr) == (0, b"")
    lines = read.stdout.decode().splitlines()
    assert [line[15:] for line in lines] == ["Bob: hi", "Bob: there"]
    assert all(re.match(r"\d\d:\d\d \d\d\.\d\d\.\d\d Bob: ", line) for line in lines)


def test_last_line_without_a_newline_empty_lines_and_crlf(own: RunningServer) -> None:
    assert run(own.port, "Bob", typed="one\r\n\n  \n// two\nthree").returncode == 0
    read = run(own.port, "Alice").stdout.decode().splitlines()
    assert [line[15:] for line in read] == ["Bob: one", "Bob: / two", "Bob: three"]


def test_both_ways_in_order(shared: RunningServer) -> None:
    with (
        piped(shared.port, "Ann", "--history", "0") as ann,
        piped(shared.port, "Ben", "--history", "0") as ben,
    ):
        _log_in(ann)
        _log_in(ben)
        ann.type("question")
        assert ben.lines(1) == ["Ann: question"]
        ben.type("answer")
        assert ann.lines(1) == ["Ben: answer"]
        ann.type("/send Ben psst")
        ann.type("send-to Ben again")
        assert ben.lines(2) == ["Ann (private): psst", "Ann (private): again"]
        assert (ann.end(), ben.end()) == (0, 0)


def test_many_lines_arrive_in_order(own: RunningServer) -> None:
    count = 3000
    with piped(own.port, "Reader") as reader:
        _log_in(reader)
        sent = run(own.port, "Writer", "-q", typed="".join(f"{n}\n" for n in range(count)))
        assert sent.returncode == 0
        assert reader.lines(count) == [f"Writer: {n}" for n in range(count)]
        assert reader.end() == 0


def test_empty_input(shared: RunningServer) -> None:
    assert run(shared.port, "Bob", "--history", "0").returncode == 0


def test_broken_utf8_is_named_and_the_rest_is_sent(own: RunningServer) -> None:
    sent = run(own.port, "Bob", typed=b"good\n\xff\xfe\nbetter\n")
    assert sent.returncode == 1
    assert (
        sent.stderr == b"mymessenger: Line 2 was not sent: it is not UTF-8 (invalid start byte).\n"
    )
    assert run(own.port, "Alice").stdout.count(b"\n") == 2


def test_commands(shared: RunningServer) -> None:
    done = run(shared.port, "Bob", "--history", "0", typed="/help\n/status\nquit\n \n\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"/send-to NAME TEXT" in done.stdout
    assert b"Bob at 127.0.0.1:" in done.stdout


@pytest.mark.parametrize("blanks", [0, 100_000])
@pytest.mark.parametrize("last", ["left behind\n", "left behind"])
def test_input_behind_quit_is_a_failure_and_said(
    shared: RunningServer, blanks: int, last: str
) -> None:
    typed = "hi\n/quit\n" + "\n" * blanks + last
    done = run(shared.port, "Bob", "-q", typed=typed)
    sentence = b"mymessenger: Line 2 says to leave: what stands behind it was not sent.\n"
    assert (done.returncode, done.stderr) == (1, sentence)
    assert b"left behind" not in run(shared.port, "Alice").stdout


def test_quit_does_not_wait_for_more_input(shared: RunningServer) -> None:
    with piped(shared.port, "Bob", "-q") as bob:
        bob.type("quit")
        assert bob.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("before", ["", "a\n"])
@pytest.mark.parametrize("after", ["", "b\n", "/quit\n"])
def test_every_refusal_is_said_and_counts(shared: RunningServer, before: str, after: str) -> None:
    typed = f"{before}/send-to Nobody-Here hey\n/send-to Nobody-Here ho\n{after}"
    done = run(shared.port, "Bob", "-q", typed=typed)
    said = done.stderr.decode()
    assert (done.returncode, said.count("\n")) == (1, 2)
    assert said.index("(hey)") < said.index("(ho)")


def test_notices_of_the_server_are_said_and_no_failure(shared: RunningServer) -> None:
    done = run(shared.port, "Bob", "-q", typed="/send Nobody-Here hello\n")
    assert done.returncode == 0
    assert done.stderr.startswith(b"mymessenger: ")
    assert b"Nobody-Here" in done.stderr


@pytest.mark.parametrize("typed", ["", "/help\n", "hi\n"])
def test_output_that_fails_is_said_and_counts(shared: RunningServer, typed: str) -> None:
    run(shared.port, "Alice", "-q", typed="something to print\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(shared.port, "Bob", "--history", "5"), cwd=ROOT, env=environment(),
            input=typed.encode(), stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
    sentence = b"mymessenger: Standard output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_errors_that_nobody_can_read_do_no_harm(shared: RunningServer) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(shared.port, "Bob", "--history", "0"), cwd=ROOT, env=environment(),
            input=b"/dance\nsent all the same\n", stderr=full, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"sent all the same" in run(shared.port, "Alice").stdout


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/dance", "There is no command /dance."),
        ("/send-to Nobody-Here hello", "Not sent:"),
        ("/text 999999999", "message"),
    ],
)
def test_what_cannot_be_done_is_said_and_counts(
    shared: RunningServer, line: str, sentence: str
) -> None:
    done = run(shared.port, "Bob", "--history", "0", typed=f"{line}\nfine\n")
    assert done.returncode == 1
    assert sentence in done.stderr.decode()


def test_verbatim_sends_commands_as_text(own: RunningServer) -> None:
    assert run(own.port, "Bob", "--verbatim", typed="/quit\n  indented\nhelp\n").returncode == 0
    read = run(own.port, "Alice").stdout.decode().splitlines()
    assert [line[15:] for line in read] == ["Bob: /quit", "Bob:   indented", "Bob: help"]


def test_long_line_is_sent_whole_and_fetched_whole(own: RunningServer) -> None:
    text = "".join(f"{number} ä " for number in range(MAX_TEXT // 4))
    assert run(own.port, "Bob", typed=text + "\n").returncode == 0
    line = run(own.port, "Alice").stdout.decode()
    found = re.search(r"… \([0-9.]+ KiB, /text (\d+) shows all of it\)$", line)
    assert found is not None
    whole = run(own.port, "Alice", "--history", "0", typed=f"/text {found[1]}\n")
    assert whole.returncode == 0
    assert "".join(whole.stdout.decode().splitlines()) == text.strip()


def test_a_text_that_is_deleted_while_it_is_fetched_is_a_failure() -> None:
    """S004-24: who writes it into a file must not take the beginning for all."""
    with forgetful() as port:
        done = run(port, "Bob", "--text", "3")
    assert (done.returncode, done.stdout) == (1, b"head")
    assert done.stderr == b"mymessenger: Gone.\n"


def test_quiet_leaves_unread(own: RunningServer) -> None:
    assert run(own.port, "Bob", "--history", "0").returncode == 0
    run(own.port, "Alice", typed="for Bob\n")
    assert run(own.port, "Bob", "-q", typed="x\n").stdout == b""
    assert b"Alice: for Bob" in run(own.port, "Bob", "--history", "0").stdout
    assert b"Alice: for Bob" not in run(own.port, "Bob", "--history", "0").stdout


def test_listens_on_after_the_end_of_its_input(own: RunningServer) -> None:
    with piped(own.port, "Bob", "--listen") as bob:
        assert bob.process.stdin is not None
        bob.process.stdin.close()
        run(own.port, "Alice", typed="still there?\n")
        assert bob.lines(1) == ["Alice: still there?"]
        bob.process.terminate()
        assert bob.process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_reader_that_goes_away_is_no_error(own: RunningServer) -> None:
    run(own.port, "Alice", typed="one\ntwo\nthree\n")
    bob = subprocess.Popen(
        command(own.port, "Bob"), cwd=ROOT, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with bob:
        assert bob.stdout is not None
        bob.stdout.close()
        out, error = None, b""
        assert bob.stdin is not None
        bob.stdin.write(b"sent all the same\n")
        bob.stdin.close()
        assert bob.stderr is not None
        error = bob.stderr.read()
        assert (bob.wait(PATIENCE), out, error) == (0, None, b"")
    assert b"Bob: sent all the same" in run(own.port, "Alice").stdout


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_files_do_no_harm(shared: RunningServer, closed: str) -> None:
    line = " ".join(command(shared.port, "Bob", "--history", "0"))
    done = subprocess.run(
        ["sh", "-c", f"{line} {closed}"], cwd=ROOT, env=environment(),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_name_in_a_pipe(shared: RunningServer) -> None:
    done = run(shared.port, None, typed="hi\n")
    assert done.returncode == 2
    assert done.stderr.startswith(b"mymessenger: Who are you? Give your name with --name NAME")


def test_refused_name(shared: RunningServer) -> None:
    done = run(shared.port, "x" * 100, typed="hi\n")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(b"mymessenger: ")


def test_name_lost_to_another_later_is_a_failure() -> None:
    with turncoat() as port, piped(port, "Bob", "--listen") as bob:
        assert "Connection lost" in bob.error()
        assert bob.error() == "mymessenger: The login was refused: Taken.\n"
        assert bob.process.wait(PATIENCE) == 1


def test_name_that_is_not_utf8(shared: RunningServer) -> None:
    done = run(shared.port, os.fsdecode(b"\xff"), typed="hi\n")
    assert done.returncode == 2
    assert b"argument --name: the name is not valid UTF-8" in done.stderr


def test_nobody_listens(own: RunningServer) -> None:
    own.kill()
    done = run(own.port, "Bob", typed="hi\n")
    assert done.returncode == 1
    sentence = f"Cannot connect to 127.0.0.1 port {own.port}: Nobody listens there."
    assert done.stderr.decode().startswith(f"mymessenger: {sentence}")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_and_what_was_printed_is_read(
    own: RunningServer, number: signal.Signals
) -> None:
    run(own.port, "Alice", typed="hello\n")
    with piped(own.port, "Bob") as bob:
        assert bob.lines(1) == ["Alice: hello"]
        bob.process.send_signal(number)
        assert bob.process.wait(PATIENCE) == 128 + number
        assert bob.process.stderr is not None
        assert bob.process.stderr.read() == b""
    assert run(own.port, "Bob", "--history", "0").stdout == b""


def test_crash_of_the_server_in_between_loses_and_doubles_nothing(own: RunningServer) -> None:
    with piped(own.port, "Reader") as reader, piped(own.port, "Writer", "-q") as writer:
        _log_in(reader)
        for number in range(300):
            writer.type(f"{number}")
        assert reader.lines(10) == [f"Writer: {number}" for number in range(10)]
        own.kill()
        for number in range(300, 400):
            writer.type(f"{number}")
        own.start(port=own.port)
        assert reader.lines(390) == [f"Writer: {number}" for number in range(10, 400)]
        assert (writer.end(), reader.end()) == (0, 0)


def test_interrupted_it_tells_what_is_unacknowledged(own: RunningServer) -> None:
    """Sent again by hand, it could be there twice."""
    with piped(own.port, "Bob") as bob:
        bob.type("/status")
        bob.lines(1)
        own.kill()
        assert "Connection lost" in bob.error()
        bob.type("into the void")
        bob.type("/status")  # is answered when the line before it has been taken
        while "waiting to be s" not in bob.lines(1)[0]:
            pass
        bob.process.send_signal(signal.SIGINT)
        assert bob.process.wait(PATIENCE) == 130
        assert bob.process.stderr is not None
        rest = bob.process.stderr.read().decode()
        assert "1 of the messages sent has not been acknowledged, and may be stored." in rest


def test_unacknowledged_at_the_end_is_a_failure(own: RunningServer) -> None:
    with piped(own.port, "Bob", "--timeout", "0.3") as bob:
        bob.type("/status")
        bob.lines(1)
        own.kill()
        assert "Connection lost" in bob.error()
        bob.type("into the void")
        assert bob.end() == 1
        assert bob.process.stderr is not None
        rest = bob.process.stderr.read().decode()
        assert "1 of the messages sent has not been acknowledged." in rest


def test_timeout_is_for_standstill_not_for_a_long_way() -> None:
    """A large text on a slow line is on its way for longer than nothing may happen."""
    with sluggish(pause=0.02) as port:
        begun = time.monotonic()
        text = b"x" * 6 * 1024 * 1024
        done = run(port, "Bob", "-q", "--whole", "--timeout", "1", typed=text)
        assert (done.returncode, done.stderr) == (0, b"")
        assert time.monotonic() - begun > 2


def test_standard_input_is_left_as_it_was(shared: RunningServer) -> None:
    """O_NONBLOCK would be seen by the shell that shares the file."""
    ours, theirs = os.pipe()
    with subprocess.Popen(
        command(shared.port, "Bob", "--history", "0"), cwd=ROOT, env=environment(),
        stdin=ours, stdout=subprocess.DEVNULL,
    ) as bob:  # fmt: skip
        os.write(theirs, b"hello\n")
        os.close(theirs)
        assert bob.wait(PATIENCE) == 0
    assert os.get_blocking(ours)
    os.close(ours)


def test_second_ctrl_c_ends_at_once(own: RunningServer) -> None:
    with piped(own.port, "Bob") as bob:
        _log_in(bob)
        own.signal(signal.SIGSTOP)
        bob.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            bob.process.wait(0.5)  # it waits for the server's goodbye, for two seconds
        bob.process.send_signal(signal.SIGINT)
        assert bob.process.wait(1) == 128 + signal.SIGINT
