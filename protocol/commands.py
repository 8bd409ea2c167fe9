"""What a command is: its words, its arguments, its help, and the request it becomes.

The commands themselves stand with the requests they make: ``protocol/core_commands.py`` and
``protocol/vocabulary``. ``/help`` is made from these definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.errors import ErrorCode, ProtocolError
from protocol.language import Sentence
from protocol.limits import MAX_TEXT
from protocol.requests import GENERAL, Fetch, Request


@dataclass(frozen=True, slots=True)
class Place:
    """Where the person is who types."""

    conversation: int = GENERAL
    """The conversation that a line without a command goes to."""


@dataclass(frozen=True, slots=True)
class Local:
    """Something that the program at the person's end does by itself."""


@dataclass(frozen=True, slots=True)
class Help(Local):
    """Show the commands, or those that ``topic`` stands in."""

    topic: str = ""


@dataclass(frozen=True, slots=True)
class SaveText(Local):
    """Save the whole of a long message in a file: `/text NUMBER FILE`."""

    fetch: Fetch
    path: str


@dataclass(frozen=True, slots=True)
class AskSecrets(Local):
    """Ask questions whose answers nobody may read over a shoulder, and send what they make."""

    questions: tuple[str, ...]
    """Sentences marked with :func:`protocol.language.N_`."""
    build: Callable[..., Request]
    """Make the request of the answers, one argument each; raises :class:`ProtocolError`."""


Built = Request | Local


@dataclass(frozen=True, slots=True)
class Command:
    """One command and how a line of it is understood."""

    name: str
    usage: str
    """The arguments as the help shows them: words that are translated, as sentences are."""
    help: str
    """What it does: a sentence marked with :func:`protocol.language.N_`."""
    build: Callable[[str, Place], Built]
    """Make the request of what stands behind the word; raises :class:`ProtocolError`."""
    bare: bool = False
    """Also without a slash, with its arguments (S004-7, 8)."""
    bare_alone: bool = False
    """Also without a slash, but only where it is the whole line (decision 4)."""
    aliases: tuple[str, ...] = ()
    secret: bool = False
    """Its arguments are for nobody else's eyes: no program shows them again, or keeps them."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words it is called by."""
        return (self.name, *self.aliases)


def no_arguments(build: Callable[[], Built]) -> Callable[[str, Place], Built]:
    """Return how to build a command that takes no arguments; what stands behind it is ignored."""
    return lambda _rest, _place: build()


def usage_error(usage: str) -> ProtocolError:
    """Return the error for arguments that are not right; ``usage`` is what would be."""
    return ProtocolError(ErrorCode.BAD_ARGUMENTS, "Write {usage}.", usage=Sentence(usage))


def number_in(text: str, usage: str) -> int:
    """Return a number that was typed, 1 or more; raises the usage error where it is none."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _DIGITS:
        raise usage_error(usage)
    number = int(digits)
    if not 1 <= number <= _LARGEST:
        raise usage_error(usage)
    return number


def text_in(text: str, usage: str) -> str:
    """Return a text that was typed; raises where there is none, or more than one frame takes."""
    if not text.strip():
        raise usage_error(usage)
    if len(text.encode(errors="replace")) > MAX_TEXT:
        raise ProtocolError(
            ErrorCode.TEXT_TOO_LONG,
            "A command has at most {limit} bytes; nothing was sent.",
            limit=MAX_TEXT,
        )
    return text.strip()


_LARGEST = 2**53  # what a number in a frame may be at most
_DIGITS = len(str(_LARGEST))
