"""Commands that only a screen can do, defined as all others are, so that help shows them, too."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.commands import Built, Command, Local, Place
from protocol.language import N_

TITLE = N_("This screen")


@dataclass(frozen=True, slots=True)
class LocalCommand(Local):
    """Something the screen does by itself; its name tells what."""

    name: str


def _command(name: str, usage: str, help_: str) -> Command:
    def build(_rest: str, _place: Place) -> Built:
        return LocalCommand(name)

    return Command(name, usage, help_, build)


COMMANDS: tuple[Command, ...] = (
    _command("dnd", "", N_("Do not disturb: no bell and no notifications, until typed again.")),
    _command(
        "notify", "all|mentions", N_("Notify of everything, or of what is for you (default).")
    ),
    _command("theme", "[NAME]", N_("Take the next look, or NAME: dark, light or terminal.")),
    _command("keys", "", N_("Show what each key does (F1 too).")),
)

_BY_NAME = {command.name: LocalCommand(command.name) for command in COMMANDS}


def local_command(line: str) -> tuple[LocalCommand, str] | None:
    """Return the command of the screen that a line is, and its argument."""
    word, _, rest = line.strip().partition(" ")
    command = _BY_NAME.get(word[1:].lower()) if word.startswith("/") else None
    return None if command is None else (command, rest.strip())
