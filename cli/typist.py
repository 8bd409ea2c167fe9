"""Doing what a line says that a person typed, or a program wrote."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from math import inf

import trio

from cli.answers import Answers
from cli.changes import Changes
from cli.client import Client
from cli.errors import Refused, TextFailed, Withdrawn
from cli.here import Here
from cli.outbox import Outgoing
from cli.texts import FileText
from protocol.commands import AskSecrets, Built, Place, SaveText
from protocol.errors import ProtocolError
from protocol.language import N_, Sentence
from protocol.limits import MAX_TEXT
from protocol.requests import Quit, Request, Send
from protocol.text import sanitise_line
from protocol.typed import parse_line, parse_moved
from protocol.vocabulary.files import GetFile, SendFile

NO_FILES = N_(
    "No line of a pipe sends or saves a file; mymessenger --send-file PATH and --get NUMBER do."
)


OVERTAKING = 1.0
"""Seconds after which a request may overtake messages that cannot be sent at the moment."""


class Typist:
    """Runs lines one after the other. Messages go out without waiting for their receipts."""

    def __init__(
        self,
        client: Client,
        here: Here,
        answers: Answers,
        complain: Callable[[str], None],
        *,
        may_save: bool,
        ask_unseen: Callable[[str], Awaitable[str | None]] | None = None,
        patience: float = inf,
        on_delay: Callable[[Outgoing], None] | None = None,
    ) -> None:
        """Leave questions to ``answers``; tell what went wrong with ``complain``.

        Without ``may_save`` no line writes a file: lines of a pipe may come from strangers. A
        ``ask_unseen`` asks a person for what is not shown while it is typed; None: they are gone.
        A message that waits for its acknowledgement for longer than ``patience`` seconds is given
        to ``on_delay``.
        """
        self._client = client
        self._here = here
        self._answers = answers
        self._complain = complain
        self._may_save = may_save
        self._ask_unseen = ask_unseen
        self._patience = patience
        self._on_delay = on_delay
        self._handed: deque[Outgoing] = deque()  # not looked at yet; the outbox bounds it
        self._given_up: list[Outgoing] = []
        self._changes = Changes()  # rings when there is one more in _handed
        self._astray = False  # in a pipe: where the lines were to go could not be opened
        self._last_long: Outgoing | None = None  # the last one whose text is in a file

    async def run(
        self,
        line: str,
        long: Callable[[str], FileText] | None = None,
        *,
        place: Place | None = None,
    ) -> bool:
        """Do what a line says; False: it says to leave.

        Of a line too long to hold this gets the beginning, and ``long`` makes the whole text of
        what of that beginning is text. ``place`` is where the person was who typed it, where that
        is not where they are now.
        """
        left = self._here.take_left() if place is None else None
        place = place or self._here.place
        try:
            request = parse_moved(line, left, place) if left else parse_line(line, place)
        except ProtocolError as error:
            self._complain(error.said(self._here.voice))
            return True
        if isinstance(request, Quit):
            return False
        if isinstance(request, Send):
            await self._write(request, place, long)
        elif request is not None and long is not None:
            self._complain(
                self._say("A command has at most {limit} bytes; nothing was sent.", limit=MAX_TEXT)
            )
        elif request is not None:
            await self._obey(request)
        return True

    async def _write(
        self, request: Send, place: Place, long: Callable[[str], FileText] | None
    ) -> None:
        if self._astray and self._is_for(request, place):
            # Nobody reads what goes wrong in a pipe before the next line is sent.
            self._complain(self._say("Not sent: the conversation before it could not be opened."))
        else:
            await self.send(request, long and long(request.text or ""))

    async def _obey(self, request: Built) -> None:
        if isinstance(request, SaveText) and not self._may_save:
            number = request.fetch.id
            self._complain(
                self._say(
                    "No line of a pipe saves a file; mymessenger --text {number} does.",
                    number=number,
                )
            )
        elif isinstance(request, SendFile | GetFile) and not self._may_save:
            self._complain(self._say(NO_FILES))
        elif isinstance(request, AskSecrets):
            await self._ask_secrets(request)
        else:
            with trio.move_on_after(OVERTAKING):
                await self._client.wait_sent()
            if isinstance(request, Request) and request.moves:
                moved = await self._answers.move(request)
                self._astray = self._ask_unseen is None and not moved
            else:
                await self._answers.give(request)

    @staticmethod
    def _is_for(request: Send, place: Place) -> bool:
        """Tell whether a message goes where the person is, and not to somebody named."""
        return request.to is None and request.conversation == place.conversation

    async def _ask_secrets(self, secrets: AskSecrets) -> None:
        if self._ask_unseen is None:
            self._complain(self._say("Write it on the same line: nobody can be asked."))
            return
        answers: list[str] = []
        for question in secrets.questions:
            answer = await self._ask_unseen(self._say(question))
            if not answer:
                self._complain(self._say("Nothing was typed; nothing changed."))
                return
            answers.append(answer)
        try:
            request = secrets.build(*answers)
        except ProtocolError as error:
            self._complain(error.said(self._here.voice))
        else:
            await self._answers.give(request)

    async def send(self, request: Send, long: FileText | None = None) -> None:
        """Hand a message over, with ``long`` as its text if given; complain of a failure later.

        A second long text waits until the one before it is stored: so few files are kept.
        """
        text = long or request.text or ""
        try:
            if request.addressed and (long or len((request.text or "").encode()) > MAX_TEXT):
                # The server looks for a name in short texts only: all would read what was for one.
                self._complain(
                    self._say("Not sent: a text this long needs /send-to NAME, or send without /.")
                )
                if long is not None:
                    long.close()
                return
            if long is not None and self._last_long is not None:
                await self._last_long.wait()
            outgoing = await self._client.begin_send(
                text,
                to=request.to,
                conversation=request.conversation,
                addressed=request.addressed,
                reply_to=request.reply_to,
            )
        except UnicodeEncodeError:
            self._complain(
                self._say("Not sent: the line holds characters that are none (lone surrogates).")
            )
        else:
            self._last_long = outgoing if long else self._last_long
            self._handed.append(outgoing)
            self._changes.ring()

    def adopt(self, outgoing: Outgoing) -> None:
        """Look after the receipt of a message that an earlier run has left."""
        self._handed.append(outgoing)
        self._changes.ring()

    async def collect_receipts(self) -> None:
        """Wait for each message's receipt in turn and complain of those refused.

        It never ends. What it has not got to when it is cancelled is for :meth:`take_rest`.
        """
        while True:
            await self._changes.wait_until(lambda: bool(self._handed))
            outgoing = self._handed[0]
            with trio.move_on_after(self._patience):
                await outgoing.wait()
            if not outgoing.done and self._on_delay is not None:
                self._on_delay(outgoing)
            await outgoing.wait()
            self._look_at(self._handed.popleft())

    def take_rest(self) -> list[Outgoing]:
        """Complain of what is refused by now; return what was never acknowledged."""
        while self._handed:
            self._look_at(self._handed.popleft())
        rest, self._given_up = self._given_up, []
        return rest

    def _look_at(self, outgoing: Outgoing) -> None:
        if isinstance(outgoing.failure, Withdrawn):
            return  # who has done that knows
        if isinstance(outgoing.failure, TextFailed):
            self._complain(self._say("Not sent: {reason}", reason=outgoing.failure))
        elif isinstance(outgoing.failure, Refused):
            self._complain(
                self._say(
                    "Not sent: {reason} ({text})",
                    reason=outgoing.failure, text=_beginning(outgoing),
                )
            )  # fmt: skip
        elif outgoing.failure is not None or not outgoing.done:
            self._given_up.append(outgoing)
        if isinstance(outgoing.text, FileText):
            outgoing.text.close()

    def _say(self, template: str, /, **values: object) -> str:
        return self._here.voice.say(template, **values)


def _beginning(outgoing: Outgoing) -> str | Sentence:
    """Return enough of a message to know it by."""
    if not isinstance(outgoing.text, str):
        return Sentence("a long text")
    text = sanitise_line(outgoing.text[:61])
    return text if len(outgoing.text) <= 60 else text[:60] + "…"  # noqa: PLR2004
