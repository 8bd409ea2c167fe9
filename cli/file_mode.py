"""One file sent or got, for scripts: ``--send-file`` and ``--get``."""

from __future__ import annotations

import sys
from contextlib import aclosing

import trio

from cli.client import Client
from cli.connecting import client_of
from cli.errors import ClientError
from cli.files import FileCommands
from cli.here import Here
from cli.notices import Connected, Notice
from cli.options import Options
from cli.pipes import OutputClosed, OutputFailed, report, write
from cli.show import NoticeLines
from cli.signals import EXIT_FAILED, Stop, run_stoppable
from cli.status import State
from protocol.language import N_, voice
from protocol.requests import GENERAL
from protocol.vocabulary.files import GetFile, SendFile

_TO_A_TERMINAL = N_("--get writes what a stranger sent as it is: give it > FILE, or -o FILE.")


def run_file(options: Options) -> int:
    """Send or get the file; return the exit code. Raises ClientError without a connection."""
    return trio.run(run_stoppable, FileMode(options).run)


class FileMode:
    """One run of the program for one file."""

    def __init__(self, options: Options) -> None:
        """Take the user's wishes; ``options.name`` is given, and what to do with a file."""
        self._options = options
        self._here = Here(voice(options.language))
        self._notices = NoticeLines(self._here)
        self._failed = False

    async def run(self, stop: Stop) -> int:
        """Do it; return the exit code."""
        async with (
            client_of(self._options, on_notice=self._notice) as client,
            trio.open_nursery() as nursery,
        ):
            with stop.begin():
                nursery.start_soon(self._watch, client, stop)
                await self._do(client)
            nursery.cancel_scope.cancel()
        return EXIT_FAILED if self._failed else 0

    async def _do(self, client: Client) -> None:
        options = self._options
        tell = report if sys.stderr.isatty() else _ignore
        commands = FileCommands(client, self._here, tell, self._complain)
        if options.send_file is not None:
            await commands.do(SendFile(options.send_file, options.to, GENERAL))
        elif options.get is not None and options.output is not None:
            await commands.do(GetFile(options.get, options.output))
        elif options.get is not None:
            await self._write(client, options.get)

    async def _write(self, client: Client, number: int) -> None:
        """Write a file to standard output."""
        if sys.stdout.isatty():
            self._complain(self._here.voice.say(_TO_A_TERMINAL))
            return
        try:
            details = await client.files.describe(number)
            async with aclosing(client.files.fetch(details)) as pieces:
                async for piece in pieces:
                    await write(piece)
        except ClientError as error:
            self._complain(error.said(self._here.voice))
        except OutputClosed as closed:
            self._failed = True
            if isinstance(closed, OutputFailed):
                self._complain(closed.said(self._here.voice))

    async def _watch(self, client: Client, stop: Stop) -> None:
        """Give up where there has been no connection for too long."""
        while True:
            with trio.move_on_after(self._options.timeout):
                status = client.CheckStatus()
                while status.state is not State.ONLINE:
                    status = await client.wait_status_change(status)
            if client.CheckStatus().state is not State.ONLINE:
                self._failed = True
                stop.ask()
                return
            await client.wait_status_change(client.CheckStatus())

    def _complain(self, sentence: str) -> None:
        self._failed = True
        report(sentence)

    def _notice(self, notice: Notice) -> None:
        """Tell what went wrong, and when it is right again; the first login is no news."""
        if isinstance(notice, Connected) and not notice.again:
            return
        for line in self._notices.lines(notice, self._options.name or ""):
            report(line)


def _ignore(_sentence: str) -> None:
    """Say nothing."""
