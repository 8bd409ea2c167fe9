"""``mymessenger send``: one message, and waiting for what becomes of it (issue 6.5)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing

import trio

from cli.aims import room_of
from cli.changes import Changes
from cli.client import Client
from cli.connecting import client_of
from cli.errors import ClientError, OtherServer, TextFailed
from cli.notices import Connected, News, Notice
from cli.options import Options
from cli.pipes import report
from cli.signals import Stop, run_stoppable
from cli.tasks import EXIT_DONE, EXIT_FAILED, EXIT_NO, SendTask
from cli.texts import FileText, open_whole, whole_text
from protocol.events import Sent
from protocol.language import Sentence, voice
from protocol.limits import MAX_TEXT
from protocol.vocabulary.receipts import ReceiptList, Receipts, Seen


def whole_input(language: str) -> str | FileText:
    """Return all of standard input as one text, without the newline behind its last line.

    It is read before there is a connection: what writes it may take hours, and should not be
    ended because the server is away. Raises TextFailed.
    """
    if sys.stdin.isatty():
        say = voice(language).say
        report(say("Write the message; Ctrl+D on a new line sends it, Ctrl+C drops it."))
    return trio.run(_whole_input)


async def _whole_input() -> str | FileText:
    file = await open_whole(None)
    text = await whole_text(file, None)
    if text.size > MAX_TEXT:
        return text
    with closing(text):
        return (await text.read()).removesuffix("\n")


def run_send(options: Options, task: SendTask) -> int:
    """Send the message; return the exit code. Raises ClientError where it was not sent."""
    return trio.run(run_stoppable, Sending(options, task).run)


class Sending:
    """One run."""

    def __init__(self, options: Options, task: SendTask) -> None:
        """Take the user's wishes; ``options.name`` and ``task.text`` are given."""
        self._options = options
        self._task = task
        self._voice = voice(options.language)
        self._sent: Sent | None = None
        self._seen = False
        self._again = False  # another connection: the server has to be asked anew
        self._changes = Changes()

    async def run(self, stop: Stop) -> int:
        """Connect, send, wait, leave; return the exit code."""
        done = False
        with trio.move_on_after(self._task.timeout):
            try:
                done = await self._run(stop)
            except OtherServer:
                raise
            except ClientError as error:
                if self._sent is None:
                    raise
                self._complain(error)  # what was waited for cannot be
                return EXIT_NO
        if done:
            return EXIT_DONE
        self._tell_of_the_end()
        return EXIT_FAILED if self._sent is None else EXIT_NO

    async def _run(self, stop: Stop) -> bool:
        async with (
            client_of(self._options, on_notice=self._notice) as client,
            trio.open_nursery() as nursery,
        ):
            with stop.begin():
                nursery.start_soon(_throw_away, client)
                await self._send(client)
                if self._task.wait.name is not None:
                    await self._await_receipt(client, self._task.wait.name)
                nursery.cancel_scope.cancel()
                return True
        return False

    async def _send(self, client: Client) -> None:
        await client.ping()  # from now on it is known what the user is in
        conversation = room_of(client, self._task.aim)
        try:
            outgoing = await client.begin_send(
                self._task.text, to=self._task.aim.user, conversation=conversation
            )
        except UnicodeEncodeError as error:
            raise TextFailed("The text is not valid UTF-8.") from error
        self._sent = await outgoing.receipt()

    async def _await_receipt(self, client: Client, name: str) -> None:
        """Wait until a user has had the message, or read it, whichever was asked for."""
        assert self._sent is not None  # noqa: S101 - for the type checker
        request = Receipts(message=self._sent.id, who=name, watch=True)
        while not self._seen:
            self._again = False
            reply = await client.ask(request)
            if isinstance(reply, ReceiptList) and any(
                one.read or (one.delivered and not self._task.wait.read) for one in reply.receipts
            ):
                return
            await self._changes.wait_until(lambda: self._seen or self._again)

    def _notice(self, notice: Notice) -> None:
        match notice:
            case Connected(again=True):
                self._again = True
            case News(Seen() as seen) if self._sent is not None and seen.message == self._sent.id:
                self._seen = seen.read or not self._task.wait.read
            case _:
                return
        self._changes.ring()

    def _tell_of_the_end(self) -> None:
        if self._sent is None:
            self._complain(Sentence("The message has not been acknowledged, and may be stored."))
            return
        say: Callable[..., Sentence] = Sentence
        name, number = self._task.wait.name, self._sent.id
        if self._task.wait.read:
            self._complain(
                say(
                    "Message {number} is stored, but {name} has not read it.",
                    number=number,
                    name=name,
                )
            )
        else:
            self._complain(
                say(
                    "Message {number} is stored, but {name} has not had it.",
                    number=number,
                    name=name,
                )
            )

    def _complain(self, sentence: Sentence) -> None:
        report(sentence.said(self._voice))


async def _throw_away(client: Client) -> None:
    """Take what arrives, so that receipts are not held up behind it; it stays unread."""
    while True:
        await client.ReadMsg()
