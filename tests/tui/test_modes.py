"""When the full screen is opened, and when not; servers that nobody knows yet."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.programs import run
from tests.harness import RunningServer
from tests.tui.screens import Person, person


def test_line_mode_where_it_is_wanted_or_needed(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Liner", "--line") as one:
        one.until("Liner>")
        assert one.tmux("display-message", "-p", "#{alternate_on}").strip() == "0"
    with person(folder, shared.port, "Dumb", term="dumb") as one:
        one.look(lambda _: _say_and_see(shared.port, one), "the messages of others")
        assert one.tmux("display-message", "-p", "#{alternate_on}").strip() == "0"


def _say_and_see(port: int, one: Person) -> bool:
    run(port, "Other", typed="here is a pipe\n")
    return any(line.endswith("Other: here is a pipe") for line in one.lines())


def test_without_colours(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Plain", NO_COLOR="1") as one:
        one.online()
        one.enter("black on white")
        one.until("Plain: black on white")
        drawn = one.tmux("capture-pane", "-p", "-e")
        codes = {int(code or 0) for one in re.findall(r"\x1b\[([0-9;]*)m", drawn)
                 for code in one.split(";")}  # fmt: skip
        assert codes <= {0, 1, 2, 3, 4, 7, 22, 23, 24, 27, 39, 49}  # bold and the like
    with person(folder, shared.port, "Sixteen", term="screen") as one:
        one.online()
        one.enter("in sixteen colours")
        one.until("Sixteen: in sixteen colours")
        assert "\x1b[38" not in one.tmux("capture-pane", "-p", "-e")


def test_looks_change(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Looker") as one:
        one.online()
        before = one.tmux("capture-pane", "-p", "-e")
        one.press("F4")
        one.look(lambda _: one.tmux("capture-pane", "-p", "-e") != before, "another look")
        one.enter("/theme terminal")
        one.enter("/theme mauve")
        one.until("There are the looks dark, light, terminal.")
        one.press("C-c")
        assert one.ended() == 0
    assert '"look": "terminal"' in (folder / "Looker.json").read_text()


def test_another_language_is_that_of_the_whole_screen(shared: RunningServer, folder: Path) -> None:
    """S000-9: also of the keys, the place to write and what F3 says; until it is changed again."""
    with person(folder, shared.port, "Speaker") as one:
        one.online()
        one.enter("/lang ru")
        one.until("Напишите сообщение")
        one.press("F3")
        one.until("Режим «не беспокоить» включён")
        one.press("F1")
        one.until("Везде")
        one.press("F1")
        one.enter("/lang en")
        one.until("Write a message")


def test_asks_whether_to_trust_a_new_server(shared: RunningServer, folder: Path) -> None:
    known = str(folder / "known")
    with person(folder, shared.port, "Bob", "--tls", MYMESSENGER_KNOWN_SERVERS=known) as bob:
        bob.until("is not known yet")
        bob.press("Escape")
        bob.until("Sign in to a mymessenger server")
        bob.until("SHA256:")  # said below the server's field, too
        bob.press("Enter")
        bob.until("Enter: yes")
        bob.press("Enter")
        bob.online()
        bob.enter("encrypted now")
        bob.until("Bob: encrypted now")
    assert "SHA256:" in Path(known).read_text()


def test_what_is_typed_quickly_stays_in_order(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, "Quick") as one:
        one.online()
        for number in range(30):
            one.tmux("send-keys", *f"line {number:02}x".replace(" ", "_"), "BSpace", "Left",
                     "Right", "!", "Enter")  # fmt: skip
        one.until("Quick: line_29!")
        shown = [
            line.rpartition("Quick: ")[2].rstrip(" █") for line in one.lines() if "Quick: " in line
        ]
        assert shown == [f"line_{number:02}!" for number in range(30 - len(shown), 30)]
