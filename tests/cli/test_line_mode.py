"""The client on a terminal, with a real server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.text import UNREAD_LINE
from tests.cli.programs import Terminal, run, terminal
from tests.harness import RunningServer, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own."""
    with running_server(tmp_path) as running:
        yield running


def _connected(bob: Terminal) -> None:
    bob.until("* Connected to mymessenger")
    bob.until("Bob> ")


def test_talks_and_leaves_with_ctrl_c(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        bob.until("Bob (connecting)> ")
        _connected(bob)
        bob.type("hello\r")
        bob.until("Bob: hello\r\n")
        run(server.port, "Alice", typed="hi Bob\n")
        bob.until("Alice: hi Bob\r\n")
        bob.type("\x03")
        assert bob.wait() == 0
        assert bob.is_restored
        assert "Traceback" not in bob.rest()


def test_line_being_typed_stays_whole(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        for number in range(10):
            bob.type(f"part{number} ")
            run(server.port, "Alice", "-q", typed=f"message {number}\n")
            bob.until(f"Alice: message {number}\r\n")
            typed = " ".join(f"part{n}" for n in range(number + 1))
            bob.until(f"Bob> {typed} ")
        bob.type("\r")
        bob.until("Bob: " + " ".join(f"part{n}" for n in range(10)) + "\r\n")


def test_unread_line_and_private_messages(server: RunningServer) -> None:
    run(server.port, "Alice", typed="read\n")
    run(server.port, "Bob", typed="mine\n")
    run(server.port, "Alice", typed="unread\n/send Bob psst\n")
    with terminal(server.port, "Bob") as bob:
        before = bob.until(UNREAD_LINE)
        assert "Alice: read" in before
        assert "Bob: mine" in before
        assert "unread" not in before
        after = bob.until("Bob> ")
        after += bob.until("Bob> ") if "(private)" not in after else ""
        assert "Alice: unread\r\n" in after
        assert "Alice (private): psst\r\n" in after
        bob.type("/send Alice shh\r")
        bob.until("> /send Alice shh\r\n")
        bob.until("Bob (private to Alice): shh\r\n")


def test_commands_and_mistakes(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.type("/help\r")
        bob.until("/send-to NAME TEXT")
        bob.type("/dance\r")
        bob.until("* There is no command /dance.")
        bob.type("/send-to Nobody hello\r")
        bob.until("* Not sent: ")
        bob.until("(hello)")
        bob.type("/status\r")
        bob.until("here (1 users, 1 connections): Bob\r\n")
        bob.type("quit\r")
        assert bob.wait() == 0


def test_ctrl_d_leaves_and_the_last_line_is_stored(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        bob.until("Bob (connecting)> ")
        bob.type("typed ahead\r\x04")  # before there is a connection
        assert bob.wait() == 0
    assert b"Bob: typed ahead" in run(server.port, "Alice").stdout


def test_shows_that_the_connection_is_lost_and_back(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        assert server.stop() == 0
        bob.until("* The server is shutting down: ")
        bob.until("* Connection lost: The server has stopped.")
        bob.until("Bob (offline)> ")
        bob.type("while away\r")
        bob.until("Bob (offline, 1 waiting)> ")
        bob.until("* Waiting to be stored: while away\r\n")
        server.start(port=server.port)
        bob.until("* Connected again")
        bob.until("Bob: while away\r\n")
        bob.until("Bob> ")
    assert b"Bob: while away" in run(server.port, "Alice").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_leaves_the_terminal_as_it_was(
    server: RunningServer, number: signal.Signals
) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        assert not bob.is_restored
        bob.process.send_signal(number)
        assert bob.wait() == 128 + number
        assert bob.is_restored
        assert "Traceback" not in bob.rest()


def test_nobody_listens(server: RunningServer) -> None:
    server.kill()
    with terminal(server.port, "Bob") as bob:
        bob.until(f"mymessenger: Cannot connect to 127.0.0.1 port {server.port}: Nobody listens")
        assert bob.wait() == 1
        assert bob.is_restored


def test_keeps_trying_where_it_is_told_to(server: RunningServer) -> None:
    server.kill()
    with terminal(server.port, "Bob", "--retry") as bob:
        bob.until("Bob (offline)> ")
        server.start(port=server.port)
        _connected(bob)


def test_asks_for_the_name(server: RunningServer) -> None:
    with terminal(server.port, None) as bob:
        bob.until("Your name: ")
        bob.type("Bob\n")
        _connected(bob)


def test_pasted_lines_are_one_message(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.type("\x1b[200~first\nsecond\x1b[201~\r")
        bob.until("Bob: first⏎second\r\n")


def test_arrow_keys_bring_back_what_was_typed_the_last_time(
    server: RunningServer, tmp_path: Path
) -> None:
    history = tmp_path / "folder" / "history"
    for _ in range(2):
        with terminal(server.port, "Bob", MYMESSENGER_HISTORY=str(history)) as bob:
            _connected(bob)
            bob.type("\x1b[A\r" if history.exists() and history.stat().st_size else "once\r")
            bob.until("Bob: once\r\n")
            bob.type("\x03")
            assert bob.wait() == 0
    assert history.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("dumb", [True, False])
def test_plain_terminal(server: RunningServer, dumb: bool) -> None:
    flags, changes = ((), {"TERM": "dumb"}) if dumb else (("--plain",), {})
    with terminal(server.port, "Bob", *flags, **changes) as bob:
        run(server.port, "Alice", "-q", typed="plain\n")
        bob.until("Alice: plain\r\n")
        assert bob.is_restored
        bob.type("/quit\n")
        assert bob.wait() == 0


def test_evil_texts_reach_the_terminal_as_text(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        run(server.port, "Alice", "-q", typed=b"\x1b]0;title\x07 \x1b[2J \xc2\x9b31m\n")
        bob.until("Alice: ␛]0;title␇ ␛[2J \ufffd31m\r\n")


def test_own_other_device_sees_what_one_writes(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as first, terminal(server.port, "Bob") as second:
        _connected(first)
        _connected(second)
        first.type("from the first\r")
        second.until("Bob: from the first\r\n")
        first.until("Bob: from the first\r\n")


def test_output_without_colour(server: RunningServer) -> None:
    with terminal(server.port, "Bob", NO_COLOR="1") as bob:
        bob.until("Bob (connecting)> ")
        _connected(bob)
        bob.type("\x03")
        assert bob.wait() == 0
