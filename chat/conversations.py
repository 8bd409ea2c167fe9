"""Conversations, who is in them, and what a session follows of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from chat.grouping import Grouped
from chat.known import Known
from chat.markers import DeliveredMarkers
from chat.patience import Patience
from chat.session import Presence, Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Conversation as ConversationEvent
from protocol.events import ConversationInfo
from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.records import Conversation, Membership, User

log = structlog.get_logger()


class Conversations:
    """The general chat, which everyone is in, and direct conversations of two."""

    def __init__(
        self,
        store: ConversationStore,
        patience: Patience,
        known: Known,
        presence: Presence,
        markers: DeliveredMarkers,
    ) -> None:
        self._store = store
        self._patience = patience
        self._known = known
        self._presence = presence
        self._markers = markers
        self.asking = Grouped(self._ask)
        self._told: set[int] = set()  # direct conversations whose members have been told
        self._made = 0  # counts the conversations made, so that a login can see one come in between

    async def of(self, user: User) -> list[Membership]:
        """Return all that a user is in, the general chat first."""
        try:
            memberships = await self._stored(user)
        except StorageUnavailable:
            remembered = self._known.memberships(user.id)
            if remembered is None:
                raise
            memberships = remembered
        return [self._with_pending_marker(membership) for membership in memberships]

    async def _stored(self, user: User) -> list[Membership]:
        with self._known.reading():
            while True:
                made = self._made
                memberships = await self.asking.call(user.id)
                if made == self._made:
                    self._known.keep(user, memberships)
                    return memberships

    async def _ask(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        return await self._patience.ask(self._store.memberships, user_ids)

    def _with_pending_marker(self, membership: Membership) -> Membership:
        pending = self._markers.pending(membership.user_id, membership.conversation.id)
        return Membership(
            conversation=membership.conversation,
            user_id=membership.user_id,
            delivered_seq=max(membership.delivered_seq, pending),
            peer=membership.peer,
        )

    async def direct(self, author: Session, peer: User) -> int:
        """Return the id of a direct conversation; it is made by the first message (S002-14)."""
        me = author.who
        if me.id == peer.id:
            sentence = "You cannot write to yourself; name somebody else."
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, sentence)
        with self._known.reading():
            try:
                conversation = await self._patience.ask(
                    self._store.ensure_direct, me.id, peer.id, time.time_ns() // 1000
                )
            except StorageUnavailable:
                remembered = self._known.direct(me.id, peer.id)
                if remembered is None:
                    raise
                return remembered
            if conversation.id not in self._told:
                self._open(conversation, me, peer)
        return conversation.id

    def _open(self, conversation: Conversation, me: User, peer: User) -> None:
        """Let the two of a direct conversation know of it."""
        self._made += 1
        self._told.add(conversation.id)
        log.info("conversation.opened", conversation=conversation.id, users=[me.name, peer.name])
        for user, other in ((me, peer), (peer, me)):
            self._known.join(user, conversation, other)
            self._tell(conversation, user, other)

    def _tell(self, conversation: Conversation, user: User, other: User) -> None:
        """Let all the sessions of a user follow a conversation."""
        info = ConversationInfo(
            id=conversation.id,
            kind=conversation.kind,
            name=other.name,
            last_seq=conversation.last_seq,
            delivered_seq=conversation.last_seq,
        )
        for session in self._presence.of(user.id):
            if session.peer.position(conversation.id) is not None:
                continue
            session.peer.post(ConversationEvent(conversation=info))
            last = conversation.last_seq
            session.peer.follow(conversation, after=last, delivered=last)

    def check_member(self, session: Session, conversation_id: int) -> None:
        """Raise :class:`ProtocolError` unless the session's user is in the conversation.

        What one is not in looks the same as what there is not.
        """
        if session.peer.position(conversation_id) is None:
            sentence = f"You are in no conversation with the number {conversation_id}."
            raise ProtocolError(ErrorCode.UNKNOWN_CONVERSATION, sentence)


def describe(membership: Membership) -> ConversationInfo:
    """Return a conversation as its member sees it."""
    conversation = membership.conversation
    return ConversationInfo(
        id=conversation.id,
        kind=conversation.kind,
        name=membership.peer.name if membership.peer else conversation.key,
        last_seq=conversation.last_seq,
        delivered_seq=membership.delivered_seq,
    )
