"""Telnet's own bytes, and what a person typed between them (S002-3, S004-34)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.gateways.telnet import (
    DO,
    DONT,
    IAC,
    SB,
    SE,
    TIMING_MARK,
    WILL,
    WONT,
    Line,
    TelnetReader,
)

LIMIT = 20
_ECHO, _SIZE, _TTYPE = 1, 31, 24


def _lines(*pieces: bytes, limit: int = LIMIT) -> list[Line]:
    reader = TelnetReader(limit)
    return [line for piece in pieces for line in reader.feed(piece)]


def _whole(*texts: bytes) -> list[Line]:
    return [Line(text, ended=True) for text in texts]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (b"one\r\ntwo\r\n", [b"one", b"two"]),
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\r\x00two\r\x00", [b"one", b"two"]),
        (b"one\rtwo\r", [b"one", b"two"]),
        (b"\r\n\r\n\n\n", [b"", b"", b"", b""]),
        (b"one\n\rtwo\n", [b"one", b"", b"two"]),
        (b"\xd0\xbf\xd1\x80\n", [b"\xd0\xbf\xd1\x80"]),
        (b"a\x00b\n", [b"ab"]),
        (b"a\x1bb\tc\n", [b"a\x1bb\tc"]),
        (b"not ended", []),
        (b"", []),
        # The keys of a terminal that does not edit by itself.
        (b"foux\x08r\n", [b"four"]),
        (b"foux\x7fr\n", [b"four"]),
        ("я🦜x\x7f\x7f\x7fа\n".encode(), ["а".encode()]),
        (b"\x08\x08\x7fabc\n", [b"abc"]),
        (b"one\n\x08two\n", [b"one", b"two"]),
        (b"\x80\x80\x80\x7fa\n", [b"a"]),
        # Negotiation is no text.
        (bytes([IAC, WILL, _ECHO]) + b"a\n", [b"a"]),
        (b"a" + bytes([IAC, DO, _SIZE]) + b"b\n", [b"ab"]),
        (bytes([IAC, SB, _SIZE, 0, 80, 0, 24, IAC, SE]) + b"a\n", [b"a"]),
        (bytes([IAC, SB, _TTYPE, IAC, IAC, 10, 13, IAC, SE]) + b"a\n", [b"a"]),
        (bytes([IAC, SB, IAC, SE]) + b"a\n", [b"a"]),
        (bytes([IAC, 241, IAC, 246]) + b"a\n", [b"a"]),
        (b"a" + bytes([IAC, IAC]) + b"b\n", [b"a\xffb"]),
        (bytes([IAC, DO, 10, IAC, WILL, 13]) + b"a\n", [b"a"]),
        (b"a\r" + bytes([IAC, 241]) + b"\nb\n", [b"a", b"", b"b"]),
    ],
)
def test_what_was_typed(typed: bytes, lines: list[bytes]) -> None:
    """CR LF, CR NUL, LF and CR each end a line; editing keys edit; negotiation is left out."""
    assert _lines(typed) == _whole(*lines)
    assert _lines(*(typed[i : i + 1] for i in range(len(typed)))) == _whole(*lines)


@pytest.mark.parametrize(("offer", "answer"), [(WILL, DONT), (DO, WONT)])
def test_an_offer_is_declined_once(offer: int, answer: int) -> None:
    """Two ends that answer each other's answers would talk for ever (RFC 854)."""
    reader = TelnetReader(LIMIT)
    for _ in range(1000):
        reader.feed(bytes([IAC, offer, _ECHO]))
    assert reader.replies == bytes([IAC, answer, _ECHO])
    reader.replies.clear()
    reader.feed(bytes([IAC, offer, _ECHO, IAC, offer, _SIZE]))
    assert reader.replies == bytes([IAC, answer, _SIZE])


@pytest.mark.parametrize("verb", [WONT, DONT])
def test_a_refusal_is_not_answered(verb: int) -> None:
    """It is what there was before."""
    reader = TelnetReader(LIMIT)
    assert reader.feed(bytes([IAC, verb, _ECHO])) == []
    assert reader.replies == b""


def test_every_timing_mark_is_answered() -> None:
    """Telnet asks for one after Ctrl+C and shows nothing until it has it (RFC 860)."""
    reader = TelnetReader(LIMIT)
    for _ in range(3):
        reader.feed(bytes([IAC, 244, IAC, DO, TIMING_MARK]))
    assert reader.replies == bytes([IAC, WONT, TIMING_MARK]) * 3


def test_answers_are_bounded_whatever_is_offered() -> None:
    """Each option once each way, and no more; but a timing mark is a question each time."""
    reader = TelnetReader(LIMIT)
    for _ in range(3):
        for option in range(256):
            reader.feed(bytes([IAC, WILL, option, IAC, DO, option]))
    assert len(reader.replies) == 2 * 256 * 3 + 2 * 3


def test_a_long_line_comes_in_pieces() -> None:
    """A line has no limit, and the memory has one."""
    text = bytes(range(65, 91)) * 4
    pieces = _lines(text + b"\nnext\n")
    assert b"".join(line.data for line in pieces[:-1]) == text
    assert [len(line.data) for line in pieces[:-1]] == [LIMIT] * 5 + [4]
    assert [line.ended for line in pieces] == [False] * 5 + [True, True]
    assert pieces[-1] == Line(b"next", ended=True)


def test_a_line_of_exactly_the_limit_is_whole() -> None:
    """One byte more, and it is in pieces."""
    assert _lines(b"x" * LIMIT + b"\n") == _whole(b"x" * LIMIT)
    assert _lines(b"x" * (LIMIT + 1) + b"\n") == [
        Line(b"x" * LIMIT, ended=False),
        Line(b"x", ended=True),
    ]


@pytest.mark.parametrize(
    "flood",
    [b"x" * 5000, bytes([IAC, SB]) + b"y" * 4000, bytes([IAC, IAC]) * 2500],
    ids=["text", "an endless subnegotiation", "doubled 255"],
)
def test_what_waits_for_its_end_is_bounded(flood: bytes) -> None:
    """Nobody fills the memory by not pressing Enter."""
    reader = TelnetReader(LIMIT)
    for _ in range(200):
        reader.feed(flood)
        assert len(reader._line) <= LIMIT
        assert len(reader._command) <= 4


_TYPED = st.lists(
    st.binary(max_size=8)
    | st.sampled_from([b"\r\n", b"\n", b"\r\x00", b"\r", b"\x08", b"\x7f", b"x" * 30])
    | st.sampled_from(["я".encode(), "🦜".encode(), bytes([IAC, IAC]), bytes([IAC, 246])])
    | st.builds(
        lambda verb, option: bytes([IAC, verb, option]),
        st.sampled_from([WILL, WONT, DO, DONT]),
        st.integers(0, 255),
    )
    | st.binary(max_size=5).map(lambda data: bytes([IAC, SB]) + data + bytes([IAC, SE])),
    max_size=30,
).map(b"".join)


@given(typed=_TYPED, cuts=st.lists(st.integers(0, 500), max_size=20), limit=st.integers(1, 40))
@settings(deadline=None, max_examples=300)
def test_the_same_is_read_however_it_is_cut(typed: bytes, cuts: list[int], limit: int) -> None:
    """Any bytes whatever: never an exception, the same lines and the same answers."""
    at_once, in_pieces = TelnetReader(limit), TelnetReader(limit)
    expected = at_once.feed(typed)
    edges = sorted({0, len(typed), *(cut % (len(typed) + 1) for cut in cuts)})
    lines = [line for start, end in pairwise(edges) for line in in_pieces.feed(typed[start:end])]
    assert lines == expected
    assert in_pieces.replies == at_once.replies
    assert all(len(line.data) <= limit for line in lines)
    assert all(len(line.data) == limit for line in lines if not line.ended)


@given(text=st.binary(max_size=60), limit=st.integers(1, 40))
@settings(deadline=None)
def test_text_without_special_bytes_arrives_as_it_is(text: bytes, limit: int) -> None:
    """Nothing is lost or added, whatever the pieces."""
    for special in b"\x00\x08\n\r\x7f\xff":
        text = text.replace(bytes([special]), b"?")
    lines = _lines(text + b"\n", limit=limit)
    assert b"".join(line.data for line in lines) == text
    assert [line.ended for line in lines] == [False] * (len(lines) - 1) + [True]
