"""From stored messages to every follower's channel, in number order (S001-8, S001-16, S001-17).

Publishing appends to the conversation's pending list. One flusher joins what is
pending into one blob a conversation and dialect, and hands that blob to every live
follower: one system call a follower and tick, however many messages there were.
Nothing waits to fill a batch; batches form by themselves under load.

A follower whose channel is full stops being live and becomes a cursor: its own
writer task feeds it pages as its socket takes them, and it joins the live stream
again at the moment it has everything. A login begins as a cursor too, so history,
catching up and slow clients are one mechanism.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
import trio

from chat.journal import Published
from protocol.events import Sent
from server.timeline import Entry, Subscription, Timeline
from storage.errors import StorageUnavailable
from storage.interface import Storage
from storage.records import GENERAL_ID, Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.conn import Conn
    from server.dialect import Dialect

log = structlog.get_logger()

FLUSH_BYTES = 32 * 1024
"""About how much text goes into one blob; a channel never holds more than its limit and this."""

PAGE = 50
"""Messages read from storage at once for a follower that is behind."""

MAX_READERS = 8
"""Pages being read at once, for all followers together."""

TURN = 0.004
"""Seconds after which the flusher lets others have the loop."""

RETRY = 0.5  # seconds between attempts while the database is away


class Delivery:
    """The timelines of all conversations somebody follows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._timelines: dict[int, Timeline] = {}
        self._last_seq: dict[int, int] = {}  # of all conversations published to since the start
        self._dirty: dict[int, Timeline] = {}
        self._idle = True
        self._wake = trio.Event()
        self._flushed = trio.Event()
        self._readers = trio.CapacityLimiter(MAX_READERS)

    def publish(self, batch: Sequence[Published]) -> None:
        """Take stored messages, in number order; never waits."""
        for published in batch:
            message = published.saved.message
            answer = Sent(
                ref=published.ref,
                id=message.id,
                seq=message.seq,
                time=message.sent_at,
                conversation=message.conversation_id,
                duplicate=published.saved.duplicate,
            )
            timeline = self._timelines.get(message.conversation_id)
            if timeline is not None and message.seq > timeline.last_seq:
                # By the number and not by `duplicate`: a commit of ours whose answer was lost is
                # repeated, and then every message in it is a duplicate that nobody has seen.
                published.author.peer.acknowledge(answer)
                timeline.add(message)
                self._dirty[timeline.id] = timeline
            else:
                published.author.acknowledged()
                published.author.peer.post(answer)
            last = self._last_seq.get(message.conversation_id, 0)
            self._last_seq[message.conversation_id] = max(message.seq, last)
        self._idle = False
        self._wake.set()

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            if not self._dirty:
                self._idle = True
                self._flushed.set()
                self._wake = trio.Event()
                await self._wake.wait()
            dirty, self._dirty = self._dirty, {}
            for timeline in dirty.values():
                await self._flush(timeline)

    async def settled(self) -> None:
        """Wait until everything published is in the channels or left to cursors."""
        while not self._idle:
            self._flushed = trio.Event()
            await self._flushed.wait()

    async def _flush(self, timeline: Timeline) -> None:
        turn_ends = time.perf_counter() + TURN
        while entries := timeline.take(FLUSH_BYTES):
            before = entries[0].message.seq - 1
            blobs: dict[Dialect, bytes] = {}
            for subscription in tuple(timeline.live):
                # While this task let others run, a follower may have left, or fallen behind and
                # caught up by itself.
                if subscription.live and subscription.position <= before:
                    _hand_over(subscription, entries, blobs)
                if time.perf_counter() > turn_ends:
                    await trio.lowlevel.checkpoint()
                    turn_ends = time.perf_counter() + TURN

    def follow(
        self, conn: Conn, conversation: Conversation, after: int, delivered: int
    ) -> Subscription:
        """Make a connection follow a conversation from behind ``after``, as a cursor at first."""
        timeline = self._timelines.get(conversation.id)
        if timeline is None:
            # What was committed before the caller looked is up to its last_seq, and what has been
            # published since, with nobody following, is in _last_seq: nothing falls in between.
            last = max(conversation.last_seq, self._last_seq.get(conversation.id, 0))
            timeline = self._timelines[conversation.id] = Timeline(conversation.id, last)
        # What is committed but not yet flushed is still to come.
        subscription = Subscription(conn, timeline, min(after, timeline.flushed_seq), delivered)
        timeline.followers.add(subscription)
        return subscription

    def unfollow(self, subscriptions: Iterable[Subscription]) -> None:
        """Forget what a connection followed."""
        for subscription in subscriptions:
            timeline = subscription.timeline
            subscription.fall_behind()
            timeline.followers.discard(subscription)
            unused = not timeline.followers and timeline.id != GENERAL_ID
            if unused and self._timelines.get(timeline.id) is timeline:
                del self._timelines[timeline.id]

    async def feed(self, subscription: Subscription) -> None:
        """Hand a follower that is behind its next page, and let it join when it has everything."""
        timeline = subscription.timeline
        entries = timeline.after(subscription.position)
        if entries is None:
            await self._feed_page(subscription)
        else:
            _feed(subscription, entries)
        if subscription.position == timeline.flushed_seq and not subscription.conn.ending:
            subscription.join()

    async def _feed_page(self, subscription: Subscription) -> None:
        timeline, conn = subscription.timeline, subscription.conn
        end = timeline.flushed_seq
        try:
            async with self._readers:
                messages = await self._storage.GetAll(
                    timeline.id, after=subscription.position, before=end + 1, limit=PAGE
                )
        except StorageUnavailable:
            await trio.sleep(RETRY)
            return
        if conn.ending:
            return
        _feed(subscription, [Entry(message, [], []) for message in messages])
        if len(messages) < PAGE and (not messages or subscription.position == messages[-1].seq):
            subscription.handed_over(end)


def _feed(subscription: Subscription, entries: Iterable[Entry]) -> None:
    """Hand over as many of the next messages as there is room for, at least one."""
    conn = subscription.conn
    room = conn.channel.limit - conn.channel.waiting
    frames = []
    for entry in entries:
        if subscription.passes_divider(entry.message.seq):
            frames.append(conn.dialect.divider)
        frame = subscription.frame(entry, subscription.position)
        frames.append(frame)
        room -= len(frame)
        subscription.handed_over(entry.message.seq)
        if room <= 0:
            break
    conn.channel.put(b"".join(frames))


def _hand_over(
    subscription: Subscription, entries: list[Entry], blobs: dict[Dialect, bytes]
) -> None:
    """Give one live follower what is new, or make it a cursor where that does not fit."""
    conn = subscription.conn
    dialect = conn.dialect
    first, last = entries[0].message.seq, entries[-1].message.seq
    if subscription.position != first - 1:
        blob = None  # a number is missing here; storage has it
    elif subscription.own:
        blob = b"".join([subscription.frame(entry, entry.message.seq - 1) for entry in entries])
    elif (shared := blobs.get(dialect)) is not None:
        blob = shared
    else:
        blob = blobs[dialect] = b"".join([entry.bytes_for(dialect) for entry in entries])
    if blob is not None and conn.channel.offer(blob):
        subscription.position = last
        if subscription.own:
            subscription.handed_over(last)
        if conn.channel.waiting:
            conn.start_writer()
    else:
        subscription.fall_behind()
        conn.fall_behind(subscription)
