"""The client as a Unix filter: standard input is sent, what arrives is standard output."""

from __future__ import annotations

import sys

import trio

from cli.changes import Changes
from cli.client import Client
from cli.errors import ClientClosed
from cli.messages import ChatMessage
from cli.notices import Connected, Notice
from cli.options import Options
from cli.pipes import InputLines, OutputClosed, OutputFailed, say, write
from cli.show import NoticeLines, message_line
from cli.signals import EXIT_FAILED, Stop, run_stoppable
from cli.typist import Typist
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
        self._printing = not options.quiet
        self._notices = NoticeLines()
        self._written = Changes()
        self._idle = True

    async def run(self, stop: Stop) -> int:
        """Send the input, print what arrives; return the exit code."""
        options = self._options
        async with (
            Client.New(
                options.host,
                options.port,
                options.name or "",
                history=0 if options.quiet else options.history,
                retry=options.retry,
                on_notice=self._notice,
            ) as client,
            trio.open_nursery() as nursery,
        ):
            with stop.begin():
                nursery.start_soon(self._print_messages, client, stop)
                await self._send_input(client)
                if options.listen:
                    await trio.sleep_forever()
            nursery.cancel_scope.cancel()
        return EXIT_FAILED if self._failed else 0

    async def _send_input(self, client: Client) -> None:
        """Send every line and wait until the server has them."""
        typist = Typist(client, self._show, self._complain)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(typist.collect_receipts)
            await self._run_lines(typist)
            await self._await_receipts(client)
            nursery.cancel_scope.cancel()
        if left := len(typist.take_rest()):
            self._complain(f"{left} of the messages sent have not been acknowledged.")
        await self._print_the_rest(client)

    async def _run_lines(self, typist: Typist) -> None:
        lines = InputLines()
        number = 0
        async for line in lines:
            number += 1
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                self._complain(f"Line {number} was not sent: it is not UTF-8 ({error.reason}).")
                continue
            if self._options.verbatim:
                if text.strip():
                    await typist.send(Send(text=text.removesuffix("\r")))
            elif not await typist.run(text):
                if await lines.has_text_left():
                    said = f"Line {number} says to leave: what stands behind it was not sent."
                    self._complain(said)
                return

    async def _await_receipts(self, client: Client) -> None:
        """Wait for all acknowledgements, as long as some come now and then."""
        left = client.CheckStatus().unacknowledged
        while left:
            with trio.move_on_after(self._options.timeout):
                await client.drain()
            before, left = left, client.CheckStatus().unacknowledged
            if left >= before:
                return

    async def _print_the_rest(self, client: Client) -> None:
        """Print what has arrived up to now."""
        if not self._printing:
            return
        with trio.move_on_after(self._options.timeout):
            await client.ping()
            await self._written.wait_until(
                lambda: not self._printing or (self._idle and not client.CheckStatus().unread)
            )

    async def _print_messages(self, client: Client, stop: Stop) -> None:
        if self._options.quiet:
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
            if sys.stdin.isatty() or self._options.listen:
                stop.ask()
        except ClientClosed:
            self._failed = True
            stop.ask()

    async def _print_batch(self, client: Client, batch: list[ChatMessage]) -> None:
        me = client.CheckStatus().name
        lines = "".join(message_line(message, me) + "\n" for message in batch)
        await write(lines.encode())
        for message in batch:
            client.mark_shown(message)

    def _stop_printing(self, closed: OutputClosed) -> None:
        """Go on sending what a pipe brings; a person at the keyboard only wanted to read."""
        if self._printing and isinstance(closed, OutputFailed):
            self._complain(f"Standard output cannot be written: {closed}.")
        self._printing = False
        self._written.ring()

    async def _show(self, line: str) -> None:
        if self._printing:
            try:
                await write(f"{line}\n".encode())
            except OutputClosed as closed:
                self._stop_printing(closed)

    def _complain(self, sentence: str) -> None:
        self._failed = True
        say(sentence)

    def _notice(self, notice: Notice) -> None:
        """Tell what went wrong, and when it is right again; the first login is no news."""
        line = self._notices.line(notice)
        if line is not None and (not isinstance(notice, Connected) or notice.again):
            say(line)
