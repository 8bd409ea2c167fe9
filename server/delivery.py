"""From stored messages to every follower's channel, in number order (S001-8, S001-16, S001-17).

Publishing joins what one commit brought into one blob a conversation and dialect, and
hands that blob to every live follower: one system call a follower and commit, however
many messages there were. Nothing waits to fill a batch; batches form by themselves under
load, because the next commit begins when this one's messages are on their way (ADR 7).

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

from chat.expiry import unquoted
from chat.journal import Published
from chat.messenger import as_receipt
from server.fanout import Batch
from server.timeline import Entry, Subscription, Timeline
from storage.errors import StorageUnavailable
from storage.expiry_store import Horizon
from storage.interface import Storage
from storage.records import GENERAL_ID, Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.conn import Conn

log = structlog.get_logger()

FLUSH_BYTES = 96 * 1024
"""About how much text goes into one blob; a channel never holds more than its limit and this."""

PAGE = 50
"""Messages read from storage at once for a follower that is behind."""

MAX_READERS = 8
"""Pages being read at once, for all followers together."""

STRIDE = 64
"""Followers served without a look at the clock."""

TURN = 0.01
"""Seconds after which a delivery to many lets others have the loop."""

RETRY = 0.5  # seconds between attempts while the database is away


class Delivery:
    """The timelines of all conversations somebody follows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._timelines: dict[int, Timeline] = {}
        self._last_seq: dict[int, int] = {}  # of all conversations published to since the start
        self._turn_ends = 0.0
        self._readers = trio.CapacityLimiter(MAX_READERS)
        # The last message that has expired, of conversations that somebody follows.
        self._expired: dict[int, int] = {}

    async def publish(self, batch: Sequence[Published]) -> None:
        """Hand stored messages, in number order, to the channels, or leave them to cursors."""
        dirty = {}
        for published in batch:
            if (timeline := self._accept(published)) is not None:
                dirty[timeline.id] = timeline
        for timeline in dirty.values():
            await self._flush(timeline)

    def _accept(self, published: Published) -> Timeline | None:
        """Take one message, and return the timeline that has it now; None where nobody follows."""
        message = published.saved.message
        answer = as_receipt(published.saved, published.ref, published.allowance)
        last = self._last_seq.get(message.conversation_id, 0)
        self._last_seq[message.conversation_id] = max(message.seq, last)
        timeline = self._timelines.get(message.conversation_id)
        if timeline is None or message.seq <= timeline.last_seq:
            # By the number and not by `duplicate`: a commit of ours whose answer was lost is
            # repeated, and then every message in it is a duplicate that nobody has seen.
            published.author.acknowledged()
            published.author.peer.post(answer)
            return None
        published.author.peer.acknowledge(answer)
        timeline.add(message)
        return timeline

    async def _flush(self, timeline: Timeline) -> None:
        while entries := timeline.take(FLUSH_BYTES):
            for dialect, live in tuple(timeline.live.items()):
                batch = Batch(entries, dialect)
                followers = tuple(live)
                for start in range(0, len(followers), STRIDE):
                    batch.hand_over(followers[start : start + STRIDE])
                    await self._give_way()

    async def _give_way(self) -> None:
        """Let others have the loop when this turn has been long enough."""
        if time.perf_counter() > self._turn_ends:
            await trio.lowlevel.checkpoint()
            self._turn_ends = time.perf_counter() + TURN

    def forget(self, conversation_id: int, horizon: Horizon) -> None:
        """Show nothing more out of memory that has expired, nor quotes of it."""
        timeline = self._timelines.get(conversation_id)
        if timeline is None and conversation_id != GENERAL_ID:
            return
        if horizon.id <= self._expired.get(conversation_id, 0):
            return
        self._expired[conversation_id] = horizon.id
        if timeline is not None:
            timeline.forget(horizon)

    def follow(
        self, conn: Conn, conversation: Conversation, after: int, delivered: int
    ) -> Subscription:
        """Make a connection follow a conversation from behind ``after``, as a cursor at first."""
        timeline = self._timelines.get(conversation.id)
        if timeline is None:
            # What was committed before the caller looked is up to its last_seq, and what has been
            # published since, with nobody following, is in _last_seq: nothing falls in between.
            last = max(conversation.last_seq, self._last_seq.get(conversation.id, 0))
            timeline = Timeline(conversation.id, last, conversation.title)
            self._timelines[conversation.id] = timeline
        # What is committed but not yet flushed is still to come.
        subscription = Subscription(conn, timeline, min(after, timeline.flushed_seq), delivered)
        timeline.followers.add(subscription)
        return subscription

    def last_seq(self, conversation_id: int) -> int:
        """Return the last number published in a conversation since the start, 0 for none."""
        return self._last_seq.get(conversation_id, 0)

    def title_of(self, conversation_id: int) -> str | None:
        """Return the name of a room that somebody here follows; None for all else."""
        timeline = self._timelines.get(conversation_id)
        return None if timeline is None else timeline.title

    def unfollow(self, subscriptions: Iterable[Subscription]) -> None:
        """Forget what a connection followed."""
        for subscription in subscriptions:
            timeline = subscription.timeline
            subscription.fall_behind()
            timeline.followers.discard(subscription)
            unused = not timeline.followers and timeline.id != GENERAL_ID
            if unused and self._timelines.get(timeline.id) is timeline:
                del self._timelines[timeline.id]
                self._expired.pop(timeline.id, None)

    async def feed(self, subscription: Subscription) -> None:
        """Hand a follower that is behind its next page, and let it join when it has everything."""
        timeline = subscription.timeline
        entries = timeline.after(subscription.position)
        if entries is None:
            await self._feed_page(subscription)
        else:
            _feed(subscription, entries)
        if subscription.position == timeline.flushed_seq and not subscription.ended:
            subscription.join()

    async def _feed_page(self, subscription: Subscription) -> None:
        timeline = subscription.timeline
        end = timeline.flushed_seq
        try:
            async with self._readers:
                messages = await self._storage.GetAll(
                    timeline.id, after=subscription.position, before=end + 1, limit=PAGE
                )
        except StorageUnavailable:
            await trio.sleep(RETRY)
            return
        if subscription.ended:
            return
        expired = self._expired.get(timeline.id, 0)
        _feed(subscription, [Entry(unquoted(one, expired), [], []) for one in messages])
        if len(messages) < PAGE and (not messages or subscription.position == messages[-1].seq):
            subscription.conn.channel.put(subscription.unplaced(end + 1))
            subscription.handed_over(end)


def _feed(subscription: Subscription, entries: Iterable[Entry]) -> None:
    """Hand over as many of the next messages as there is room for, at least one."""
    conn = subscription.conn
    room = conn.channel.limit - conn.channel.waiting
    frames = []
    for entry in entries:
        if subscription.passes_divider(entry.message.seq):
            frames.append(subscription.dialect.divider)
        lost = subscription.unplaced(entry.message.seq) if subscription.own else b""
        frame = lost + subscription.frame(entry, subscription.position)
        frames.append(frame)
        room -= len(frame)
        subscription.handed_over(entry.message.seq)
        if room <= 0:
            break
    conn.channel.put(b"".join(frames))
