"""Conversations, who is in them, and what a session follows of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import structlog

from chat.grouping import Grouped
from chat.known import Known
from chat.markers import Markers
from chat.patience import Patience
from chat.reading import Reading
from chat.session import Presence, Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Conversation as ConversationEvent
from protocol.events import ConversationInfo, ConversationLeft
from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.records import Conversation, Membership, User

log = structlog.get_logger()


class _Look:
    """A look at what a user is in; it is stale as soon as that changes."""

    __slots__ = ("stale", "user_id")

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.stale = False


class Conversations:
    """The general chat, which everyone is in, direct conversations of two, and rooms.

    Who makes or changes one of them tells the database first and this afterwards, in the same
    order.
    """

    def __init__(
        self,
        store: ConversationStore,
        patience: Patience,
        known: Known,
        presence: Presence,
        markers: Markers,
        *,
        reading: Reading,
    ) -> None:
        self._store = store
        self._patience = patience
        self._known = known
        self._presence = presence
        self._markers = markers
        self._reading = reading
        self.asking = Grouped(self._ask)
        self._titles: dict[int, str] = {}  # of the rooms that somebody here has been in
        self._told: set[int] = set()  # direct conversations whose members have been told
        # Those opened by one of the two and without a message: the other is not to see them.
        self._silent: dict[int, tuple[Conversation, User, User]] = {}
        self._looks: set[_Look] = set()  # those under way, which must not miss what changes

    def title_of(self, conversation_id: int) -> str | None:
        """Return the name of a room that somebody here is in; None for all else."""
        return self._titles.get(conversation_id)

    async def of(self, user: User) -> list[Membership]:
        """Return all that a user is in, the general chat first."""
        try:
            memberships = await self._stored(user)
        except StorageUnavailable:
            remembered = self._known.memberships(user.id)
            if remembered is None:
                raise
            memberships = remembered
        for membership in memberships:
            self._keep_title(membership.conversation)
            self._note_silent(user, membership)
        return [self._markers.applied(membership) for membership in memberships]

    def _keep_title(self, conversation: Conversation) -> None:
        if conversation.title is not None:
            self._titles[conversation.id] = conversation.title

    async def _stored(self, user: User) -> list[Membership]:
        with self._known.reading(), self._look(user.id) as look:
            while True:
                look.stale = False
                memberships = await self._reading.counted(await self.asking.call(user.id))
                if not look.stale:
                    self._known.keep(user, memberships)
                    return memberships

    @contextmanager
    def _look(self, user_id: int) -> Iterator[_Look]:
        look = _Look(user_id)
        self._looks.add(look)
        try:
            yield look
        finally:
            self._looks.discard(look)

    def _spoil_looks(self, user_id: int | None = None) -> None:
        """Let those look again who are about to learn what a user, or anybody, is in."""
        for look in self._looks:
            if user_id in (None, look.user_id):
                look.stale = True

    async def _ask(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        return await self._patience.ask(self._store.memberships, user_ids)

    async def direct(self, author: Session, peer: User) -> int:
        """Return the id of a direct conversation to write into, made if there is none (S002-14)."""
        return await self._direct(author, peer, self._open)

    async def meet(self, author: Session, peer: User) -> int:
        """Return the id of a direct conversation; the peer hears of it with the first message."""
        return await self._direct(author, peer, self._open_silently)

    async def _direct(
        self, author: Session, peer: User, begin: Callable[[Conversation, User, User], None]
    ) -> int:
        me = author.who
        if me.id == peer.id:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "You cannot write to yourself; name somebody else."
            )
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
                begin(conversation, me, peer)
        return conversation.id

    def _open_silently(self, conversation: Conversation, me: User, peer: User) -> None:
        """Let one of the two follow a direct conversation into which nobody has written."""
        if conversation.last_seq:
            return
        if conversation.id not in self._silent:
            self._silent[conversation.id] = (conversation, me, peer)
            for user, other in ((me, peer), (peer, me)):
                self._spoil_looks(user.id)
                self._known.join(user, Membership(conversation, user.id, 0, other))
        for session in self._presence.of(me.id):
            session.peer.follow(conversation, after=0, delivered=0)

    def _note_silent(self, user: User, membership: Membership) -> None:
        conversation, peer = membership.conversation, membership.peer
        if peer is not None and is_silent(membership) and conversation.id not in self._told:
            self._silent.setdefault(conversation.id, (conversation, user, peer))

    def announce(self, conversation_id: int) -> None:
        """Let both know of a direct conversation that is about to get its first message."""
        silent = self._silent.get(conversation_id)
        if silent is not None:
            self._open(*silent)

    def _open(self, conversation: Conversation, me: User, peer: User) -> None:
        """Let the two of a direct conversation know of it."""
        self._told.add(conversation.id)
        self._silent.pop(conversation.id, None)
        log.info("conversation.opened", conversation=conversation.id, users=[me.name, peer.name])
        last = conversation.last_seq
        for user, other in ((me, peer), (peer, me)):
            self._begin(user, Membership(conversation, user.id, last, other))

    def _begin(self, user: User, membership: Membership, *, asker: Session | None = None) -> None:
        """Let all the sessions of a user follow a conversation; ``asker`` knows of it."""
        self._spoil_looks(user.id)
        self._known.join(user, membership)
        info = describe(membership)
        seen = membership.delivered_seq
        for session in self._presence.of(user.id):
            if session.peer.position(info.id) is not None and not is_silent(membership):
                continue
            if session is not asker:
                session.peer.notify(ConversationEvent(conversation=info))
            session.peer.follow(membership.conversation, after=seen, delivered=seen)

    def looking(self) -> AbstractContextManager[None]:
        """Surround what puts somebody into a room, and the :meth:`entered` behind it."""
        return self._known.reading()

    def entered(self, user: User, membership: Membership, *, asker: Session | None = None) -> None:
        """Let all the sessions of a user follow a room that it is in (S004-28).

        ``asker`` is the session that is answered with it.
        """
        self._keep_title(membership.conversation)
        self._begin(user, membership, asker=asker)

    def left(
        self,
        user: User,
        conversation: Conversation,
        *,
        asker: Session | None = None,
        reason: str = "",
        **values: object,
    ) -> None:
        """Let no session of a user follow a room any more (S004-28).

        ``asker`` is the session that is answered with it; the others are told the ``reason``.
        """
        self._spoil_looks(user.id)
        self._known.leave(user.id, conversation.id)
        for session in self._presence.of(user.id):
            if session.peer.position(conversation.id) is None:
                continue
            session.peer.unfollow(conversation.id)
            if session is not asker:
                sentence = session.voice.say(reason, **values)
                session.peer.notify(left_event(conversation, sentence))

    def changed(self, conversation: Conversation) -> None:
        """Take in what a room is about now."""
        self._spoil_looks()
        self._known.describe(conversation)

    def changed_role(self, user_id: int, conversation_id: int, role: str) -> None:
        """Take in what a member of a room is now."""
        self._spoil_looks(user_id)
        self._known.appoint(user_id, conversation_id, role)

    def check_member(self, session: Session, conversation_id: int) -> None:
        """Raise :class:`ProtocolError` unless the session's user is in the conversation.

        What one is not in looks the same as what there is not.
        """
        if session.peer.position(conversation_id) is None:
            raise ProtocolError(
                ErrorCode.UNKNOWN_CONVERSATION,
                "You are in no conversation with the number {number}.",
                number=conversation_id,
            )


def is_silent(membership: Membership) -> bool:
    """Tell whether nobody has written into a direct conversation: its members do not see it."""
    conversation = membership.conversation
    return conversation.kind == "direct" and not conversation.last_seq


def describe(membership: Membership) -> ConversationInfo:
    """Return a conversation as its member sees it."""
    conversation = membership.conversation
    return ConversationInfo(
        id=conversation.id,
        kind=conversation.kind,
        name=membership.peer.name if membership.peer else conversation.title or conversation.key,
        last_seq=conversation.last_seq,
        delivered_seq=membership.delivered_seq,
        read_seq=membership.read_seq,
        unread=membership.unread,
        role=membership.role,
        private=conversation.private,
        topic=conversation.topic,
    )


def left_event(
    conversation: Conversation, sentence: str = "", *, ref: int | None = None
) -> ConversationLeft:
    """Return what tells a client that it is no longer in a room."""
    return ConversationLeft(
        ref=ref,
        conversation=conversation.id,
        name=conversation.title or conversation.key,
        message=sentence,
    )
