"""What `/file`, `/get` and `/stop` do in the line client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager

import trio

from cli.client import Client
from cli.errors import ClientError
from cli.here import Here
from cli.reasons import reason_of
from cli.saving import discard, open_named
from cli.transfers import LocalFile, Progress
from protocol.language import Sentence, size_of
from protocol.vocabulary.files import FileDetails, GetFile, SendFile, StopTransfers

WORTH_TELLING = 512 * 1024
"""Bytes from which on a file's progress is shown."""
STEPS = 4
"""How often it is shown on the way, the end included."""

FileCommand = SendFile | GetFile | StopTransfers

Meter = Callable[[FileCommand, str], AbstractContextManager[Progress]]
"""Shows how far a command is with a file of that name, for as long as its block runs."""


class FileCommands:
    """Sends files and saves them, any number at once, and tells how far each is."""

    def __init__(
        self,
        client: Client,
        here: Here,
        tell: Callable[[str], None],
        complain: Callable[[str], None],
        meter: Meter | None = None,
    ) -> None:
        """Tell what goes on with ``tell``, and with ``complain`` what went wrong.

        Without a ``meter`` how far a file is is told in sentences, too.
        """
        self._client = client
        self._here = here
        self._tell = tell
        self._complain = complain
        self._meter = meter or self._told_meter
        self._running: set[trio.CancelScope] = set()

    async def do(self, command: FileCommand) -> None:
        """Do a command; returns when it is done, or somebody has stopped it."""
        if isinstance(command, StopTransfers):
            self._stop()
            return
        with trio.CancelScope() as scope:
            self._running.add(scope)
            try:
                if isinstance(command, SendFile):
                    await self._send(command)
                else:
                    await self.save(command)
            finally:
                self._running.discard(scope)

    def _stop(self) -> None:
        if not self._running:
            self._tell(self._say("No file is on its way."))
        for scope in self._running:
            scope.cancel()

    async def _send(self, command: SendFile) -> None:
        file: LocalFile | None = None
        try:
            file = await LocalFile.open(command.path)
            try:
                with self._meter(command, file.name) as progress:
                    await self._client.files.send(
                        file,
                        to=command.to,
                        conversation=command.conversation,
                        progress=progress,
                    )
            finally:
                file.close()
        except ClientError as error:
            self._complain(self._say("Not sent: {reason}", reason=error))
        except trio.Cancelled:
            self._tell_stopped(command.path, was_sent=file is not None and file.was_sent)
            raise

    def _tell_stopped(self, path: str, *, was_sent: bool) -> None:
        if was_sent:
            self._tell(
                self._say("{name} had been sent already, before it could be stopped.", name=path)
            )
        else:
            self._complain(self._say("{name} was not sent: it was stopped.", name=path))

    async def save(self, command: GetFile) -> str | None:
        """Save a file; return where, None where that failed, which the person knows."""
        number = command.id
        try:
            details = await self._client.files.describe(number)
            with self._meter(command, details.name) as progress:
                path = await self._save_in(details, command.path, progress)
        except (OSError, RuntimeError, ValueError) as error:  # a home or a name that cannot be
            self._not_saved(number, Sentence("{reason}.", reason=reason_of(error)))
        except ClientError as error:
            self._not_saved(number, error)
        except trio.Cancelled:
            self._not_saved(number, Sentence("it was stopped."))
            raise
        else:
            size = size_of(details.size)
            self._tell(
                self._say(
                    "File {number} is saved as {path} ({size}).",
                    number=number, path=path, size=size,
                )
            )  # fmt: skip
            return path
        return None

    def _not_saved(self, number: int, reason: Sentence) -> None:
        self._complain(
            self._say("File {number} was not saved: {reason}", number=number, reason=reason)
        )

    async def _save_in(self, details: FileDetails, path: str, progress: Progress) -> str:
        """Save a file, and return where; what is not complete and right does not stay."""
        file = await trio.to_thread.run_sync(open_named, details.name, path)
        try:
            async with aclosing(self._client.files.fetch(details, progress=progress)) as pieces:
                async for piece in pieces:
                    await trio.to_thread.run_sync(file.write, piece)
            await trio.to_thread.run_sync(file.close)
        except BaseException:
            discard(file)
            raise
        return str(file.name)

    @contextmanager
    def _told_meter(self, _command: FileCommand, name: str) -> Iterator[Progress]:
        yield self._progress(name)

    def _progress(self, name: str) -> Progress:
        """Return what shows every quarter of a file once."""
        shown = -1

        def report(done: int, size: int) -> None:
            nonlocal shown
            if size < WORTH_TELLING:
                return
            step = STEPS * done // size
            if step > shown:
                shown = step
                percent = 100 * step // STEPS
                self._tell(
                    self._say(
                        "{name}: {percent} % of {size}",
                        name=name, percent=percent, size=size_of(size),
                    )
                )  # fmt: skip

        return report

    def _say(self, template: str, **values: object) -> str:
        return self._here.voice.say(template, **values)
