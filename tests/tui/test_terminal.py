"""The full screen as people use it, on real terminals with a real server (S003-13, issue 6)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.programs import run
from tests.harness import PATIENCE, RunningServer, running_server
from tests.tui.screens import person


def test_two_people_chat_side_by_side(shared: RunningServer, folder: Path) -> None:
    with (
        person(folder, shared.port, "Bob") as bob,
        person(folder, shared.port, "Ann", columns=80, rows=24) as ann,
    ):
        bob.online()
        ann.online()
        bob.enter("good morning")
        ann.until("Bob: good morning")
        bob.until("Bob: good morning")
        ann.enter("hello @Bob")
        bob.until("Ann: hello @Bob")
        # a room: what is typed behind the command goes where it leads
        bob.enter("/chats dev")
        bob.enter("first in dev")
        bob.until("# dev")
        bob.until("Bob: first in dev")
        ann.enter("/chats dev")
        ann.until("Bob: first in dev")
        # privately: it counts at the left, in front, until it is looked at
        ann.enter("/send-to Bob psst")
        bob.look(lambda lines: "Ann" in lines[0] and "@1" in lines[0], "Ann above all others")
        bob.press("C-n")
        bob.until("Ann: psst")
        bob.until_gone("@1")
        # changed and taken back, with the keys
        bob.enter("a lettre")
        bob.until("Me: a lettre")
        bob.press("C-Up", "e")
        bob.until("Changing: a lettre")
        bob.press("BSpace", "BSpace", "BSpace")
        bob.enter("ter")
        bob.until("Me: a letter (edited)")
        bob.press("C-Up", "d")
        bob.until("Take back this message")
        bob.press("Enter")
        bob.until("Me: (deleted)")
        # answered
        bob.press("M-Down")
        bob.press("C-c")
        assert bob.ended() == 0
        bob.check_restored()
        ann.enter("/quit")
        assert ann.ended() == 0
        ann.check_restored()


def test_writes_lines_and_drafts(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Drafter") as drafter:
        drafter.online()
        drafter.type("one")
        drafter.press("M-Enter")
        drafter.type("two")
        drafter.press("C-j")
        drafter.enter("three")
        lines = drafter.until("Drafter: one")
        first = next(i for i, line in enumerate(lines) if "Drafter: one" in line)
        assert [line.split("▕")[-1].strip() for line in lines[first + 1 : first + 3]] == [
            "two",
            "three",
        ]
        drafter.press("Up")
        drafter.until("three")
        drafter.press("C-c")
        assert drafter.ended() == 0
    with person(folder, shared.port, "Drafter") as drafter:  # what was begun is still there
        drafter.online()
        lines = drafter.until("three")
        assert lines[-2] == "three" or lines[-1] == "three" or "three" in lines[-3:]


def test_server_goes_and_comes_back(folder: Path) -> None:
    with running_server(folder) as server, person(folder, server.port, "Bob") as bob:
        bob.online()
        bob.enter("before")
        bob.until("Bob: before")
        assert server.stop() == 0
        bob.until("offline since")
        bob.enter("while it is away")
        bob.until("(waiting for the connection)")
        bob.until("1 waiting")  # drawn by itself
        bob.enter("/chat Nobody")  # nothing freezes, and one is told
        bob.until("There is no connection now")
        server.start(port=server.port)
        run(server.port, "Ann", typed="missed this\n")
        bob.press("Enter")
        bob.until("Bob: while it is away")
        bob.until("Ann: missed this")
        bob.until("Connected again")
        bob.online()
        bob.until_gone("(waiting for the connection)")


def test_pastes_and_folds_ten_thousand_lines(shared: RunningServer, folder: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(1, 10_001))
    with person(folder, shared.port, "Paster") as paster:
        paster.online()
        paster.paste(text)
        paster.until("Send 10000 lines")
        paster.press("Escape")
        paster.until_gone("Send 10000 lines")
        paster.paste(text)
        paster.until("Send 10000 lines")
        paster.press("Enter")
        paster.until("Paster: line 1")
        paster.until("in all, Enter unfolds it")
        paster.press("C-Up", "Enter")
        paster.until("line 10000")
        paster.press("Enter")
        paster.until("in all, Enter unfolds it")
    listened = run(shared.port, "Reader", "--history", "1", typed="")
    assert listened.stdout.count(b"Paster: line 1") == 1


def test_sends_and_saves_a_file(shared: RunningServer, folder: Path) -> None:
    sent = folder / "a report of mine.bin"
    sent.write_bytes(os.urandom(900_000))
    with (
        person(folder, shared.port, "Sender") as sender,
        person(folder, shared.port, "Getter") as getter,
    ):
        sender.online()
        getter.online()
        sender.type(f"/file {folder}/a re")
        sender.press("Tab")
        sender.until('mine.bin"')
        sender.press("Enter")
        getter.until("[file a report of mine.bin")
        getter.enter(f"/get {_number(getter.lines())} {folder}/got.bin")
        getter.until("is saved as")
        assert (folder / "got.bin").read_bytes() == sent.read_bytes()


def _number(lines: list[str]) -> int:
    line = next(line for line in "".join(lines).split("[") if line.startswith("file "))
    return int(line.partition("/get ")[2].partition(" ")[0])


def test_from_wide_to_forty_by_ten(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Sizer") as sizer:
        sizer.online()
        sizer.enter("日本語のメッセージ and שלום and 👩‍👩‍👧 " + "words " * 20)
        sizer.until("Sizer: 日本語")
        sizer.resize(40, 10)
        sizer.until_gone("▕")  # the list of conversations hides
        sizer.enter("still here")
        lines = sizer.until("Sizer: still here")
        assert max(map(len, lines)) <= 40
        sizer.press("F2")
        sizer.until("* the general chat")
        sizer.press("F2")
        sizer.until("Sizer: still here")
        sizer.resize(120, 40)
        sizer.until("▕")
        sizer.until("Sizer: still here")


def test_help_palette_and_completion(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Helper", rows=40) as helper:
        helper.online()
        helper.enter("/help disturb")
        helper.until("no bell and no notifications")
        helper.press("F1")
        helper.until("Alt+Enter, Ctrl+J")
        helper.press("F1")
        helper.until_gone("Alt+Enter, Ctrl+J")
        helper.press("C-p")
        helper.type("schedule")
        helper.until("/scheduled")
        helper.until("/schedule WHEN [@NAME|#ROOM] TEXT")  # as it is, brackets and all
        helper.press("Escape", "Escape")
        helper.until_gone("/scheduled")
        helper.type("/mem")
        helper.press("Tab")
        helper.until("/members")
        helper.press("C-u")
        helper.type("/get")
        helper.press("Tab")
        helper.until("/get_chats")
        helper.press("Tab", "Tab")
        helper.until("List the rooms.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_restore_the_terminal(
    shared: RunningServer, folder: Path, number: signal.Signals
) -> None:
    with person(folder, shared.port, "Signalled") as one:
        one.online()
        os.kill(one.pid, number)
        assert one.ended() == 128 + number
        one.check_restored()
        assert not any("Traceback" in line for line in one.lines())


@pytest.mark.parametrize("wait", [0.0, 0.1, 0.3, 0.6])
def test_interrupt_at_any_moment_of_the_start(
    shared: RunningServer, folder: Path, wait: float
) -> None:
    """Ctrl+C is typed before, while and after the screen comes up; the moment does not matter.

    Before the first word the program is Python's.
    """
    with person(folder, shared.port, "Early") as one:
        one.look(any, "the first word")
        time.sleep(wait)
        deadline = time.monotonic() + PATIENCE
        while not any("ended with" in line for line in one.lines()):
            assert time.monotonic() < deadline, one.lines()
            one.press("C-c")
            time.sleep(0.2)
        assert one.ended() in {0, 130}
        one.check_restored()
        assert not any("Traceback" in line for line in one.lines())


def test_suspends_and_comes_back(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Sleeper") as one:
        one.online()
        pid = one.pid
        one.press("C-z")
        one.look(lambda _: _state_of(pid) == "T", "stopped")
        assert one.tmux("display-message", "-p", "#{alternate_on}").strip() == "0"
        os.kill(pid, signal.SIGCONT)
        one.online()
        one.enter("awake again")
        one.until("Sleeper: awake again")


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


FOCUS_IN, FOCUS_OUT = "\x1b[I", "\x1b[O"


def test_rings_for_what_is_not_looked_at(shared: RunningServer, folder: Path) -> None:
    drawn = folder / "drawn"
    with person(folder, shared.port, "Rung") as one:
        one.online()
        one.tmux("pipe-pane", f"cat > {drawn}")

        def rang(text: str) -> bool:
            # without a desktop of its own tmux is told by OSC 9, wrapped so that it is handed on
            return f"\a\x1b]9;Caller: {text}".encode() in drawn.read_bytes()

        run(shared.port, "Caller", typed="/send-to Rung look here\n")
        one.until("@1")
        assert rang("look here")
        # the conversation that is looked at is quiet, unless the terminal has lost the focus
        one.press("C-n")
        one.until("Caller: look here")
        run(shared.port, "Caller", typed="/send-to Rung you see this\n")
        one.until("Caller: you see this")
        one.type(FOCUS_OUT)
        one.enter("still typing")  # behind it, so that it has been understood
        one.until("Me: still typing")
        run(shared.port, "Caller", typed="/send-to Rung are you there\n")
        one.until("@1")  # it is on the screen, but nobody looks
        one.look(lambda _: rang("are you there"), "the bell")
        assert not rang("you see this")
        one.type(FOCUS_IN)
        one.until_gone("@1")
        one.enter("/dnd")
        one.until("do not disturb ·")


def test_what_expires_goes(folder: Path) -> None:
    with (
        running_server(folder, "--lifetime-messages", "0.05") as server,
        person(folder, server.port, "Bob") as bob,
    ):
        bob.online()
        bob.enter("soon gone")
        bob.until("Bob: soon gone")
        deadline = time.monotonic() + PATIENCE
        while any("Bob: soon gone" in line for line in bob.lines()):
            assert time.monotonic() < deadline, bob.lines()
            bob.enter("/chats dev")  # it is looked at anew when one comes back
            bob.until("▕dev")
            bob.enter("/general")
            bob.until("▕the general chat")
            time.sleep(0.5)


def test_a_file_survives_a_lost_connection(folder: Path) -> None:
    sent = folder / "big.bin"
    sent.write_bytes(os.urandom(40_000_000))  # on its way for longer than between two looks
    with (
        running_server(folder, "--max-file-bytes", "0") as server,
        person(folder, server.port, "Bob") as bob,
    ):
        bob.online()
        bob.enter(f"/file {sent}")
        bob.until("↑ big.bin")
        server.kill()
        bob.until("offline since")
        server.start(port=server.port)
        bob.press("Enter")
        bob.until("Bob: [file big.bin")
        bob.enter(f"/get {_number(bob.lines())} {folder}/back.bin")
        bob.until("is saved as")
        assert (folder / "back.bin").read_bytes() == sent.read_bytes()
