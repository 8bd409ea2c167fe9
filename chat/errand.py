"""The author of a message that is away: what the server does on a user's behalf."""

from __future__ import annotations

from collections.abc import Collection

import trio

from chat.happening import Nobody
from protocol.errors import ErrorCode
from protocol.events import Error, Event, Sent


class Errand(Nobody):
    """A connection with nobody at its end, that waits for the answer to one message."""

    def __init__(self, conversations: Collection[int]) -> None:
        """Let the user be in these conversations."""
        self._conversations = conversations
        self._done = trio.Event()
        self._code: ErrorCode | None = None

    async def outcome(self) -> ErrorCode | None:
        """Wait for the answer; return None where the message is stored, else what is wrong."""
        await self._done.wait()
        return self._code

    def post(self, event: Event) -> None:
        """Take the answer; nobody reads anything else."""
        if isinstance(event, Error):
            self._code = ErrorCode(event.code)
        if isinstance(event, Error | Sent):
            self._done.set()

    def acknowledge(self, sent: Sent) -> None:
        """Take the answer."""
        self.post(sent)

    def position(self, conversation_id: int) -> int | None:
        """Return a number for the conversations that the user is in."""
        return 0 if conversation_id in self._conversations else None
