"""What the commands that ask for something are answered with, in one piece each."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing

import trio
from msgspec.structs import replace

from cli.changes import Changes
from cli.client import Client
from cli.credentials import device_label
from cli.errors import ClientError
from cli.files import FileCommand, FileCommands, Meter
from cli.here import Here
from cli.pending import PendingCommand, PendingCommands
from cli.reasons import reason_of
from cli.saving import discard, open_new
from cli.show import offline_lines, status_lines
from cli.status import State
from cli.texts import FileText, Spool
from protocol.commands import Built, Help, SaveText
from protocol.events import Reply
from protocol.language import Sentence, size_of, voice
from protocol.requests import Fetch, Language, Request, Status
from protocol.text import sanitise
from protocol.typed import Chapter, help_lines
from protocol.view import View, marked_lines
from protocol.vocabulary.identity import ChangePassword, Register, Registered

ANSWER_TIME = 10.0
"""Seconds that an answer to `/status` may take."""
FOLD = 64 * 1024
"""Characters after which a line of a fetched text is folded, and about which are shown at once."""


class Answers:
    """Gives answers: one after the other, or each beside everything else."""

    def __init__(
        self,
        client: Client,
        here: Here,
        show: Callable[[str], Awaitable[None]],
        complain: Callable[[str], None],
        *,
        output: trio.Lock,
        tell: Callable[[str], None] | None = None,
        beside: trio.Nursery | None = None,
        shown: Callable[[Request, Reply, View], list[str]] | None = None,
        meter: Meter | None = None,
        more_help: Chapter | None = None,
    ) -> None:
        """Answer with ``show``, some lines at a time; tell what went wrong with ``complain``.

        Who shows something else takes ``output`` first: an answer holds it from its first line
        to its last, and never while it waits for the server. ``tell`` gets what goes on with
        files. With ``beside`` answers are given in that nursery, and nobody waits for them.
        ``shown`` makes the lines of an answer, where it is not the usual ones that are shown, and
        ``meter`` shows how far files are. ``more_help`` are commands of the screen, where one has
        one: there no command works without its slash.
        """
        self._client = client
        self._here = here
        self._show = show
        self._complain = complain
        self._output = output
        self._beside = beside
        self._shown = shown or _usual_lines
        self._more_help = more_help
        self.files = FileCommands(client, here, tell or _ignore, complain, meter)
        """Sends files and saves them."""
        self._pending = PendingCommands(client, here, self._show_lines, complain)
        self._open = 0
        self._changes = Changes()  # rings when there is one less open

    async def give(self, request: Built) -> None:
        """Answer a request; returns once that is done, or begun where answers are beside."""
        if self._beside is None:
            await self._give(request)
        else:
            self._open += 1
            self._beside.start_soon(self._give_beside, request)

    async def move(self, request: Request) -> bool:
        """Answer a request that may move the person, now: what is typed next goes there.

        False: the person is still where they were, and knows.

        At a prompt it is not put off until there is a connection: nobody would know where they are.
        """
        if self._beside is None:
            return await self._give(request)
        say = self._here.voice.say
        if self._client.CheckStatus().state is not State.ONLINE:
            self._complain(say("There is no connection now, so you are still where you were."))
            return False
        with trio.move_on_after(ANSWER_TIME):
            return await self._give(request)
        self._complain(say("The server does not answer, so you are still where you were."))
        return False

    async def finish(self) -> None:
        """Wait for the answers that have been begun."""
        await self._changes.wait_until(lambda: not self._open)

    async def _give_beside(self, request: Built) -> None:
        try:
            await self._give(request)
        finally:
            self._open -= 1
            self._changes.ring()

    async def _give(self, request: Built) -> bool:
        """Answer a request; False: it was refused, and the person knows."""
        try:
            if isinstance(request, Help):
                more = () if self._more_help is None else (self._more_help,)
                bare = self._more_help is None
                await self._show_lines(
                    help_lines(self._here.voice, request.topic, more, bare=bare, fill=bare)
                )
            elif isinstance(request, Status):
                await self._show_lines(await self._status())
            elif isinstance(request, Fetch):
                await self._show_text(request.id)
            elif isinstance(request, SaveText):
                await self._save(request)
            elif isinstance(request, FileCommand):
                await self.files.do(request)
            elif isinstance(request, PendingCommand):
                await self._pending.do(request)
            elif isinstance(request, Request):
                await self._ask(request)
        except ClientError as error:
            self._complain(error.said(self._here.voice))
            return False
        return True

    async def _show_lines(self, lines: list[str]) -> None:
        async with self._output:
            await self._show("\n".join(lines))

    async def _ask(self, request: Request) -> None:
        reply = await self.ask(request)
        view = self._here.view(self._client.CheckStatus().name)
        if shown := self._shown(request, reply, view):
            await self._show_lines(shown)

    async def ask(self, request: Request) -> Reply:
        """Ask for something and heed what the answer changes here; raises Refused."""
        if isinstance(request, Register):
            wanted = self._client.credentials.wants_token
            request = replace(request, remember=wanted, device=device_label())
        reply = await self._client.ask(request)
        self._note_identity(request, reply)
        if isinstance(request, Language):
            self._here.voice = voice(request.language)
            self._client.speak(request.language)
        self._here.note(reply)
        return reply

    def _note_identity(self, request: Request, reply: Reply) -> None:
        """Log in, after a lost connection, by what proves to be the user now."""
        credentials = self._client.credentials
        if isinstance(request, Register) and isinstance(reply, Registered):
            credentials.take_password(request.password)
            credentials.take_token(reply.name, reply.token)
        elif isinstance(request, ChangePassword):
            credentials.take_password(request.new)

    async def _status(self) -> list[str]:
        view = self._here.view(self._client.CheckStatus().name)
        if self._client.CheckStatus().state is State.ONLINE:
            with trio.move_on_after(ANSWER_TIME):
                report = await self._client.ask_status()
                return status_lines(report, self._client.CheckStatus(), view)
        return offline_lines(self._client.CheckStatus(), view)

    async def _show_text(self, message_id: int) -> None:
        """Show a long text. It is fetched first: meanwhile others may show what they have."""
        spool = Spool(Sentence("Message {number}", number=message_id))
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
        number, path = request.fetch.id, request.path
        try:
            size = await self._save_in(number, path)
        except (OSError, RuntimeError, ValueError) as error:  # a home or a name that cannot be
            self._not_saved(request, reason_of(error))
        except trio.Cancelled:
            self._not_saved(request, Sentence("not all of it was there"))
            raise
        else:
            said = self._here.voice.say(
                "Message {number} is in {path} ({size}).",
                number=number, path=path, size=size_of(size),
            )  # fmt: skip
            await self._show_lines([said])

    def _not_saved(self, request: SaveText, reason: Sentence) -> None:
        self._complain(
            self._here.voice.say(
                "Message {number} was not saved in {path}: {reason}.",
                number=request.fetch.id, path=request.path, reason=reason,
            )
        )  # fmt: skip

    async def _save_in(self, number: int, path: str) -> int:
        """Return the bytes saved; what is not complete does not stay."""
        size = 0
        file = await trio.to_thread.run_sync(open_new, path)
        try:
            async with aclosing(self._client.fetch(number)) as parts:
                async for part in parts:
                    await trio.to_thread.run_sync(file.write, part)
                    size += len(part)
            await trio.to_thread.run_sync(file.close)
        except BaseException:
            discard(file)
            raise
        return size


def _usual_lines(_request: Request, reply: Reply, view: View) -> list[str]:
    return marked_lines(reply, view)


def _ignore(_sentence: str) -> None:
    """Say nothing."""


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
