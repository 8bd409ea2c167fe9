"""What one has written and the server does not have yet: it waits at one's own end."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.commands import Built, Command, Local, Place, no_arguments, number_in
from protocol.events import Event
from protocol.language import N_
from protocol.requests import Request

TITLE = N_("What waits to be sent")


@dataclass(frozen=True, slots=True)
class ShowOutbox(Local):
    """List the messages that are not acknowledged yet: `/outbox`."""


@dataclass(frozen=True, slots=True)
class TakeBack(Local):
    """Do not send a message of that list: `/withdraw NUMBER`."""

    number: int
    """Its place in the list that was shown last, from 1 on."""


def _withdraw(rest: str, _place: Place) -> Built:
    return TakeBack(number_in(rest, "/withdraw NUMBER"))


REQUESTS: tuple[type[Request], ...] = ()
EVENTS: tuple[type[Event], ...] = ()
COMMANDS = (
    Command(
        "outbox", "", N_("List what you wrote and the server does not have yet."),
        no_arguments(ShowOutbox),
    ),
    Command(
        "withdraw", "NUMBER", N_("Do not send the message with that number in /outbox."),
        _withdraw,
    ),
)  # fmt: skip
