"""Getting from the server what is looked at: pages, long texts, who is here, what has expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import trio

from cli.changes import Changes
from cli.client import Client
from cli.errors import ClientClosed, ClientError, Refused
from cli.status import State
from cli.tui.board import Board
from cli.tui.log import Log
from protocol.language import Sentence, size_of
from protocol.requests import History
from protocol.vocabulary.identity import ListSessions, SessionList

PAGE = 100
"""Messages that are asked for at once."""
CONTEXT = 15
"""Read messages that are shown before the first unread one."""
LOOK_EVERY = 30.0
"""Seconds after which is looked again who is here, and what has expired."""
LOOK_PAUSE = 2.0
"""Seconds between two looks, however much happens."""
ANSWER_TIME = 10.0
"""Seconds that an answer to that may take."""
LARGEST_SHOWN = 1024 * 1024
"""Bytes of a text up to which it is unfolded; a longer one is saved with ``/text``."""


class Fetching:
    """Asks one thing after the other; what was asked for last is wanted most."""

    def __init__(self, client: Client, board: Board, changed: Callable[[], None]) -> None:
        """Put what comes on the board, and call ``changed``."""
        self._client = client
        self._board = board
        self._changed = changed
        self._wanted: dict[tuple[int, bool], None] = {}  # conversation, and whether older ones
        self._texts: list[tuple[int, int]] = []  # conversation and message
        self._jobs: list[Callable[[], Awaitable[None]]] = []
        self._news = Changes()
        self._look = Changes()
        self._looked = False

    async def run(self) -> None:
        """Fetch what is wanted; never ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_pages)
            nursery.start_soon(self._run_texts)
            nursery.start_soon(self._run_jobs, nursery)
            nursery.start_soon(self._look_now_and_then)

    # --- pages ------------------------------------------------------------------------------

    def begin(self, log: Log) -> None:
        """Get what a conversation that was turned to needs first: the unread, or the end."""
        place = self._board.roster.places.get(log.conversation)
        if log.divider is not None and place is not None and not self._has(log, log.divider + 1):
            self.jump(log.conversation, max(0, log.divider - CONTEXT))
        elif not log.has_begun or (len(log.entries) < PAGE // 2 and not log.at_start):
            self.want(log.conversation, older=True)
        self.look_around()

    @staticmethod
    def _has(log: Log, seq: int) -> bool:
        return bool(log.first) and log.first <= seq <= log.last + 1

    def want(self, conversation: int, *, older: bool) -> None:
        """Get the page before what there is of a conversation, or the one behind it."""
        if (conversation, older) not in self._wanted:
            self._wanted[conversation, older] = None
            self._news.ring()

    def jump(self, conversation: int, seq: int) -> None:
        """Begin a conversation's window anew, behind a sequence number."""
        log = self._board.log_of(conversation)
        log.begin_anew()
        log.last = seq
        self._wanted.pop((conversation, True), None)
        self._wanted.pop((conversation, False), None)
        self.want(conversation, older=False)

    async def _run_pages(self) -> None:
        while True:
            await self._news.wait_until(lambda: bool(self._wanted))
            conversation, older = next(reversed(self._wanted))
            try:
                await self._get_page(conversation, older=older)
            except Refused as refused:  # for example one is no longer in it
                self._board.log_of(conversation).at_start = True
                self._board.log_of(conversation).at_end = True
                if conversation == self._board.present:
                    self._board.note(f"! {refused.said(self._board.here.voice)}")
            except ClientClosed:
                return
            finally:
                self._wanted.pop((conversation, older), None)
            self._changed()

    async def _get_page(self, conversation: int, *, older: bool) -> None:
        log = self._board.log_of(conversation)
        first, last = log.first, log.last
        request = History(
            conversation=conversation,
            before=first if older and first else None,
            after=None if older else last,
            limit=PAGE,
        )
        page = await self._client.ask_history(request)
        if (log.first if older else log.last) != (first if older else last):
            return  # the window has moved meanwhile; the screen asks again where it needs more
        me = self._board.name
        if older:
            log.add_before(page.messages, more=page.more, me=me)
        else:
            log.add_after(page.messages, more=page.more, me=me)

    # --- long texts -------------------------------------------------------------------------

    def fetch_whole(self, conversation: int, message_id: int) -> None:
        """Get a long text, to be shown unfolded."""
        self._texts.append((conversation, message_id))
        self._news.ring()

    async def _run_texts(self) -> None:
        while True:
            await self._news.wait_until(lambda: bool(self._texts))
            conversation, message_id = self._texts.pop()
            try:
                await self._get_text(conversation, message_id)
            except ClientError as error:
                self._board.note(f"! {error.said(self._board.here.voice)}")
            self._changed()

    async def _get_text(self, conversation: int, message_id: int) -> None:
        entry = self._board.log_of(conversation).by_id(message_id)
        if entry is None or entry.message is None or entry.message.size is None:
            return
        if entry.message.size > LARGEST_SHOWN:
            said = Sentence(
                "That is too long to be shown here ({size}). /text {number} FILE saves it.",
                size=size_of(entry.message.size),
                number=message_id,
            )
            self._board.note(f"! {said.said(self._board.here.voice)}")
            return
        whole = bytearray()
        async with aclosing(self._client.fetch(message_id)) as parts:
            async for part in parts:
                whole += part
        entry.whole = whole.decode(errors="replace")
        entry.unfolded, entry.rows_for = True, None

    # --- jobs of the screen -----------------------------------------------------------------

    def do(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do something beside everything else; the screen calls this from outside of Trio."""
        self._jobs.append(job)
        self._news.ring()

    async def _run_jobs(self, nursery: trio.Nursery) -> None:
        while True:
            await self._news.wait_until(lambda: bool(self._jobs))
            nursery.start_soon(self._do, self._jobs.pop(0))

    async def _do(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except ClientError as error:
            self._board.note(f"! {error.said(self._board.here.voice)}")
        self._changed()

    # --- who is here, and what has expired --------------------------------------------------

    def look_around(self) -> None:
        """Look now who is here."""
        self._looked = False
        self._look.ring()

    async def _look_now_and_then(self) -> None:
        while True:
            self._looked = True
            if self._client.CheckStatus().state is State.ONLINE:
                with trio.move_on_after(ANSWER_TIME):
                    await self._look_once()
                self._changed()
            await trio.sleep(LOOK_PAUSE)
            with trio.move_on_after(LOOK_EVERY):
                await self._look.wait_until(lambda: not self._looked)

    async def _look_once(self) -> None:
        board = self._board
        try:
            report = await self._client.ask_status()
            board.people = report.users
            await self._look_for_devices()
            await self._look_for_expired(board.log)
        except ClientError:
            return  # a server that does not tell, or none any more

    async def _look_for_devices(self) -> None:
        if self._client.CheckStatus().guest:
            self._board.devices = 0
            return
        reply = await self._client.ask(ListSessions())
        if isinstance(reply, SessionList):
            self._board.devices = sum(session.here for session in reply.sessions)

    async def _look_for_expired(self, log: Log) -> None:
        """Take away what the server shows to the user no more (S002-15)."""
        if not log.first:
            return
        before = log.last
        request = History(conversation=log.conversation, after=log.first - 1, limit=1)
        page = await self._client.ask_history(request)
        log.expire(page.messages[0].seq if page.messages else before + 1)
