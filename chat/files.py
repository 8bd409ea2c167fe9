"""Files on their way in and out: chunks go to the database as they come (S003-7, S003-20).

Nobody ever holds one whole. What a connection brought stays when it breaks, so that the next
one goes on from there (S003-12); what nobody goes on with, and what no message brings any
more, is deleted in slices.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TypeVarTuple

import structlog
import trio

from chat.intake import PIECE, Intake
from chat.patience import Patience
from protocol.errors import ErrorCode, ProtocolError
from protocol.language import bytes_of, size_of
from storage.errors import StorageUnavailable
from storage.file_store import FileStore
from storage.interface import BodyStore
from storage.records import NewFile, StoredFile

log = structlog.get_logger()

Args = TypeVarTuple("Args")

MAX_OPEN_FILES = 8
"""Files that one connection may be sending at once."""

READ = 64 * 1024
"""Bytes of a file that are read, and wait for a slow client, at once."""

KEPT = 24 * 3600
"""Seconds after which a file that is no message, and that nobody goes on sending, is deleted."""

MOST_UNSENT = 32
"""Files of one user that are not complete; one that is becomes a message, or is deleted."""

CLEAN_EVERY = 3600.0  # seconds

VERIFIERS = 2
"""Files being read again, to compare their hashes, at once."""


@dataclass(frozen=True, slots=True)
class FileRules:
    """What the settings say about files."""

    max_bytes: int = 5 * 1024 * 1024
    """The biggest file taken (S004-27); 0 for any."""


class Incoming:
    """A file on its way in over one connection."""

    def __init__(
        self, file: StoredFile, *, ref: int | None, conversation: int, to: str | None
    ) -> None:
        """Go on with a file; ``ref`` is the offer's, and it is for a conversation or a user."""
        self.file = file
        self.ref = ref
        self.conversation = conversation
        self.to = to
        self.offset = file.received
        """How much of it is stored."""
        self.digest = None if file.received else hashlib.sha256()
        """Of all that is stored; None: another connection brought some of it."""
        self.ended = False
        """True: nothing more of it is taken from this connection."""

    @property
    def is_whole(self) -> bool:
        """True: all of it is stored."""
        return self.offset == self.file.size


class Files:
    """Takes files in, reads them, and deletes them; :meth:`run` has to run."""

    def __init__(
        self,
        store: FileStore,
        bodies: BodyStore,
        intake: Intake,
        patience: Patience,
        rules: FileRules,
    ) -> None:
        self._store = store
        self._bodies = bodies
        self._intake = intake
        self._patience = patience
        self._rules = rules
        self._open: dict[int, Incoming] = {}  # by file id, on whatever connection
        self._verifying = trio.CapacityLimiter(VERIFIERS)
        self._put, self._take = trio.open_memory_channel[Callable[[], Awaitable[object]]](inf)

    # ---- in

    def check_size(self, size: int) -> None:
        """Refuse a file that is too big (S004-27)."""
        limit = self._rules.max_bytes
        if limit and size > limit:
            shown, most = size_of(size), size_of(limit)
            if str(shown) == str(most):
                shown, most = bytes_of(size), bytes_of(limit)
            raise ProtocolError(
                ErrorCode.TOO_BIG,
                "The file is too big: it has {size}, and this server takes up to {limit}.",
                size=shown,
                limit=most,
            )

    async def begin(
        self, new: NewFile, *, ref: int | None, conversation: int, to: str | None
    ) -> Incoming:
        """Take a file, or go on with it, on this connection and no longer on another one.

        Raises :class:`ProtocolError` where the user has too many that were not sent.
        """

        async def open_it() -> Incoming:
            file = await self._patience.ask(partial(self._store.begin, new, most=MOST_UNSENT))
            if file is None:
                raise ProtocolError(
                    ErrorCode.LIMIT_REACHED, "Finish or withdraw one of your files first."
                )
            if (file.size, file.sha256) != (new.size, new.sha256):
                raise ProtocolError(
                    ErrorCode.BAD_STREAM,
                    "This uuid is another file's; take a new one for each file.",
                )
            before = self._open.get(file.id)
            if before is not None:
                before.ended = True
            opened = Incoming(file, ref=ref, conversation=conversation, to=to)
            self._open[file.id] = opened
            return opened

        # Behind the pieces that wait: what is stored when it is opened is where it goes on.
        return await self._intake.write(open_it)

    async def append(self, incoming: Incoming, data: bytes) -> None:
        """Store a chunk. After an error nothing more is taken; an offer goes on with it."""
        incoming.ended = True  # until all of it is stored
        file = incoming.file
        if incoming.offset + len(data) > file.size:
            await self._discard(file.id)
            raise ProtocolError(
                ErrorCode.BAD_STREAM, "More came than the size of the file; nothing was kept."
            )
        for begin in range(0, len(data), PIECE):
            await self._append_piece(incoming, data[begin : begin + PIECE])
        incoming.ended = not self._is_open(incoming)

    async def _append_piece(self, incoming: Incoming, piece: bytes) -> None:
        file, end = incoming.file, incoming.offset + len(piece)

        async def store() -> int | None:
            if not self._is_open(incoming):  # since it has waited for its turn
                return None
            return await self._store.append(file.id, incoming.offset, piece)

        try:
            stored = await self._intake.write(store)
        except KeyError:
            raise _given_up() from None
        if stored != end:
            raise ProtocolError(
                ErrorCode.BAD_STREAM,
                "Another connection has gone on with this file; offer it anew.",
            )
        if incoming.digest is not None:
            incoming.digest.update(piece)
        incoming.offset = end

    def _is_open(self, incoming: Incoming) -> bool:
        """Tell whether it is this connection that brings a file."""
        return self._open.get(incoming.file.id) is incoming

    async def settle(self, incoming: Incoming) -> None:
        """Compare the hash of a file that is whole; raises :class:`ProtocolError` if it is wrong.

        Then nothing of it is kept: nobody could say which part of it is not right.
        """
        file = incoming.file
        if file.complete:
            return
        if await self._digest(incoming) != file.sha256:
            await self._discard(file.id)
            log.warning("file.damaged", file=file.id, size=file.size)
            raise ProtocolError(
                ErrorCode.BAD_STREAM,
                "What arrived is not the file that was offered: its SHA-256 is another one. "
                "Nothing was kept; send it again.",
            )
        if not await self._patience.ask(self._store.complete, file.id, _now()):
            raise _given_up()

    async def _digest(self, incoming: Incoming) -> bytes:
        if incoming.digest is not None:
            return incoming.digest.digest()
        digest = hashlib.sha256()
        async with self._verifying:
            async for data in self.read(incoming.file, 0, incoming.file.size):
                digest.update(data)
        return digest.digest()

    def let_go(self, incoming: Incoming) -> None:
        """Note that a connection has done with a file; what is stored of it is kept for a day."""
        incoming.ended = True
        if self._is_open(incoming):
            del self._open[incoming.file.id]

    async def drop(self, incoming: Incoming) -> None:
        """Delete a file that was refused when all of it was there."""
        if self._is_open(incoming):
            await self._discard_quietly(incoming.file.id)

    async def withdraw(self, owner_id: int, uuid: bytes) -> bool:
        """Delete what is there of a file; False where it has been sent already."""
        file = await self._patience.ask(self._store.find, owner_id, uuid)
        if file is None:
            return True
        incoming = self._open.get(file.id)
        if incoming is not None:
            self.let_go(incoming)
        return await self._discard(file.id, unfinished=True)

    # ---- out

    async def get(self, file_id: int) -> StoredFile | None:
        """Return one file, or None where there is none."""
        return await self._patience.ask(self._store.get, file_id)

    async def read(self, file: StoredFile, begin: int, end: int) -> AsyncIterator[bytes]:
        """Yield a part of a file."""
        if file.body_id is None:
            return
        while begin < end:
            read = self._bodies.read
            data = await self._patience.ask(read, file.body_id, begin, min(READ, end - begin))
            if not data:  # it has been deleted
                return
            yield data
            begin += len(data)

    # ---- what goes on beside the requests

    def beside(self, f: Callable[[*Args], Awaitable[object]], *args: *Args) -> None:
        """Do something that may take long, and that nobody waits for."""

        async def work() -> None:
            try:
                await f(*args)
            except Exception:  # nothing else must end with it
                log.exception("file.work_failed")

        self._put.send_nowait(work)

    def release(self, file_id: int | None) -> None:
        """Delete a file, soon, where no message brings it any more: one has gone."""
        if file_id is not None:
            self.beside(self._discard_quietly, file_id)

    async def run(self) -> None:
        """Work for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._clean_regularly)
            async for work in self._take:
                nursery.start_soon(work)

    async def _clean_regularly(self) -> None:
        while True:
            try:
                await self.clean(_now())
            except StorageUnavailable as error:
                log.warning("files.not_cleaned", reason=str(error))
            except Exception:
                log.exception("files.clean_failed")
            await trio.sleep(CLEAN_EVERY)

    async def clean(self, now: int) -> int:
        """Delete the files that no message brings and nobody has gone on with for a day.

        Return how many there were.
        """
        count = 0
        before = now - KEPT * 1_000_000
        while True:
            found = await self._patience.ask(self._store.abandoned, before)
            gone = [one for one in found if one not in self._open and await self._discard(one)]
            if not gone:
                return count
            count += len(gone)
            log.info("files.deleted", count=len(gone))

    async def _discard_quietly(self, file_id: int) -> None:
        try:
            await self._discard(file_id)
        except StorageUnavailable as error:  # it is found when the abandoned are looked for
            log.warning("file.not_deleted", file=file_id, reason=str(error))

    async def _discard(self, file_id: int, *, unfinished: bool = False) -> bool:
        """Delete a file that no message brings; False where it stays.

        In turn, so that its body is given up once: the next one may get the same number.
        """

        async def delete() -> bool:
            file = await self._patience.ask(self._store.get, file_id)
            if file is None:
                return True
            ask = partial(self._store.delete_unreferenced, file_id, unfinished=unfinished)
            if not await self._patience.ask(ask):
                return False
            self._intake.give_up(file.body_id)
            return True

        return await self._intake.write(delete)


def _given_up() -> ProtocolError:
    return ProtocolError(ErrorCode.BAD_STREAM, "This file has been given up meanwhile.")


def _now() -> int:
    return time.time_ns() // 1000
