"""What happens between the person at the prompt and the server."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import trio

from cli.answers import Answers
from cli.changes import Changes
from cli.client import Client
from cli.connecting import client_of
from cli.errors import ClientClosed
from cli.here import Here
from cli.kept import kept_messages
from cli.leaving import PATIENCE, await_last, tell_rest
from cli.notices import Connected, Disconnected, Notice
from cli.options import Options
from cli.outbox import Outgoing
from cli.pending import as_typed
from cli.prompt import End, Prompt
from cli.reading import note_shown
from cli.show import NoticeLines, UnreadMark, message_shown, state_word
from cli.signals import EXIT_FAILED, Stop
from cli.status import State
from cli.typist import Typist
from protocol.language import voice
from protocol.text import sanitise_line
from protocol.typed import without_secrets
from protocol.view import guest_line, unread_lines


class Conversation:
    """One run of line mode on a terminal."""

    def __init__(self, options: Options, prompt: Prompt) -> None:
        """Take the user's wishes, ``options.name`` given, and a prompt that stands."""
        self._options = options
        self._prompt = prompt
        self._changes = Changes()
        self._unread = UnreadMark()
        self._here = Here(voice(options.language))
        self._notices = NoticeLines(self._here)
        self._dim = not os.environ.get("NO_COLOR")
        self._name = options.name or ""
        self._kept = kept_messages(os.environ, options.host, options.port, self._name)
        self._asking = False  # a question stands in the place of the label
        self._output = trio.Lock()  # whoever has it shows what belongs together

    async def run(self, stop: Stop) -> int:
        """Talk until the person leaves; return the exit code."""
        token = trio.lowlevel.current_trio_token()

        def wake() -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._changes.ring, idempotent=True)

        self._prompt.attach(wake)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_ctrl_c, stop)
                code = await self._talk(stop)
                nursery.cancel_scope.cancel()
            return code
        finally:
            self._prompt.attach(None)

    async def _watch_ctrl_c(self, stop: Stop) -> None:
        """End at once where Ctrl+C is typed while there is no connection yet to say goodbye to."""
        await self._changes.wait_until(lambda: self._prompt.interrupted)
        if not stop.is_working:
            stop.ask(signal.SIGINT)

    async def _talk(self, stop: Stop) -> int:
        options = self._options
        async with (
            client_of(
                options, history=options.history, echo=True, on_notice=self._notice, kept=self._kept
            ) as client,
            trio.open_nursery() as beside,  # answers go on beside the prompt
        ):
            lost = await self._converse(client, stop, beside)
            beside.cancel_scope.cancel()
        return EXIT_FAILED if lost else 0

    async def _converse(self, client: Client, stop: Stop, beside: trio.Nursery) -> bool:
        """Talk until the person leaves; True: something was not stored."""
        answers = Answers(
            client, self._here, self._show, self._tell,
            output=self._output, tell=self._tell, beside=beside,
        )  # fmt: skip
        typist = Typist(
            client, self._here, answers, self._tell,
            may_save=True, ask_unseen=self._ask_unseen,
            patience=PATIENCE, on_delay=lambda outgoing: self._tell_delay(outgoing, client),
        )  # fmt: skip
        for outgoing in client.pending:
            typist.adopt(outgoing)
        with stop.begin():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._show_messages, client, stop)
                nursery.start_soon(self._show_state, client)
                nursery.start_soon(typist.collect_receipts)
                await self._run_lines(client, typist)
                nursery.cancel_scope.cancel()
        stop.ask()  # from now on a signal ends this at once
        try:
            await await_last(client, answers, self._here.voice, self._tell)
        finally:
            lost = tell_rest(typist, client, self._here.voice, self._tell)
        return lost

    async def _run_lines(self, client: Client, typist: Typist) -> None:
        """Do what the person types until it is to leave."""
        while True:
            await self._changes.wait_until(lambda: self._prompt.has_lines)
            line = self._prompt.take()
            if isinstance(line, End):
                return
            if line is None:
                continue
            if not line.strip():
                client.retry_now()
            elif line.lstrip().startswith("/") and not line.lstrip().startswith("//"):
                self._tell(sanitise_line(without_secrets(line)), mark=">")
            if not await typist.run(line):
                return

    async def _ask_unseen(self, question: str) -> str | None:
        """Ask for something that is not shown while it is typed; None: the person leaves."""
        self._asking = True
        self._prompt.ask_unseen(f"{question} ")
        await self._changes.wait_until(lambda: self._prompt.has_lines)
        self._asking = False
        self._prompt.show_again()
        self._here.on_move()  # the usual label
        if self._prompt.has_ended:
            return None
        line = self._prompt.take()
        return line if isinstance(line, str) else None

    async def _show_messages(self, client: Client, stop: Stop) -> None:
        try:
            while True:
                message = await client.ReadMsg()
                await self._changes.wait_until(lambda: self._prompt.has_room)
                me = client.CheckStatus().name
                async with self._output:
                    shown = message_shown(message, self._here.view(me))
                    for line in (*self._unread.before(message, me), *shown):
                        self._prompt.write(f"{line}\n")
                note_shown(client, self._here, message)
        except ClientClosed:
            stop.ask()

    async def _show_state(self, client: Client) -> None:
        """Keep the label in front of the line up to date."""
        self._here.on_move = lambda: self._set_label(client)
        while True:
            status = client.CheckStatus()
            self._set_label(client)
            await client.wait_status_change(status)

    def _set_label(self, client: Client) -> None:
        if self._asking:
            return
        status = client.CheckStatus()
        notes: list[str] = []
        if status.state is not State.ONLINE:
            notes.append(state_word(status.state).said(self._here.voice))
            if status.unacknowledged:
                notes.append(self._say("{number} waiting", number=status.unacknowledged))
        note = ", ".join(notes)
        name = sanitise_line(status.name)
        if self._here.title:
            name += f"@{sanitise_line(self._here.title)}"
        self._prompt.set_label(f"{name} ({note})> " if note else f"{name}> ")

    async def _show(self, lines: str) -> None:
        await self._changes.wait_until(lambda: self._prompt.has_room)
        self._prompt.write(f"{lines}\n")

    def _tell(self, sentence: str, mark: str = "*") -> None:
        """Say something that is not part of the conversation."""
        line = f"{mark} {sentence}"
        self._prompt.write(f"\x1b[2m{line}\x1b[0m\n" if self._dim else f"{line}\n")

    def _say(self, template: str, /, **values: object) -> str:
        return self._here.voice.say(template, **values)

    def _tell_delay(self, outgoing: Outgoing, client: Client) -> None:
        text = as_typed(outgoing, client)[:200]
        self._tell(self._say("Waiting to be stored: {text}", text=text))

    def _notice(self, notice: Notice) -> None:
        self._here.hear(notice)
        for line in self._notices.lines(notice, self._name):
            waits = isinstance(notice, Disconnected)
            self._tell(self._say("{news} Enter retries at once.", news=line) if waits else line)
        if isinstance(notice, Connected) and not notice.again:
            self._tell_login(notice)

    def _tell_login(self, login: Connected) -> None:
        """Tell somebody who has just come in what a person wants to know."""
        view = self._here.view(login.name)
        if login.guest:
            self._tell(guest_line(login.name, view))
        for line in unread_lines(login.conversations, view):
            self._tell(line)
