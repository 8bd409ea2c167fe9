"""Trio's side of the chat screen: one login, from the first connection to the goodbye."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

import trio

from cli.answers import Answers
from cli.client import Client
from cli.credentials import Credentials
from cli.errors import ClientClosed
from cli.kept import kept_messages
from cli.leaving import await_last, tell_rest
from cli.messages import ChatMessage
from cli.notices import Connected, Disconnected, LoginLost, News, Notice
from cli.options import Options
from cli.show import NoticeLines
from cli.signals import EXIT_FAILED
from cli.tui.board import Board
from cli.tui.face import Face, Refusal
from cli.tui.fetching import Fetching
from cli.tui.local_commands import COMMANDS, TITLE, local_command
from cli.tui.typed_lines import Typed, TypedLines
from cli.typist import Typist
from protocol.commands import Place
from protocol.events import Opened, Reply, Sent
from protocol.requests import Request, Send
from protocol.text import sanitise_line
from protocol.typed import without_secrets
from protocol.view import View, guest_line, marked_lines, unread_lines
from protocol.vocabulary.editing import Delete, Edit
from protocol.vocabulary.files import GetFile
from protocol.vocabulary.identity import Register
from protocol.vocabulary.reading import Marked

FEW = 100
"""Messages after which the screen gets its turn while many arrive at once."""


class Talk:
    """What happens between the screen and the server."""

    def __init__(self, options: Options, board: Board, face: Face) -> None:
        """Take the user's wishes, ``options.name`` given."""
        self._options = options
        self._board = board
        self._face = face
        self._notices = NoticeLines(board.here)
        self._lines = TypedLines()
        self._client: Client | None = None
        self._fetching: Fetching | None = None
        self._answers: Answers | None = None
        self._output = trio.Lock()
        self._refusal: Refusal | None = None
        self._closed = False
        self._registers = False
        self.has_begun = False
        """True: there is a client, so that there is somebody to say goodbye to."""
        self.tell_last: Callable[[str], None] = board.note
        """Tells what is to be known after the screen has closed."""

    async def run(
        self, credentials: Credentials, *, retry: bool, password: str | None = None
    ) -> int | Refusal:
        """Talk until the user leaves; return the exit code, or why the server would not.

        With ``retry`` a server that is away is waited for; without it CannotConnect and
        LoginRefused are raised. With a ``password`` the name is registered first: Refused is
        raised where the server does not take it.
        """
        options = self._options
        self._registers = password is not None
        async with (
            Client.New(
                options.host,
                options.port,
                self._board.name,
                history=options.history,
                language=self._board.here.voice.language,
                credentials=credentials,
                echo=True,
                retry=retry,
                on_notice=self._notice,
                security=options.security,
                kept=kept_messages(os.environ, options.host, options.port, self._board.name),
            ) as client,
            trio.open_nursery() as beside,
        ):
            self._client = client
            lost = await self._converse(client, beside, password)
            beside.cancel_scope.cancel()
        if self._refusal is not None:
            return self._refusal
        return EXIT_FAILED if lost else 0

    async def _converse(self, client: Client, beside: trio.Nursery, password: str | None) -> bool:
        self._answers = answers = Answers(
            client, self._board.here, self._show, self._complain,
            output=self._output, tell=self._tell, beside=beside,
            shown=self._shown, meter=self._board.meter, more_help=(TITLE, COMMANDS),
        )  # fmt: skip
        typist = Typist(
            client, self._board.here, answers, self._complain,
            may_save=True, ask_unseen=self._ask_unseen,
        )  # fmt: skip
        if password is not None:
            reply = await answers.ask(Register(password=password))
            self._board.note("\n".join(marked_lines(reply, self._board.view)))
        self.has_begun = True
        self._face.began()
        for outgoing in client.pending:
            typist.adopt(outgoing)
        self._fetching = fetching = Fetching(client, self._board, self._face.changed)
        self._board.here.on_move = self._moved
        self._moved()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, client)
            nursery.start_soon(self._watch, client)
            nursery.start_soon(typist.collect_receipts)
            nursery.start_soon(fetching.run)
            if not await self._lines.run(partial(self._do, typist)):
                self._face.leave()
            nursery.cancel_scope.cancel()
        self._board.here.on_move = _nothing
        if not self._closed:
            self._face.leave()
            await await_last(client, answers, self._board.here.voice, self.tell_last)
        return tell_rest(typist, client, self._board.here.voice, self.tell_last)

    async def _ask_unseen(self, question: str) -> str | None:
        answered = trio.Event()
        answer: str | None = None

        def take(said: str | None) -> None:
            nonlocal answer
            answer = said
            answered.set()

        self._face.ask(question, take)
        await answered.wait()
        return answer

    # --- what comes ------------------------------------------------------------------------

    async def _read(self, client: Client) -> None:
        taken = 0
        try:
            while True:
                self._take(await client.ReadMsg(), client)
                taken += 1
                if taken % FEW == 0:
                    await trio.lowlevel.checkpoint()
        except ClientClosed:
            self._closed = True
            self.leave()

    def _take(self, message: ChatMessage, client: Client) -> None:
        self._board.roster.take(client.conversations)
        place = self._board.take(message)
        self._face.came(message, place)
        self._face.changed()
        if message.sender not in self._board.people and self._fetching is not None:
            self._fetching.look_around()

    async def _watch(self, client: Client) -> None:
        """Keep what is known of the connection up to date."""
        while True:
            status = client.CheckStatus()
            self._refresh(client)
            await client.wait_status_change(status)

    def _refresh(self, client: Client) -> None:
        board = self._board
        board.status = client.CheckStatus()
        board.name = board.status.name
        board.pending = client.pending
        board.roster.take(client.conversations)
        self._face.changed()

    def refresh(self) -> None:
        """Look what has changed without anybody having said so."""
        if self._client is not None:
            self._board.status = self._client.CheckStatus()
            self._board.pending = self._client.pending
            self._board.roster.take(self._client.conversations)

    def _notice(self, notice: Notice) -> None:
        board = self._board
        board.retry_at = None
        if isinstance(notice, Disconnected):
            board.retry_at = time.monotonic() + notice.retry_in
        elif isinstance(notice, Connected):
            board.name = notice.name
            board.roster.count(notice.conversations)
        elif isinstance(notice, LoginLost):
            self._refusal = Refusal(notice.code, notice.sentence)
        elif isinstance(notice, News) and isinstance(notice.event, Marked):
            board.roster.mark(notice.event)
            self._face.was_read(notice.event)
        board.here.hear(notice)
        self._tell_notice(notice)
        if isinstance(notice, Connected) and self._fetching is not None:
            self._fetching.look_around()
        self._face.changed()

    def _tell_notice(self, notice: Notice) -> None:
        lines = self._notices.lines(notice, self._board.name)
        if isinstance(notice, Disconnected) and notice.attempt:
            return  # the status line counts the seconds
        for line in lines:
            self._tell(line)
        if isinstance(notice, Connected) and not notice.again:
            if notice.guest and not self._registers:
                self._tell(guest_line(notice.name, self._board.view))
            for line in unread_lines(notice.conversations, self._board.view):
                self._tell(line)

    # --- what is typed ----------------------------------------------------------------------

    def enter(
        self, line: str, place: Place, *, verbatim: bool = False, by_key: bool = False
    ) -> None:
        """Do what a line says that was typed at a place, behind all lines before it.

        Only what begins with a slash is a command (decision 4), and nothing that is ``verbatim``.
        """
        if not self._lines.put(line, place, verbatim=verbatim, by_key=by_key):
            self._complain(self._say("Too much waits already. Try again in a moment."))

    @property
    def is_moving(self) -> bool:
        """True: a line that has not been done yet leads to another conversation."""
        return self._lines.is_moving

    def leave(self) -> None:
        """Leave, once all lines before this are done."""
        self._lines.close()

    async def _do(self, typist: Typist, typed: Typed) -> bool:
        place = typed.place or self._board.here.place
        try:
            if typed.verbatim:
                text = typed.line.rstrip()
                await typist.send(Send(text=text, conversation=place.conversation))
                return True
            if (found := local_command(typed.line)) is not None:
                self._face.do(*found)
                return True
            line = typed.line.strip()
            if not typed.by_key and not line.startswith("//"):
                self._board.note(f"> {sanitise_line(without_secrets(line))}")
            return await typist.run(line, place=place)
        finally:
            self.refresh()
            self._face.changed()

    def retry_now(self) -> None:
        """Try to connect at once, where that is waited for."""
        if self._client is not None:
            self._client.retry_now()

    def save_and(self, message_id: int, then: Callable[[str], bool]) -> None:
        """Save a file where downloads belong, and do something with it, if that is possible."""
        if self._fetching is not None:
            self._fetching.do(partial(self._save_and, message_id, then))

    async def _save_and(self, message_id: int, then: Callable[[str], bool]) -> None:
        from platformdirs import user_downloads_path

        folder = user_downloads_path()
        if self._answers is None:
            return
        where = str(folder) if folder.is_dir() else ""
        path = await self._answers.files.save(GetFile(message_id, where))
        if path is not None and not then(path):
            self._complain(self._say("There is no program here that opens files for you."))

    # --- what is looked at ------------------------------------------------------------------

    def go(self, conversation: int) -> None:
        """Turn to a conversation; that works without a connection, too."""
        place = self._board.roster.places.get(conversation)
        if place is not None and conversation != self._board.present:
            self._board.here.go(place.info)

    def _moved(self) -> None:
        if self._client is not None:
            self._board.roster.take(self._client.conversations)
        board, place = self._board, self._board.place
        board.log.divider = place.read if place is not None and place.unread else None
        if self._fetching is not None:
            self._fetching.begin(board.log)
        self._face.moved()
        self._face.changed()

    def saw(self, seq: int, *, attentively: bool) -> None:
        """Note what stands on the screen; it is read where the user is looking."""
        client, conversation = self._client, self._board.present
        if client is None or seq <= 0:
            return
        if attentively:
            if self._board.roster.read(conversation, seq):
                client.mark_read(conversation, seq)
        else:
            entry = self._board.log.entry_at(seq)
            if entry is not None and entry.message is not None:
                client.mark_shown(entry.message)

    def want(self, *, older: bool) -> None:
        """Get more of the present conversation: what is before it, or behind it."""
        if self._fetching is not None:
            self._fetching.want(self._board.present, older=older)

    def jump(self, seq: int) -> None:
        """Show the present conversation from a sequence number on; 0 is its beginning."""
        if self._fetching is not None:
            self._fetching.jump(self._board.present, seq)

    def fetch_whole(self, message_id: int) -> None:
        """Get the whole text of a long message."""
        if self._fetching is not None:
            self._fetching.fetch_whole(self._board.present, message_id)

    # --- what is said -----------------------------------------------------------------------

    def _shown(self, request: Request, reply: Reply, view: View) -> list[str]:
        """Return the lines of an answer; what the panes show anyway needs none."""
        if isinstance(reply, Opened):
            return []
        if isinstance(reply, Sent) and reply.target is not None:
            log = self._board.log_of(reply.conversation)
            self._face.changed()
            if isinstance(request, Edit) and reply.kind == "edit":
                log.edit(reply.target, request.text, reply.time)
                return []
            if isinstance(request, Delete):
                log.delete(reply.target)
                return []
        return marked_lines(reply, view)

    async def _show(self, lines: str) -> None:
        self._board.note(lines)
        self._face.changed()

    def _tell(self, sentence: str) -> None:
        self._board.note(f"* {sentence}")
        self._face.changed()

    def _complain(self, sentence: str) -> None:
        self._board.note(f"! {sentence}")
        self._face.changed()

    def _say(self, template: str, /, **values: object) -> str:
        return self._board.here.voice.say(template, **values)


def _nothing() -> None:
    """Do nothing."""
