"""Who has had a message and who has read it, and who waits to hear of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from chat.markers import Markers
from chat.patience import Patience
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.vocabulary.receipts import Receipt, Seen
from storage.reading_store import ReadingStore
from storage.records import Message, User

MAX_TOLD = 200
"""Users that one answer tells of."""

MAX_WATCHED = 100
"""Messages that one connection may watch."""


@dataclass(eq=False, slots=True)
class _Watch:
    """One who waits for what becomes of a message."""

    session: Session
    message: Message
    name: str
    delivered: bool = False  # it has been told of that

    def tell(self, *, read: bool) -> None:
        self.delivered = True
        self.session.peer.post(
            Seen(
                message=self.message.id,
                conversation=self.message.conversation_id,
                name=self.name,
                read=read,
            )
        )


class Receipts:
    """Answers out of the markers, and tells of their moves."""

    def __init__(self, store: ReadingStore, patience: Patience, markers: Markers) -> None:
        self._store = store
        self._patience = patience
        self._markers = markers
        self._watches: dict[tuple[int, int], list[_Watch]] = {}  # by user and conversation
        self._counts: defaultdict[Session, int] = defaultdict(int)

    async def of(self, message: Message, user: User | None) -> tuple[list[Receipt], bool]:
        """Return how far a message has got with one user, or with all; True: there are more."""
        await self._markers.write()  # then the database knows all there is to know
        found = await self._patience.ask(
            self._store.readers, message, None if user is None else user.id, MAX_TOLD + 1
        )
        receipts = [
            Receipt(
                name=one.name,
                delivered=one.delivered_seq >= message.seq,
                read=one.read_seq >= message.seq,
            )
            for one in found[:MAX_TOLD]
        ]
        return receipts, len(found) > MAX_TOLD

    def watch(self, session: Session, message: Message, user: User) -> None:
        """Tell a session from now on what becomes of its message with a user.

        Whoever asks for the state behind this misses nothing.
        """
        if message.sender_id != session.who.id:
            raise ProtocolError(
                ErrorCode.NOT_ALLOWED,
                "Message {number} is {name}'s; only who wrote it can do that.",
                number=message.id,
                name=message.sender_name,
            )
        watches = self._watches.setdefault((user.id, message.conversation_id), [])
        if any(one.session is session and one.message.id == message.id for one in watches):
            return
        if self._counts[session] >= MAX_WATCHED:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "A connection can watch {limit} messages at once.",
                limit=MAX_WATCHED,
            )
        self._counts[session] += 1
        watches.append(_Watch(session, message, user.name))

    def moved(self, user_id: int, conversation_id: int, delivered: int, read: int) -> None:
        """Tell who watches of a marker that has moved."""
        place = (user_id, conversation_id)
        for watch in tuple(self._watches.get(place, ())):
            if watch.session.peer.position(conversation_id) is None:
                self._drop(place, watch)  # who has left hears no more of it
            elif read >= watch.message.seq:
                watch.tell(read=True)
                self._drop(place, watch)
            elif delivered >= watch.message.seq and not watch.delivered:
                watch.tell(read=False)

    def forget(self, session: Session) -> None:
        """Tell a session that has ended no more."""
        if self._counts.get(session):
            for place, watches in list(self._watches.items()):
                for watch in [one for one in watches if one.session is session]:
                    self._drop(place, watch)
        self._counts.pop(session, None)

    def _drop(self, place: tuple[int, int], watch: _Watch) -> None:
        watches: list[_Watch] = self._watches[place]
        watches.remove(watch)
        self._counts[watch.session] -= 1
        if not watches:
            del self._watches[place]

    @property
    def watched(self) -> int:
        """How many messages are watched now."""
        return sum(map(len, self._watches.values()))


def named(receipts: Sequence[Receipt], user: User) -> None:
    """Raise :class:`ProtocolError` where a user is not among those who are told of."""
    if not receipts:
        raise ProtocolError(
            ErrorCode.UNKNOWN_USER,
            "{name} wrote that, or was not here when it was sent.",
            name=user.name,
        )
