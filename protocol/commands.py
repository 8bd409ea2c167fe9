"""The commands a person can type, in line mode and over telnet alike (S004-7..11, S002-11).

One definition a command: its words, its arguments, its help and the request it
becomes. ``/help`` is made from these definitions. A command that concerns the
client alone becomes a :class:`Local`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from protocol.errors import ErrorCode, ProtocolError
from protocol.requests import Fetch, Quit, Request, Send, Status


class Local(Enum):
    """What the program at the person's end does by itself."""

    HELP = "help"


@dataclass(frozen=True)
class Command:
    """One command and how a line of it is understood."""

    name: str
    usage: str
    """The arguments as the help shows them."""
    help: str
    build: Callable[[str], Request | Local]
    """Make the request of what stands behind the word; raises :class:`ProtocolError`."""
    bare: bool = False
    """Also without a slash, with its arguments (S004-7, 8)."""
    bare_alone: bool = False
    """Also without a slash, but only where it is the whole line (decision 4)."""
    aliases: tuple[str, ...] = ()


def _no_arguments(build: Callable[[], Request | Local]) -> Callable[[str], Request | Local]:
    return lambda _rest: build()


def _send_addressed(rest: str) -> Request:
    if not rest:
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "Write /send TEXT or /send NAME TEXT.")
    return Send(text=rest, addressed=True)


def _send_general(rest: str) -> Request:
    if not rest:
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "Write send TEXT.")
    return Send(text=rest)


def _send_to(rest: str) -> Request:
    name, _, text = rest.partition(" ")
    if not name or not text.strip():
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "Write /send-to NAME TEXT.")
    return Send(text=text.strip(), to=name)


def _fetch(rest: str) -> Request:
    if not rest.isdecimal() or len(rest) > 16 or not 1 <= int(rest) <= 2**53:  # noqa: PLR2004
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "Write /text NUMBER, the message's number.")
    return Fetch(id=int(rest))


COMMANDS: tuple[Command, ...] = (
    Command("help", "", "Show this list.", _no_arguments(lambda: Local.HELP), bare_alone=True),
    Command(
        "status", "", "Show who is here, and facts about this connection.",
        _no_arguments(Status), bare_alone=True,
    ),
    Command(
        "send", "[NAME] TEXT", "Write to NAME privately, or else to this chat.", _send_addressed
    ),
    Command("send-to", "NAME TEXT", "Write to NAME privately.", _send_to, bare=True),
    Command("text", "NUMBER", "Show the whole of a long message.", _fetch),
    Command("quit", "", "Leave.", _no_arguments(Quit), bare_alone=True, aliases=("exit",)),
)  # fmt: skip

_BY_WORD = {word: command for command in COMMANDS for word in (command.name, *command.aliases)}


def parse_line(line: str) -> Request | Local | None:
    """Understand one line a person typed; None where there is nothing in it.

    A line is a message to the general chat, unless it begins with a slash or is one of
    the commands that need none. Two slashes send a text that begins with one.

    Raises :class:`ProtocolError` for a command that does not exist or is used wrongly.
    """
    line = line.strip()
    if not line:
        return None
    if line.startswith("//"):
        return Send(text=line[1:])
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if line.startswith("/"):
        return _command(word[1:]).build(rest)
    if word == "send" and rest:
        return _send_general(rest)
    command = _BY_WORD.get(word)
    if command is not None and ((command.bare and rest) or (command.bare_alone and not rest)):
        return command.build(rest)
    return Send(text=line)


def _command(word: str) -> Command:
    command = _BY_WORD.get(word.lower())
    if command is None:
        sentence = (
            f"There is no command /{word[:32]}. /help lists them; // sends a text with a slash."
        )
        raise ProtocolError(ErrorCode.UNKNOWN_COMMAND, sentence)
    return command


def help_lines() -> list[str]:
    """Return the help, a line a command."""
    rows = []
    for command in COMMANDS:
        words = " or ".join(f"/{word}" for word in (command.name, *command.aliases))
        rows.append((f"{words} {command.usage}".rstrip(), command.help))
    width = max(len(left) for left, _ in rows)
    lines = ["Everything you type is a message to everyone, except:"]
    lines += [f"  {left:<{width}}  {right}" for left, right in rows]
    lines.append("help, status, quit and exit also work alone on a line without the slash,")
    lines.append("and so do send TEXT (to everyone) and send-to NAME TEXT.")
    return lines
