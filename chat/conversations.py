"""Conversations, who is in them, and what a session follows of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import structlog
from msgspec.structs import replace

from chat.grouping import Grouped
from chat.known import Known
from chat.markers import Markers
from chat.patience import Patience
from chat.reading import Reading
from chat.session import Presence, Session
from chat.silent import Beginning, Pair, Silent
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Conversation as ConversationEvent
from protocol.events import ConversationInfo, ConversationLeft
from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.people_statements import TooManySilentError
from storage.records import Conversation, Membership, User

log = structlog.get_logger()


MAX_LOOKS = 10
"""How often somebody who comes looks again because what it is in has changed meanwhile."""

MAX_SILENT = 100
"""Direct conversations that one user may open without saying anything: it follows them all."""


class _Look:
    """A look at what a user is in; it is stale as soon as that changes."""

    __slots__ = ("roles", "stale", "topics", "user_id")

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.stale = False
        self.topics: dict[int, str] = {}
        self.roles: dict[int, str] = {}
        """What rooms are about and what the user is in them, where that has changed meanwhile."""

    def applied(self, membership: Membership) -> Membership:
        """Return a membership with what has changed since it was read."""
        room = membership.conversation
        topic = self.topics.get(room.id, room.topic)
        role = self.roles.get(room.id, membership.role)
        if (topic, role) == (room.topic, membership.role):
            return membership
        return replace(membership, conversation=replace(room, topic=topic), role=role)


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
        self._told: set[int] = set()  # conversations whose members need not be told of them
        self._silent = Silent()
        self._beginning = Beginning()
        self._looks: set[_Look] = set()  # those under way, which must not miss what changes

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
            self._note_silent(user, membership)
        return [self._markers.applied(membership) for membership in memberships]

    async def get(self, conversation_id: int) -> Conversation | None:
        """Return a conversation, whoever is in it."""
        return await self._patience.ask(self._store.get, conversation_id)

    async def one(self, user: User, conversation_id: int) -> Membership | None:
        """Return a user's part in one conversation; None where it is not in it."""

        async def ask() -> list[Membership]:
            found = await self._store.membership(user.id, conversation_id)
            return [] if found is None else [found]

        some = await self._some(user, ask, lambda one: one.id == conversation_id)
        return some[0] if some else None

    async def rooms(self, user: User) -> list[Membership]:
        """Return the rooms a user is in."""
        ask = partial(self._store.rooms, user.id)
        return await self._some(user, ask, lambda one: one.kind == "room")

    async def _some(
        self,
        user: User,
        ask: Callable[[], Awaitable[list[Membership]]],
        wanted: Callable[[Conversation], bool],
    ) -> list[Membership]:
        try:
            found = await self._reading.counted(await self._patience.ask(ask))
        except StorageUnavailable:
            remembered = self._known.memberships(user.id)
            if remembered is None:
                raise
            found = [one for one in remembered if wanted(one.conversation)]
        return [self._markers.applied(one) for one in found]

    async def _stored(self, user: User) -> list[Membership]:
        with self._known.reading(), self._look(user.id) as look:
            for _ in range(MAX_LOOKS):
                look.stale = False
                look.topics.clear()
                look.roles.clear()
                memberships = await self._reading.counted(await self.asking.call(user.id))
                if not look.stale:
                    memberships = [look.applied(one) for one in memberships]
                    memberships = self._with_beginning(user, memberships)
                    self._known.keep(user, memberships)
                    return memberships
        raise StorageUnavailable("What the user is in changes faster than it is read.")

    def _with_beginning(self, user: User, memberships: list[Membership]) -> list[Membership]:
        """Add the direct conversations whose first message is on its way into the database."""
        beginning = {one.conversation.id: one for one in self._beginning.of(user.id)}
        for membership in memberships:
            number = membership.conversation.id
            if beginning.pop(number, None) is not None and not is_silent(membership):
                self._beginning.stored(number)
        return memberships + list(beginning.values())

    @contextmanager
    def _look(self, user_id: int) -> Iterator[_Look]:
        look = _Look(user_id)
        self._looks.add(look)
        try:
            yield look
        finally:
            self._looks.discard(look)

    def _spoil_looks(self, user_id: int) -> None:
        """Let those look again who are about to learn what a user is in."""
        for look in self._looks:
            if look.user_id == user_id:
                look.stale = True

    async def _ask(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        return await self._patience.ask(self._store.memberships, user_ids)

    async def direct(self, author: Session, peer: User) -> int:
        """Return the id of a direct conversation to write into, made if there is none (S002-14)."""
        return await self._direct(author, peer, self._open, silent=None)

    async def meet(self, author: Session, peer: User) -> int:
        """Return the id of a direct conversation; the peer hears of it with the first message."""
        return await self._direct(author, peer, self._open_silently, silent=MAX_SILENT)

    async def _direct(
        self, author: Session, peer: User, begin: Callable[[Pair], None], *, silent: int | None
    ) -> int:
        me = author.who
        if me.id == peer.id:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "You cannot write to yourself; name somebody else."
            )
        with self._known.reading():
            try:
                ensure = partial(self._store.ensure_direct, silent=silent)
                now = time.time_ns() // 1000
                conversation = await self._patience.ask(ensure, me.id, peer.id, now)
            except StorageUnavailable:
                remembered = self._known.direct(me.id, peer.id)
                if remembered is None:
                    raise
                return remembered
            except TooManySilentError:
                raise ProtocolError(
                    ErrorCode.LIMIT_REACHED,
                    "You have opened {limit} conversations and said nothing in them; "
                    "/send-to {name} TEXT writes all the same.",
                    limit=MAX_SILENT,
                    name=peer.name,
                ) from None
            if conversation.id not in self._told:
                begin(Pair(conversation, me, peer))
        return conversation.id

    def _open_silently(self, pair: Pair) -> None:
        """Let the first of the two follow a direct conversation into which nobody has written."""
        if pair.conversation.last_seq:
            return
        self._silent.add(pair)
        me = pair.one
        self._spoil_looks(me.id)
        self._known.join(me, pair.of(me.id))
        for session in self._presence.of(me.id):
            session.peer.follow(pair.conversation, after=0, delivered=0)

    def _note_silent(self, user: User, membership: Membership) -> None:
        conversation, peer = membership.conversation, membership.peer
        if peer is not None and is_silent(membership) and conversation.id not in self._told:
            self._silent.add(Pair(conversation, user, peer))

    async def announce(self, conversation_id: int) -> None:
        """Let both know of a direct conversation that is about to get its first message."""
        silent = self._silent.take(conversation_id)
        if silent is None and not self._silent.complete and conversation_id not in self._told:
            silent = await self._forgotten(conversation_id)
        if silent is not None:
            self._open(silent)

    async def _forgotten(self, conversation_id: int) -> Pair | None:
        """Return a silent conversation that memory had no room for."""
        found = await self._patience.ask(self._store.pair, conversation_id)
        if conversation_id in self._told:
            return None
        if found is None or found[0].last_seq:
            self._told.add(conversation_id)  # it is not asked for again
            return None
        conversation, (one, other) = found
        return Pair(conversation, one, other)

    def _open(self, pair: Pair) -> None:
        """Let the two of a direct conversation know of it."""
        conversation, me, peer = pair
        self._told.add(conversation.id)
        self._silent.take(conversation.id)
        if not conversation.last_seq:
            self._beginning.add(pair)
        log.info("conversation.opened", conversation=conversation.id, users=[me.name, peer.name])
        last = conversation.last_seq
        for user in (me, peer):
            self._begin(user, replace(pair.of(user.id), delivered_seq=last))

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
        for look in self._looks:
            look.topics[conversation.id] = conversation.topic
        self._known.describe(conversation)

    def changed_role(self, user_id: int, conversation_id: int, role: str) -> None:
        """Take in what a member of a room is now."""
        for look in self._looks:
            if look.user_id == user_id:
                look.roles[conversation_id] = role
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
