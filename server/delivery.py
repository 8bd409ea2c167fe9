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
from server.timeline import Subscription, Timeline
from storage.errors import StorageUnavailable
from storage.interface import Storage
from storage.records import GENERAL_ID, Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.conn import Conn
    from server.dialect import Dialect
    from server.timeline import Entry

log = structlog.get_logger()

FLUSH_BYTES = 32 * 1024
"""About how much text goes into one blob; a channel never holds more than its limit and this."""

PAGE = 50
"""Messages read from storage at once for a follower that is behind."""

MAX_READERS = 8
"""Pages in memory at once, for all followers together."""

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
            before, last = entries[0].message.seq - 1, entries[-1].message.seq
            blobs: dict[Dialect, bytes] = {}
            for subscription in tuple(timeline.live):
                # While this task let others run, a follower may have left, or fallen behind and
                # caught up by itself.
                if subscription.live and subscription.position == before:
                    _hand_over(subscription, entries, last, blobs)
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
            if not timeline.followers and timeline.id != GENERAL_ID:
                self._timelines.pop(timeline.id, None)

    async def feed(self, subscription: Subscription) -> None:
        """Hand a follower that is behind its next page, and let it join when it has everything."""
        timeline = subscription.timeline
        entries = timeline.after(subscription.position)
        if entries is None:
            await self._feed_page(subscription)
        else:
            _feed_tail(subscription, entries)
        if subscription.position == timeline.flushed_seq and subscription in timeline.followers:
            subscription.join()

    async def _feed_page(self, subscription: Subscription) -> None:
        timeline, conn = subscription.timeline, subscription.conn
        async with self._readers:
            end = timeline.flushed_seq
            try:
                messages = await self._storage.GetAll(
                    timeline.id, after=subscription.position, before=end + 1, limit=PAGE
                )
            except StorageUnavailable:
                await trio.sleep(RETRY)
                return
            frames = []
            for message in messages:
                if subscription.passes_divider(message.seq):
                    frames.append(conn.dialect.divider)
                own = subscription.own.get(message.seq)
                frames.append(
                    conn.dialect.message(message, subscription.position)
                    if own is None
                    else conn.dialect.event(own)
                )
                subscription.handed_over(message.seq)
            conn.channel.put(b"".join(frames))
        if len(messages) < PAGE:
            subscription.handed_over(end)


def _feed_tail(subscription: Subscription, entries: Iterable[Entry]) -> None:
    channel = subscription.conn.channel
    room = channel.limit - channel.waiting
    frames = []
    for entry in entries:
        if room <= 0:
            break
        if subscription.passes_divider(entry.message.seq):
            frames.append(subscription.conn.dialect.divider)
        frame = subscription.frame(entry)
        frames.append(frame)
        room -= len(frame)
        subscription.handed_over(entry.message.seq)
    channel.put(b"".join(frames))


def _hand_over(
    subscription: Subscription, entries: list[Entry], last: int, blobs: dict[Dialect, bytes]
) -> None:
    """Give one live follower what is new, or make it a cursor where its channel is full."""
    conn = subscription.conn
    dialect = conn.dialect
    if subscription.own:
        blob = b"".join([subscription.frame(entry) for entry in entries])
    elif (shared := blobs.get(dialect)) is not None:
        blob = shared
    else:
        blob = blobs[dialect] = b"".join([entry.bytes_for(dialect) for entry in entries])
    if conn.channel.offer(blob):
        subscription.position = last
        if subscription.own:
            subscription.handed_over(last)
        if conn.channel.waiting:
            conn.start_writer()
    else:
        subscription.fall_behind()
        conn.fall_behind(subscription)
