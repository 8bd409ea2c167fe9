"""Who has had a message, and who has read it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, number_in
from protocol.events import Event, Reply
from protocol.language import N_
from protocol.requests import MessageId, Request, UserName
from protocol.view import View, lines

TITLE = N_("Receipts")


class Receipts(Request, frozen=True, kw_only=True, tag="receipts"):
    """How far a message has got with the others. Answered by `receipt_list`.

    It has to be in a conversation that one is in. Only who was in that when it was sent is told
    of, and not the one who sent it.
    """

    message: Annotated[MessageId, Meta(description="The message's id.")]
    who: Annotated[
        UserName | None, Meta(description="Tell of this user only, else of at most 200.")
    ] = None
    watch: Annotated[
        bool,
        Meta(
            description="Tell also of what changes, by `seen`, until `who` has read the message or "
            "the connection ends. Needs `who`, and has to be one's own message; a connection may "
            "watch 100 at once."
        ),
    ] = False


class Receipt(Struct, frozen=True, kw_only=True):
    """How far a message has got with one user."""

    name: str
    delivered: Annotated[bool, Meta(description="A device of the user has shown it.")]
    read: Annotated[bool, Meta(description="The user has read it, on whatever device.")]


class ReceiptList(Reply, frozen=True, kw_only=True, tag="receipt_list"):
    """The answer to `receipts`: those who have read furthest first."""

    message: int
    conversation: int
    receipts: Annotated[list[Receipt], Meta(description="One a user; at most 200.")]
    more: Annotated[bool, Meta(description="True: there are others who are not told of.")] = False


class Seen(Event, frozen=True, kw_only=True, tag="seen"):
    """A message of one's own that is watched has been delivered to a user, or read."""

    message: int
    conversation: int
    name: str
    read: Annotated[bool, Meta(description="False: it is delivered, and not read yet.")]


@lines.register
def _(event: ReceiptList, view: View) -> list[str]:
    if not event.receipts:
        return [view.say("Nobody else was here when that was sent.")]
    groups = (
        (N_("Read by {names}"), [one.name for one in event.receipts if one.read]),
        (
            N_("Delivered to {names}"),
            [one.name for one in event.receipts if one.delivered and not one.read],
        ),
        (
            N_("Not yet delivered to {names}"),
            [one.name for one in event.receipts if not one.delivered],
        ),
    )
    shown = [view.say(template, names=", ".join(names)) for template, names in groups if names]
    if event.more:
        shown.append(view.say("There are more than are told of here."))
    return shown


def _seen(rest: str, _place: Place) -> Built:
    return Receipts(message=number_in(rest, "/seen NUMBER"))


REQUESTS = (Receipts,)
EVENTS = (ReceiptList, Seen)
COMMANDS = (
    Command("seen", "NUMBER", N_("Show who has had message NUMBER, and who has read it."), _seen),
)  # fmt: skip
