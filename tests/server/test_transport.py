"""What both transports promise to the channel and the fan-out, plain and over TLS."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random

import pytest
import trio

from server.tls_transport import AT_ONCE, shake_hands
from tests.server.transports import KINDS, Ends, TlsFarEnd, connection, server_context


@pytest.fixture(params=KINDS)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    """A connection, once of each kind."""
    async with connection(request.param) as made:
        yield made


@pytest.fixture
async def tls_ends() -> AsyncIterator[Ends]:
    """A connection over TLS."""
    async with connection("tls") as made:
        yield made


def _fill(ends: Ends, data: bytes) -> int:
    """Send until the socket is full, and return how much it took."""
    rest = memoryview(data)
    with suppress(BlockingIOError):
        while rest:
            rest = rest[ends.near.send(rest) :]
    return len(data) - len(rest)


def _send_all(ends: Ends, data: bytes) -> bytes:
    """Send everything, reading at the other end whenever the socket is full."""
    read, rest = b"", memoryview(data)
    for _ in range(100_000):  # one that is stuck shall fail and not hang
        try:
            rest = rest[ends.near.send(rest) :]
        except BlockingIOError:
            read += ends.far.read()
        if not rest:
            return read + ends.far.read()
    raise AssertionError(f"{len(rest)} bytes wait for ever")


@pytest.mark.parametrize("size", [1, 100, 16_384, 16_385, AT_ONCE, AT_ONCE + 1, 1_000_000])
async def test_what_is_sent_arrives(ends: Ends, size: int) -> None:
    """Of any size, in order, whether the socket takes it at once or not."""
    data = Random(size).randbytes(size)
    assert _send_all(ends, data) == data
    assert _send_all(ends, b"and more") == b"and more"


async def test_a_full_socket_is_told_and_takes_nothing(ends: Ends) -> None:
    """Contract 1: again and again, until there is room."""
    total = _fill(ends, bytes(1_000_000))
    assert 0 < total < 1_000_000
    rest = bytes(1_000_000 - total)
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            ends.near.send(rest)
    read = ends.far.read()
    assert read + _send_all(ends, rest) == bytes(1_000_000)


async def test_what_was_taken_whole_needs_nobody_to_send_again(ends: Ends) -> None:
    """Contract 3: "all taken" is believed, and nothing is flushed after it."""
    random = Random(3)
    for _ in range(300):
        data = random.randbytes(random.choice((1, 50, 1000, 9000)))
        rest, read = memoryview(data), b""
        while rest:
            try:
                rest = rest[ends.near.send(rest) :]
            except BlockingIOError:
                read += ends.far.read(2000)
        assert read + ends.far.read() == data


async def test_what_the_other_end_says_is_read(ends: Ends) -> None:
    """As often as it says something; between that there is nothing to read."""
    with pytest.raises(BlockingIOError):
        ends.near.recv()
    for text in (b"one", b"two"):
        ends.far.write(text)
        with trio.fail_after(5):
            await ends.near.wait_readable()
        assert ends.near.recv() == text
        with pytest.raises(BlockingIOError):
            ends.near.recv()


async def test_the_other_end_may_end_its_direction_first(ends: Ends) -> None:
    """Its last words are read, then the end, however often one asks; it can still be answered."""
    ends.far.write(b"last words")
    ends.far.say_goodbye()
    for expected in (b"last words", b"", b""):
        with trio.fail_after(5):
            await ends.near.wait_readable()
        assert ends.near.recv() == expected
    assert ends.near.send(b"answer") == 6


async def test_what_was_sent_arrives_before_the_end(ends: Ends) -> None:
    """And the end is one that nobody else could have made."""
    assert _send_all(ends, b"x" * 50_000) == b"x" * 50_000
    await ends.near.end_sending()
    assert ends.far.reads_the_end()


async def test_the_end_waits_for_a_full_socket(ends: Ends) -> None:
    """It is not thrown away, and it does not go past what was sent."""
    taken = 0
    while more := _fill(ends, b"x"):
        taken += more
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ends.near.end_sending)
        read = b""
        with trio.fail_after(20):
            while len(read) < taken:
                await trio.testing.wait_all_tasks_blocked()
                read += ends.far.read()
    read += ends.far.read()  # over TLS one more byte is encrypted than was taken
    assert ends.far.reads_the_end()
    assert taken <= len(read) <= taken + 1


async def test_an_end_that_is_gone_is_an_error_and_no_full_socket(ends: Ends) -> None:
    """Or somebody would wait for it."""
    ends.far.sock.close()
    with pytest.raises(OSError) as told:  # noqa: PT011 - which one it is depends on the kind
        ends.near.send(b"x")
    assert not isinstance(told.value, BlockingIOError)


# ---- only over TLS


async def test_an_end_without_goodbye_is_an_error(tls_ends: Ends) -> None:
    """Somebody on the way may have cut it; what arrived before that is read."""
    tls_ends.far.write(b"half a sen")
    tls_ends.far.sock.close()
    assert tls_ends.near.recv() == b"half a sen"
    await tls_ends.near.wait_readable()
    with pytest.raises(ConnectionResetError, match="cut off"):
        tls_ends.near.recv()


@pytest.mark.parametrize("garbage", [b'{"type":"quit"}\n', bytes(100), b"\x17\x03\x03\x00\x20" * 9])
async def test_what_is_not_tls_ends_it(tls_ends: Ends, garbage: bytes) -> None:
    """Nothing of it is read, and the other end is told by an alert."""
    tls_ends.far.sock.send(garbage)
    with pytest.raises(ConnectionAbortedError, match="TLS"):
        tls_ends.near.recv()
    with pytest.raises(ConnectionAbortedError):
        tls_ends.near.recv()
    assert tls_ends.far.sock.recv(100)[0] in {0x15, 0x17}  # an alert, or an encrypted one


async def test_what_comes_with_the_handshake_is_not_waited_for() -> None:
    """A client may speak in the same breath; the socket says nothing of it any more."""
    async with connection("plain") as raw:
        far = TlsFarEnd(raw.far.sock)
        with pytest.raises(Exception, match="did not complete"):
            far.engine.do_handshake()
        hello = far.leaving.read()
        async with trio.open_nursery() as nursery:

            async def client() -> None:
                await trio.lowlevel.wait_readable(far.sock)
                far.arriving.write(far.sock.recv(65536))
                far.engine.do_handshake()
                far.engine.write(b"at once")
                assert far.sock.send(far.leaving.read())

            nursery.start_soon(client)
            near = await shake_hands(raw.near.sock, server_context(), hello)
        with trio.fail_after(5):
            await near.wait_readable()
        assert near.recv() == b"at once"


async def test_a_stuck_reader_costs_no_more_than_a_piece(tls_ends: Ends) -> None:
    """Of ten megabytes only what is encrypted at once is held twice."""
    data = bytes(10_000_000)
    tracemalloc.start()
    try:
        assert _fill(tls_ends, data) < len(data)
        assert tracemalloc.get_traced_memory()[1] < 3 * AT_ONCE
    finally:
        tracemalloc.stop()


async def test_many_frames_handed_over_together_are_sent_together(tls_ends: Ends) -> None:
    """One record and not one for each: that is what makes TLS fast."""
    blob = b"".join(b'{"type":"message","seq":%d}\n' % number for number in range(100))
    assert tls_ends.near.send(blob) == len(blob)
    raw = tls_ends.far.sock.recv(65536)
    assert len(blob) < len(raw) < len(blob) + 64
