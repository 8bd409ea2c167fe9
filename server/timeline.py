"""One conversation as it is delivered: its newest messages, and who follows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from protocol.events import Event
from storage.expiry_store import Horizon
from storage.records import Message

if TYPE_CHECKING:
    from server.conn import Conn
    from server.dialect import Dialect

TAIL_BYTES = 256 * 1024
"""How much of a conversation's newest text is kept, so that joining it costs no query."""

MAX_ENCODINGS = 4
"""Of one message kept: people at telnet have as many dialects as they have zones."""

_OVERHEAD = 300  # bytes an entry costs beside its text


class Entry(Struct, gc=False):
    """A message and its latest encodings, made when asked for."""

    message: Message
    dialects: list[Dialect]
    encoded: list[bytes]

    def bytes_for(self, dialect: Dialect) -> bytes:
        """Return the frame for a follower who has had everything before it."""
        for known, data in zip(self.dialects, self.encoded, strict=True):
            if known is dialect:
                return data
        data = dialect.message(self.message, self.message.seq - 1)
        if len(self.dialects) >= MAX_ENCODINGS:
            del self.dialects[0], self.encoded[0]
        self.dialects.append(dialect)
        self.encoded.append(data)
        return data


def _rewrites(entry: Entry) -> bool:
    """Tell whether a message changed one before it."""
    return entry.message.kind in ("edit", "delete")


def _quotes(entry: Entry, horizon: Horizon) -> bool:
    """Tell whether a message shows something of one that has expired."""
    message = entry.message
    return message.quote is not None and (message.target_id or 0) <= horizon.id


class Subscription:
    """That a connection follows a conversation, and how far it has got.

    While ``live`` it gets what is flushed; else it is a cursor on what is stored, fed as
    its socket takes it.
    """

    __slots__ = (
        "clear", "closed", "conn", "dialect", "divider_at", "live", "own", "position", "send",
        "sent", "timeline",
    )  # fmt: skip

    def __init__(self, conn: Conn, timeline: Timeline, position: int, delivered: int) -> None:
        self.conn = conn
        self.send = conn.transport.send
        self.dialect = conn.dialect
        self.timeline = timeline
        self.position = position
        """The last sequence number handed to the connection's channel."""
        self.divider_at: int | None = delivered if delivered > position else None
        """Behind this sequence number a line marks the beginning of the unread ones."""
        self.live = False
        self.own: dict[int, Event] = {}
        """Acknowledgements that stand in the places of this connection's own messages."""
        self.clear = False
        """Live, and the bytes everyone gets may go straight to the socket: see :meth:`refresh`."""
        self.sent = 0
        """Bytes the socket took that did not pass the channel."""
        self.closed = False
        """True: nothing more of this conversation is for the connection."""

    @property
    def ended(self) -> bool:
        """True: nothing more is to be fed, because it or its whole connection is at its end."""
        return self.closed or self.conn.ending

    def frame(self, entry: Entry, prev: int) -> bytes:
        """Return what this connection gets for a message: it, or the acknowledgement of it.

        ``prev`` is the number before it in what the connection gets.
        """
        own = self.own.get(entry.message.seq) if self.own else None
        if own is not None:
            return self.dialect.event(own)
        if prev != entry.message.seq - 1:
            return self.dialect.message(entry.message, prev)
        return entry.bytes_for(self.dialect)

    def handed_over(self, seq: int) -> None:
        """Note that everything up to ``seq`` is in the connection's channel."""
        self.position = seq
        for own in [own for own in self.own if own <= seq]:
            del self.own[own]
            self.conn.session.acknowledged()

    def unplaced(self, before: int) -> bytes:
        """Return the acknowledgements of own messages before a number that are stored no more.

        They have no place any longer, but who sent them has to know that they were stored.
        """
        lost = sorted(seq for seq in self.own if seq < before)
        return b"".join(self.dialect.event(self.own[seq]) for seq in lost)

    def passes_divider(self, seq: int) -> bool:
        """Tell, once, that ``seq`` is the first that the user has not had before."""
        if self.divider_at is None or seq <= self.divider_at:
            return False
        self.divider_at = None
        return True

    def refresh(self) -> None:
        """Note whether this follower is like the others.

        It is not while something of the connection's waits, which would be overtaken, nor while
        one of its own messages is on its way, in whose place it gets the acknowledgement.
        """
        conn = self.conn
        # A writer that was cancelled has left what waits, perhaps the rest of a frame.
        waits = conn.writing or conn.channel.waiting or conn.channel.broken
        self.clear = self.live and not self.own and not waits

    def acknowledge(self, seq: int, event: Event) -> None:
        """Put an acknowledgement in the place of the message with that number."""
        self.own[seq] = event
        self.clear = False

    def join(self) -> None:
        """Become live: everything flushed so far has been handed over."""
        self.live = True
        self.divider_at = None
        self.refresh()
        self.timeline.live.setdefault(self.dialect, {})[self] = None

    def close(self) -> None:
        """Want nothing more; send the acknowledgements whose places will never be reached."""
        self.closed = True
        for own in list(self.own):
            self.conn.post(self.own.pop(own))
            self.conn.session.acknowledged()

    def fall_behind(self) -> None:
        """Become a cursor on what is stored."""
        self.live = self.clear = False
        live = self.timeline.live
        alike = live.get(self.dialect)
        if alike is not None:
            alike.pop(self, None)
            if not alike:  # nothing is to be encoded for nobody
                del live[self.dialect]


class Timeline:
    """The newest end of one conversation."""

    __slots__ = (
        "_tail", "_tail_bytes", "flushed_seq", "followers", "id", "live", "pending", "title",
    )  # fmt: skip

    def __init__(self, conversation_id: int, last_seq: int, title: str | None = None) -> None:
        self.id = conversation_id
        self.title = title
        """The name of a room; None for all else."""
        self.flushed_seq = last_seq
        """Up to here every live follower has it."""
        self.pending: list[Entry] = []
        """Stored, not yet handed to the live followers."""
        self.followers: set[Subscription] = set()
        self.live: dict[Dialect, dict[Subscription, None]] = {}
        """Who gets what is flushed, in the order of joining, by what they get."""
        self._tail: deque[Entry] = deque()
        self._tail_bytes = 0

    @property
    def last_seq(self) -> int:
        """The sequence number of the newest message known here."""
        return self.pending[-1].message.seq if self.pending else self.flushed_seq

    def add(self, message: Message) -> None:
        """Take a message that has been stored."""
        self.pending.append(Entry(message, [], []))

    def take(self, most: int) -> list[Entry]:
        """Move the oldest pending messages, about ``most`` bytes of them, to the tail.

        Their numbers follow each other. Where one is missing before them (another server on
        the same database has it), the tail begins anew.
        """
        size = count = 0
        for entry in self.pending:
            if size >= most or (count and entry.message.seq != self.pending[0].message.seq + count):
                break
            size += len(entry.message.body) + _OVERHEAD
            count += 1
        taken, self.pending = self.pending[:count], self.pending[count:]
        if taken:
            if taken[0].message.seq != self.flushed_seq + 1:
                self._forget()
            self.flushed_seq = taken[-1].message.seq
            for entry in taken:
                if _rewrites(entry):
                    self._forget()  # storage has it as it is now
                self._tail.append(entry)
                self._tail_bytes += len(entry.message.body) + _OVERHEAD
            while self._tail_bytes > TAIL_BYTES:
                self._tail_bytes -= len(self._tail.popleft().message.body) + _OVERHEAD
        return taken

    def _forget(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0

    def forget(self, horizon: Horizon) -> None:
        """Keep nothing that has expired; storage has it for those who have not received it."""
        while self._tail and self._tail[0].message.seq <= horizon.seq:
            self._tail_bytes -= len(self._tail.popleft().message.body) + _OVERHEAD
        if any(_quotes(entry, horizon) for entry in self._tail):
            self._tail.clear()  # storage has the others, and the quotes are left out there
            self._tail_bytes = 0

    def after(self, seq: int) -> Iterator[Entry] | None:
        """Return the flushed messages behind ``seq``, or None where some are only stored."""
        if seq >= self.flushed_seq:
            return iter(())
        if not self._tail or self._tail[0].message.seq > seq + 1:
            return None
        skip = 0
        if seq >= self._tail[0].message.seq:
            # Numbers are dense, so a position is a distance; what expired is never in between.
            skip = seq - self._tail[0].message.seq + 1
        return islice(self._tail, skip, None)
