"""One connection at work: what it brings goes to the core, what waits there goes out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import trio

from cli.connection import Connection
from cli.core import Core
from cli.errors import ConnectionLost, Refused, TextFailed
from cli.notices import News, Remark, ServerError, ServerStops, StorageChanged
from cli.outbox import Outgoing, TextSource
from cli.timeline import Verdict
from protocol.errors import ErrorCode
from protocol.events import (
    Conversation,
    ConversationLeft,
    Error,
    Event,
    Goodbye,
    HistoryPage,
    Message,
    Notice,
    Opened,
    Part,
    PingEvent,
    Reply,
    Sent,
    Shutdown,
    StorageState,
)
from protocol.framing import Incoming
from protocol.language import Sentence
from protocol.limits import MAX_CHUNK, MAX_PAGE, TEXT_HEAD
from protocol.requests import Chunk, Delivered, History, Pong
from protocol.vocabulary.reading import Marked, MarkRead, Synced

DELIVERED_EVERY = 2.0
"""Seconds between two reports of what has been shown."""
RETRY = 1.0
"""Seconds after which something is tried again that the database was not there for."""
HEAD = TEXT_HEAD // 4
"""Characters of one's own long text that stand for it in the stream."""
SPOILT = b"\xff"
"""What is not UTF-8 wherever it stands."""


class Session:
    """Runs one connection until it is lost."""

    def __init__(self, connection: Connection, core: Core) -> None:
        """Take a connection that has just logged in."""
        self._connection = connection
        self._core = core
        self._leaving = False
        self._storage_pause = False
        self._page_asked: History | None = None
        self._page_refused = False
        self._stopping = False  # a shutdown event came

    async def run(self) -> Sentence:
        """Work until the connection is lost; return why."""
        self._core.outbox.rewind()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._connection.run_writer)
                nursery.start_soon(self._send_waiting)
                nursery.start_soon(self._page_in)
                nursery.start_soon(self._tell_delivered)
                reason = await self._read()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):  # it only closes, and does not wait
                await self._connection.close()
        return reason

    async def leave(self) -> None:
        """Report what was shown, say goodbye and wait for the server's."""
        self._leaving = True
        self._core.changes.ring()
        await self._report_delivered()
        await self._connection.leave(self._core.next_ref())

    async def _read(self) -> Sentence:
        try:
            while True:
                for incoming in await self._connection.receive():
                    await self._handle(incoming)
        except ConnectionLost as lost:
            return Sentence("The server has stopped.") if self._stopping else lost

    async def _handle(self, incoming: Incoming[Event]) -> None:  # noqa: C901, PLR0912
        match frame := incoming.frame:  # one case a kind
            case Message():
                await self._on_message(frame)
            case Sent():
                self._on_sent(frame)
            case Part():
                await self._on_part(frame, incoming.payload)
            case PingEvent():
                await self._connection.write(Pong())
            case Conversation():
                self._core.timeline.add(frame.conversation)
                self._core.notify(News(frame))
            case ConversationLeft():
                self._core.timeline.remove(frame.conversation)
                if not self._connection.answer(frame):
                    self._core.notify(News(frame))
            case Opened():
                self._on_opened(frame)
            case Marked():
                self._on_marked(frame)
            case Synced():
                self._core.timeline.sync(frame.conversations)
                self._core.notify(News(frame))
            case Shutdown():
                self._stopping = True
                self._core.notify(ServerStops(frame.reason))
            case Notice() if not self._connection.answer(frame):
                self._core.notify(Remark(frame.message))
            case StorageState():
                self._on_storage(frame)
            case Error():
                self._on_error(frame)
            case Goodbye():
                self._connection.answer(frame)
                raise ConnectionLost("{reason}", reason=frame.reason)
            case HistoryPage() if self._on_page(frame):
                pass
            case Reply():
                self._connection.answer(frame)
            case _:
                self._core.notify(News(frame))

    async def _on_message(self, frame: Message) -> None:
        core = self._core
        verdict = core.judge(frame)
        if verdict is Verdict.NEXT:
            # The parts of a text that is fetched come behind it, and who fetches may not read.
            await self._hold_up_until(
                lambda: core.inbox.has_room or self._connection.is_downloading
            )
            if core.inbox.has_room:
                core.take(frame)
            else:
                verdict = Verdict.BEHIND_A_HOLE  # it is left on the server until there is room
        if verdict is Verdict.BEHIND_A_HOLE:
            core.leave_out(frame.conversation, frame.seq)

    async def _hold_up_until(self, has_room: Callable[[], bool]) -> None:
        """Stop reading while there is no room, unless somebody waits for a reply.

        A program that sends and never reads must get its acknowledgements all the same.
        """
        await self._core.changes.wait_until(
            lambda: (
                has_room()
                or self._leaving
                or self._page_asked is not None
                or bool(self._core.outbox)
                or self._connection.reply_wanted
            )
        )

    def _on_sent(self, frame: Sent) -> None:
        outgoing = self._core.outbox.find(frame.ref)
        if outgoing is None:
            self._on_sent_otherwise(frame)
            return
        self._core.outbox.remove(outgoing)
        self._core.round_trip = trio.current_time() - outgoing.sent_at
        text, size = _as_shown(outgoing, self._is_direct(frame.conversation))
        self._core.take_receipt(frame, text, size)
        outgoing.acknowledge(frame)

    def _on_sent_otherwise(self, frame: Sent) -> None:
        """Take what stands in the place of a file, or of what is no message of one's own."""
        upload = self._connection.upload(frame.ref)
        if upload is None or upload.file is None:
            self._core.take_place(frame)
        else:
            self._core.take_receipt(frame, upload.file.name, None, file=upload.file)
        self._connection.answer(frame)

    def _is_direct(self, conversation: int) -> bool:
        info = self._core.timeline.conversations.get(conversation)
        return info is not None and info.kind == "direct"

    async def _on_part(self, frame: Part, payload: bytes) -> None:
        download = self._connection.download(frame)
        if download is None:
            return
        await self._hold_up_until(lambda: download.has_room)
        if download.has_room:
            download.put(payload, last=frame.last)
        else:
            download.cut_off()  # the rest is asked for again when this much has been taken
            self._connection.close_download(download)

    def _on_opened(self, frame: Opened) -> None:
        info = frame.conversation
        self._core.timeline.add(info)
        last = info.last_seq
        self._core.timeline.mark(info.id, delivered=last, read=last, last_seq=last, unread=0)
        self._connection.answer(frame)

    def _on_marked(self, frame: Marked) -> None:
        self._core.timeline.mark(
            frame.conversation, delivered=frame.delivered, read=frame.read,
            last_seq=frame.last_seq, unread=frame.unread,
        )  # fmt: skip
        self._core.notify(News(frame))

    def _on_storage(self, frame: StorageState) -> None:
        self._core.storage_available = frame.available
        self._core.notify(StorageChanged(frame.available))
        self._core.outbox.changes.ring()

    def _on_error(self, frame: Error) -> None:
        outgoing = self._core.outbox.find(frame.ref)
        download = self._connection.download(frame)
        if self._on_page(frame):
            return
        if outgoing is not None:
            self._on_send_error(outgoing, frame)
        elif download is not None:
            self._connection.close_download(download)
            download.fail(Refused(frame.code, frame.message))
        elif not self._connection.answer(frame):
            self._core.notify(ServerError(frame.code, frame.message))

    def _on_send_error(self, outgoing: Outgoing, frame: Error) -> None:
        if frame.code == ErrorCode.STORAGE_UNAVAILABLE:
            self._storage_pause = True
            self._core.outbox.send_again(outgoing)
        elif frame.code != ErrorCode.SHUTTING_DOWN:  # then it goes out on the next connection
            self._core.outbox.remove(outgoing)
            outgoing.fail(_failure(outgoing) or Refused(frame.code, frame.message))

    async def _send_waiting(self) -> None:
        """Send what waits, in the order of writing."""
        while True:
            outgoing = await self._core.outbox.next_unsent()
            if self._storage_pause:
                await self._await_storage()
            outgoing.sent_at = trio.current_time()
            source = outgoing.long_text
            if source is not None:
                await self._send_text(outgoing, source)
            self._core.outbox.note_asked(outgoing)
            stream = None if source is None else outgoing.ref
            await self._connection.write(outgoing.frame(stream=stream))

    async def _send_text(self, outgoing: Outgoing, source: TextSource) -> None:
        """Send a text in chunks. One that cannot be read is spoilt, so that it is refused.

        Without that the server would go on holding a place for the rest.
        """
        outgoing.unreadable = None
        try:
            await self._send_chunks(outgoing, source)
        except Exception as error:  # a source is the program's own: anything may go wrong
            outgoing.unreadable = _why_unreadable(error)
            await self._connection.write(Chunk(stream=outgoing.ref, size=len(SPOILT)), SPOILT)

    async def _send_chunks(self, outgoing: Outgoing, source: TextSource) -> None:
        head, size = b"", 0
        async with aclosing(source()) as pieces:
            async for piece in pieces:
                head += piece[: TEXT_HEAD - len(head)]
                size += len(piece)
                for start in range(0, len(piece), MAX_CHUNK):
                    part = piece[start : start + MAX_CHUNK]
                    await self._connection.write(Chunk(stream=outgoing.ref, size=len(part)), part)
        outgoing.read_head, outgoing.read_size = head, size

    async def _await_storage(self) -> None:
        """Wait until the database is said to be back, or for a while."""
        core = self._core
        with trio.move_on_after(RETRY):
            if core.storage_available:
                await trio.sleep(RETRY)  # nobody has said that it is away
            await core.outbox.changes.wait_until(lambda: core.storage_available)
        self._storage_pause = False

    async def _page_in(self) -> None:
        """Ask for pages of history where there are holes, one at a time, as there is room."""
        core = self._core
        while True:
            await core.changes.wait_until(
                lambda: (
                    self._page_asked is None
                    and core.timeline.next_hole() is not None
                    and core.inbox.is_half_empty
                )
            )
            if self._page_refused:
                self._page_refused = False
                await trio.sleep(RETRY)
            conversation = core.timeline.next_hole()
            if conversation is not None:
                request = History(
                    ref=core.next_ref(),
                    conversation=conversation,
                    after=core.timeline.last(conversation),
                    limit=MAX_PAGE,
                )
                self._page_asked = request
                await self._connection.write(request)

    def _on_page(self, page: HistoryPage | Error) -> bool:
        """Take the page that was asked for; False: it is another one, or another error."""
        asked = self._page_asked
        if asked is None or page.ref != asked.ref:
            return False
        self._page_asked = None
        self._core.changes.ring()
        timeline, conversation = self._core.timeline, asked.conversation
        if not timeline.follows(conversation):
            return True  # the user has left it meanwhile
        if isinstance(page, Error):
            self._on_page_refused(conversation, page)
            return True
        for message in page.messages:
            if message.seq > timeline.last(conversation):
                self._core.take(message)
        if not page.more:
            timeline.close_hole(conversation, grown=timeline.last(conversation) != asked.after)
        return True

    def _on_page_refused(self, conversation: int, error: Error) -> None:
        self._page_refused = True
        if error.code != ErrorCode.STORAGE_UNAVAILABLE:
            self._core.notify(ServerError(error.code, error.message))
            self._core.timeline.close_hole(conversation, grown=False)

    async def _tell_delivered(self) -> None:
        """Tell the server now and then what has been shown and read (S002-7, S000-14)."""
        timeline = self._core.timeline
        while True:
            await self._core.marked.wait_until(timeline.has_untold)
            await self._report_delivered()
            await trio.sleep(DELIVERED_EVERY)

    async def _report_delivered(self) -> None:
        shown, read = self._core.timeline.untold()
        for conversation, seq in shown:
            await self._connection.write(Delivered(conversation=conversation, seq=seq))
        for conversation, seq in read:
            await self._connection.write(MarkRead(conversation=conversation, seq=seq))


def _as_shown(outgoing: Outgoing, direct: bool) -> tuple[str, int | None]:
    """Return one's own message as the others get it: its text or head, and its size if long."""
    if not isinstance(outgoing.text, str):
        return outgoing.known_head, outgoing.read_size
    text = outgoing.text
    if outgoing.addressed and direct:
        text = text.partition(" ")[2].strip()
    return (text, None) if outgoing.long_text is None else (text[:HEAD], outgoing.size)


def _why_unreadable(error: Exception) -> TextFailed:
    if isinstance(error, TextFailed):
        return error
    reason = str(error) or type(error).__name__
    failed = TextFailed("The text cannot be read: {reason}.", reason=reason)
    failed.__cause__ = error
    return failed


def _failure(outgoing: Outgoing) -> TextFailed | None:
    """Return why a message was spoilt on this side, and what is not known about it then."""
    if outgoing.unreadable is not None and outgoing.interrupted:
        return TextFailed(
            "{reason} Whether it had been stored before the connection was lost is not known.",
            reason=outgoing.unreadable,
        )
    return outgoing.unreadable
