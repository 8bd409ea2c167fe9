"""The messages that wait to be sent or to be acknowledged, in the order of writing.

Where they are kept (:mod:`cli.kept`), a message is on the disk before it is sent, and those that
an earlier run of the program has left come before all others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import trio

from cli.changes import Changes
from cli.errors import ClientClosed, ClientError, TextFailed, Withdrawn
from cli.kept import KeptMessages
from cli.kept_file import Pending, Written
from protocol.events import Sent
from protocol.ids import new_uuid
from protocol.limits import MAX_TEXT
from protocol.requests import GENERAL, Send

TextSource = Callable[[], AsyncGenerator[bytes, None]]
"""A text too long to hold: each call begins to yield its UTF-8 from the start, in pieces of
any size but none empty. It is called again when the text has to be sent again."""

MAX_MESSAGES = 512
"""Messages that may wait for their acknowledgement."""
MAX_BYTES = 8 * 1024 * 1024
"""Bytes of text that may wait for it; one single text may have more."""


class Stage(StrEnum):
    """How far a message is."""

    WAITING = "waiting"
    """No connection has carried it: it can be withdrawn."""
    ON_ITS_WAY = "on its way"
    """A connection has carried it whole, the present one or one before, so it may be stored."""
    STORED = "stored"
    """Acknowledged: the receipt tells its number."""
    REFUSED = "refused"
    """The server will not have it, or its text could not be read; ``failure`` tells why."""
    WITHDRAWN = "withdrawn"
    """Taken back before anybody had it."""
    LEFT = "left"
    """The client was closed before it was acknowledged. What is ``kept`` goes out next time."""


@dataclass(eq=False, slots=True)
class Outgoing:
    """A message on its way; the order of ``ref`` is the order of writing."""

    ref: int
    text: str | TextSource
    conversation: int = GENERAL
    to: str | None = None
    addressed: bool = False
    reply_to: int | None = None
    """The message that this one comments on."""
    uuid: UUID = field(default_factory=new_uuid)
    size: int = 0
    """Bytes of ``text``, 0 where it is a source."""
    read_head: bytes = b""
    """The beginning of a source, once a connection has carried all of it."""
    read_size: int = 0
    """Its bytes, likewise."""
    unreadable: TextFailed | None = None
    """Why a source could not be read to its end for the connection there is now."""
    asked: bool = False
    """True: this connection carried it whole, so the server may have stored it."""
    sent_at: float = 0.0
    interrupted: bool = False
    """True: a connection carried it whole and broke before the answer; it may be stored."""
    written_at: int = 0
    """Microseconds since 1970 by this machine's clock; 0 where it is not kept."""
    kept: bool = False
    """True: it is on the disk, and survives the end of this program."""
    restored: bool = False
    """True: an earlier run of the program has left it."""
    _receipt: Sent | None = None
    _failure: ClientError | None = None
    _done: trio.Event = field(default_factory=trio.Event)

    def __post_init__(self) -> None:
        """Measure the text; raises UnicodeEncodeError where it holds lone surrogates."""
        if isinstance(self.text, str):
            self.size = len(self.text.encode())

    @property
    def long_text(self) -> TextSource | None:
        """The text as a source where it does not fit into one frame, else None."""
        if not isinstance(self.text, str):
            return self.text
        return None if self.size <= MAX_TEXT else self._pieces

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        assert isinstance(self.text, str)  # noqa: S101 - for the type checker
        for start in range(0, len(self.text), MAX_TEXT):
            yield self.text[start : start + MAX_TEXT].encode()

    def frame(self, stream: int | None = None) -> Send:
        """Return the request; with ``stream`` the text has gone ahead on that stream."""
        return Send(
            ref=self.ref,
            text=self.text if isinstance(self.text, str) and stream is None else None,
            stream=stream,
            uuid=self.uuid,
            conversation=self.conversation,
            to=self.to,
            addressed=self.addressed,
            reply_to=self.reply_to,
        )

    def reads(self, text: str, *, head: bool) -> bool:
        """Tell whether the server would have stored this as ``text``, or a text of that head."""
        if not isinstance(self.text, str):
            return head and bool(text) and self.known_head.startswith(text)
        # What was addressed is stored without the name it begins with.
        forms = [self.text, self.text.strip().partition(" ")[2].strip()][: 1 + self.addressed]
        return any(form.startswith(text) if head else form == text for form in forms)

    @property
    def known_head(self) -> str:
        """As much of the beginning of a source as is known, whole characters only."""
        return self.read_head.decode(errors="ignore")

    @property
    def done(self) -> bool:
        """True: acknowledged, refused or given up."""
        return self._done.is_set()

    def acknowledge(self, receipt: Sent) -> None:
        """Note that the server has stored it."""
        self._receipt = receipt
        self._done.set()

    def fail(self, failure: ClientError) -> None:
        """Note that it will not be stored, or that nobody will ever know."""
        self._failure = failure
        self._done.set()

    @property
    def failure(self) -> ClientError | None:
        """Why it was refused or given up; None where it was not."""
        return self._failure

    @property
    def stage(self) -> Stage:
        """How far it is now."""
        match self._failure:
            case None if self._receipt is not None:
                return Stage.STORED
            case None:
                return Stage.ON_ITS_WAY if self.asked or self.interrupted else Stage.WAITING
            case Withdrawn():
                return Stage.WITHDRAWN
            case ClientClosed():
                return Stage.LEFT
            case _:
                return Stage.REFUSED

    async def wait(self) -> None:
        """Wait until it is :attr:`done`."""
        await self._done.wait()

    async def receipt(self) -> Sent:
        """Wait until the server has stored the message and return its acknowledgement.

        Raises :class:`cli.errors.Refused` where the server will not have it, and
        :class:`cli.errors.ClientClosed` where the client was closed before it was acknowledged.
        """
        await self.wait()
        if self._receipt is None:
            assert self._failure is not None  # noqa: S101 - for the type checker
            raise self._failure
        return self._receipt


class Outbox:
    """All messages without an acknowledgement: some sent on this connection, some not yet."""

    def __init__(self) -> None:
        self._all: dict[int, Outgoing] = {}  # by ref, so in the order of writing
        self._unsent: dict[int, Outgoing] = {}  # the same, those this connection has not carried
        self._bytes = 0
        self._kept: KeptMessages | None = None
        self._end: ClientError | None = None
        self.changes = Changes()
        """Rings at each change of any message here."""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Outgoing]:
        """Go through the messages as they are now, in the order of writing."""
        return iter(tuple(self._all.values()))

    async def keep_in(self, kept: KeptMessages, next_ref: Callable[[], int]) -> int:
        """Keep messages from now on, and take over what earlier runs have left.

        Returns how many records of those were damaged. Raises OSError where nothing can be kept.
        """
        pending, damaged = await trio.to_thread.run_sync(kept.open)
        self._kept = kept
        for one in pending:
            self.add(_restored(one, next_ref()))
        return damaged

    async def keep(self, outgoing: Outgoing) -> None:
        """Put a message on the disk that is about to be added; raises OSError.

        A text that is a source is not kept: it stands in a file that ends with the program.
        """
        if self._kept is None or not isinstance(outgoing.text, str):
            return
        outgoing.written_at = self._kept.now()
        await trio.to_thread.run_sync(self._kept.add, _written(outgoing, outgoing.text))
        outgoing.kept = True

    @property
    def has_room(self) -> bool:
        """True: one more message may be added."""
        return len(self._all) < MAX_MESSAGES and self._bytes < MAX_BYTES

    def add(self, outgoing: Outgoing) -> None:
        """Put a message behind all others; where all is closed, it gets no further."""
        if self._end is not None:
            outgoing.fail(self._end)
            return
        self._all[outgoing.ref] = self._unsent[outgoing.ref] = outgoing
        self._bytes += outgoing.size
        self.changes.ring()

    async def next_unsent(self) -> Outgoing:
        """Return the first message that this connection has not carried; waits for one."""
        await self.changes.wait_until(lambda: bool(self._unsent))
        outgoing = next(iter(self._unsent.values()))
        del self._unsent[outgoing.ref]
        self.changes.ring()
        return outgoing

    def note_asked(self, outgoing: Outgoing) -> None:
        """Note that this connection is about to carry the last of a message."""
        outgoing.asked = outgoing.unreadable is None
        if self._kept is not None and outgoing.asked:
            self._kept.note_tried(outgoing.uuid)
        self.changes.ring()

    @property
    def is_sent(self) -> bool:
        """True: this connection carries, or has carried, all there is."""
        return not self._unsent

    def rewind(self) -> None:
        """Begin anew on another connection: everything unacknowledged is sent again."""
        for outgoing in self._all.values():
            outgoing.interrupted = outgoing.interrupted or outgoing.asked
            outgoing.asked = False
        self._unsent = dict(self._all)
        self.changes.ring()

    def send_again(self, outgoing: Outgoing) -> None:
        """Send one message again on this connection, before those that come after it."""
        outgoing.asked = False
        self._unsent[outgoing.ref] = outgoing
        self._unsent = dict(sorted(self._unsent.items()))
        self.changes.ring()

    def find(self, ref: int | None) -> Outgoing | None:
        """Return the unacknowledged message with this number."""
        return None if ref is None else self._all.get(ref)

    def remove(self, outgoing: Outgoing) -> None:
        """Forget a message: it is acknowledged or refused."""
        if self._all.pop(outgoing.ref, None) is not None:
            self._bytes -= outgoing.size
            if self._kept is not None:
                self._kept.note_done(outgoing.uuid)
        self._unsent.pop(outgoing.ref, None)
        self.changes.ring()

    def withdraw(self, outgoing: Outgoing) -> bool:
        """Forget a message that nobody wants sent any more; False: it may be stored already."""
        if outgoing.ref not in self._unsent or outgoing.interrupted:
            return False
        self.remove(outgoing)
        outgoing.fail(Withdrawn("It was withdrawn."))
        return True

    def may_have_sent(self, text: str, *, head: bool) -> bool:
        """Tell whether a message with this text, or ``head`` of a text, may be one of these.

        On one connection one's own messages come as acknowledgements only. A message of one's
        own name is therefore another device's, unless a connection broke before the answer.
        """
        return any(
            outgoing.interrupted and outgoing.reads(text, head=head)
            for outgoing in self._all.values()
        )

    def close(self, failure: ClientError) -> None:
        """Let everybody who waits for an acknowledgement have ``failure``.

        What is kept stays so, for the next run.
        """
        self._end = failure
        for outgoing in self._all.values():
            outgoing.fail(failure)
        self._all, self._unsent, self._bytes = {}, {}, 0
        if self._kept is not None:
            self._kept.close()
        self.changes.ring()


def _written(outgoing: Outgoing, text: str) -> Written:
    """Return a message as it is kept."""
    return Written(
        uuid=outgoing.uuid,
        text=text,
        at=outgoing.written_at,
        conversation=outgoing.conversation,
        to=outgoing.to,
        addressed=outgoing.addressed,
        reply_to=outgoing.reply_to,
    )


def _restored(pending: Pending, ref: int) -> Outgoing:
    """Return a message that was kept."""
    written = pending.written
    return Outgoing(
        ref=ref,
        text=written.text,
        conversation=written.conversation,
        to=written.to,
        addressed=written.addressed,
        reply_to=written.reply_to,
        uuid=written.uuid,
        interrupted=pending.tried,
        written_at=written.at,
        kept=True,
        restored=True,
    )
