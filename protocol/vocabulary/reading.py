"""Turning to a conversation, its history, and what of it has been read (S000-7, S000-14)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from protocol.commands import Built, Command, Place, no_arguments, number_in, usage_error
from protocol.events import ConversationInfo, Event, Reply
from protocol.language import N_
from protocol.limits import MAX_PAGE, MAX_TYPED
from protocol.requests import (
    GENERAL,
    ConversationId,
    History,
    MessageId,
    Request,
    Seq,
    UserName,
)
from protocol.view import View, lines
from protocol.vocabulary.contacts import Contact

TITLE = N_("Reading")

_PAGE = 10
"""Messages on a page of a history (S003-10)."""


class Open(Request, frozen=True, kw_only=True, tag="open"):
    """Turn to a conversation and have read it (S000-9, S000-14). Answered by `opened`.

    With its latest messages come all unread ones, at most 200. A user with whom there is no
    conversation yet hears nothing of this before the first message.
    """

    moves: ClassVar[bool] = True

    number: Annotated[
        Annotated[int, Meta(ge=1, le=2**53)] | None,
        Meta(description="A number of the list of contacts asked for last."),
    ] = None
    to: Annotated[
        UserName | None, Meta(description="A user's name, where there is no `number`.")
    ] = None
    conversation: Annotated[
        ConversationId, Meta(description="It, where there are neither of these.")
    ] = GENERAL


class MarkRead(Request, frozen=True, kw_only=True, tag="read"):
    """The user has read a conversation up to `seq`. Not answered; only moves forward.

    What is read is delivered, too.
    """

    conversation: ConversationId
    seq: Seq


class ReadAll(Request, frozen=True, kw_only=True, tag="read_all"):
    """Take all there is in a conversation for read. Answered by `marked_read`."""

    conversation: ConversationId = GENERAL


class HistoryFrom(Request, frozen=True, kw_only=True, tag="history_from"):
    """A page of what people said before a message, or after it. Answered by `history_page`.

    It is `history` for people, who know a message by its number: in whatever conversation the
    message is, if the user is in that.
    """

    message: Annotated[MessageId, Meta(description="The message's id.")]
    older: Annotated[bool, Meta(description="True: what was before it; else what came after.")]
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = _PAGE


class MarkedRead(Reply, frozen=True, kw_only=True, tag="marked_read"):
    """The answer to `read_all`."""

    conversation: int
    read: Annotated[int, Meta(description="Up to this sequence number all is read.")]


class Marked(Event, frozen=True, kw_only=True, tag="marked"):
    """Another device of the user has had, or read, more of a conversation (S002-17)."""

    conversation: int
    delivered: Annotated[int, Meta(description="Up to here the user has had it.")]
    read: Annotated[int, Meta(description="Up to here the user has read it.")]
    last_seq: Annotated[int, Meta(description="Its last sequence number when this was counted.")]
    unread: Annotated[
        int, Meta(description="Texts and files of others behind `read`, up to `last_seq`.")
    ]


class Synced(Event, frozen=True, kw_only=True, tag="synced"):
    """How everything stands, for a client that was too slow for some news: this replaces them."""

    conversations: list[ConversationInfo]
    contacts: list[Contact]


@lines.register
def _(event: MarkedRead, view: View) -> list[str]:
    del event
    return [view.say("All of this conversation is read.")]


def _chat(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/chat NUMBER or /chat NAME")
    if rest.isascii() and rest.isdecimal():
        return Open(number=number_in(rest, "/chat NUMBER or /chat NAME"))
    return Open(to=rest[:MAX_TYPED])


def _history(rest: str, place: Place) -> Built:
    if not rest:
        return History(conversation=place.conversation, limit=_PAGE, spoken=True)
    first = number_in(rest, "/history or /history NUMBER")
    return History(conversation=place.conversation, after=first - 1, limit=_PAGE, spoken=True)


def _before(rest: str, _place: Place) -> Built:
    return HistoryFrom(message=number_in(rest, "/before NUMBER"), older=True)


def _after(rest: str, _place: Place) -> Built:
    return HistoryFrom(message=number_in(rest, "/after NUMBER"), older=False)


def _read(_rest: str, place: Place) -> Built:
    return ReadAll(conversation=place.conversation)


REQUESTS = (Open, MarkRead, ReadAll, HistoryFrom)
EVENTS = (MarkedRead, Marked, Synced)
COMMANDS = (
    Command(
        "chat", "NUMBER|NAME",
        N_("Talk to a contact, by the number in /contacts, or to NAME; shows what is unread."),
        _chat,
    ),
    Command("general", "", N_("Go back to the general chat."), no_arguments(Open)),
    Command("read", "", N_("Take all of this conversation for read."), _read),
    Command(
        "history", "[FROM]",
        N_("Show the last 10 messages of this conversation, or 10 from the FROMth on."),
        _history,
    ),
    Command("before", "NUMBER", N_("Show 10 messages before message NUMBER."), _before),
    Command("after", "NUMBER", N_("Show 10 messages after message NUMBER."), _after),
)  # fmt: skip
