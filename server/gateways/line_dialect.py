"""What a person at telnet sees: plain lines that no stranger's text can break out of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from chat.messenger import as_event
from protocol.events import Event
from protocol.events import Message as MessageEvent
from protocol.language import Voice
from protocol.requests import GENERAL
from protocol.text import UNREAD_LINE
from protocol.view import View, marked_lines, message_lines
from server.gateways.terminal import text_lines
from storage.records import Message


class LineDialect:
    """Events as lines; one instance serves all who share a language and a time zone."""

    def __init__(self, view: View, title_of: Callable[[int], str | None]) -> None:
        """Show things in a view; ``title_of`` returns the name of a room, None for what is none."""
        self._view = view
        self._title_of = title_of

    @property
    def divider(self) -> bytes:
        """The line of hyphens before the unread messages (S000-10)."""
        return text_lines(UNREAD_LINE)

    def message(self, message: Message, prev: int) -> bytes:
        """Return a message as a line, ``HH:MM DD.MM.YY NAME: text`` (S000-6)."""
        return self.event(as_event(message, prev))

    def event(self, event: Event) -> bytes:
        """Return the event's lines; most replies mean nothing to a person."""
        if isinstance(event, MessageEvent):
            where = self._place(event.conversation)
            return text_lines(*message_lines(event, self._view, where=where))
        return text_lines(*marked_lines(event, self._view))

    def _place(self, conversation: int) -> str:
        if conversation == GENERAL:
            return ""
        return self._title_of(conversation) or self._view.say("private")


class LineDialects:
    """The dialects there are by now, one for each language and zone somebody has."""

    def __init__(self, title_of: Callable[[int], str | None]) -> None:
        """Make them with the names of rooms."""
        self._title_of = title_of
        self._made: dict[tuple[str, tzinfo | None], LineDialect] = {}

    def of(self, voice: Voice, zone: tzinfo | None) -> LineDialect:
        """Return the dialect of a language and a zone."""
        key = (voice.language, zone)
        if key not in self._made:
            self._made[key] = LineDialect(View(voice, zone), self._title_of)
        return self._made[key]
