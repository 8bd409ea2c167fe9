"""What the commands that ask for something are answered with, in one piece each."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing, suppress
from pathlib import Path
from typing import IO

import trio

from cli.changes import Changes
from cli.client import Client
from cli.commands import SaveText, all_help_lines
from cli.errors import ClientError
from cli.show import offline_lines, status_lines
from cli.status import State
from cli.texts import FileText, Spool
from protocol.commands import Local
from protocol.requests import Fetch, Request, Status
from protocol.text import format_size, sanitise, sanitise_line

ANSWER_TIME = 10.0
"""Seconds that an answer to `/status` may take."""
FOLD = 64 * 1024
"""Characters after which a line of a fetched text is folded, and about which are shown at once."""


class Answers:
    """Gives answers: one after the other, or each beside everything else."""

    def __init__(
        self,
        client: Client,
        show: Callable[[str], Awaitable[None]],
        complain: Callable[[str], None],
        *,
        output: trio.Lock,
        beside: trio.Nursery | None = None,
    ) -> None:
        """Answer with ``show``, some lines at a time; tell what went wrong with ``complain``.

        Who shows something else takes ``output`` first: an answer holds it from its first line
        to its last, and never while it waits for the server. With ``beside`` answers are given
        in that nursery, and nobody waits for them.
        """
        self._client = client
        self._show = show
        self._complain = complain
        self._output = output
        self._beside = beside
        self._open = 0
        self._changes = Changes()  # rings when there is one less open

    async def give(self, request: Request | Local | SaveText) -> None:
        """Answer a request; returns once that is done, or begun where answers are beside."""
        if self._beside is None:
            await self._give(request)
        else:
            self._open += 1
            self._beside.start_soon(self._give_beside, request)

    async def finish(self) -> None:
        """Wait for the answers that have been begun."""
        await self._changes.wait_until(lambda: not self._open)

    async def _give_beside(self, request: Request | Local | SaveText) -> None:
        try:
            await self._give(request)
        finally:
            self._open -= 1
            self._changes.ring()

    async def _give(self, request: Request | Local | SaveText) -> None:
        try:
            if request is Local.HELP:
                await self._show_lines(all_help_lines())
            elif isinstance(request, Status):
                await self._show_lines(await self._status())
            elif isinstance(request, Fetch):
                await self._show_text(request.id)
            elif isinstance(request, SaveText):
                await self._save(request)
        except ClientError as error:
            self._complain(sanitise_line(str(error)))

    async def _show_lines(self, lines: list[str]) -> None:
        async with self._output:
            await self._show("\n".join(lines))

    async def _status(self) -> list[str]:
        if self._client.CheckStatus().state is State.ONLINE:
            with trio.move_on_after(ANSWER_TIME):
                report = await self._client.ask_status()
                return status_lines(report, self._client.CheckStatus())
        return offline_lines(self._client.CheckStatus())

    async def _show_text(self, message_id: int) -> None:
        """Show a long text. It is fetched first: meanwhile others may show what they have."""
        spool = Spool(f"Message {message_id}")
        try:
            async with aclosing(self._client.fetch(message_id)) as parts:
                async for part in parts:
                    await spool.write(part)
                    if spool.failure is not None:
                        break
            async with self._output:
                with closing(spool.text()) as text:
                    async for block in _blocks(text):
                        await self._show(block)
        finally:
            spool.release()

    async def _save(self, request: SaveText) -> None:
        """Save a long text, byte for byte, in a file that did not exist before."""
        number = request.fetch.id
        shown = sanitise_line(request.path)
        try:
            size = await self._save_in(number, request.path)
        except (OSError, RuntimeError, ValueError) as error:  # a home or a name that cannot be
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._complain(f"Message {number} was not saved in {shown}: {reason}.")
        except trio.Cancelled:
            self._complain(f"Message {number} was not saved in {shown}: not all of it was there.")
            raise
        else:
            await self._show_lines([f"Message {number} is in {shown} ({format_size(size)})."])

    async def _save_in(self, number: int, path: str) -> int:
        """Return the bytes saved; what is not complete does not stay."""
        size = 0
        file = await trio.to_thread.run_sync(_open_new, path)
        try:
            async with aclosing(self._client.fetch(number)) as parts:
                async for part in parts:
                    await trio.to_thread.run_sync(file.write, part)
                    size += len(part)
            await trio.to_thread.run_sync(file.close)
        except BaseException:
            _discard(file)
            raise
        return size


def _open_new(path: str) -> IO[bytes]:
    return Path(path).expanduser().open("xb")  # x: never over what is there


def _discard(file: IO[bytes]) -> None:
    with suppress(OSError):  # it cannot write what it still holds, which is why this is called
        file.close()
    with suppress(OSError):  # what went wrong first is what has to be said
        Path(file.name).unlink(missing_ok=True)


async def _blocks(text: FileText) -> AsyncIterator[str]:
    """Yield a long text safe for a terminal, some whole lines at a time, the longest folded."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    async for piece in text():
        rest += decoder.decode(piece)
        while len(rest) > FOLD:
            end = rest.rfind("\n", 0, FOLD + 1)
            yield sanitise(rest[:end] if end >= 0 else rest[:FOLD])
            rest = rest[end + 1 :] if end >= 0 else rest[FOLD:]
    if rest:
        yield sanitise(rest.removesuffix("\n"))
