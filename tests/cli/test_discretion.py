"""Passwords that are typed behind a command: they are shown and kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory

from cli.prompt import _Discreet
from protocol.commands import Place
from protocol.typed import parse_line, without_secrets
from protocol.vocabulary import COMMANDS
from tests.cli.programs import terminal
from tests.harness import running_server

PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/register correct-horse", "/register ***"),
        ("  /Register   correct-horse", "/Register ***"),
        ("/password correct-horse battery-staple", "/password ***"),
        ("/register", "/register"),
        ("/password ", "/password "),
        ("//register correct-horse", "//register correct-horse"),
        ("register correct-horse", "register correct-horse"),
        ("/chats Garden", "/chats Garden"),
        ("hello", "hello"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_which_lines_have_secrets(line: str, shown: str) -> None:
    """The first word says it, as it says which command is meant."""
    assert without_secrets(line) == shown
    history = _Discreet(InMemoryHistory(), lambda: False)
    history.append_string(line)
    assert history.get_strings() == ([line] if line == shown else [])


def test_every_command_with_a_password_is_secret() -> None:
    """A command that makes a request of a password has the mark."""
    marked = {command.name for command in COMMANDS if command.secret}
    for command in COMMANDS:
        try:
            built = parse_line(f"/{command.name} {PASSWORD} {PASSWORD}", Place())
        except Exception:  # noqa: S112 - other arguments are needed
            continue
        fields = set(getattr(built, "__struct_fields__", ()))
        assert bool(fields & {"password", "old", "new"}) == (command.name in marked), command.name


def test_a_typed_password_is_neither_kept_nor_echoed(tmp_path: Path) -> None:
    """S003-2, S003-3: not in the file that arrow keys go through, nor above the prompt."""
    history = tmp_path / "history"
    with (
        running_server(tmp_path) as server,
        terminal(server.port, "Ann", MYMESSENGER_HISTORY=str(history)) as ann,
    ):
        ann.until_prompt("Ann>")
        ann.type(f"/register {PASSWORD}\r")
        shown = ann.until("The name Ann is yours now")
        assert any("> /register ***" in line for line in shown)
        assert not any(PASSWORD in line for line in shown)
        ann.type("/sessions\r")
        ann.until("(this one)")
        ann.type("\x1b[A\x1b[A")
        ann.type("\x15\x04")
        assert ann.wait() == 0
    kept = history.read_text()
    assert PASSWORD not in kept
    assert "/sessions" in kept
