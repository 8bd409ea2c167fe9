"""Texts too long to hold: read from a file piece by piece, or kept in one until all is there."""

from __future__ import annotations

import codecs
import os
import stat
import tempfile
from collections.abc import AsyncGenerator
from typing import IO

import trio

from cli.errors import TextFailed
from cli.pipes import STDIN, read
from cli.reasons import reason_of
from protocol.language import Sentence
from protocol.limits import MAX_CHUNK

IN_MEMORY = 1024 * 1024
"""Bytes of a text up to which it stays in memory."""
HEAD = 4096
"""Bytes of a long line in which a command has to be found."""


State = tuple[int, int]
"""Size and time of the last change of a file."""


class FileText:
    """The UTF-8 between two places of a file, as a :data:`cli.outbox.TextSource`.

    Each call reads it from the start, so that it can be sent again. It raises TextFailed where
    the file is not UTF-8, cannot be read, or is another one than it was when this was made.
    """

    def __init__(
        self,
        file: IO[bytes],
        name: str | Sentence,
        start: int,
        size: int,
        *,
        state: State | None = None,
    ) -> None:
        """Read ``size`` bytes from ``start`` on; ``name`` is what sentences call it.

        A file that somebody else may write to was in ``state`` when its size was looked up.
        """
        self._file = file
        self._name = name
        self._start = start
        self.size = size
        self._state = state

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        """Yield the text in pieces; the last comes only once all of it is known to be right."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset = 0
        while offset < self.size:
            piece = await trio.to_thread.run_sync(self._next, decoder, offset)
            offset += len(piece)
            yield piece

    async def read(self) -> str:
        """Return all of it; for a text that is short."""
        return b"".join([piece async for piece in self()]).decode()

    def _next(self, decoder: codecs.IncrementalDecoder, offset: int) -> bytes:
        try:
            self._file.seek(self._start + offset)
            piece = self._file.read(min(MAX_CHUNK, self.size - offset))
        except OSError as error:
            raise _unreadable(self._name, error) from error
        last = offset + len(piece) == self.size
        if not piece or (
            last
            and self._state is not None
            and _state(os.fstat(self._file.fileno())) != self._state
        ):
            raise TextFailed("{name} changed while it was being read.", name=self._name)
        before = len(decoder.getstate()[0])
        try:
            decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            place = offset - before + error.start
            raise TextFailed(
                "{name} is not UTF-8: the byte at {place} is wrong ({reason}).",
                name=self._name,
                place=place,
                reason=reason_of(error),
            ) from error
        return piece

    def close(self) -> None:
        """Close the file; a call that is still reading fails."""
        self._file.close()


class Spool:
    """Bytes kept until all of them are there: some in memory, more in a temporary file.

    That file has no name: nothing of it is left when the program ends, however it ends.
    """

    def __init__(self, name: str | Sentence) -> None:
        """Begin empty; ``name`` is what sentences call it."""
        self._name = name
        self._folder = _folder()
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=self._folder)  # noqa: SIM115
        self.size = 0
        self.start = 0
        """Where the first byte stands that is no blank; 0 where all are."""
        self.end = 0
        """Where the last byte ends that is no blank; 0 where all are."""
        self._given = False
        self.failure: TextFailed | None = None
        """Why it could not be kept; from then on it takes nothing."""

    async def write(self, data: bytes) -> None:
        """Add to the end."""
        if self.failure is not None:
            return
        if data.strip():
            if not self.end:
                self.start = self.size + len(data) - len(data.lstrip())
            self.end = self.size + len(data.rstrip())
        self.size += len(data)
        try:
            if self.size > IN_MEMORY:
                await trio.to_thread.run_sync(self._file.write, data)
            else:
                self._file.write(data)
        except OSError as error:
            self._file.close()
            self.failure = TextFailed(
                "{name} cannot be kept in {folder}: {reason}. TMPDIR names another folder.",
                name=self._name,
                folder=self._folder,
                reason=reason_of(error),
            )

    def read(self, start: int, count: int) -> bytes:
        """Return at most ``count`` bytes from ``start`` on; raises its failure."""
        if self.failure is not None:
            raise self.failure
        self._file.seek(start)
        return self._file.read(count)

    def text(self, start: int = 0, end: int | None = None) -> FileText:
        """Return what lies between two places as a text; raises its failure.

        Closing the text throws the bytes away.
        """
        if self.failure is not None:
            raise self.failure
        self._given = True
        return FileText(self._file, self._name, start, (self.size if end is None else end) - start)

    def head(self) -> str:
        """Return the beginning of what is no blank; bytes that are not UTF-8 as surrogates."""
        return self.read(self.start, HEAD).decode(errors="surrogateescape").strip()

    def text_of(self, begun: str) -> FileText:
        """Return as a text what begins with ``begun``, the end of :meth:`head`.

        Blanks at the end are no part of it.
        """
        head = self.read(self.start, HEAD).decode(errors="surrogateescape").rstrip()
        skipped = len((head.removesuffix(begun)).encode(errors="surrogateescape"))
        return self.text(self.start + skipped, self.end)

    def without_return(self) -> FileText:
        """Return all of it as a text, but a carriage return at the end."""
        returns = self.read(self.size - 1, 1) == b"\r"
        return self.text(0, self.size - returns)

    def release(self) -> None:
        """Throw it away, unless a text was made of it: closing that does the same."""
        if not self._given:
            self._file.close()


async def open_whole(path: str | None) -> IO[bytes]:
    """Open a file, or standard input where ``path`` is None; raises TextFailed."""
    # In a thread: a named pipe opens only when somebody writes to it.
    return await trio.to_thread.run_sync(_open, path, abandon_on_cancel=True)


async def whole_text(file: IO[bytes], path: str | None) -> FileText:
    """Return all that is left to read in a file as one text; raises TextFailed.

    What cannot be read twice, such as a pipe, is kept in a :class:`Spool` first.
    """
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size:  # those of /proc say that they have 0
        start = file.tell()
        size = max(0, status.st_size - start)
        text = FileText(file, _name(path), start, size, state=_state(status))
    else:
        text = await _spooled(file, _name(path))
    if text.size == 0:
        text.close()
        raise TextFailed("{name} is empty: there is nothing to send.", name=_name(path))
    return text


async def _spooled(file: IO[bytes], name: str | Sentence) -> FileText:
    spool = Spool(name)
    try:
        while data := await trio.to_thread.run_sync(read, file.fileno(), abandon_on_cancel=True):
            await spool.write(data)
            if spool.failure is not None:
                break
        return spool.text()
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        spool.release()


def _open(path: str | None) -> IO[bytes]:
    try:
        return open(STDIN if path is None else path, "rb", buffering=0, closefd=path is not None)
    except OSError as error:
        raise _unreadable(_name(path), error) from error


def _name(path: str | None) -> str | Sentence:
    return Sentence("Standard input") if path is None else path


def _unreadable(name: str | Sentence, error: OSError) -> TextFailed:
    return TextFailed("{name} cannot be read: {reason}.", name=name, reason=reason_of(error))


def _state(status: os.stat_result) -> State:
    """Return what is another one after somebody has written to a file."""
    return status.st_size, status.st_mtime_ns


def _folder() -> str:
    """Return where large temporary files belong: /tmp is memory on many machines."""
    lasting = "/var/tmp"  # noqa: S108 - the file has no name that anybody could guess
    if chosen := os.environ.get("TMPDIR"):
        return chosen
    return lasting if os.access(lasting, os.W_OK) else tempfile.gettempdir()
