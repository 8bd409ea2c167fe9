"""What the two sides of the screen know of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cli.messages import ChatMessage
    from cli.tui.local_commands import LocalCommand
    from cli.tui.roster import Place
    from protocol.vocabulary.reading import Marked


class Face(Protocol):
    """The screen, as far as Trio's side needs it. Nothing of it waits but the question."""

    def changed(self) -> None:
        """Show the board anew, soon."""

    def moved(self) -> None:
        """Follow the user to another conversation."""

    def ask(self, question: str, take: Callable[[str | None], None]) -> None:
        """Ask for what nobody may read; what is taken is None where the user would not say."""

    def came(self, message: ChatMessage, place: Place | None) -> None:
        """Take a message that has just come, for a notification perhaps."""

    def was_read(self, event: Marked) -> None:
        """Note that another device has read something."""

    def do(self, command: LocalCommand, argument: str) -> None:
        """Do what only a screen can do."""

    def began(self) -> None:
        """Stand there: the server has let the user in, or will be waited for."""

    def leave(self) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the server does not let the user in."""

    code: str
    sentence: str
