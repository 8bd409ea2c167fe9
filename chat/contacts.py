"""Contacts: whom a user has added, and with whom there is a conversation (S000-8, S000-15).

They are numbered by the time of the last message, the latest first; who never wrote and was
never written to comes last, by name.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct

from chat.conversations import Conversations, is_silent
from chat.patience import Patience
from chat.session import Presence, Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.vocabulary.contacts import Contact, ContactNews
from storage.contact_store import ContactStore
from storage.records import Membership, User

MAX_ADDED = 1000
"""How many one may add."""

MAX_LISTED = 1000
"""How many of the contacts are listed: those one has written with last."""


class _Known(Struct):
    """A contact and what is known of it."""

    user: User
    added: bool
    membership: Membership | None = None
    last_message: int = -1

    @property
    def place(self) -> tuple[int, str]:
        """What they are sorted by."""
        return (-self.last_message, self.user.name_key)


class Contacts:
    """The contacts of all users."""

    def __init__(
        self,
        store: ContactStore,
        patience: Patience,
        conversations: Conversations,
        presence: Presence,
    ) -> None:
        self._store = store
        self._patience = patience
        self._conversations = conversations
        self._presence = presence

    async def of(self, user: User) -> list[Contact]:
        """Return the contacts of a user, in the order of their numbers."""
        memberships = await self._conversations.of(user)
        return await self.among(user, memberships)

    async def among(self, user: User, memberships: Sequence[Membership]) -> list[Contact]:
        """Return the contacts of a user who is in these conversations."""
        added, latest = await self._patience.ask(self._store.listed, user.id)
        known = {one.id: _Known(one, added=True) for one in added}
        for membership in memberships:
            peer = membership.peer
            if peer is not None and not is_silent(membership):
                one = known.setdefault(peer.id, _Known(peer, added=False))
                one.membership = membership
                one.last_message = latest.get(membership.conversation.id, 0)
        ordered = sorted(known.values(), key=lambda one: one.place)
        return [_described(one) for one in ordered[:MAX_LISTED]]

    async def numbered(self, session: Session, number: int) -> str | None:
        """Return the name of a contact by its number in the list that the session was shown."""
        if session.contacts_shown is None:
            self.note_shown(session, await self.of(session.who))
        shown = session.contacts_shown or ()
        return shown[number - 1] if number <= len(shown) else None

    @staticmethod
    def note_shown(session: Session, contacts: Sequence[Contact]) -> None:
        """Note which numbers a session has been shown."""
        session.contacts_shown = tuple(contact.name for contact in contacts)

    async def add(self, session: Session, user: User) -> bool:
        """Add a contact and tell the user's other devices; False where it was there already."""
        me = session.who
        if user.id == me.id:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "You cannot add yourself.")
        now = time.time_ns() // 1000
        added = await self._add(me, user, now)
        if added is None:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "You have added {limit} contacts, and there can be no more; /remove makes room.",
                limit=MAX_ADDED,
            )
        if added:
            self._tell_others(session, ContactNews(name=user.name, added=True))
        return added

    async def _add(self, me: User, user: User, now: int) -> bool | None:
        async def add() -> bool | None:
            return await self._store.add(me.id, user.id, now, limit=MAX_ADDED)

        return await self._patience.ask(add)

    async def remove(self, session: Session, user: User) -> bool:
        """Take a contact away that was added; False where it was not."""
        removed = await self._patience.ask(self._store.remove, session.who.id, user.id)
        if removed:
            self._tell_others(session, ContactNews(name=user.name, added=False))
        return removed

    def _tell_others(self, session: Session, news: ContactNews) -> None:
        for other in self._presence.of(session.who.id):
            if other is not session:
                other.peer.notify(news)


def _described(one: _Known) -> Contact:
    membership = one.membership
    if membership is None:
        return Contact(name=one.user.name, unread=0, added=one.added)
    return Contact(
        name=one.user.name,
        unread=membership.unread,
        added=one.added,
        conversation=membership.conversation.id,
    )
