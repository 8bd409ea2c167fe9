"""Long texts on their way in: chunks go to the database as they come (S001-10).

Only the head and a few bytes of an unfinished character are ever in memory.
"""

from __future__ import annotations

import codecs

from chat.intake import Intake
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import TEXT_HEAD
from protocol.requests import Request

MAX_OPEN = 8
"""Streams that one connection may have open at once."""


class TextChunk(Request, frozen=True, kw_only=True, tag="chunk"):
    """A `chunk` frame together with the bytes that followed it."""

    stream: int
    data: bytes


class Upload:
    """One stream of chunks that will be a message."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._head = b""
        self._seen_text = False
        self._broken = False  # not UTF-8
        self._lost = False  # a chunk of it could not be stored
        self.body_id: int | None = None
        """Where the text is stored; None before the first chunk."""
        self.size = 0

    async def append(self, data: bytes) -> None:
        """Store a chunk; what follows a chunk that is not UTF-8 is dropped."""
        if self._broken or self._lost:
            return
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError:
            self._broken = True
            return
        self._seen_text = self._seen_text or bool(text.strip())
        self._lost = True  # until it is stored: a text with a hole is never sent
        if self.body_id is None:
            self.body_id = await self._intake.create()
        await self._intake.append(self.body_id, self.size, data)
        self._lost = False
        self._head += data[: TEXT_HEAD - len(self._head)]
        self.size += len(data)

    def finish(self) -> bytes:
        """Return the head, whole characters only.

        Raises :class:`ProtocolError` where the stream was empty or is not UTF-8.
        """
        if self._lost:
            raise ProtocolError(
                ErrorCode.STORAGE_UNAVAILABLE,
                "The database did not take all of the text; send it again.",
            )
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._broken = True
        if self._broken:
            raise ProtocolError(
                ErrorCode.BAD_STREAM, "The text is not valid UTF-8, so it was not sent."
            )
        if not self._seen_text:
            raise ProtocolError(ErrorCode.EMPTY_MESSAGE, "There is no text in this message.")
        return self._head.decode(errors="ignore").encode()
