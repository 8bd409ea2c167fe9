"""The client on a terminal, with a real server."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from protocol.text import UNREAD_LINE
from tests.cli.programs import Terminal, piped, run, terminal, turncoat
from tests.harness import PATIENCE, RunningServer, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own."""
    with running_server(tmp_path) as running:
        yield running


def _connected(bob: Terminal) -> None:
    bob.until("* Connected to mymessenger")
    bob.until_prompt("Bob>")


def test_talks_and_leaves_with_ctrl_c(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        bob.until_prompt("Bob (connecting)>")
        _connected(bob)
        bob.type("hello\r")
        bob.until("Bob: hello")
        run(server.port, "Alice", typed="hi Bob\n")
        bob.until("Alice: hi Bob")
        bob.type("\x03")
        assert bob.wait() == 0
        assert bob.is_restored
        assert "Traceback" not in "".join(bob.lines)


def test_line_being_typed_stays_whole(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        typed = "Bob>"
        for number in range(10):
            typed += f" part{number}"
            bob.type(f"part{number} ")
            run(server.port, "Alice", "-q", typed=f"message {number}\n")
            bob.until(f"Alice: message {number}")
            bob.until_prompt(typed)
        bob.type("\r")
        bob.until(typed.replace(">", ":"))
        bob.until_prompt("Bob>")
        assert (
            len(bob.lines) == 14
        )  # the greeting of two lines, ten messages, the own one, the prompt


def test_unread_line_and_private_messages(server: RunningServer) -> None:
    run(server.port, "Alice", typed="read\n")
    run(server.port, "Bob", typed="mine\n")
    run(server.port, "Alice", typed="unread\n/send Bob psst\n")
    with terminal(server.port, "Bob") as bob:
        bob.until("Alice (private): psst")
        lines = [line[15:] if line[:1].isdigit() else line for line in bob.until("Alice: unread")]
        division = lines.index(UNREAD_LINE)
        assert "* You have unread messages: 1 in the general chat, 1 in Alice." in lines[:division]
        assert lines[division - 2 : division] == ["Alice: read", "Bob: mine"]
        assert {"Alice: unread", "Alice (private): psst"} <= set(lines[division:])
        bob.type("/send Alice shh\r")
        bob.until("> /send Alice shh")
        bob.until("Bob (private to Alice): shh")


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
        bob.until("here (1 user, 1 connection): Bob")
        bob.type("quit\r")
        assert bob.wait() == 0


def test_ctrl_d_leaves_and_the_last_line_is_stored(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        bob.until_prompt("Bob (connecting)>")
        bob.type("typed ahead\r\x04")  # before there is a connection
        assert bob.wait() == 0
    assert b"Bob: typed ahead" in run(server.port, "Alice").stdout


def test_shows_that_the_connection_is_lost_and_back(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        assert server.stop() == 0
        bob.until("* The server is shutting down: ")
        bob.until("* Connection lost: The server has stopped.")
        bob.until_prompt("Bob (offline)>")
        bob.type("while away\r")
        bob.until_prompt("Bob (offline, 1 waiting)>")
        bob.until("* Waiting to be stored: while away")
        server.start(port=server.port)
        bob.until("* Connected again")
        bob.until("Bob: while away")
        bob.until_prompt("Bob>")
    assert b"Bob: while away" in run(server.port, "Alice").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_leaves_the_terminal_as_it_was(
    server: RunningServer, number: signal.Signals
) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.process.send_signal(number)
        assert bob.wait() == 128 + number
        assert bob.is_restored
        assert "Traceback" not in "".join(bob.lines)


def test_nobody_listens(server: RunningServer) -> None:
    server.kill()
    with terminal(server.port, "Bob") as bob:
        bob.until(f"mymessenger: Cannot connect to 127.0.0.1 port {server.port}: Nobody listens")
        assert bob.wait() == 1
        assert bob.is_restored


def test_keeps_trying_where_it_is_told_to(server: RunningServer) -> None:
    server.kill()
    with terminal(server.port, "Bob", "--retry") as bob:
        bob.until_prompt("Bob (offline)>")
        server.start(port=server.port)
        _connected(bob)


def test_asks_for_the_name(server: RunningServer) -> None:
    with terminal(server.port, None) as bob:
        bob.until("Your name:")
        bob.type("Bob\n")
        _connected(bob)


def test_asks_again_until_the_name_is_right(server: RunningServer) -> None:
    with terminal(server.port, None) as bob:
        bob.until_prompt("Your name:")
        bob.type("\n")
        bob.until("mymessenger: ")
        bob.until_prompt("Your name:")
        bob.type("no spaces please\n")
        bob.until("mymessenger: A name is one word")
        bob.until_prompt("Your name:")
        bob.type(b"\xff\n")
        bob.until("mymessenger: The name is not valid UTF-8.")
        bob.until_prompt("Your name:")
        bob.type("Bob\n")
        _connected(bob)
        bob.type("\x03")
        assert bob.wait() == 0


def test_question_for_the_name_can_be_left(server: RunningServer) -> None:
    with terminal(server.port, None) as bob:
        bob.until_prompt("Your name:")
        bob.type("\x04")
        assert bob.wait() == 2


def test_given_name_that_is_refused_ends_it(server: RunningServer) -> None:
    with terminal(server.port, "no spaces please") as bob:
        bob.until("mymessenger: A name")
        assert bob.wait() == 1
        assert bob.is_restored


def test_says_once_that_the_name_has_no_password(server: RunningServer) -> None:
    sentence = (
        "* You are Bob, a guest: this name has no password, and anybody can use it. "
        "/register makes it yours."
    )
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.until(sentence)
        server.stop()
        server.start(port=server.port)
        bob.until("* Connected again")
        bob.until_prompt("Bob>")
        assert bob.lines.count(sentence) == 1


def test_notices_of_the_server_are_shown(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.type("/send Nobody-Here hello\r")
        bob.until("* Nobody is called Nobody-Here")


def _turn_away(listener: socket.socket) -> None:
    """Be a server that is none of ours: read and close."""
    with listener.accept()[0] as connection:
        connection.recv(65536)


def test_empty_line_retries_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        with terminal(listener.getsockname()[1], "Bob", "--retry") as bob:
            _turn_away(listener)
            bob.until("Is it a mymessenger server? If it wants TLS, give --tls. Retrying. Enter")
            listener.settimeout(0.2)
            deadline = time.monotonic() + 8  # without Enter a dozen attempts take some 40 s
            attempts = 0
            while attempts < 12:
                assert time.monotonic() < deadline, f"{attempts} attempts"
                bob.type("\r")
                with suppress(TimeoutError):
                    _turn_away(listener)
                    attempts += 1
            told = [line for line in bob.lines if "Still no connection" in line]
            assert len(told) == 1


def test_lines_typed_quickly_leave_nothing_behind(server: RunningServer) -> None:
    """Between two lines the terminal must not echo by itself what is typed meanwhile."""
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        for number in range(60):
            bob.type(f"fast {number}\r")
            time.sleep(0.002 * (number % 5))
        bob.until("Bob: fast 59")
        bob.until_prompt("Bob>")
        bare = [line for line in bob.lines[:-1] if line[15:20] != "Bob: " and line[:2] != "* "]
        assert bare == []


def test_pasted_lines_are_one_message(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.type("\x1b[200~first\nsecond\x1b[201~\r")
        bob.until("Bob: first⏎second")


def test_arrow_keys_bring_back_what_was_typed_the_last_time(
    server: RunningServer, tmp_path: Path
) -> None:
    history = tmp_path / "folder" / "history"
    for _ in range(2):
        with terminal(server.port, "Bob", MYMESSENGER_HISTORY=str(history)) as bob:
            _connected(bob)
            bob.type("\x1b[A\r" if history.exists() and history.stat().st_size else "once\r")
            bob.until("Bob: once")
            bob.type("\x03")
            assert bob.wait() == 0
    assert history.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("dumb", [True, False])
def test_plain_terminal(server: RunningServer, dumb: bool) -> None:
    flags, changes = ((), {"TERM": "dumb"}) if dumb else (("--plain",), {})
    with terminal(server.port, "Bob", *flags, **changes) as bob:
        run(server.port, "Alice", "-q", typed="plain\n")
        bob.until("Alice: plain")
        assert bob.is_restored
        bob.type("/quit\n")
        assert bob.wait() == 0


def test_evil_texts_reach_the_terminal_as_text(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        run(server.port, "Alice", "-q", typed=b"\x1b]0;title\x07 \x1b[2J \xc2\x9b31m\n")
        bob.until("Alice: ␛]0;title␇ ␛[2J \ufffd31m")


def test_own_other_device_sees_what_one_writes(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as first, terminal(server.port, "Bob") as second:
        _connected(first)
        _connected(second)
        first.type("from the first\r")
        second.until("Bob: from the first")
        first.until("Bob: from the first")


def test_output_without_colour(server: RunningServer) -> None:
    with terminal(server.port, "Bob", NO_COLOR="1") as bob:
        bob.until_prompt("Bob (connecting)>")
        _connected(bob)
        bob.type("\x03")
        assert bob.wait() == 0


def test_lines_typed_under_load_are_sent_whole(server: RunningServer) -> None:
    """Keys and messages come at the same time; none of the keys may land in another line."""
    lines = [f"line {number} of those typed without a pause" for number in range(21)]
    with terminal(server.port, "Bob") as bob, piped(server.port, "Alice", "-q") as alice:
        _connected(bob)
        for line in lines:
            for key in (*line, "\r"):
                alice.type("noise")
                bob.type(key)
        bob.until(f"Bob: {lines[-1]}")
        sent = [line[20:] for line in bob.lines if line[15:20] == "Bob: "]
        assert sent == lines


def test_second_ctrl_c_does_not_wait_for_a_server_that_hangs(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        server.signal(signal.SIGSTOP)
        bob.type("never stored\r")
        bob.until("* Waiting to be stored: never stored")
        bob.type("\x03")
        bob.until("* Waiting for the server to store what you wrote.")
        assert bob.is_restored
        bob.type("\x03")
        assert bob.wait() == 128 + signal.SIGINT
        assert "* Not acknowledged: never stored" in bob.lines


def test_unstored_lines_are_a_failure_and_said(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        server.kill()
        bob.until("* Connection lost")
        bob.type("never stored\r/send-to Alice \x1b[200~neither\nthis\x1b[201~\r/quit\r")
        assert bob.wait() == 1
        assert bob.lines[-2:] == [
            "* Not acknowledged: never stored",
            "* Not acknowledged: /send-to Alice neither⏎this",
        ]


def test_name_lost_to_another_later_is_a_failure() -> None:
    with turncoat() as port, terminal(port, "Bob") as bob:
        bob.until("* The login was refused: Taken.")
        assert bob.wait() == 1


def test_refusal_of_the_last_line_is_said(server: RunningServer) -> None:
    with terminal(server.port, "Bob") as bob:
        _connected(bob)
        bob.type("/send-to Nobody-Here hey\r/quit\r")
        assert bob.wait() == 0
        assert any("(hey)" in line for line in bob.lines)


def test_ctrl_c_while_connecting(server: RunningServer) -> None:
    server.signal(signal.SIGSTOP)  # the kernel connects, nobody answers
    with terminal(server.port, "Bob") as bob:
        bob.until_prompt("Bob (connecting)>")
        bob.type("\x03")
        assert bob.wait() == 128 + signal.SIGINT
        assert bob.is_restored
