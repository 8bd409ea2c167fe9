"""The one writer: every message passes here, is numbered and committed, then shown.

All that waits is taken in one transaction (group commit), so a thousand senders
cost hardly more commits than one. What is committed is published in number order
by the same task, which is why every client sees one order (S001-17), and nothing
is shown or acknowledged that could still be lost. The next commit begins when the
last one's messages are on their way: what arrives meanwhile becomes one batch (ADR 7).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio
from msgspec import Struct

from chat.limits import Allowance
from chat.patience import SILENCE, Patience
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, StorageState
from storage.errors import StorageUnavailable
from storage.interface import Storage
from storage.records import NewMessage, Saved

log = structlog.get_logger()

MAX_BATCH = 500
"""The most messages in one transaction: more gain nothing and delay the first."""

TICKS_TO_READ = 2
"""Turns of the loop between two commits: one to see who has written, one to read them.

Without them half of what arrived during a delivery misses the commit behind it, and the
next delivery costs a thousand followers as many system calls for half the messages.
"""

LINGER = 1 / 8
"""Of the time that a batch took, how much its successor waits for company while it is small.

After a delivery to a thousand over TLS, the answers to its last ones are often still on their
way. Without a pause one commit in ten was of one to ten messages, and its delivery takes a third
of the time that one of a hundred takes. (What Kafka calls ``linger.ms``, measured by itself.)
"""

MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait for the database before senders are refused, in bytes of text."""

FIRST_RETRY, LAST_RETRY = 0.1, 1.0  # seconds between attempts while the database is away
REPORT_EVERY = 60.0  # seconds
_OVERHEAD = 200  # bytes a short message costs beside its text


class Entry(Struct, gc=False):
    """A message on its way, and who waits for the answer."""

    message: NewMessage
    author: Session
    ref: int | None = None
    on_stored: Callable[[], None] | None = None
    """Called when it is stored, before anybody is shown it."""
    allowance: Allowance | None = None
    """What it leaves to its author, where there is a limit."""


class Published(Struct, gc=False):
    """A message that is on the disk, and who waits for the answer."""

    saved: Saved
    author: Session
    ref: int | None
    allowance: Allowance | None = None


class Journal:
    """Numbers and stores messages, one transaction after the other."""

    def __init__(
        self,
        storage: Storage,
        publish: Callable[[Sequence[Published]], Awaitable[None]],
        announce: Callable[[Event], None],
        patience: Patience,
        give_up: Callable[[int | None], None],
    ) -> None:
        """Hand stored messages to ``publish``, and news about the database to ``announce``.

        ``give_up`` gets the long texts that have become no message.
        """
        self._storage = storage
        self._patience = patience
        self._publish = publish
        self._announce = announce
        self._give_up = give_up
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._wake = trio.Event()
        self._closing = False
        self._stored = 0  # since the start
        self._asked_at: float | None = None  # when the commit that is under way began
        self.available = True

    def append(self, entry: Entry) -> None:
        """Take a message; its author is answered when it is stored.

        Raises :class:`ProtocolError` where too much waits for a database that does not
        answer, or the server is on its way down.
        """
        if self._closing:
            raise ProtocolError(ErrorCode.SHUTTING_DOWN, "The server is stopping; try again later.")
        if self._waiting_bytes > MAX_WAITING_BYTES:
            raise ProtocolError(
                ErrorCode.STORAGE_UNAVAILABLE,
                "The database does not answer; the message was not stored. Try again later.",
            )
        self._waiting.append(entry)
        self._waiting_bytes += len(entry.message.body) + _OVERHEAD
        entry.author.in_flight += 1
        self._wake.set()

    def close(self) -> None:
        """Take nothing more; :meth:`run` returns when all that was taken is stored."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Write until closed."""
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake = trio.Event()
                await self._wake.wait()
                continue
            batch, begun = self._take(), trio.current_time()
            await self._commit(batch)
            for _ in range(TICKS_TO_READ):
                await trio.lowlevel.checkpoint()
            if 0 < len(self._waiting) < len(batch) / 2 and not self._closing:
                await trio.sleep((trio.current_time() - begun) * LINGER)

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            entry = self._waiting.popleft()
            size += len(entry.message.body) + _OVERHEAD
            batch.append(entry)
        self._waiting_bytes -= size
        return batch

    async def _commit(self, batch: list[Entry]) -> None:
        try:
            saved = await self._save([entry.message for entry in batch])
        except Exception:
            # One bad message must not take the others of its batch with it.
            if len(batch) > 1:
                for entry in batch:
                    await self._commit([entry])
                return
            log.exception("message.store_failed", sender=batch[0].message.sender_id)
            self._refuse(batch[0])
            return
        for one, entry in zip(saved, batch, strict=True):
            # Sent again with its text uploaded again: the first one stays.
            if one.duplicate and one.message.body_id != entry.message.body_id:
                self._give_up(entry.message.body_id)
            if entry.on_stored is not None:
                entry.on_stored()
        await self._publish(
            [
                Published(one, entry.author, entry.ref, entry.allowance)
                for one, entry in zip(saved, batch, strict=True)
            ]
        )
        self._stored += len(saved)
        log.debug("messages.stored", count=len(saved), last_id=saved[-1].message.id)

    async def report(self) -> None:
        """Log now and then how many messages have been stored, where there were any."""
        while True:
            before = self._stored
            await trio.sleep(REPORT_EVERY)
            if self._stored != before:
                log.info("messages.summary", count=self._stored - before, seconds=REPORT_EVERY)

    async def watch(self) -> None:
        """Tell everyone also of a database that says nothing, neither yes nor no."""
        while True:
            await trio.sleep(SILENCE / 4)
            if self._asked_at is not None and trio.current_time() - self._asked_at >= SILENCE:
                self._set_available(available=False, reason=f"no answer for {SILENCE:g} seconds")

    async def _save(self, messages: list[NewMessage]) -> list[Saved]:
        """Store a batch, however long the database is away; repeating is safe (uuid)."""
        delay = FIRST_RETRY
        while True:
            self._asked_at = trio.current_time()
            try:
                saved = await self._patience.insist(self._storage.SaveMsg, messages)
            except StorageUnavailable as error:
                self._set_available(available=False, reason=str(error))
                await trio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY)
            else:
                self._set_available(available=True)
                return saved
            finally:
                self._asked_at = None

    def _set_available(self, *, available: bool, reason: str = "") -> None:
        if available == self.available:
            return
        self.available = available
        if available:
            log.info("storage.available")
        else:
            log.error("storage.unavailable", reason=reason)
        self._announce(StorageState(available=available))

    def _refuse(self, entry: Entry) -> None:
        self._give_up(entry.message.body_id)
        entry.author.acknowledged()
        sentence = entry.author.voice.say(
            "The server could not store this message; the reason is in its log."
        )
        error = Error(ref=entry.ref, code=ErrorCode.INTERNAL, message=sentence)
        entry.author.peer.post(error)
