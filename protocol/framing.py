"""Frames to bytes and bytes to frames, with no input or output of its own (sans-IO).

A frame is a JSON object on one line. Where the frame is a :class:`~protocol.requests.Chunk`
or a :class:`~protocol.events.Part`, ``size`` raw bytes follow its newline.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Generic, NamedTuple, TypeVar

import msgspec

from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event, Part
from protocol.language import N_
from protocol.limits import MAX_HEADER
from protocol.requests import Chunk, Request
from protocol.vocabulary import EVENTS, REQUESTS

FrameT = TypeVar("FrameT")

encode_json = msgspec.json.Encoder().encode


def encode(frame: Request | Event, payload: bytes = b"") -> bytes:
    """Return the bytes of one frame; ``payload`` is what a chunk or a part carries."""
    return b"%b\n%b" % (encode_json(frame), payload)


class Incoming(NamedTuple, Generic[FrameT]):
    """One thing that arrived: a frame, and the raw bytes that followed it."""

    frame: FrameT
    payload: bytes = b""


class _Raw(msgspec.Struct):
    """What can still be told of a frame that is wrong."""

    type: object = None
    ref: object = None


# Also finds it where the line is no JSON at all; within a text the quotes would be escaped.
_BYTES_FOLLOW = re.compile(rb'"type"\s*:\s*"(?:chunk|part)"')


class FrameReader(Generic[FrameT]):
    """Turns received bytes into frames; one instance a connection and direction.

    A wrong frame is returned in its place as a :class:`ProtocolError`, and reading goes on
    behind it. Where that is impossible, because raw bytes of an unknown number follow, the
    reader is :attr:`broken`: it returns nothing more, and the connection has to be closed.
    """

    __slots__ = ("_buffer", "_decoder", "_header", "_scanned", "_skipping", "broken", "limit")

    def __init__(self, decoder: msgspec.json.Decoder[FrameT], limit: int = MAX_HEADER) -> None:
        self._decoder = decoder
        self.limit = limit
        """Bytes of the longest header line; it can be changed between two reads."""
        self._buffer = bytearray()
        self._scanned = 0  # no newline before this, so that a long line is searched once
        self._skipping = False  # inside a line that was too long
        self._header: FrameT | None = None  # read, its payload not yet complete
        self.broken = False

    def feed(self, data: bytes) -> list[Incoming[FrameT] | ProtocolError]:
        """Take bytes as they came and return everything that is complete now."""
        buffer = self._buffer
        buffer += data
        arrived: list[Incoming[FrameT] | ProtocolError] = []
        start = 0
        while not self.broken:
            if self._header is not None:
                end = start + self._header.size  # type: ignore[attr-defined]
                if end > len(buffer):
                    break
                arrived.append(Incoming(self._header, bytes(buffer[start:end])))
                self._header = None
                start = self._scanned = end
                continue
            newline = buffer.find(b"\n", max(start, self._scanned))
            if newline < 0:
                self._scanned = len(buffer)
                start = self._refuse_too_long(start, arrived)
                break
            if self._skipping:
                self._skipping = False
            elif newline - start > self.limit:
                self._refuse_long_line(start, arrived)
            else:
                self._take_line(bytes(buffer[start:newline]), arrived)
            start = self._scanned = newline + 1
        del buffer[:start]
        self._scanned -= start
        return arrived

    @property
    def unfinished(self) -> bool:
        """True in the middle of a frame: an end of the stream here is a break."""
        return bool(self._buffer) or self._header is not None

    def _take_line(self, line: bytes, arrived: list[Incoming[FrameT] | ProtocolError]) -> None:
        if not line.strip():
            return
        try:
            frame = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            arrived.append(self._explain(line, error))
            return
        if isinstance(frame, Chunk | Part) and frame.size:
            self._header = frame
        else:
            arrived.append(Incoming(frame))

    def _explain(self, line: bytes, error: Exception) -> ProtocolError:
        """Tell what is wrong with a line, and for which request where that can be read."""
        try:
            raw = msgspec.json.decode(line, type=_Raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raw = _Raw()
        self.broken = raw.type in ("chunk", "part") or bool(_BYTES_FOLLOW.search(line))
        ref = raw.ref if type(raw.ref) is int else None
        template = N_("This frame cannot be read: {error}.")
        if self.broken:
            template = N_(
                "This frame cannot be read: {error}. How many raw bytes follow is unknown, so the "
                "connection ends."
            )
        return ProtocolError(ErrorCode.BAD_FRAME, template, ref, error=str(error))

    def _refuse_too_long(self, start: int, arrived: list[Incoming[FrameT] | ProtocolError]) -> int:
        """Forget an unfinished line that is too long already; return where the rest begins."""
        if not self._skipping and len(self._buffer) - start > self.limit:
            self._skipping = True
            self._refuse_long_line(start, arrived)
        return len(self._buffer) if self._skipping else start

    def _refuse_long_line(
        self, start: int, arrived: list[Incoming[FrameT] | ProtocolError]
    ) -> None:
        begun = bytes(self._buffer[start : start + self.limit])
        self.broken = bool(_BYTES_FOLLOW.search(begun))
        arrived.append(
            ProtocolError(
                ErrorCode.FRAME_TOO_LONG,
                "A header line has at most {limit} bytes. Send a long text as a stream of chunks.",
                limit=self.limit,
            )
        )


REQUEST_DECODER: msgspec.json.Decoder[Request] = msgspec.json.Decoder(reduce(or_, REQUESTS))
EVENT_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(or_, EVENTS))


def request_reader(limit: int = MAX_HEADER) -> FrameReader[Request]:
    """Return the reader for a server's end, for header lines of so many bytes."""
    return FrameReader(REQUEST_DECODER, limit)


def event_reader() -> FrameReader[Event]:
    """Return the reader for a client's end."""
    return FrameReader(EVENT_DECODER)
