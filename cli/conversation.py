"""What happens between the person at the prompt and the server."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import trio

from cli.answers import Answers
from cli.changes import Changes
from cli.client import Client
from cli.errors import ClientClosed
from cli.notices import Connected, Disconnected, Notice
from cli.options import Options
from cli.outbox import Outgoing
from cli.prompt import End, Prompt
from cli.show import NoticeLines, UnreadMark, guest_line, message_line
from cli.signals import EXIT_FAILED, Stop
from cli.status import State
from cli.typist import Typist
from protocol.text import sanitise_line

PATIENCE = 1.0
"""Seconds after which a message without its acknowledgement is said to be waiting."""
LAST_ACKNOWLEDGEMENTS = 3.0
"""Seconds to wait, on leaving, for what has not been acknowledged."""


class Conversation:
    """One run of line mode on a terminal."""

    def __init__(self, options: Options, prompt: Prompt) -> None:
        """Take the user's wishes, ``options.name`` given, and a prompt that stands."""
        self._options = options
        self._prompt = prompt
        self._changes = Changes()
        self._unread = UnreadMark()
        self._notices = NoticeLines()
        self._dim = not os.environ.get("NO_COLOR")
        self._name = options.name or ""
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
            Client.New(
                options.host,
                options.port,
                self._name,
                history=options.history,
                echo=True,
                retry=options.retry,
                on_notice=self._notice,
            ) as client,
            trio.open_nursery() as beside,  # answers go on beside the prompt
        ):
            lost = await self._converse(client, stop, beside)
            beside.cancel_scope.cancel()
        return EXIT_FAILED if lost else 0

    async def _converse(self, client: Client, stop: Stop, beside: trio.Nursery) -> bool:
        """Talk until the person leaves; True: something was not stored."""
        answers = Answers(client, self._show, self._tell, output=self._output, beside=beside)
        typist = Typist(
            client, answers, self._tell,
            may_save=True, patience=PATIENCE, on_delay=self._tell_delay,
        )  # fmt: skip
        with stop.begin():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._show_messages, client, stop)
                nursery.start_soon(self._show_state, client)
                nursery.start_soon(typist.collect_receipts)
                await self._run_lines(client, typist)
                nursery.cancel_scope.cancel()
        stop.ask()  # from now on a signal ends this at once
        try:
            await self._await_last(client, answers)
        finally:
            lost = self._tell_rest(typist)
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
                self._tell(sanitise_line(line), mark=">")
            if not await typist.run(line):
                return

    async def _show_messages(self, client: Client, stop: Stop) -> None:
        try:
            while True:
                message = await client.ReadMsg()
                await self._changes.wait_until(lambda: self._prompt.has_room)
                me = client.CheckStatus().name
                async with self._output:
                    for line in (*self._unread.before(message, me), message_line(message, me)):
                        self._prompt.write(f"{line}\n")
                client.mark_shown(message)
        except ClientClosed:
            stop.ask()

    async def _show_state(self, client: Client) -> None:
        """Keep the label in front of the line up to date."""
        while True:
            status = client.CheckStatus()
            where = "" if status.state is State.ONLINE else f"{status.state}, "
            waiting = (
                f"{status.unacknowledged} waiting, " if where and status.unacknowledged else ""
            )
            note = (where + waiting).removesuffix(", ")
            name = sanitise_line(status.name)
            self._prompt.set_label(f"{name} ({note})> " if note else f"{name}> ")
            await client.wait_status_change(status)

    async def _await_last(self, client: Client, answers: Answers) -> None:
        """Wait a little for the last answers and acknowledgements."""
        with trio.move_on_after(PATIENCE):
            await answers.finish()
        with trio.move_on_after(PATIENCE):
            await client.drain()
            return
        self._tell("Waiting for the server to store what you wrote. Ctrl+C leaves at once.")
        with trio.move_on_after(LAST_ACKNOWLEDGEMENTS):
            await client.drain()

    def _tell_rest(self, typist: Typist) -> bool:
        """Show what was never acknowledged, so that it is not lost; True: there was something."""
        rest = typist.take_rest()
        for outgoing in rest:
            self._tell(f"Not acknowledged: {_as_typed(outgoing)}")
        return bool(rest)

    async def _show(self, lines: str) -> None:
        await self._changes.wait_until(lambda: self._prompt.has_room)
        self._prompt.write(f"{lines}\n")

    def _tell(self, sentence: str, mark: str = "*") -> None:
        """Say something that is not part of the conversation."""
        line = f"{mark} {sentence}"
        self._prompt.write(f"\x1b[2m{line}\x1b[0m\n" if self._dim else f"{line}\n")

    def _tell_delay(self, outgoing: Outgoing) -> None:
        self._tell(f"Waiting to be stored: {_as_typed(outgoing)[:200]}")

    def _notice(self, notice: Notice) -> None:
        line = self._notices.line(notice)
        if line is not None:
            hint = " Enter retries at once." if isinstance(notice, Disconnected) else ""
            self._tell(line + hint)
        if isinstance(notice, Connected) and notice.guest and not notice.again:
            self._tell(guest_line(notice.name))


def _as_typed(outgoing: Outgoing) -> str:
    """Return a message as it can be typed again, on one line and safe to show."""
    text = outgoing.text if isinstance(outgoing.text, str) else ""
    if outgoing.to is not None:
        text = f"/send-to {outgoing.to} {text}"
    elif outgoing.addressed:
        text = f"/send {text}"
    return sanitise_line(text)
