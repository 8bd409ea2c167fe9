"""One file of messages that are not acknowledged yet, as it lies on the disk (adr 14).

A record is a line: eight hex digits, the CRC-32 of the rest, then a JSON object. Records are only
ever added. One that a crash has torn, or a disk has spoilt, is known by its sum and passed over.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from protocol.requests import GENERAL

VERSION = 1
"""The version of the format; a file of a newer one is left alone."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_SUM = 9  # bytes before the object: the sum and a blank


class Owner(msgspec.Struct, frozen=True, tag_field="is", tag="owner"):
    """Whose messages these are; the first record of a file."""

    host: str
    port: int
    name: str
    """The user's name in the form in which two that are one are equal."""
    version: int = VERSION


class Written(msgspec.Struct, frozen=True, tag_field="is", tag="written", omit_defaults=True):
    """A message as the person wrote it."""

    uuid: UUID
    text: str
    at: int
    """Microseconds since 1970 by this machine's clock; rising in a file."""
    conversation: int = GENERAL
    to: str | None = None
    addressed: bool = False
    reply_to: int | None = None


class Tried(msgspec.Struct, frozen=True, tag_field="is", tag="tried"):
    """A connection was given the message: from now on it may be stored."""

    uuid: UUID


class Done(msgspec.Struct, frozen=True, tag_field="is", tag="done"):
    """The message is stored, refused or withdrawn: nothing is left to do."""

    uuid: UUID


Record = Owner | Written | Tried | Done


class Pending(NamedTuple):
    """A message that a file has and that is not done."""

    written: Written
    tried: bool


class KeptFile:
    """A file that this program alone has: nobody else gets its lock."""

    def __init__(self, path: Path, number: int, owner: Owner) -> None:
        """Take an open and locked file; use :meth:`create` and :meth:`take_over`."""
        self.path = path
        self.owner = owner
        self._number = number
        self._size = 0
        self.pending: dict[UUID, Pending] = {}
        """What is not done, in the order of writing."""
        self.damaged = 0
        """Records that could not be read."""

    @classmethod
    def create(cls, path: Path, owner: Owner) -> KeptFile | None:
        """Make a file for the user's eyes alone; None where somebody else got hold of it first.

        Raises OSError, also where the file system knows no locks: without them two programs
        would throw away each other's messages.
        """
        number = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        if not _locked(number) or not os.fstat(number).st_nlink:
            os.close(number)
            return None
        file = cls(path, number, owner)
        try:
            _sync_folder(path.parent)
        except OSError:
            file.discard()
            raise
        return file

    @classmethod
    def take_over(cls, path: Path, owner: Owner) -> KeptFile | None:
        """Open what another run has left; None where that still runs, or it is not for us.

        A file with nothing in it is thrown away. Raises OSError.
        """
        try:
            number = os.open(path, _FLAGS)
        except FileNotFoundError:
            return None  # who had it has just finished with it
        file = cls(path, number, owner)
        try:
            if _locked(number) and os.fstat(number).st_nlink and file._load():
                if file.pending or file.damaged:
                    return file
                path.unlink(missing_ok=True)
        except BaseException:
            os.close(number)
            raise
        os.close(number)
        return None

    def add(self, written: Written) -> None:
        """Put a message behind the others; raises OSError. :meth:`duplicate` forces it out."""
        self._append(written)
        self.pending[written.uuid] = Pending(written, tried=False)

    def duplicate(self) -> int:
        """Return another descriptor of the file, for who forces it to the disk; raises OSError."""
        return os.dup(self._number)

    def note_tried(self, uuid: UUID) -> None:
        """Note that a message may be stored from now on. Not forced to the disk.

        What a power cut makes of that is harmless: the server knows a message by its uuid.
        """
        pending = self.pending.get(uuid)
        if pending is not None and not pending.tried:
            self.pending[uuid] = pending._replace(tried=True)
            with suppress(OSError):
                self._append(Tried(uuid))

    def note_done(self, uuid: UUID) -> None:
        """Note that nothing is left to do for a message; likewise."""
        if self.pending.pop(uuid, None) is None:
            return
        with suppress(OSError):
            if self.pending:
                self._append(Done(uuid))
            else:
                os.ftruncate(self._number, 0)
                self._size = 0

    def discard(self) -> None:
        """Delete the file."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            os.close(self._number)

    def close(self) -> None:
        """Leave the file to the next run, if there is something in it."""
        if self.pending:
            os.close(self._number)
        else:
            self.discard()

    def _append(self, record: Record) -> None:
        """Add a record, all of it or nothing; raises OSError."""
        data = _line(record) if self._size else _line(self.owner) + _line(record)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._number, self._size)
            raise
        self._size += len(data)

    def _load(self) -> bool:
        """Read what is there; False: it is somebody else's, or of a newer program."""
        with open(self._number, "rb", closefd=False) as file:
            file.seek(0)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._size = whole
        records = list(_records(data[:whole]))
        if records and records[0] is not None and records[0] != self.owner:
            return False
        for record in records:
            self._take(record)
        if whole < len(data):  # torn by a crash: what comes next must not join it
            self.damaged += 1
            os.ftruncate(self._number, whole)
        return True

    def _take(self, record: Record | None) -> None:
        match record:
            case None:
                self.damaged += 1
            case Written():
                self.pending[record.uuid] = Pending(record, tried=False)
            case Tried() if record.uuid in self.pending:
                self.pending[record.uuid] = self.pending[record.uuid]._replace(tried=True)
            case Done():
                self.pending.pop(record.uuid, None)


_decoder = msgspec.json.Decoder(Record)


def _line(record: Record) -> bytes:
    data = msgspec.json.encode(record)
    return b"%08x %b\n" % (zlib.crc32(data), data)


def _records(data: bytes) -> Iterator[Record | None]:
    """Yield what the lines of a file hold; None for one that is not as it was written."""
    for line in data.split(b"\n")[:-1]:
        try:
            right = int(line[: _SUM - 1], 16) == zlib.crc32(line[_SUM:])
            yield _decoder.decode(line[_SUM:]) if right else None
        except (ValueError, msgspec.MsgspecError, RecursionError):
            yield None


def _locked(number: int) -> bool:
    """Lock a file until it is closed; False where another program has done so."""
    try:
        flock(number, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Put the name of a new file on the disk, too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
