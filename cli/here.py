"""Where the person is: the conversation that lines without a command go to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from protocol.commands import Place
from protocol.events import ConversationInfo, ConversationLeft, Event, Opened
from protocol.language import Voice
from protocol.requests import GENERAL
from protocol.view import View

if TYPE_CHECKING:
    from cli.notices import Notice


class Here:
    """The person's present conversation and language, for what understands and shows lines."""

    def __init__(self, voice: Voice, *, whole: bool = False) -> None:
        """Begin in the general chat; with ``whole`` messages are shown in full, for programs."""
        self.voice = voice
        self._whole = whole
        self.on_move: Callable[[], None] = _nothing
        """Called when the person has moved to another conversation."""
        self._conversation: ConversationInfo | None = None
        self._left: Place | None = None  # where the person was put out since the last line
        self._zone: tzinfo | None = None  # the one that the person has chosen, else the machine's

    @property
    def place(self) -> Place:
        """What commands go by."""
        return Place(GENERAL if self._conversation is None else self._conversation.id)

    @property
    def title(self) -> str:
        """The name of the conversation, empty for the general chat. Not sanitised."""
        return "" if self._conversation is None else self._conversation.name

    def view(self, me: str) -> View:
        """Return how things are shown to the person, whose name is ``me``."""
        return View(self.voice, self._zone, me, whole=self._whole)

    def hear(self, notice: Notice) -> None:
        """Take in what happened on the server or on another device."""
        from cli.notices import Connected, News  # not before the first picture

        if isinstance(notice, Connected):
            self._set_zone(notice.zone)
        elif isinstance(notice, News):
            before = self.place
            self.note(notice.event)
            if self.place != before:
                self._left = before

    def note(self, event: Event) -> None:
        """Follow the person into a conversation, out of it, or to another time zone."""
        if isinstance(event, Opened):
            info = event.conversation
            self._move(None if info.id == GENERAL else info)
        elif isinstance(event, ConversationLeft) and event.conversation == self.place.conversation:
            self._move(None)
        else:
            from protocol.vocabulary.schedule import Zone, ZoneChanged  # likewise

            if isinstance(event, Zone | ZoneChanged):
                self._set_zone(event.name)

    def _set_zone(self, name: str) -> None:
        with suppress(LookupError, OSError, ValueError):  # this machine may not know it
            self._zone = ZoneInfo(name) if name else None

    def go(self, conversation: ConversationInfo) -> None:
        """Note that the person has turned to a conversation, without the server's help."""
        self._move(None if conversation.id == GENERAL else conversation)

    def take_left(self) -> Place | None:
        """Return, once, where the person was put out since the last line; None for nowhere."""
        left, self._left = self._left, None
        return left

    def _move(self, conversation: ConversationInfo | None) -> None:
        self._conversation = conversation
        self._left = None
        self.on_move()


def _nothing() -> None:
    """Do nothing."""
