"""What a line means that a person typed, in line mode and over telnet alike."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from protocol.commands import Built, Command, Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.language import Voice
from protocol.requests import Send
from protocol.vocabulary import CHAPTERS, COMMANDS

WIDTH = 79
"""Columns that the help fills: no terminal has fewer than 80 unless somebody made it so."""

INDENT = 28
"""Where in the line it is told what a command does."""

Chapter = tuple[str, Sequence[Command]]
"""Commands under a title, as the help shows them."""

_BY_WORD = {word: command for command in COMMANDS for word in command.words}


def parse_line(line: str, place: Place) -> Built | None:
    """Understand one line; None where there is nothing in it.

    A line is a message to the conversation the person is in, unless it begins with a slash or
    is one of the commands that need none. Two slashes send a text that begins with one.

    Raises :class:`ProtocolError` for a command that does not exist or is used wrongly.
    """
    line = line.strip()
    if not line:
        return None
    if line.startswith("//"):
        return Send(text=line[1:], conversation=place.conversation)
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if line.startswith("/"):
        return _command(word[1:]).build(rest, place)
    if word == "send" and rest:
        return Send(text=rest)  # to everyone, wherever one is (decision 4)
    command = _BY_WORD.get(word)
    if command is not None and ((command.bare and rest) or (command.bare_alone and not rest)):
        return command.build(rest, place)
    return Send(text=line, conversation=place.conversation)


def without_secrets(line: str) -> str:
    """Return a line as it may be shown again or kept: the arguments of some commands are stars."""
    word, *rest = line.split(maxsplit=1) or [""]
    command = _BY_WORD.get(word[1:].lower()) if word.startswith("/") else None
    return f"{word} ***" if command is not None and command.secret and rest else line


def parse_moved(line: str, before: Place, place: Place) -> Built | None:
    """Understand the first line of somebody who has been put out of the place ``before``.

    Raises :class:`ProtocolError` for what would have gone there: it may not be for others.
    """
    built = parse_line(line, place)
    if built != parse_line(line, before):
        raise ProtocolError(
            ErrorCode.UNKNOWN_CONVERSATION,
            "You are no longer in that room, so this was not sent. "
            "You are in the general chat now.",
        )
    return built


def _command(word: str) -> Command:
    command = _BY_WORD.get(word.lower())
    if command is None:
        raise ProtocolError(
            ErrorCode.UNKNOWN_COMMAND,
            "There is no command /{word}. /help lists them; // sends a text with a slash.",
            word=word[:32],
        )
    return command


def help_lines(
    voice: Voice,
    topic: str = "",
    more: Sequence[Chapter] = (),
    *,
    bare: bool = True,
    fill: bool = True,
) -> list[str]:
    """Return the help, a line a command; with a ``topic`` only what it stands in.

    ``more`` is what the program at the person's end can do besides; without ``bare`` no command
    works there without its slash. Without ``fill`` what a command does stays on one line, for
    what breaks lines itself.
    """
    width = WIDTH if fill else sys.maxsize
    if topic:
        return _help_on(voice, topic, more, width)
    lines = [voice.say("Everything you type is a message to the conversation you are in, except:")]
    for title, commands in (*CHAPTERS, *more):
        lines.append(voice.say(title))
        lines += [line for command in commands for line in _help_of(voice, command, width)]
    if not bare:
        return lines
    lines.append(
        voice.say("help, status, quit and exit also work alone on a line without the slash,")
    )
    lines.append(voice.say("and so do send TEXT (to everyone) and send-to NAME TEXT."))
    return lines


def _help_on(voice: Voice, topic: str, more: Sequence[Chapter], width: int) -> list[str]:
    wanted = topic.casefold().removeprefix("/")
    found = [
        command
        for command in (*COMMANDS, *(one for _, commands in more for one in commands))
        if wanted in f"{_usage(voice, command)} {voice.say(command.help)}".casefold()
    ]
    if not found:
        return [voice.say("No command has {topic} in it; /help lists all.", topic=topic[:32])]
    return [line for command in found for line in _help_of(voice, command, width)]


def _help_of(voice: Voice, command: Command, width: int) -> list[str]:
    """Return the lines of one command, none of them wider than ``width``."""
    first, *rest = textwrap.wrap(
        voice.say(command.help), width, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT
    )
    left = f"  {_usage(voice, command)}"
    if len(left) + 2 > INDENT:
        return [left, first, *rest]
    return [left + first[len(left) :], *rest]


def _usage(voice: Voice, command: Command) -> str:
    words = " | ".join(f"/{word}" for word in command.words)
    return f"{words} {voice.say(command.usage)}".rstrip()
