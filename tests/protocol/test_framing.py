"""Frames to bytes and back, however the network cuts them, and whatever else comes (S004-34)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Part
from protocol.framing import (
    EVENT_DECODER,
    REQUEST_DECODER,
    FrameReader,
    Incoming,
    encode,
    event_reader,
    request_reader,
)
from protocol.limits import MAX_CHUNK, MAX_HEADER
from protocol.requests import Chunk, Ping, Send
from protocol.vocabulary import EVENTS, REQUESTS
from tests.protocol.frames import frames, wrong_requests

LIMIT = 300  # of a header line, so that some are too long
WRONG_LINES = [
    b"x",
    b"{",
    b"}",
    b"[]",
    b"null",
    b'"ping"',
    b"{}",
    b'{"type":"nonsense"}',
    b'{"type":5}',
    b'{"type":"pong","ref":"1"}',
    b'{"type":"pong","ref":NaN}',
    b'{"type":"pong","ref":1e999}',
    b'{"type":"ping","x":Infinity}',
    b'{"type":"ping"} {"type":"ping"}',
    b'{"type":"send","text":"\\ud800"}',
    b'{"type":"send","text":"\\udc00\\ud800"}',
    b'{"type":"send","text":"\x00"}',
    b'{"type":"send","text":"\xff"}',
    b'{"type":"send","text":"\xed\xa0\x80"}',
    b'{"type":"send","text":"\xc0\x80"}',
    b"\xff\xfe\x00\x01",
    b"\x00",
    b"\xef\xbb\xbf{}",
    b"GET / HTTP/1.1\r",
]
BLANK_LINES = [b"", b" ", b"\r", b"\t \r"]

Item = tuple[bytes, object]
"""Bytes that are sent, and what has to come out for them: a frame, a code, or nothing."""


def _items(
    kinds: tuple[type[Any], ...],
) -> st.SearchStrategy[list[Item]]:
    good = frames(kinds).map(_good_item)
    wrong = st.sampled_from(WRONG_LINES).map(lambda line: (line + b"\n", ErrorCode.BAD_FRAME))
    blank = st.sampled_from(BLANK_LINES).map(lambda line: (line + b"\n", None))
    long = st.integers(LIMIT + 1, 4 * LIMIT).map(
        lambda size: (b"{" * size + b"\n", ErrorCode.FRAME_TOO_LONG)
    )
    return st.lists(good | good | wrong | blank | long, max_size=12)


def _good_item(pair: tuple[Any, bytes]) -> Item:
    data = encode(*pair)
    if data.index(b"\n") > LIMIT:
        assert not pair[1]
        return data, ErrorCode.FRAME_TOO_LONG
    return data, Incoming(*pair)


def _feed_in_pieces(reader: FrameReader[Any], data: bytes, cuts: list[int]) -> list[object]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    arrived: list[object] = []
    for start, end in pairwise(edges):
        arrived += reader.feed(data[start:end])
    return [item.code if isinstance(item, ProtocolError) else item for item in arrived]


_CUTS = st.lists(st.integers(0, 10_000), max_size=40)


def _check(decoder: msgspec.json.Decoder[Any], items: list[Item], cuts: list[int]) -> None:
    reader = FrameReader(decoder, LIMIT)
    arrived = _feed_in_pieces(reader, b"".join(data for data, _ in items), cuts)
    assert arrived == [expected for _, expected in items if expected is not None]
    assert not reader.broken
    assert not reader.unfinished


@given(items=_items(REQUESTS), cuts=_CUTS)
@settings(deadline=None)
def test_requests_come_out_equal_however_they_are_cut(items: list[Item], cuts: list[int]) -> None:
    """What is wrong is reported in its place, and nothing else is lost (S004-34)."""
    _check(REQUEST_DECODER, items, cuts)


@given(items=_items(EVENTS), cuts=_CUTS)
@settings(deadline=None)
def test_events_come_out_equal_however_they_are_cut(items: list[Item], cuts: list[int]) -> None:
    """The client's end is the same reader."""
    _check(EVENT_DECODER, items, cuts)


@given(items=_items(REQUESTS))
@settings(deadline=None, max_examples=30)
def test_bytes_may_come_one_by_one(items: list[Item]) -> None:
    """Every place of a cut at once."""
    data = b"".join(data for data, _ in items)
    _check(REQUEST_DECODER, items, list(range(len(data))))


@pytest.mark.parametrize("line", WRONG_LINES)
def test_a_wrong_line_is_one_error_with_a_code_and_a_sentence(line: bytes) -> None:
    """S004-34: never an exception, never two errors, and reading goes on behind it."""
    reader = request_reader()
    error, after = reader.feed(line + b"\n" + encode(Ping(ref=7)))
    assert isinstance(error, ProtocolError)
    assert error.code == ErrorCode.BAD_FRAME
    assert error.sentence.endswith(".")
    assert "\n" not in error.sentence
    assert after == Incoming(Ping(ref=7))


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"type":"ping","x":' + b"[" * 200_000,
        b'{"type":"ping","x":' + b'{"x":' * 80_000,
        b'{"type":"send","text":' + b"[" * 1000 + b"]" * 1000 + b"}",
    ],
    ids=["arrays", "in a field", "objects", "in a known field"],
)
def test_depth_is_one_error(line: bytes) -> None:
    """Thousands of brackets do not run the stack out."""
    reader = request_reader()
    error, after = reader.feed(line + b"\n" + encode(Ping()))
    assert isinstance(error, ProtocolError)
    assert error.code == ErrorCode.BAD_FRAME
    assert after == Incoming(Ping())


@given(data=st.binary(max_size=400), cuts=_CUTS)
@example(data=b"\n\n\n", cuts=[])
@settings(deadline=None)
def test_any_bytes_whatever_are_read_without_an_exception(data: bytes, cuts: list[int]) -> None:
    """Garbage is answered with errors; it never raises, and what is right after it is read."""
    readers: list[Callable[[], FrameReader[Any]]] = [request_reader, event_reader]
    for make in readers:
        reader = make()
        _feed_in_pieces(reader, data, cuts)
        if not reader.broken:
            assert reader.feed(b"\n" + b'{"type":"pong"}\n')[-1] is not None


@pytest.mark.parametrize("request_", wrong_requests(), ids=str)
def test_a_field_of_a_wrong_type_is_one_error(request_: dict[str, object]) -> None:
    """Every field of every request; the connection can go on unless it is a chunk's header."""
    reader = request_reader()
    data = json.dumps(request_).encode()
    arrived = reader.feed(data + b"\n")
    [error] = arrived
    assert isinstance(error, ProtocolError)
    assert error.code == ErrorCode.BAD_FRAME
    assert reader.broken == (request_["type"] == "chunk")


def test_an_error_names_the_request_it_answers() -> None:
    """The ``ref`` of a wrong frame comes back where it can be read."""
    [error] = request_reader().feed(b'{"type":"fetch","ref":12,"id":"x"}\n')
    assert isinstance(error, ProtocolError)
    assert error.ref == 12


@pytest.mark.parametrize("ref", ["x", 1.5, True, [1]])
def test_a_ref_that_is_no_number_is_not_returned(ref: object) -> None:
    """An ``error`` frame has a number or nothing there."""
    [error] = request_reader().feed(json.dumps({"type": "ping", "ref": ref}).encode() + b"\n")
    assert isinstance(error, ProtocolError)
    assert error.ref is None


@pytest.mark.parametrize("before", [b"", b"xx", encode(Ping()), encode(Ping()) + b"x"])
def test_a_line_that_is_too_long_is_refused_before_it_has_ended(before: bytes) -> None:
    """The reader holds one header at most, however many megabytes come, and goes on after it."""
    reader = request_reader()
    assert reader.feed(before) == ([Incoming(Ping())] if b"ping" in before else [])
    piece = b'{"x":"yz",' * 6553
    refused_after = MAX_HEADER // len(piece) + 1
    most = 0
    for number in range(1, 257):
        codes = [item.code for item in reader.feed(piece) if isinstance(item, ProtocolError)]
        assert codes == ([ErrorCode.FRAME_TOO_LONG] if number == refused_after else [])
        most = max(most, sys.getsizeof(reader._buffer))
    assert most <= 2 * MAX_HEADER
    assert sys.getsizeof(reader._buffer) < len(piece) * 2
    assert reader.feed(b"its end\n" + encode(Ping(ref=1))) == [Incoming(Ping(ref=1))]


@pytest.mark.parametrize("at_once", [True, False])
def test_the_longest_header_is_taken_and_one_byte_more_is_not(at_once: bool) -> None:
    """The limit is the same whether the newline comes with the line or after it."""
    start, end = b'{"type":"ping","x":"', b'"}'
    fits = start + b"x" * (MAX_HEADER - len(start) - len(end)) + end
    for line, code in ((fits, None), (fits + b" ", ErrorCode.FRAME_TOO_LONG)):
        reader = request_reader()
        pieces = [line + b"\n"] if at_once else [line, b"\n"]
        [item] = [item for piece in pieces for item in reader.feed(piece)]
        assert (item.code if isinstance(item, ProtocolError) else None) == code
        assert reader.feed(encode(Ping())) == [Incoming(Ping())]


@pytest.mark.parametrize(
    "header",
    [
        b'{"type":"chunk"}',
        b'{"type":"chunk","stream":1}',
        b'{"type":"chunk","stream":1,"size":0}',
        b'{"type":"chunk","stream":1,"size":-5}',
        b'{"type":"chunk","stream":1,"size":"5"}',
        b'{"type":"chunk","stream":1,"size":%d}' % (MAX_CHUNK + 1),
        b'{"type":"chunk","stream":-1,"size":5}',
        b'{"type":"chunk","stream":1,"size":5,"ref":"x"}',
        b'{"type":"chunk","stream":1,"size":5,"ref":-1}',
        b'{"type":"chunk","stream":1,"size":5',
        b'{"type":"chunk","stream":1,"size":}',
        b'{"type" : "chunk","stream":1,"size":1e999}',
        b'{"type":"chunk","stream":1,"size":5,"x":"\\ud800"}',
    ],
)
def test_a_wrong_chunk_header_breaks_the_reader(header: bytes) -> None:
    """Nobody knows how many raw bytes follow, so none of them may be taken for a frame."""
    reader = request_reader()
    smuggled = encode(Send(text="this is what the chunk contains"))
    [error] = reader.feed(header + b"\n" + smuggled)
    assert isinstance(error, ProtocolError)
    assert error.code == ErrorCode.BAD_FRAME
    assert reader.broken
    assert reader.feed(encode(Ping())) == []


def test_a_text_that_looks_like_a_chunk_breaks_nothing() -> None:
    """The word alone, in a frame that is wrong for another reason, is no chunk."""
    for text in ("chunk", '"chunk"', '{"type":"chunk"}', '"type":"part"'):
        reader = request_reader()
        reader.feed(json.dumps({"type": "send", "text": text}).encode()[:-1] + b"\n")
        assert not reader.broken
        assert reader.feed(encode(Ping())) == [Incoming(Ping())]


@pytest.mark.parametrize("size", [-1, -40, -(10**6), MAX_CHUNK + 1, 2**60])
def test_a_part_of_an_impossible_size_breaks_the_clients_reader(size: int) -> None:
    """A server that is wrong cannot make a client loop, or fill its memory."""
    reader = event_reader()
    [error] = reader.feed(b'{"type":"part","id":1,"offset":0,"size":%d}\n' % size)
    assert isinstance(error, ProtocolError)
    assert reader.broken


def test_raw_bytes_are_handed_over_as_they_are() -> None:
    """A payload may look like frames, newlines and all."""
    payload = b'{"type":"ping"}\n\n\x00\xff' + encode(Ping())
    data = encode(Chunk(stream=1, size=len(payload)), payload) + encode(Ping())
    assert request_reader().feed(data) == [
        Incoming(Chunk(stream=1, size=len(payload)), payload),
        Incoming(Ping()),
    ]
    last = Part(id=1, offset=9, size=0, last=True)
    assert event_reader().feed(encode(last)) == [Incoming(last)]


def test_an_end_in_the_middle_of_a_frame_can_be_told() -> None:
    """``unfinished`` separates a broken connection from one that was closed."""
    reader = request_reader()
    for data, unfinished in (
        (b"", False),
        (b'{"type":', True),
        (b'"ping"}\n', False),
        (b'{"type":"chunk","stream":1,"size":2}\n', True),
        (b"a", True),
        (b"b", False),
    ):
        reader.feed(data)
        assert reader.unfinished == unfinished


def test_a_chunk_header_that_is_too_long_breaks_the_reader() -> None:
    """Its raw bytes follow all the same, and must not be read as frames."""
    reader = request_reader()
    header = b'{"type":"chunk","stream":1,"size":30,"x":"' + b"x" * MAX_HEADER + b'"}\n'
    arrived = reader.feed(header + b'{"type":"ping"}\n')
    assert [type(item) for item in arrived] == [ProtocolError]
    assert reader.broken
