"""The bounded send channel: its contract, on real sockets, plain and over TLS (C-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from server.channel import SendChannel
from tests.server.transports import KINDS, Ends, connection

LIMIT = 8192

pytestmark = pytest.mark.parametrize("kind", KINDS)


class Pair:
    """A channel on one end of a connection with small buffers."""

    def __init__(self, ends: Ends, limit: int) -> None:
        self.near, self.far = ends.near.sock, ends.far.sock
        self.read = ends.far.read
        self.channel = SendChannel(ends.near.send, limit)

    def drain(self) -> bytes:
        """Read and flush until nothing waits."""
        data = self.read()
        for _ in range(5000):  # one that is stuck shall fail and not hang
            self.channel.flush()
            data += self.read()
            if not self.channel.waiting:
                return data
        raise AssertionError(f"{self.channel.waiting} bytes wait for ever")

    def stuff(self) -> int:
        """Fill the socket until something waits; return how much was handed over."""
        for count in range(1, 1000):
            self.channel.put(b"s" * 1000)
            if self.channel.waiting:
                return count * 1000
        raise AssertionError("the socket takes everything")


@asynccontextmanager
async def pair(kind: str, limit: int = LIMIT) -> AsyncIterator[Pair]:
    """A pair for the time of a test."""
    async with connection(kind) as ends:
        yield Pair(ends, limit)


async def test_a_socket_that_takes_everything_leaves_nothing_waiting(kind: str) -> None:
    """The common case: one call of send, and no task."""
    async with pair(kind) as both:
        assert both.channel.offer(b"hello ")
        both.channel.put(b"world")
        assert (both.channel.waiting, both.channel.sent, both.channel.full) == (0, 11, False)
        assert both.read() == b"hello world"


async def test_bytes_leave_in_the_order_in_which_they_came(kind: str) -> None:
    """Contract 1, across puts, offers and partial sends."""
    async with pair(kind, limit=1 << 20) as both:
        pieces = [b"%05d," % number * 100 for number in range(400)]
        for number, piece in enumerate(pieces):
            if number % 2:
                both.channel.put(piece)
            else:
                assert both.channel.offer(piece)
        assert both.channel.waiting > 0
        assert both.drain() == b"".join(pieces)
        assert both.channel.sent == sum(map(len, pieces))


async def test_an_offer_past_the_bound_is_refused_whole(kind: str) -> None:
    """Contract 3: refused means that not one byte of it is sent."""
    async with pair(kind) as both:
        handed = both.stuff()
        while both.channel.offer(b"o" * 100):
            handed += 100
        assert LIMIT - 100 < both.channel.waiting <= LIMIT
        assert not both.channel.offer(b"r" * 100)
        assert both.channel.offer(b"f" * (LIMIT - both.channel.waiting))
        assert both.channel.full
        read = both.drain()
        assert b"r" not in read
        assert len(read) == handed + read.count(b"f")


async def test_an_empty_channel_takes_an_offer_of_any_size(kind: str) -> None:
    """Contract 3: or one frame above the bound could never be delivered."""
    async with pair(kind) as both:
        blob = bytes(range(256)) * 4096
        assert both.channel.offer(blob)
        assert LIMIT < both.channel.waiting < LIMIT + len(blob)
        assert not both.channel.offer(b"x")
        assert both.drain() == blob
        assert both.channel.offer(b"x")


async def test_answers_are_always_taken(kind: str) -> None:
    """Contract 4: the reader bounds their number by looking at ``full``."""
    async with pair(kind) as both:
        both.stuff()
        before = both.channel.waiting
        assert before < LIMIT
        both.channel.put(b"a" * LIMIT)
        both.channel.put(b"b" * LIMIT)
        assert both.channel.full
        assert both.channel.waiting == before + 2 * LIMIT
        assert both.drain().endswith(b"a" * LIMIT + b"b" * LIMIT)


@pytest.mark.parametrize("then", [b"", b"x", b"x" * 3000])
async def test_nothing_stops_behind_an_empty_offer(kind: str, then: bytes) -> None:
    """At telnet one's own message is shown as nothing: no bytes, and no obstacle either."""
    async with pair(kind) as both:
        stuffed = both.stuff()
        assert both.channel.offer(b"")
        both.channel.put(b"")
        assert both.channel.offer(then)
        read = b""
        for _ in range(100):  # a channel that is stuck would never be drained
            read += both.read()
            both.channel.flush()
        assert len(read + both.read()) == stuffed + len(then)
        assert both.channel.waiting == 0


async def test_flushing_an_empty_channel_does_nothing(kind: str) -> None:
    """Nor does handing over nothing."""
    async with pair(kind) as both:
        both.channel.flush()
        assert both.channel.offer(b"")
        assert (both.channel.waiting, both.channel.sent, both.channel.broken) == (0, 0, False)


async def test_a_peer_that_is_gone_breaks_it_once_and_quietly(kind: str) -> None:
    """After an error nothing is kept, nothing is sent, and nobody gets an exception."""
    async with pair(kind) as both:
        both.stuff()
        both.far.close()
        both.channel.flush()
        assert both.channel.broken
        assert (both.channel.waiting, both.channel.full) == (0, False)
        sent = both.channel.sent
        for data in (b"x", b"x" * 100_000):
            both.channel.put(data)
            assert both.channel.offer(data)
            both.channel.flush()
        assert (both.channel.waiting, both.channel.sent) == (0, sent)


async def test_a_peer_that_is_gone_is_noticed_by_the_first_send(kind: str) -> None:
    """Also where nothing had to wait."""
    async with pair(kind) as both:
        both.far.close()
        both.channel.put(b"x")
        assert both.channel.broken
        assert both.channel.waiting == 0


async def test_giving_up_drops_what_waits(kind: str) -> None:
    """The socket may be closed now: nothing will touch it."""
    async with pair(kind) as both:
        both.stuff()
        both.channel.fail()
        both.near.close()
        both.channel.put(b"x")
        both.channel.flush()
        assert (both.channel.waiting, both.channel.broken) == (0, True)


async def test_progress_is_when_something_that_waited_was_taken(
    kind: str, mock_clock: trio.testing.MockClock
) -> None:
    """What the idle limit is measured by: neither new frames nor vain attempts count."""
    async with pair(kind) as both:
        mock_clock.jump(10)
        both.stuff()
        assert both.channel.progress_at == trio.current_time() == 10
        mock_clock.jump(10)
        both.channel.put(b"x")
        both.channel.offer(b"x")
        both.channel.flush()
        assert both.channel.progress_at == 10
        both.read()
        both.channel.flush()
        assert both.channel.progress_at == 20


_SIZES = st.sampled_from([0, 1, 100, LIMIT, 50_000]) | st.integers(0, 20_000)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["offer", "put", "read", "flush", "close"]), _SIZES), max_size=60
)


@given(steps=_STEPS)
@settings(deadline=None, max_examples=100)
def test_it_does_what_the_contract_says(kind: str, steps: list[tuple[str, int]]) -> None:
    """Any mixture of steps, against the simplest model: a list of what was taken."""

    async def live() -> None:
        async with pair(kind) as both:
            _compare_with_model(both, steps)

    trio.run(live)


def _compare_with_model(both: Pair, steps: list[tuple[str, int]]) -> None:
    channel = both.channel
    taken, read, gone = b"", b"", False
    for number, (what, size) in enumerate(steps):
        data = bytes([number % 251]) * size
        waited = channel.waiting
        if what == "offer":
            accepted = channel.offer(data)
            assert accepted == (not size or not waited or waited + size <= LIMIT)
            taken += data if accepted else b""
        elif what == "put":
            channel.put(data)
            taken += data
        elif what == "flush":
            channel.flush()
            assert channel.waiting <= waited
        elif what == "close":
            gone = True
            both.far.close()
        elif not gone:
            read += both.read(size)
        assert taken.startswith(read)
        assert channel.full == (channel.waiting >= LIMIT)
        if not channel.broken:
            assert channel.sent + channel.waiting == len(taken)
        assert gone or not channel.broken
    if not gone:
        for _ in range(2000):
            read += both.read()
            channel.flush()
        assert read + both.read() == taken
