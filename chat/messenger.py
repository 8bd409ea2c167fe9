"""The messenger: its parts put together, for gateways to talk to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio
from msgspec.structs import replace

from chat.accounts import Accounts
from chat.admission import Admission
from chat.complaints import Complaints
from chat.contacts import Contacts
from chat.conversations import Conversations
from chat.editing import Editing, EditingRules
from chat.expiry import Expiry, Forget
from chat.files import FileRules, Files
from chat.happening import happened
from chat.identity import Identity
from chat.intake import Intake
from chat.journal import Journal, Published
from chat.known import Known
from chat.limits import Allowance, Limits
from chat.markers import Markers
from chat.moderation import ModerationRules
from chat.patience import Patience
from chat.public_rooms import PublicRooms
from chat.reading import Reading
from chat.receipts import Receipts
from chat.rooms import Rooms
from chat.schedule import Schedule
from chat.seen import LastSeen
from chat.seldom import Seldom
from chat.session import Presence, Session
from protocol.events import Event, FileInfo, Quote, Sent
from protocol.events import Message as MessageEvent
from storage.interface import Stores
from storage.records import Device, Message, Saved


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
        editing: EditingRules = EditingRules(),  # noqa: B008 - it cannot be changed
        files: FileRules = FileRules(),  # noqa: B008
        moderation: ModerationRules = ModerationRules(),  # noqa: B008
        forget: Forget = lambda _conversation, _horizon: None,
    ) -> None:
        """Put it together; ``limit_show`` messages greet a newcomer (S002-6).

        ``forget`` is told what has expired and must not be shown out of memory.
        """
        self.stores = stores
        self.name = name
        self.limit_show = limit_show
        self.outage = Seldom("request.storage_unavailable")
        self.presence = Presence()
        self.patience = Patience()
        self._known = Known()
        self.identity = Identity(stores.identity, self.patience)
        self.accounts = Accounts(stores.accounts, self.identity, self.patience, self._known)
        self.markers = Markers(stores.conversations, self.patience, self._known)
        self.reading = Reading(stores.reading, self.patience, self.presence, self.markers)
        self.receipts = Receipts(stores.reading, self.patience, self.markers)
        self.reading.on_move = self.receipts.moved
        self.conversations = Conversations(
            stores.conversations,
            self.patience,
            self._known,
            self.presence,
            self.markers,
            reading=self.reading,
        )
        self.contacts = Contacts(stores.contacts, self.patience, self.conversations, self.presence)
        self.intake = Intake(stores.bodies)
        self.files = Files(stores.files, stores.bodies, self.intake, self.patience, files)
        zone = moderation.zone
        self.schedule = Schedule(stores, self.patience, zone)
        self.limits = Limits(stores.moderation, self.patience, moderation.limit, zone=zone)
        self.complaints = Complaints(
            stores.moderation, self.patience, self.presence, moderation.complaints, zone=zone
        )
        lifetime = moderation.lifetime
        self._last_seen = LastSeen(
            stores.moderation, self.patience, self.presence, away_days=lifetime.away_days
        )
        self.expiry = Expiry(
            stores,
            self.patience,
            self.markers,
            self.intake,
            lifetime,
            forget=forget,
            note_present=self._last_seen.write,
        )
        self.markers.expired = self.expiry.expired_seq
        self.editing = Editing(
            stores,
            self.expiry,
            self.patience,
            self.intake.give_up,
            editing,
            release=self.files.release,
        )
        tell = partial(happened, self)
        self.rooms = Rooms(stores.rooms, self.patience, self.conversations, tell)
        self.public_rooms = PublicRooms(stores.rooms, self.patience)
        self.admission = Admission(stores.rooms, self.patience, self.presence, self.rooms)
        self._hand_out = publish
        self.journal = Journal(
            stores.messages, self._publish, announce, self.patience, self.intake.give_up
        )

    async def prepare(self) -> None:
        """Load what has to be known before anybody comes (S003-8)."""
        await self.identity.shape_names()
        await self.limits.load()
        await self.complaints.load()
        await self.expiry.look()
        await self.schedule.catch_up(self)

    async def write(self) -> None:
        """Write what is written now and then only; the server is about to stop."""
        await self.markers.write()
        await self.limits.write()
        await self._last_seen.write()
        await self.identity.devices.write()

    async def run(self) -> None:
        """Do what goes on beside the requests, for ever; the journal runs by itself."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.patience.run)
            nursery.start_soon(self.intake.run)
            nursery.start_soon(self.files.run)
            nursery.start_soon(self.accounts.run)
            nursery.start_soon(self.identity.devices.run)
            nursery.start_soon(self.conversations.asking.run)
            nursery.start_soon(self.markers.run)
            nursery.start_soon(self.reading.run)
            nursery.start_soon(self.reading.counting.run)
            nursery.start_soon(self.admission.run)
            nursery.start_soon(self.limits.run)
            nursery.start_soon(self.expiry.run)
            nursery.start_soon(self._last_seen.run)
            nursery.start_soon(self.schedule.run, self)
            nursery.start_soon(self.journal.report)
            nursery.start_soon(self.journal.watch)

    def admit(self, session: Session, device: Device | None) -> None:
        """Note that a session has proved to be its user's, from a device if it has a token."""
        session.registered = True
        session.user = replace(session.who, registered=True)
        self.complaints.admit(session)
        session.device_id = None if device is None else device.id

    def leave(self, session: Session) -> None:
        """Forget a session whose connection has ended."""
        self.presence.remove(session)
        self.receipts.forget(session)
        if session.user is not None:
            self._last_seen.left(session.user.id)
        for upload in session.uploads.values():
            self.intake.give_up(upload.body_id)
        session.uploads.clear()
        for incoming in session.files.values():
            self.files.let_go(incoming)
        session.files.clear()

    async def _publish(self, batch: Sequence[Published]) -> None:
        self._known.published(published.saved.message for published in batch)
        for published in batch:
            if published.author.reads_along:
                self.reading.wrote(published.author, published.saved.message)
        await self._hand_out(batch)


def as_event(message: Message, prev: int | None = None) -> MessageEvent:
    """Return a stored message as it is shown, ``prev`` where it is not the number before."""
    file = message.file
    return MessageEvent(
        id=message.id,
        seq=message.seq,
        prev=None if prev == message.seq - 1 else prev,
        time=message.sent_at,
        sender=message.sender_name,
        text=message.body.decode(errors="replace"),
        conversation=message.conversation_id,
        size=None if message.body_id is None else message.size,
        kind=message.kind,
        target=message.target_id,
        quote=_quote(message),
        file=None
        if file is None or message.file_id is None
        else FileInfo(id=message.file_id, name=file.name.decode(errors="replace"), size=file.size),
        edited=message.edited_at,
        due=message.due_at,
    )


def as_receipt(saved: Saved, ref: int | None, allowance: Allowance | None = None) -> Sent:
    """Return the acknowledgement of what has been stored."""
    message = saved.message
    return Sent(
        ref=ref,
        id=message.id,
        seq=message.seq,
        time=message.sent_at,
        conversation=message.conversation_id,
        duplicate=saved.duplicate,
        left=None if allowance is None else allowance.left,
        renews_at=None if allowance is None else allowance.renews_at,
        # An edit that found nothing to change is stored without its text.
        kind="void" if message.kind == "edit" and not message.body else message.kind,
        target=message.target_id,
        quote=_quote(message),
    )


def _quote(message: Message) -> Quote | None:
    if message.quote is None or message.target_id is None:
        return None
    return Quote(
        id=message.target_id,
        sender=message.quote.sender_name,
        text=message.quote.text.decode(errors="ignore"),
    )
