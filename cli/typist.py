"""Doing what a line says that a person typed, or a program wrote."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf

import trio

from cli.changes import Changes
from cli.client import Client
from cli.errors import ClientError, Refused
from cli.outbox import Outgoing
from cli.show import offline_lines, status_lines
from cli.status import State
from protocol.commands import Local, help_lines, parse_line
from protocol.errors import ProtocolError
from protocol.requests import Fetch, Quit, Request, Send, Status
from protocol.text import sanitise, sanitise_line

ANSWER_TIME = 10.0
"""Seconds that an answer to `/status` may take."""
FOLD = 64 * 1024
"""Characters after which a line of a fetched text is folded."""


class Typist:
    """Runs lines one after the other. Messages go out without waiting for their receipts."""

    def __init__(
        self,
        client: Client,
        show: Callable[[str], Awaitable[None]],
        complain: Callable[[str], None],
        *,
        patience: float = inf,
        on_delay: Callable[[Outgoing], None] | None = None,
    ) -> None:
        """Answer with ``show``, a line each; tell what went wrong with ``complain``.

        A message that waits for its acknowledgement for longer than ``patience`` seconds is
        given to ``on_delay``.
        """
        self._client = client
        self._show = show
        self._complain = complain
        self._patience = patience
        self._on_delay = on_delay
        self._handed: deque[Outgoing] = deque()  # not looked at yet; the outbox bounds it
        self._given_up: list[Outgoing] = []
        self._changes = Changes()  # rings when there is one more in _handed

    async def run(self, line: str) -> bool:
        """Do what a line says; False: it says to leave."""
        try:
            request = parse_line(line)
        except ProtocolError as error:
            self._complain(sanitise_line(error.sentence))
            return True
        if isinstance(request, Quit):
            return False
        if request is Local.HELP:
            for help_line in help_lines():
                await self._show(help_line)
        elif isinstance(request, Send):
            await self.send(request)
        elif isinstance(request, Request):
            await self._answer(request)
        return True

    async def send(self, request: Send) -> None:
        """Hand a message over; its failure is complained of later."""
        try:
            outgoing = await self._client.begin_send(
                request.text or "",
                to=request.to,
                conversation=request.conversation,
                addressed=request.addressed,
            )
        except UnicodeEncodeError:
            self._complain("Not sent: the line holds characters that are none (lone surrogates).")
        else:
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
        if isinstance(outgoing.failure, Refused):
            sentence = sanitise_line(outgoing.failure.sentence)
            self._complain(f"Not sent: {sentence} ({_beginning(outgoing)})")
        elif outgoing.failure is not None or not outgoing.done:
            self._given_up.append(outgoing)

    async def _answer(self, request: Request) -> None:
        try:
            if isinstance(request, Status):
                await self._show_status()
            elif isinstance(request, Fetch):
                async for line in self._fetch(request.id):
                    await self._show(line)
        except ClientError as error:
            self._complain(sanitise_line(str(error)))

    async def _show_status(self) -> None:
        lines = offline_lines(self._client.CheckStatus())
        if self._client.CheckStatus().state is State.ONLINE:
            with trio.move_on_after(ANSWER_TIME):
                report = await self._client.ask_status()
                lines = status_lines(report, self._client.CheckStatus())
        for line in lines:
            await self._show(line)

    async def _fetch(self, message_id: int) -> AsyncIterator[str]:
        """Yield a long text line by line."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        async for part in self._client.fetch(message_id):
            *lines, rest = (rest + decoder.decode(part)).split("\n")
            for line in lines:
                yield sanitise(line)
            while len(rest) > FOLD:
                yield sanitise(rest[:FOLD])
                rest = rest[FOLD:]
        if rest:
            yield sanitise(rest)


def _beginning(outgoing: Outgoing) -> str:
    """Return enough of a message to know it by."""
    if not isinstance(outgoing.text, str):
        return "a long text"
    text = sanitise_line(outgoing.text[:61])
    return text if len(outgoing.text) <= 60 else text[:60] + "…"  # noqa: PLR2004
