"""The client as a Unix filter: standard input is sent, what arrives is standard output."""

from __future__ import annotations

import sys
from contextlib import ExitStack, aclosing, closing
from typing import IO

import trio

from cli.answers import Answers
from cli.changes import Changes
from cli.client import Client
from cli.connecting import client_of
from cli.errors import ClientClosed, ClientError, TextFailed
from cli.here import Here
from cli.input_lines import InputLines
from cli.messages import ChatMessage
from cli.notices import Connected, Notice
from cli.options import Options
from cli.pipes import OutputClosed, OutputFailed, report, write
from cli.reading import note_shown
from cli.reasons import reason_of
from cli.show import NoticeLines, message_shown
from cli.signals import EXIT_FAILED, Stop, run_stoppable
from cli.texts import Spool, open_whole, whole_text
from cli.typist import Typist
from protocol.language import voice
from protocol.limits import MAX_TEXT
from protocol.requests import Send

BATCH = 200
"""Messages that are written together where many have arrived."""


def run_pipe(options: Options) -> int:
    """Run the filter; return the exit code. Raises ClientError where there is no connection."""
    return trio.run(run_stoppable, Filter(options).run)


class Filter:
    """One run of the filter."""

    def __init__(self, options: Options) -> None:
        """Take the user's wishes; ``options.name`` is given."""
        self._options = options
        self._failed = False
        self._printing = not (options.quiet or options.text)
        self._here = Here(voice(options.language), whole=True)
        self._notices = NoticeLines(self._here)
        self._written = Changes()
        self._idle = True
        self._output = trio.Lock()  # whoever has it prints what belongs together

    async def run(self, stop: Stop) -> int:
        """Send the input, print what arrives; return the exit code."""
        options = self._options
        with ExitStack() as stack:
            file = None
            if options.is_one_message and options.message_file is None and sys.stdin.isatty():
                report(
                    self._say("Write the message; Ctrl+D on a new line sends it, Ctrl+C drops it.")
                )
            if options.is_one_message:
                # before there is a connection: most mistakes are in the name
                file = stack.enter_context(await open_whole(options.message_file))
            await self._run(stop, file)
        return EXIT_FAILED if self._failed else 0

    async def _run(self, stop: Stop, file: IO[bytes] | None) -> None:
        options = self._options
        async with (
            client_of(
                options, history=options.history if self._printing else 0, on_notice=self._notice
            ) as client,
            trio.open_nursery() as nursery,
        ):
            with stop.begin():
                nursery.start_soon(self._print_messages, client, stop)
                if options.text is not None:
                    await self._write_text(client, options.text)
                else:
                    await self._send_input(client, file)
                    if options.listen:
                        await trio.sleep_forever()
            nursery.cancel_scope.cancel()

    async def _write_text(self, client: Client, number: int) -> None:
        """Write the text of a message, byte for byte."""
        if sys.stdout.isatty():
            self._complain(
                self._say("--text writes what a stranger wrote as it is: give it > FILE.")
            )
            return
        try:
            async with aclosing(client.fetch(number)) as parts:
                async for part in parts:
                    await write(part)
        except ClientError as error:
            self._complain(error.said(self._here.voice))
        except OutputClosed as closed:
            self._complain_of(closed)
            self._failed = True

    async def _send_input(self, client: Client, file: IO[bytes] | None) -> None:
        """Send every line, or ``file``, and wait until the server has it all."""
        answers = Answers(
            client, self._here, self._show, self._complain,
            output=self._output, tell=report if sys.stderr.isatty() else None,
        )  # fmt: skip
        typist = Typist(client, self._here, answers, self._complain, may_save=sys.stdin.isatty())
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(typist.collect_receipts)
                if file is None:
                    await self._run_lines(typist)
                else:
                    await self._send_whole(typist, file)
                await self._await_receipts(client)
                nursery.cancel_scope.cancel()
        except BaseException:  # Ctrl+C
            if left := client.CheckStatus().unacknowledged:
                self._complain(
                    self._here.voice.count(
                        "{number} of the messages sent has not been acknowledged, "
                        "and may be stored.",
                        "{number} of the messages sent have not been acknowledged, "
                        "and may be stored.",
                        left,
                    )
                )
            raise
        if left := len(typist.take_rest()):
            self._complain(
                self._here.voice.count(
                    "{number} of the messages sent has not been acknowledged.",
                    "{number} of the messages sent have not been acknowledged.",
                    left,
                )
            )
        await self._print_the_rest(client)

    async def _send_whole(self, typist: Typist, file: IO[bytes]) -> None:
        """Send all that is in ``file`` as one message."""
        try:
            text = await whole_text(file, self._options.message_file)
            if text.size > MAX_TEXT:
                await typist.send(Send(), text)
                return
            with closing(text):
                await typist.send(Send(text=await text.read()))
        except TextFailed as failed:
            self._complain(self._say("Not sent: {reason}", reason=failed))

    async def _run_lines(self, typist: Typist) -> None:
        lines = InputLines()
        number = 0
        async for line in lines:
            number += 1
            try:
                goes_on = await self._run_line(typist, line)
            except UnicodeDecodeError as error:
                self._complain(
                    self._say(
                        "Line {number} was not sent: it is not UTF-8 ({reason}).",
                        number=number, reason=reason_of(error),
                    )
                )  # fmt: skip
            except TextFailed as failed:
                self._complain(self._say("Not sent: {reason}", reason=failed))
            else:
                if not goes_on:
                    if await lines.has_text_left():
                        self._complain(
                            self._say(
                                "Line {number} says to leave: what stands behind it was not sent.",
                                number=number,
                            )
                        )
                    return

    async def _run_line(self, typist: Typist, line: bytes | Spool) -> bool:
        """Do what a line says; False: it says to leave. Raises what is wrong with its text."""
        verbatim = self._options.verbatim
        if isinstance(line, Spool):
            try:
                if not verbatim:
                    return await typist.run(line.head(), line.text_of)
                if line.end:
                    await typist.send(Send(), line.without_return())
                return True
            finally:
                line.release()
        text = line.decode()
        if not verbatim:
            return await typist.run(text)
        if text.strip():
            await typist.send(Send(text=text.removesuffix("\r")))
        return True

    async def _await_receipts(self, client: Client) -> None:
        """Wait for all acknowledgements, as long as there is some progress now and then.

        To begin a text again, on a new connection, is none until it gets further than before.
        """
        status = client.CheckStatus()
        left, furthest = status.unacknowledged, status.carried
        while left:
            with trio.move_on_after(self._options.timeout):
                await client.drain()
            status = client.CheckStatus()
            if status.unacknowledged >= left and status.carried <= furthest:
                return
            furthest = max(furthest, status.carried) if status.unacknowledged >= left else 0
            left = status.unacknowledged

    async def _print_the_rest(self, client: Client) -> None:
        """Print what has arrived up to now."""
        if not self._printing:
            return
        with trio.move_on_after(self._options.timeout):
            await client.catch_up()  # what the database is slow to bring, a ping overtakes
            await client.ping()
            await self._written.wait_until(
                lambda: not self._printing or (self._idle and not client.CheckStatus().unread)
            )

    async def _print_messages(self, client: Client, stop: Stop) -> None:
        if not self._printing:
            return
        try:
            while True:
                self._idle = not client.CheckStatus().unread
                self._written.ring()
                batch = [await client.ReadMsg()]
                self._idle = False
                while client.CheckStatus().unread and len(batch) < BATCH:
                    batch.append(await client.ReadMsg())
                await self._print_batch(client, batch)
        except OutputClosed as closed:
            self._stop_printing(closed)
            reads_only = sys.stdin.isatty() and not self._options.is_one_message
            if reads_only or self._options.listen:
                stop.ask()
        except ClientClosed:
            self._failed = True
            stop.ask()

    async def _print_batch(self, client: Client, batch: list[ChatMessage]) -> None:
        me = client.CheckStatus().name
        view = self._here.view(me)
        lines = "".join(line + "\n" for message in batch for line in message_shown(message, view))
        async with self._output:
            await write(lines.encode())
        for message in batch:
            note_shown(client, self._here, message)

    def _stop_printing(self, closed: OutputClosed) -> None:
        """Go on sending what a pipe brings; a person at the keyboard only wanted to read."""
        if self._printing:
            self._complain_of(closed)
        self._printing = False
        self._written.ring()

    def _complain_of(self, closed: OutputClosed) -> None:
        """Tell why output failed; a reader that has gone is nothing to tell of."""
        if isinstance(closed, OutputFailed):
            self._complain(closed.said(self._here.voice))

    async def _show(self, lines: str) -> None:
        if self._printing:
            try:
                await write(f"{lines}\n".encode())
            except OutputClosed as closed:
                self._stop_printing(closed)

    def _say(self, template: str, /, **values: object) -> str:
        return self._here.voice.say(template, **values)

    def _complain(self, sentence: str) -> None:
        self._failed = True
        report(sentence)

    def _notice(self, notice: Notice) -> None:
        """Tell what went wrong, and when it is right again; the first login is no news."""
        self._here.hear(notice)
        if isinstance(notice, Connected) and not notice.again:
            return
        for line in self._notices.lines(notice, self._options.name or ""):
            report(line)
