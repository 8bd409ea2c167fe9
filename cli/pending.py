"""What `/outbox` and `/withdraw` do: the messages that the server has not acknowledged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cli.client import Client
from cli.here import Here
from cli.outbox import Outgoing, Stage
from protocol.language import N_
from protocol.requests import GENERAL
from protocol.text import sanitise_line
from protocol.vocabulary.outbox import ShowOutbox, TakeBack

PendingCommand = ShowOutbox | TakeBack

_SHOWN = 200
"""Characters of a message in the list."""


class PendingCommands:
    """Lists what waits, and takes back what nobody has seen yet."""

    def __init__(
        self,
        client: Client,
        here: Here,
        show: Callable[[list[str]], Awaitable[None]],
        complain: Callable[[str], None],
    ) -> None:
        """Answer with ``show``, and with ``complain`` where something cannot be done."""
        self._client = client
        self._here = here
        self._show = show
        self._complain = complain
        self._listed: tuple[Outgoing, ...] | None = None  # what the numbers mean

    async def do(self, command: PendingCommand) -> None:
        """Do a command."""
        if isinstance(command, ShowOutbox):
            await self._list()
        else:
            await self._take_back(command.number)

    async def _list(self) -> None:
        self._listed = self._client.pending
        if not self._listed:
            await self._show([self._say("Nothing waits: the server has all that you wrote.")])
            return
        await self._show(
            [self._line(number, one) for number, one in enumerate(self._listed, start=1)]
        )

    def _line(self, number: int, outgoing: Outgoing) -> str:
        text = as_typed(outgoing, self._client)[:_SHOWN]
        if outgoing.stage is Stage.ON_ITS_WAY:
            return self._say("{number}. (on its way) {text}", number=number, text=text)
        return self._say("{number}. {text}", number=number, text=text)

    async def _take_back(self, number: int) -> None:
        listed = self._client.pending if self._listed is None else self._listed
        if number > len(listed):
            self._complain(
                self._say("Nothing waits under the number {number}; see /outbox.", number=number)
            )
            return
        outgoing = listed[number - 1]
        text = as_typed(outgoing, self._client)[:_SHOWN]
        if self._client.withdraw(outgoing):
            await self._show([self._say("Withdrawn: {text}", text=text)])
        else:
            self._complain(self._say(_TOO_LATE[outgoing.stage], text=text))

    def _say(self, template: str, /, **values: object) -> str:
        return self._here.voice.say(template, **values)


_TOO_LATE = {
    Stage.WAITING: N_("It is on its way, and may be stored already: {text}"),
    Stage.ON_ITS_WAY: N_("It is on its way, and may be stored already: {text}"),
    Stage.STORED: N_("It is stored already; /delete takes it back from everyone: {text}"),
    Stage.REFUSED: N_("The server has refused it already: {text}"),
    Stage.WITHDRAWN: N_("It has been withdrawn already: {text}"),
    Stage.LEFT: N_("It goes out when you come back: {text}"),
}


def as_typed(outgoing: Outgoing, client: Client) -> str:
    """Return a message as it can be typed again, on one line and safe to show.

    In front stands in which room it is, where that is not the general chat.
    """
    text = outgoing.text if isinstance(outgoing.text, str) else ""
    if outgoing.to is not None:
        text = f"/send-to {outgoing.to} {text}"
    elif outgoing.addressed:
        text = f"/send {text}"
    place = client.conversations.get(outgoing.conversation)
    if outgoing.to is None and outgoing.conversation != GENERAL and place is not None:
        text = f"({place.name}) {text}"
    return sanitise_line(text)
