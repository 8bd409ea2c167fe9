"""What happens in a conversation without anybody saying it: an entry of its stream.

It reaches the one who did it as a message, like everybody else, and not as an acknowledgement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from chat.session import Session
from chat.writing import write
from protocol.errors import ProtocolError
from protocol.events import Event, Sent
from storage.records import Conversation, User

if TYPE_CHECKING:
    from chat.messenger import Messenger

log = structlog.get_logger()


class Nobody:
    """A :class:`chat.session.Peer` without a connection: whatever it is told, nobody hears it."""

    address = ""
    connected_at = 0

    def post(self, event: Event) -> None:
        """Let it pass."""

    def notify(self, event: Event) -> None:
        """Let it pass."""

    def follow(self, conversation: Conversation, *, after: int, delivered: int) -> None:
        """Follow nothing."""

    def unfollow(self, conversation_id: int) -> None:
        """Follow nothing as before."""

    def end(self, template: str, /, **values: object) -> None:
        """End as before."""

    def acknowledge(self, sent: Sent) -> None:
        """Let it pass."""

    def position(self, conversation_id: int) -> int | None:
        """Be nowhere."""
        del conversation_id
        return None


def happened(
    messenger: Messenger, user: User, conversation_id: int, kind: str, text: str = ""
) -> None:
    """Write into a conversation what a user did to it; it has been done, whatever comes now."""
    try:
        write(messenger, Session(Nobody(), user), None, conversation_id, text.encode(), kind=kind)
    except ProtocolError as error:  # the server is on its way down
        log.warning("entry.left_out", conversation=conversation_id, kind=kind, reason=str(error))
