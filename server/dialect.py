"""How one kind of client wants events as bytes; each event is encoded once a dialect."""

from __future__ import annotations

from typing import Final, Protocol

from protocol.events import Event
from storage.records import Message


class Dialect(Protocol):
    """From what the chat says to bytes."""

    def message(self, message: Message, prev: int) -> bytes:
        """Return a stored message; ``prev`` is the sequence number this client had before."""
        ...

    def event(self, event: Event) -> bytes:
        """Return any other event; empty where this kind of client is not told."""
        ...

    @property
    def divider(self) -> bytes:
        """What stands before the first message the user has not had; empty for programs."""
        ...


class _Mute:
    """Says nothing: for a time in which every byte would be wrong."""

    divider = b""

    def message(self, message: Message, prev: int) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""

    def event(self, event: Event) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""


MUTE: Final[Dialect] = _Mute()
