"""Tells the user of messages: by the terminal's bell, and by the desktop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.tui.notifying import Happening, Notifier, sequences
from cli.tui.roster import COUNTED, is_mentioned
from protocol.requests import GENERAL

if TYPE_CHECKING:
    from cli.messages import ChatMessage
    from cli.tui.roster import Place
    from protocol.language import Voice


class Of(StrEnum):
    """What the user wants to be told of."""

    MENTIONS = "mentions"
    """What is for the user: private messages, and those with the user's name in them."""
    ALL = "all"


class Alerts:
    """Decides what to tell of, and writes it to the terminal."""

    def __init__(self, voice: Voice, write: Callable[[str], None]) -> None:
        """Write sequences for the terminal with ``write``."""
        self._notifier = Notifier(voice)
        self._write = write
        self.quiet = False
        self.of = Of.MENTIONS
        self.me = ""

    def speak(self, voice: Voice) -> None:
        """Go on in another language."""
        self._notifier.voice = voice

    def came(self, message: ChatMessage, place: Place | None, *, looked_at: bool) -> None:
        """Tell of a message, unless the user would not want that."""
        frame = message.frame
        if (
            self.quiet or looked_at or place is None or message.own
            or frame.kind not in COUNTED or frame.sender == self.me or frame.seq <= place.read
            or not self._is_wanted(message, place)
        ):  # fmt: skip
            return
        where = "" if place.info.kind == "direct" else place.info.name
        if place.info.id == GENERAL:
            where = "general"
        text = frame.text if frame.file is None else frame.file.name
        happening = Happening(message.conversation, frame.seq, where, frame.sender, text)
        self._notifier.came(happening, time.monotonic())
        self.tick()

    def _is_wanted(self, message: ChatMessage, place: Place) -> bool:
        return (
            self.of is Of.ALL
            or place.info.kind == "direct"
            or is_mentioned(message.frame.text, self.me)
        )

    def was_read(self, conversation: int, seq: int) -> None:
        """Tell no more of what another device has read."""
        self._notifier.was_read(conversation, seq, time.monotonic())

    def was_read_here(self, conversation: int, seq: int) -> None:
        """Tell no more of what has been read here."""
        self._notifier.was_read(conversation, seq)

    def tick(self) -> None:
        """Tell of what is due."""
        notification = self._notifier.take(time.monotonic())
        if notification is not None and not self.quiet:
            self._write(sequences(notification, os.environ))
