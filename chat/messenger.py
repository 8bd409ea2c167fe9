"""The messenger: its parts put together, for gateways to talk to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from chat.accounts import Accounts
from chat.conversations import Conversations
from chat.intake import Intake
from chat.journal import Journal, Published
from chat.known import Known
from chat.markers import DeliveredMarkers
from chat.patience import Patience
from chat.seldom import Seldom
from chat.session import Presence, Session
from protocol.events import Event
from protocol.events import Message as MessageEvent
from storage.interface import Stores
from storage.records import Message


class Messenger:
    """Everything the handlers need, and nothing they would have to share a socket for."""

    def __init__(
        self,
        stores: Stores,
        publish: Callable[[Sequence[Published]], Awaitable[None]],
        announce: Callable[[Event], None],
        *,
        name: str,
        limit_show: int,
    ) -> None:
        """Put it together; ``limit_show`` messages greet a newcomer (S002-6)."""
        self.stores = stores
        self.name = name
        self.limit_show = limit_show
        self.outage = Seldom("request.storage_unavailable")
        self.presence = Presence()
        self.patience = Patience()
        self._known = Known()
        self.accounts = Accounts(stores.accounts, self.patience, self._known)
        self.markers = DeliveredMarkers(stores.conversations, self.patience, self._known)
        self.conversations = Conversations(
            stores.conversations, self.patience, self._known, self.presence, self.markers
        )
        self.intake = Intake(stores.bodies)
        self._hand_out = publish
        self.journal = Journal(
            stores.messages, self._publish, announce, self.patience, self.intake.give_up
        )

    async def run(self) -> None:
        """Do what goes on beside the requests, for ever; the journal runs by itself."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.patience.run)
            nursery.start_soon(self.intake.run)
            nursery.start_soon(self.accounts.entering.run)
            nursery.start_soon(self.conversations.asking.run)
            nursery.start_soon(self.markers.run)
            nursery.start_soon(self.journal.report)
            nursery.start_soon(self.journal.watch)

    def leave(self, session: Session) -> None:
        """Forget a session whose connection has ended."""
        self.presence.remove(session)
        for upload in session.uploads.values():
            self.intake.give_up(upload.body_id)
        session.uploads.clear()

    async def _publish(self, batch: Sequence[Published]) -> None:
        self._known.published(published.saved.message for published in batch)
        await self._hand_out(batch)


def as_event(message: Message, prev: int | None = None) -> MessageEvent:
    """Return a stored message as it is shown, ``prev`` where it is not the number before."""
    long = message.body_id is not None
    return MessageEvent(
        id=message.id,
        seq=message.seq,
        prev=None if prev == message.seq - 1 else prev,
        time=message.sent_at,
        sender=message.sender_name,
        text=message.body.decode(errors="replace"),
        conversation=message.conversation_id,
        size=message.size if long else None,
    )
