"""All that the chat screen shows, in one place: Trio's side writes it, the screen reads it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.tui.log import Log
from cli.tui.roster import Place, Roster
from protocol.requests import GENERAL
from protocol.view import View

if TYPE_CHECKING:
    from cli.files import FileCommand
    from cli.here import Here
    from cli.messages import ChatMessage
    from cli.outbox import Outgoing
    from cli.status import ClientStatus
    from cli.transfers import Progress

LOGS = 40
"""Conversations whose messages are in memory; the others are on the server."""
KEPT = 100
"""Messages that stay in memory of a conversation nobody looks at."""


@dataclass(eq=False, slots=True)
class Transfer:
    """A file on its way."""

    name: str
    sending: bool
    message: int | None = None
    """The message whose file is got."""
    conversation: int = GENERAL
    """Where the file that is sent goes, where it does not go to ``to``."""
    to: str | None = None
    done: int = 0
    size: int = 0

    @property
    def percent(self) -> int:
        """How much of it has arrived."""
        return 100 * self.done // self.size if self.size else 0


@dataclass(eq=False)
class Board:
    """What there is to see."""

    here: Here
    name: str
    roster: Roster = field(default_factory=Roster)
    status: ClientStatus | None = None
    retry_at: float | None = None
    """When the next attempt to connect is made, by the monotonic clock; None: there is none."""
    people: Sequence[str] = ()
    """Who is here."""
    devices: int = 0
    """How many devices of the user are here; 0: not known."""
    pending: Sequence[Outgoing] = ()
    transfers: list[Transfer] = field(default_factory=list)
    quiet: bool = False
    """True: do not disturb."""
    _logs: OrderedDict[int, Log] = field(default_factory=OrderedDict)

    @property
    def present(self) -> int:
        """The conversation that is looked at."""
        return self.here.place.conversation

    @property
    def place(self) -> Place | None:
        """That conversation in the list."""
        return self.roster.places.get(self.present)

    @property
    def view(self) -> View:
        """How things are shown to the user."""
        return self.here.view(self.name)

    @property
    def log(self) -> Log:
        """The messages of the conversation that is looked at."""
        return self.log_of(self.present)

    def log_of(self, conversation: int) -> Log:
        """Return the messages of a conversation, as far as they are in memory."""
        log = self._logs.get(conversation)
        if log is None:
            log = self._logs[conversation] = Log(conversation)
        self._logs.move_to_end(conversation)
        self._drop_old()
        return log

    def _drop_old(self) -> None:
        while len(self._logs) > LOGS:
            oldest = next(iter(self._logs))
            if oldest == self.present:
                self._logs.move_to_end(oldest)
            else:
                del self._logs[oldest]

    def take(self, message: ChatMessage) -> Place | None:
        """Take a message that has come; return its place."""
        own = message.own or message.sender == self.name
        place = self.roster.hear(message.frame, own=own, me=self.name)
        log = self.log_of(message.conversation)
        log.add(message.frame, own=own)
        if message.conversation != self.present and len(log.entries) > 2 * KEPT:
            log.shorten(KEPT)
        return place

    def note(self, text: str) -> None:
        """Show what the program says, where the user is."""
        self.log.add_note(text)

    def waiting_here(self) -> list[Outgoing]:
        """Return what is not stored yet and was written to where the user is."""
        return [one for one in self.pending if self._is_here(one)]

    def _is_here(self, outgoing: Outgoing) -> bool:
        return self.is_here(outgoing.conversation, outgoing.to)

    def is_here(self, conversation: int, to: str | None) -> bool:
        """Tell whether what goes to a conversation, or to a user, goes where the user is."""
        if to is None:
            return conversation == self.present
        place = self.place
        return (
            place is not None
            and place.info.kind == "direct"
            and place.info.name.casefold() == to.casefold()
        )

    @contextmanager
    def meter(self, command: FileCommand, name: str) -> Iterator[Progress]:
        """Show how far a file is while it is on its way."""
        from protocol.vocabulary.files import GetFile, SendFile  # not before the first picture

        transfer = Transfer(name, sending=isinstance(command, SendFile))
        if isinstance(command, GetFile):
            transfer.message = command.id
        elif isinstance(command, SendFile):
            transfer.conversation, transfer.to = command.conversation, command.to
        self.transfers.append(transfer)

        def report(done: int, size: int) -> None:
            transfer.done, transfer.size = done, size

        try:
            yield report
        finally:
            self.transfers.remove(transfer)
