"""A messenger on a real database, with people in it and no sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from chat.dispatch import dispatch
from chat.editing import EditingRules
from chat.journal import Published
from chat.messenger import Messenger, as_receipt
from chat.moderation import ModerationRules
from protocol.events import Error, Event, Sent
from protocol.requests import Login, Request, Send
from storage import Message, Stores, open_stores
from tests.chat.fakes import Author

EventT = TypeVar("EventT", bound=Event)
PATIENCE = 10.0


class House:
    """A messenger and what it has published."""

    def __init__(self, stores: Stores, moderation: ModerationRules, editing: EditingRules) -> None:
        self.stores = stores
        self.published: list[Message] = []
        self.messenger = Messenger(
            stores,
            self._publish,
            lambda _event: None,
            name="test server",
            limit_show=20,
            moderation=moderation,
            editing=editing,
        )

    async def _publish(self, batch: Sequence[Published]) -> None:
        for one in batch:
            self.published.append(one.saved.message)
            one.author.acknowledged()
            one.author.peer.acknowledge(as_receipt(one.saved, one.ref))

    async def enter(self, name: str) -> Author:
        """Log somebody in."""
        author = Author()
        answer = await dispatch(self.messenger, author, Login(name=name))
        assert not isinstance(answer, Error), answer
        return author

    async def ask(self, who: Author, request: Request) -> Event:
        """Return the answer to a request, also where it comes with what is stored."""
        before = len(who.screen.posted)
        answer = await dispatch(self.messenger, who, request)
        if isinstance(answer, Event):
            return answer
        with trio.fail_after(PATIENCE):
            await who.wait_in_flight(0)
        return next(filter(is_answer, who.screen.posted[before:]))

    async def say(self, who: Author, text: str, *, to: str | None = None) -> Sent:
        """Send a message."""
        sent = await self.ask(who, Send(text=text, to=to))
        assert isinstance(sent, Sent), sent
        return sent

    async def refusal(self, who: Author, request: Request) -> str:
        """Return the code with which a request is refused."""
        answer = await self.ask(who, request)
        assert isinstance(answer, Error), answer
        return answer.code

    @property
    def texts(self) -> list[str]:
        """What has been published."""
        return [message.body.decode() for message in self.published]


def is_answer(event: Event) -> bool:
    """Tell whether an event is what a message is answered with."""
    return isinstance(event, Sent | Error)


@asynccontextmanager
async def house(
    url: str,
    moderation: ModerationRules = ModerationRules(),  # noqa: B008 - it cannot be changed
    editing: EditingRules = EditingRules(),  # noqa: B008
) -> AsyncIterator[House]:
    """Run a messenger on a database, with its journal, but send no scheduled messages."""
    async with open_stores(url) as stores, trio.open_nursery() as nursery:
        made = House(stores, moderation, editing)
        nursery.start_soon(made.messenger.journal.run)
        for part in (
            made.messenger.patience.run,
            made.messenger.accounts.run,
            made.messenger.identity.devices.run,
            made.messenger.conversations.asking.run,
            made.messenger.reading.counting.run,
            made.messenger.intake.run,
        ):
            nursery.start_soon(part)
        yield made
        nursery.cancel_scope.cancel()
