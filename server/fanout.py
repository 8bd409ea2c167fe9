"""New messages of a conversation, handed to those who follow it live: the hot loop.

At a thousand followers a message is a thousand system calls, so what is done around
each of them decides how fast the server is. Nearly all followers are alike: they have
everything before, nothing of theirs waits, and none of the new messages is their own.
These get the same bytes, straight into the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from server.dialect import Dialect
    from server.timeline import Entry, Subscription


class Batch:
    """New messages on their way to the live followers with one dialect."""

    def __init__(self, entries: Sequence[Entry], dialect: Dialect) -> None:
        """Take messages whose numbers follow each other."""
        self._first = entries[0].message.seq
        self._last = entries[-1].message.seq
        self._frames = [entry.bytes_for(dialect) for entry in entries]
        self._blob = b"".join(self._frames)

    def hand_over(self, followers: Iterable[Subscription]) -> None:
        """Give followers what is new; who cannot take it becomes a cursor on what is stored."""
        before, last, blob = self._first - 1, self._last, self._blob
        size = len(blob)
        for follower in followers:
            if follower.clear and follower.position == before:
                send = follower.send  # looked up apart from its call: that is quicker on a slot
                try:
                    taken = send(blob)
                except OSError:
                    taken = 0
                follower.position = last
                follower.sent += taken
                if taken < size:
                    # It is full, or broken; the channel finds out which.
                    follower.conn.send(memoryview(blob)[taken:])
            elif follower.live and follower.position <= before:
                # The others have left, or fallen behind and caught up by themselves, while the
                # loop was given to other tasks.
                self._hand_over_one(follower)

    def _hand_over_one(self, follower: Subscription) -> None:
        conn = follower.conn
        in_order = follower.position == self._first - 1  # else storage has what is missing here
        if in_order and conn.channel.offer(self._bytes_for(follower)):
            follower.handed_over(self._last)
            follower.refresh()
            if conn.channel.waiting:
                conn.start_writer()
        else:
            follower.fall_behind()
            conn.fall_behind(follower)

    def _bytes_for(self, follower: Subscription) -> bytes:
        """Return the blob, or one with the follower's acknowledgements in their places."""
        if not follower.own:
            return self._blob
        frames = self._frames.copy()
        for seq, event in follower.own.items():
            if self._first <= seq <= self._last:
                frames[seq - self._first] = follower.dialect.event(event)
        return b"".join(frames)
