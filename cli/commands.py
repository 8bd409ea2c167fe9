"""What can be typed at a program on one's own machine: all commands, and saving a file."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.commands import Local, help_lines, parse_line
from protocol.requests import Fetch, Request

_SAVE_WORDS = 3


@dataclass(frozen=True, slots=True)
class SaveText:
    """Save the whole of a long message in a file: `/text NUMBER FILE`."""

    fetch: Fetch
    path: str


def parse_typed(line: str) -> Request | Local | SaveText | None:
    """Understand a line as :func:`protocol.commands.parse_line` does, and `/text NUMBER FILE`."""
    words = line.strip().split(None, _SAVE_WORDS - 1)
    if len(words) == _SAVE_WORDS and words[0].lower() == "/text" and words[1].isdecimal():
        fetch = parse_line(f"/text {words[1]}")
        assert isinstance(fetch, Fetch)  # noqa: S101 - for the type checker
        # Who knows a shell writes > FILE, and does not mean a file of that name.
        path = words[2].removeprefix(">").strip()
        return SaveText(fetch, path) if path else fetch
    return parse_line(line)


def all_help_lines() -> list[str]:
    """Return the help, a line a command."""
    saving = "/text NUMBER FILE, at a terminal, saves a long message exactly as it was sent."
    return [*help_lines(), saving]
