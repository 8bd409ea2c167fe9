"""Files on their way: sent and got in pieces, beside everything else (S003-12, S003-16).

    file = await LocalFile.open("report.pdf")
    await client.files.send(file, to="Ann")

    details = await client.files.describe(12)
    async for piece in client.files.fetch(details): ...

A lost connection is bridged: the transfer goes on from where it was. At both ends the SHA-256
of the whole is compared before anybody takes the file for what it is said to be.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import UUID

import trio

from cli.connection import Connection
from cli.core import Core
from cli.errors import ClientError, ConnectionLost, FileFailed, Refused
from cli.reasons import reason_of
from cli.upkeep import Upkeep
from cli.upload import Upload
from protocol.errors import ErrorCode
from protocol.events import Sent
from protocol.ids import new_uuid
from protocol.language import Sentence
from protocol.requests import GENERAL, Chunk
from protocol.vocabulary.files import DescribeFile, Download, FileDetails, Offer, Withdraw

CHUNK = 64 * 1024
"""Bytes sent at once."""
WINDOW = 512 * 1024
"""Bytes that may be on their way to the server: what is said meanwhile waits for them."""
RANGE = 1024 * 1024
"""Bytes asked for at once; they wait here for who saves them."""
RETRY = 1.0
"""Seconds after which something is tried again that the database was not there for."""
HASHED = 1024 * 1024
"""Bytes read at once to take a file's hash."""
WITHDRAWAL = 1.0
"""Seconds that telling the server of a file given up may take."""

_LATER = {ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN}

Progress = Callable[[int, int], None]
"""Told how many bytes of how many have arrived, now and then; must not block."""


class LocalFile:
    """A file of this machine, as it was when it was opened."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        """Take an open file; programs use :meth:`open`."""
        self._file = file
        self._path = path
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FileFailed("{name} is no file that could be sent.", name=path)
        self.size = status.st_size
        self._state = _state(status)
        self.sha256 = self._hash()
        self.uuid: UUID = new_uuid()
        """By this the server knows it again, after a break too."""
        self.was_sent = False
        """True: it was stopped too late, for it had been sent."""

    @classmethod
    async def open(cls, path: str) -> LocalFile:
        """Open a file and take its hash; raises FileFailed where it cannot be read."""
        return await trio.to_thread.run_sync(_open, path, abandon_on_cancel=True)

    @property
    def name(self) -> str:
        """Its name without the folders."""
        return os.path.basename(self._path)  # noqa: PTH119 - a name of any bytes

    def _hash(self) -> str:
        digest = hashlib.sha256()
        size = 0
        while data := self._file.read(HASHED):
            digest.update(data)
            size += len(data)
        if size != self.size:
            raise FileFailed("{name} changed while it was being read.", name=self._path)
        return digest.hexdigest()

    async def read(self, offset: int) -> bytes:
        """Return the next bytes from an offset; raises FileFailed."""
        return await trio.to_thread.run_sync(self._read, offset)

    def _read(self, offset: int) -> bytes:
        try:
            self._file.seek(offset)
            data = self._file.read(min(CHUNK, self.size - offset))
            state = _state(os.fstat(self._file.fileno()))
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if not data or state != self._state:
            raise FileFailed("{name} changed while it was being sent.", name=self._path)
        return data

    def close(self) -> None:
        """Close it."""
        self._file.close()


def _open(path: str) -> LocalFile:
    try:
        place = Path(path).expanduser()
        if not stat.S_ISREG(place.stat().st_mode):  # a named pipe would wait for its writer
            raise FileFailed("{name} is no file that could be sent.", name=path)
        file = place.open("rb", buffering=0)
        try:
            return LocalFile(file, path)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except (RuntimeError, ValueError) as error:  # a home or a name that cannot be
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> FileFailed:
    return FileFailed("{name} cannot be read: {reason}.", name=path, reason=reason_of(error))


def _state(status: os.stat_result) -> tuple[int, int]:
    """Return what is another one after somebody has written to a file."""
    return status.st_size, status.st_mtime_ns


class Transfers:
    """Sends and gets files for a client, on whatever connection there is."""

    def __init__(self, core: Core, upkeep: Upkeep) -> None:
        """Be a part of a client: its ``files``."""
        self._core = core
        self._upkeep = upkeep

    async def send(
        self,
        file: LocalFile,
        *,
        to: str | None = None,
        conversation: int = GENERAL,
        progress: Progress | None = None,
    ) -> Sent:
        """Send a file, and return once it is a message that all who are meant can see.

        Raises Refused where the server will not have it, FileFailed where it cannot be read to
        its end. If this is cancelled, the server forgets what it has of it, unless it has been
        sent, which the file knows then.
        """
        report = progress or _ignore
        while True:
            connection = await self._upkeep.online()
            offer = Offer(
                ref=self._core.next_ref(),
                uuid=file.uuid,
                name=_as_text(file.name),
                size=file.size,
                sha256=file.sha256,
                stream=self._core.next_ref(),
                conversation=conversation,
                to=to,
            )
            try:
                return await self._send(connection, file, offer, report)
            except ConnectionLost:
                continue
            except Refused as refused:
                await _wait_if_later(refused)
            except BaseException:
                await self._withdraw(connection, file)
                raise

    async def _send(
        self, connection: Connection, file: LocalFile, offer: Offer, report: Progress
    ) -> Sent:
        assert offer.ref is not None  # noqa: S101 - for the type checker
        upload = connection.open_upload(offer.ref, offer.size)
        try:
            await connection.write(offer)
            await self._wait(connection, lambda: upload.file is not None or upload.done)
            offset = upload.stored
            while offset < file.size and not upload.done:
                report(upload.stored, file.size)
                data = await file.read(offset)
                await connection.write(Chunk(stream=offer.stream, size=len(data)), data)
                offset += len(data)
                await self._wait_for_room(connection, upload, offset)
            await self._wait(connection, lambda: upload.done)
        finally:
            connection.close_upload(upload)
        if upload.receipt is None:
            assert upload.failure is not None  # noqa: S101 - for the type checker
            raise upload.failure
        report(file.size, file.size)
        return upload.receipt

    async def _wait_for_room(self, connection: Connection, upload: Upload, offset: int) -> None:
        """Wait until one more chunk may be on its way."""
        edge = offset - WINDOW + CHUNK
        await self._wait(connection, lambda: upload.stored >= edge or upload.done)

    async def _wait(self, connection: Connection, condition: Callable[[], bool]) -> None:
        await self._core.changes.wait_until(lambda: condition() or connection.lost)
        if not condition():
            raise ConnectionLost("The connection was lost before the server answered.")

    async def _withdraw(self, connection: Connection, file: LocalFile) -> None:
        """Tell the server to forget a file, where it is there and does not take long."""
        with (
            trio.CancelScope(shield=True, deadline=trio.current_time() + WITHDRAWAL),
            suppress(ClientError),
        ):
            try:
                await connection.ask(Withdraw(ref=self._core.next_ref(), uuid=file.uuid))
            except Refused as refused:
                file.was_sent = refused.code == ErrorCode.TOO_LATE

    async def describe(self, message_id: int) -> FileDetails:
        """Return what the file of a message is; raises Refused where there is none."""
        while True:
            connection = await self._upkeep.online()
            try:
                reply = await connection.ask(DescribeFile(ref=self._core.next_ref(), id=message_id))
            except ConnectionLost:
                continue
            except Refused as refused:
                await _wait_if_later(refused)
                continue
            if not isinstance(reply, FileDetails):
                raise Refused(ErrorCode.INTERNAL, Sentence("The server answered something else."))
            return reply

    async def fetch(
        self, file: FileDetails, *, progress: Progress | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces; raises FileFailed at the end where it is not the one described.

        It is asked for in ranges, so who stops taking them has stopped it. Raises Refused where
        the file is gone.
        """
        report = progress or _ignore
        digest = hashlib.sha256()
        offset = 0
        while offset < file.size:
            begun = offset
            connection = await self._upkeep.online()
            request = Download(ref=self._core.next_ref(), id=file.id, offset=offset, limit=RANGE)
            try:
                async with connection.downloading(request) as download:
                    while (part := await download.take()) is not None:
                        digest.update(part)
                        report(offset, file.size)
                        offset += len(part)
                        yield part
            except Refused as refused:
                await _wait_if_later(refused)
                continue
            if download.finished and offset == begun:
                break  # the server has no more of it
        if offset != file.size or digest.hexdigest() != file.sha256:
            raise FileFailed("What arrived is not the file that was sent: its SHA-256 is wrong.")
        report(file.size, file.size)


async def _wait_if_later(refused: Refused) -> None:
    """Wait a little where another attempt makes sense, else raise the refusal."""
    if refused.code not in _LATER:
        raise refused
    await trio.sleep(RETRY)


def _as_text(name: str) -> str:
    """Return a file's name as text, also where its bytes are none."""
    return os.fsencode(name).decode(errors="replace")


def _ignore(_done: int, _size: int) -> None:
    """Take progress nobody wants to know of."""
