"""What somebody has read, on whatever device, and what is left (S002-7, S002-17, S000-14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
import trio
from msgspec.structs import replace

from chat.grouping import Grouped
from chat.markers import Markers
from chat.patience import Patience
from chat.session import Presence, Session
from protocol.vocabulary.reading import Marked
from storage.errors import StorageUnavailable
from storage.reading_store import ReadingStore
from storage.records import Marker, Membership, Message, Reader, Standing

log = structlog.get_logger()

TELL_EVERY = 0.1
"""Seconds between two rounds of telling; the first one after a silence is at once."""

TELL_AT_ONCE = 500
"""Places in one round: more would keep those waiting who read from the database."""

RETRY = 1.0  # seconds until the next attempt where the database is away

_Place = tuple[int, int]  # a user and a conversation


class Reading:
    """Moves markers and lets the other sessions of their users know; :meth:`run` has to run."""

    def __init__(
        self, store: ReadingStore, patience: Patience, presence: Presence, markers: Markers
    ) -> None:
        self._store = store
        self._patience = patience
        self._presence = presence
        self._markers = markers
        self._untold: dict[_Place, Session | None] = {}  # and who knows it already
        self._wake = trio.Event()
        self.counting = Grouped(self._count)
        self.on_move: Callable[[int, int, int, int], None] = _nothing
        """Called with a user, a conversation, and up to where it is delivered and read."""

    def delivered(self, session: Session, conversation_id: int, seq: int) -> None:
        """Note that what a session was sent has been shown, up to ``seq``."""
        self._move(session, conversation_id, seq, 0)

    def read(self, session: Session, conversation_id: int, seq: int) -> None:
        """Note that a conversation has been read up to ``seq``; all of that is delivered, too."""
        self._move(session, conversation_id, seq, seq)

    def wrote(self, session: Session, message: Message) -> None:
        """Note that who writes at a terminal has read what stood there above the message."""
        position = session.peer.position(message.conversation_id)
        if position is not None:
            self.read(session, message.conversation_id, min(message.seq, position + 1))

    def _move(self, session: Session, conversation_id: int, delivered: int, read: int) -> None:
        if delivered <= 0:
            return  # all begins there
        user_id = session.who.id
        self._markers.move(user_id, conversation_id, delivered, read=read)
        self.on_move(user_id, conversation_id, delivered, read)
        if not self._presence.has_others(session):
            return
        place = (user_id, conversation_id)
        mover = self._untold.get(place, session)
        self._untold[place] = session if mover is session else None
        self._wake.set()

    async def counted(self, memberships: Sequence[Membership]) -> list[Membership]:
        """Return memberships with the markers in memory, and what is unread behind those."""
        while True:
            now = [self._markers.applied(membership) for membership in memberships]
            moved = [
                one
                for one, before in zip(now, memberships, strict=True)
                if one.read_seq != before.read_seq and one.unread
            ]
            if not moved:
                return now
            counts = await self.counting.call([one.reader for one in moved])
            exact = {
                one.conversation.id: replace(one, unread=count)
                for one, count in zip(moved, counts, strict=True)
            }
            memberships = [exact.get(one.conversation.id, one) for one in now]

    async def _count(self, groups: Sequence[Sequence[Reader]]) -> Sequence[Sequence[int]]:
        every = [reader for group in groups for reader in group]
        counts = iter(await self._patience.ask(self._store.unread, every))
        return [[next(counts) for _ in group] for group in groups]

    async def run(self) -> None:
        """Tell what has moved, for ever."""
        while True:
            if not self._untold:
                self._wake = trio.Event()
                await self._wake.wait()
            try:
                await self.tell()
            except StorageUnavailable:
                await trio.sleep(RETRY)
            except Exception:
                log.exception("reading.tell_failed")
                await trio.sleep(RETRY)
            await trio.sleep(TELL_EVERY)

    async def tell(self) -> None:
        """Tell the other sessions some of it; what the database does not answer stays untold."""
        places = list(self._untold)[:TELL_AT_ONCE]
        movers = {place: self._untold.pop(place) for place in places}
        markers = [self._markers.pending(user, conversation) for user, conversation in places]
        expired = {place: self._markers.expired(place) for _, place in places}
        try:
            standings = await self._patience.ask(self._store.standings, markers, expired)
        except BaseException:
            for place, mover in movers.items():
                later = self._untold.get(place, mover)
                self._untold[place] = mover if later is mover else None
            raise
        for marker, standing in zip(markers, standings, strict=True):
            if standing is not None:
                self._tell_one(marker, standing, movers[marker.user_id, marker.conversation_id])

    def _tell_one(self, marker: Marker, standing: Standing, mover: Session | None) -> None:
        event = Marked(
            conversation=marker.conversation_id,
            delivered=standing.delivered_seq,
            read=standing.read_seq,
            last_seq=standing.last_seq,
            unread=standing.unread,
        )
        for session in self._presence.of(marker.user_id):
            if session is not mover:
                session.peer.notify(event)


def _nothing(_user_id: int, _conversation_id: int, _delivered: int, _read: int) -> None:
    """Tell nobody."""
