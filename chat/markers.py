"""How far each user's messages were delivered and read, kept in memory and written in groups.

A marker only moves forward, and what is read is delivered. One that a crash loses shows a
user a few messages a second time at the next login, and never hides one.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from msgspec.structs import replace

from chat.known import Known
from chat.patience import Patience
from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.records import Marker, Membership

WRITE_EVERY = 2.0  # seconds


class Markers:
    """Collects markers and writes them now and then."""

    def __init__(self, store: ConversationStore, patience: Patience, known: Known) -> None:
        self._store = store
        self._patience = patience
        self._known = known
        self._moved: dict[tuple[int, int], Marker] = {}
        self._writing: dict[tuple[int, int], Marker] = {}  # on its way into the database
        self._one_at_a_time = trio.Lock()
        self.expired: Callable[[int], int] = _nothing
        """Returns up to where a conversation has expired for those who have had it so far."""

    def move(self, user_id: int, conversation_id: int, seq: int, *, read: int = 0) -> None:
        """Note that a user has had a conversation up to ``seq``, and read it up to ``read``."""
        key = (conversation_id, user_id)
        moved = self._moved.get(key)
        delivered = max(seq, read)
        if moved is None:
            self._moved[key] = Marker(conversation_id, user_id, delivered, read)
        elif delivered > moved.delivered_seq or read > moved.read_seq:
            self._moved[key] = _furthest(moved, delivered, read)

    def pending(self, user_id: int, conversation_id: int) -> Marker:
        """Return how far the markers are that are not yet written, 0 where there is none."""
        key = (conversation_id, user_id)
        pending = self._moved.get(key) or Marker(conversation_id, user_id, 0)
        writing = self._writing.get(key)
        if writing is None:
            return pending
        return _furthest(pending, writing.delivered_seq, writing.read_seq)

    def applied(self, membership: Membership) -> Membership:
        """Return a membership as it is with the markers that are not yet written.

        What has expired is read: nobody can read it any more (S002-15).
        Where one has read on since, what is said to be unread may be too much, but never too
        little.
        """
        pending = self.pending(membership.user_id, membership.conversation.id)
        delivered = max(membership.delivered_seq, pending.delivered_seq)
        gone = min(delivered, self.expired(membership.conversation.id))
        read = max(membership.read_seq, pending.read_seq, gone)
        if (delivered, read) == (membership.delivered_seq, membership.read_seq):
            return membership
        unread = membership.unread
        if read != membership.read_seq:
            unread = min(unread, max(membership.conversation.last_seq - read, 0))
        return replace(membership, delivered_seq=delivered, read_seq=read, unread=unread)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await trio.sleep(WRITE_EVERY)
            await self.write()

    async def write(self) -> None:
        """Write what has moved; what a database that is away does not take is kept."""
        async with self._one_at_a_time:
            if not self._moved:
                return
            self._writing, self._moved = self._moved, {}
            markers = list(self._writing.values())
            try:
                await self._patience.ask(self._store.move_markers, markers)
            except BaseException as error:
                for one in markers:
                    self.move(
                        one.user_id, one.conversation_id, one.delivered_seq, read=one.read_seq
                    )
                if not isinstance(error, StorageUnavailable):
                    raise
            else:
                self._known.moved(markers)
            finally:
                self._writing = {}


def _nothing(_conversation_id: int) -> int:
    """Be up to where a conversation has expired in which nothing ever does."""
    return 0


def _furthest(marker: Marker, delivered: int, read: int) -> Marker:
    return Marker(
        marker.conversation_id,
        marker.user_id,
        max(marker.delivered_seq, delivered),
        max(marker.read_seq, read),
    )
