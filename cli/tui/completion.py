"""What may follow what has been typed: commands, names, conversations, paths (no widgets)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.tui.local_commands import COMMANDS as LOCAL
from protocol.commands import Command
from protocol.vocabulary import COMMANDS

MOST = 200
"""Completions that are offered at most."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to complete with."""

    people: Sequence[str]
    rooms: Sequence[str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Completion:
    """A way to go on."""

    start: int
    """Where in the text the part begins that is replaced."""
    text: str
    """What stands there instead."""
    shown: str
    """How the list shows it."""
    help: str = ""
    """What it is: a sentence that is translated, empty where it is clear."""


def all_commands() -> tuple[Command, ...]:
    """Return every command, those of the screen too."""
    return (*COMMANDS, *LOCAL)


def completions(before: str, known: Known) -> list[Completion]:
    """Return the ways to go on after the text before the cursor, the likely ones first."""
    word, blank, rest = before.partition(" ")
    if before.startswith("/") and not before.startswith("//"):
        if not blank:
            return _commands(word)
        return _arguments(word[1:].lower(), rest, len(before), known)
    last = before.rsplit(maxsplit=1)[-1] if before and not before[-1].isspace() else ""
    begin = len(before) - len(last)
    name = last.removeprefix("@")
    ending = ": " if begin == 0 and not last.startswith("@") else " "
    return _matching(known.people, name, begin + len(last) - len(name), ending) if name else []


def _commands(word: str) -> list[Completion]:
    begun = word[1:].lower()
    return [
        Completion(0, f"/{name} ", f"/{name} {command.usage}".rstrip(), command.help)
        for command in all_commands()
        for name in command.words
        if name.startswith(begun)
    ][:MOST]


_ROOMS = {"chats", "leave", "members", "accept", "decline"}


def _arguments(command: str, rest: str, end: int, known: Known) -> list[Completion]:
    usage = next((one.usage for one in all_commands() if command in one.words), "")
    if command == "file" or (command in {"get", "text"} and " " in rest):
        return _paths(command, rest, end, known.folder)
    last = rest.rpartition(" ")[2]
    begin = end - len(last)
    if command in _ROOMS:
        return _matching(known.rooms, last, begin, " ")
    if "|" in usage and "NAME" not in usage:
        return _matching(usage.strip("[]").split("|"), last, begin, "")
    if "NAME" in usage and " " not in rest:
        return _matching(known.people, last, begin, " ")
    return []


def _matching(words: Iterable[str], begun: str, begin: int, ending: str) -> list[Completion]:
    wanted = begun.casefold()
    found = sorted({word for word in words if word.casefold().startswith(wanted)}, key=str.casefold)
    return [Completion(begin, f"{word}{ending}", word) for word in found][:MOST]


def _paths(command: str, rest: str, end: int, folder: Path) -> list[Completion]:
    """Return the files and folders that a path may go on to."""
    begun = rest
    if command != "file":
        begun = rest.partition(" ")[2]
    begun = begun.removeprefix('"')
    head, slash, name = begun.rpartition("/")
    quoted = len(begun) < len(rest) and rest.startswith('"')
    begin = end - len(begun) - quoted
    try:
        place = (folder / Path(f"{head}{slash}" or ".").expanduser()).resolve()
        with os.scandir(place) as entries:
            found = [
                _path(entry, head + slash, begin, quoted)
                for entry in entries
                if entry.name.startswith(name) and (name or not entry.name.startswith("."))
            ]
    except (OSError, RuntimeError, ValueError):
        return []
    return sorted(found, key=lambda one: one.shown)[:MOST]


def _path(entry: os.DirEntry[str], head: str, begin: int, quoted: bool) -> Completion:
    whole = head + entry.name
    if entry.is_dir():
        text = f'"{whole}/' if quoted else f"{whole}/"
        return Completion(begin, text, f"{entry.name}/")
    if quoted or " " in whole:
        return Completion(begin, f'"{whole}"', entry.name)
    return Completion(begin, whole, entry.name)


def common_start(found: Sequence[Completion]) -> str:
    """Return what all completions begin with."""
    first, *others = [one.text for one in found]
    length = 0
    while length < len(first) and all(one.startswith(first[: length + 1]) for one in others):
        length += 1
    return first[:length]
