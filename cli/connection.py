"""One connection to a server: handshake, frames in and out, signs of life, replies.

A connection does not come back: once it is lost, the client makes a new one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

import trio

from cli.changes import Changes
from cli.download import Download
from cli.errors import ClientError, ConnectionLost, LoginRefused, NoWelcome, Refused
from cli.upload import Upload
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, Goodbye, LoggedIn, Part, Reply, Welcome
from protocol.framing import Incoming, encode, event_reader
from protocol.language import Sentence
from protocol.requests import Fetch, Hello, Login, Ping, Quit, Request
from protocol.vocabulary import files

READ_SIZE = 64 * 1024
WRITE_SIZE = 64 * 1024
"""Bytes up to which waiting frames are joined into one write."""
QUEUE = 64
"""Frames that may wait to be written; a frame has at most about 512 KiB, most have 200 bytes."""
PING_AFTER = 1.25
"""Intervals of silence after which the client asks for a sign of life (the server does at 1)."""
LOST_AFTER = 2.0
"""Intervals of silence after which the connection is given up."""

_Waiting = tuple[bytes, int]  # a frame, and how many bytes of a long text are in it

TEMPORARY = {ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN, ErrorCode.INTERNAL}
"""Errors at login that a later attempt may not meet."""


class Connection:
    """A logged-in connection over ``stream``, made by :meth:`log_in`.

    :meth:`receive` and :meth:`run_writer` are each called by one task, the rest by any.
    """

    def __init__(self, stream: trio.abc.Stream, changes: Changes) -> None:
        """Take a fresh stream; ring ``changes`` when a request is asked, answered or lost."""
        self._stream = stream
        self._reader = event_reader()
        self._arrived: list[Incoming[Event]] = []
        self._to_writer, self._from_queue = trio.open_memory_channel[_Waiting](QUEUE)
        self._waiting: dict[int, Reply | None] = {}
        self._changes = changes
        self._downloads: dict[int, Download] = {}
        self._uploads: dict[int, Upload] = {}
        self.lost = False
        """True: nothing will come or go any more."""
        self.carried = 0
        """Bytes of long texts that have been written."""
        self._ping_interval = 30.0  # seconds of silence, until the server has told its own

    async def log_in(self, hello: Hello, login: Login) -> tuple[Welcome, LoggedIn]:
        """Shake hands; both requests go out at once.

        Raises LoginRefused where the server will never have it, ConnectionLost where it may
        have it later, and of that NoWelcome where nothing says that it is a server of ours.
        """
        welcome = None
        early: list[Incoming[Event]] = []
        try:
            await self._write_now(encode(hello) + encode(login))
            batch = await self.receive()
        except ConnectionLost as lost:
            raise NoWelcome("{reason}", reason=lost) from lost
        while True:
            for position, incoming in enumerate(batch):
                frame = incoming.frame
                if isinstance(frame, Welcome):
                    welcome = frame
                    self._ping_interval = frame.ping_interval if frame.ping_interval > 0 else inf
                elif isinstance(frame, LoggedIn) and welcome is not None:
                    self._arrived = early + batch[position + 1 :]
                    return welcome, frame
                else:
                    _check_refusal(frame)
                    early.append(incoming)
            batch = await self.receive()

    async def receive(self) -> list[Incoming[Event]]:
        """Return the frames that have arrived; waits for some.

        Raises ConnectionLost at the end of the stream, and where the server has given no sign
        of life for LOST_AFTER intervals. Time in which nobody calls this does not count.
        """
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            return arrived
        while True:
            data = await self._read()
            arrived = [known for item in self._reader.feed(data) if (known := _as_frame(item))]
            if self._reader.broken:
                raise ConnectionLost("The server sent something that cannot be read.")
            if arrived:
                return arrived

    async def _read(self) -> bytes:
        try:
            with trio.move_on_after(self._ping_interval * PING_AFTER):
                return _not_ended(await self._stream.receive_some(READ_SIZE))
            self.write_soon(Ping())
            with trio.move_on_after(self._ping_interval * (LOST_AFTER - PING_AFTER)):
                return _not_ended(await self._stream.receive_some(READ_SIZE))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionLost("The connection to the server broke off.") from error
        silence = self._ping_interval * LOST_AFTER
        raise ConnectionLost(
            "The server has given no sign of life for {seconds:.0f} seconds.", seconds=silence
        )

    async def write(self, frame: Request, payload: bytes = b"") -> None:
        """Hand a frame to the writer; waits where many wait already.

        On a lost connection the frame goes nowhere: whoever reads will notice the loss.
        """
        try:
            await self._to_writer.send((encode(frame, payload), len(payload)))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.lowlevel.checkpoint()

    def write_soon(self, frame: Request) -> None:
        """Hand over a frame without waiting; it is dropped where the queue is full."""
        try:
            self._to_writer.send_nowait((encode(frame), 0))
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def run_writer(self) -> None:
        """Write what is handed over until the connection is lost or this is cancelled."""
        with self._from_queue as queue:
            while not self.lost:
                await self._write_joined(queue)

    async def _write_joined(self, queue: trio.MemoryReceiveChannel[_Waiting]) -> None:
        """Write everything that waits with as few system calls as are reasonable."""
        frame, text = await queue.receive()
        data = bytearray(frame)
        try:
            while len(data) < WRITE_SIZE:
                frame, more = queue.receive_nowait()
                data += frame
                text += more
        except trio.WouldBlock:
            pass
        try:
            await self._write_now(bytes(data))
            self.carried += text
        except ConnectionLost:
            self.lost = True  # the reader learns of it from the stream and says why

    async def _write_now(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionLost("The connection to the server broke off.") from error

    async def ask(self, frame: Request) -> Reply:
        """Send a request that carries a ``ref`` and return its reply.

        Raises Refused where the reply is an error, ConnectionLost where none will come.
        """
        assert frame.ref is not None  # noqa: S101 - a mistake in this library otherwise
        ref = frame.ref
        self._waiting[ref] = None
        self._changes.ring()  # somebody wants a reply: whoever holds up reading has to know
        try:
            await self.write(frame)
            await self._changes.wait_until(lambda: self.lost or self._waiting[ref] is not None)
            reply = self._waiting[ref]
        finally:
            del self._waiting[ref]
        if reply is None:
            raise ConnectionLost("The connection was lost before the server answered.")
        if isinstance(reply, Error):
            raise Refused(reply.code, reply.message)
        return reply

    def answer(self, reply: Reply) -> bool:
        """Give a reply to whoever waits for it; False where nobody does."""
        if reply.ref is None:
            return False
        if (upload := self._uploads.get(reply.ref)) is not None:
            upload.take(reply)
            return True
        if reply.ref not in self._waiting:
            return False
        self._waiting[reply.ref] = reply
        self._changes.ring()
        return True

    @property
    def reply_wanted(self) -> bool:
        """True: somebody waits for a reply, so reading has to go on."""
        return bool(self._waiting or self._uploads)

    @property
    def is_downloading(self) -> bool:
        """True: somebody waits for parts of a long text."""
        return bool(self._downloads)

    def open_download(self, ref: int) -> Download:
        """Collect the parts that answer the request ``ref``."""
        download = self._downloads[ref] = Download(ref, self._changes)
        self._changes.ring()  # parts are wanted: whoever holds up reading has to know
        if self.lost:
            download.cut_off()
        return download

    @asynccontextmanager
    async def downloading(self, request: Fetch | files.Download) -> AsyncIterator[Download]:
        """Ask for a text or a file, and collect its parts for the time of the block."""
        assert request.ref is not None  # noqa: S101 - for the type checker
        download = self.open_download(request.ref)
        try:
            await self.write(request)
            yield download
        finally:
            self.close_download(download)

    def download(self, reply: Part | Error) -> Download | None:
        """Return where a part, or the error in its place, belongs; None: nowhere any more."""
        return None if reply.ref is None else self._downloads.get(reply.ref)

    def close_download(self, download: Download) -> None:
        """Want no more parts; those on the way are thrown away."""
        self._downloads.pop(download.ref, None)

    def open_upload(self, ref: int, size: int) -> Upload:
        """Collect what the server says of the file that the request ``ref`` offers."""
        upload = self._uploads[ref] = Upload(ref, size, self._changes)
        self._changes.ring()  # replies are wanted: whoever holds up reading has to know
        return upload

    def upload(self, ref: int | None) -> Upload | None:
        """Return the file that was offered by a request."""
        return None if ref is None else self._uploads.get(ref)

    def close_upload(self, upload: Upload) -> None:
        """Want to hear no more of it."""
        self._uploads.pop(upload.ref, None)

    async def leave(self, ref: int) -> None:
        """Say goodbye and wait for the server's, or for the end of the connection."""
        try:
            await self.ask(Quit(ref=ref))
        except ClientError:
            return

    async def close(self) -> None:
        """Close at once and let everybody who waits for a reply know."""
        self.lost = True
        self._to_writer.close()
        for download in self._downloads.values():
            download.cut_off()
        self._changes.ring()
        await trio.aclose_forcefully(self._stream)


def _not_ended(data: bytes | bytearray) -> bytes:
    if not data:
        raise ConnectionLost("The server closed the connection.")
    return bytes(data)


def _as_frame(item: Incoming[Event] | ProtocolError) -> Incoming[Event] | None:
    """Let an unreadable reply be an error for who waits for it; drop events not known here."""
    if not isinstance(item, ProtocolError):
        return item
    if item.ref is None:
        return None  # a newer server's event: this client can do without
    return Incoming(Error(ref=item.ref, code=item.code, message=item.sentence))


def _check_refusal(frame: Event) -> None:
    """Raise what an answer other than a login means."""
    if isinstance(frame, Goodbye):
        raise ConnectionLost("{reason}", reason=frame.reason)
    if isinstance(frame, Error):
        if frame.code in TEMPORARY:
            raise ConnectionLost("{reason}", reason=frame.message)
        sentence: str | Sentence = frame.message
        if frame.code == ErrorCode.TLS_REQUIRED:
            sentence = Sentence(
                "{refusal} Leave out --plaintext; for this machine itself give --tls.",
                refusal=frame.message,
            )
        raise LoginRefused(frame.code, sentence)
