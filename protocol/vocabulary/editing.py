"""Comments on messages, and changing or taking back what one has written (S004-24)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from protocol.commands import Built, Command, Place, number_in, text_in, usage_error
from protocol.events import Message, Reply
from protocol.ids import new_uuid
from protocol.language import N_
from protocol.limits import MAX_PAGE
from protocol.requests import GENERAL, ConversationId, MessageId, Repeatable, Request, Send
from protocol.view import View, lines, numbered_lines

TITLE = N_("Answering and changing")

OWN_SHOWN = 10
"""How many of one's own messages `/mine` shows."""


class Edit(Request, frozen=True, kw_only=True, tag="edit"):
    """Change the text of a message that one wrote. Answered by `sent`, as a message is.

    The server's settings say for how long this can be done. Everybody gets a `message` of kind
    `edit`, in the order in which all changes were stored: the last one holds.
    """

    id: MessageId
    text: Annotated[str, Meta(description="At most 65536 bytes of UTF-8.")]
    uuid: Repeatable = None


class Delete(Request, frozen=True, kw_only=True, tag="delete"):
    """Take back a message that one wrote, or one in a room that one looks after.

    Answered by `sent`, or by `notice` where it is deleted already. Everybody gets a `message`
    of kind `delete`. Owners and moderators may delete the messages of others in their rooms,
    administrators everywhere except in direct conversations; only authors have a time limit.
    """

    id: MessageId
    uuid: Repeatable = None


class Comments(Request, frozen=True, kw_only=True, tag="comments"):
    """Show a message and the comments on it (S004-24). Answered by `thread`."""

    id: MessageId


class ListOwn(Request, frozen=True, kw_only=True, tag="list_own"):
    """Show what one has written last in a conversation. Answered by `history_page`."""

    conversation: ConversationId = GENERAL
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = OWN_SHOWN


class Thread(Reply, frozen=True, kw_only=True, tag="thread"):
    """The answer to `comments`."""

    message: Message
    comments: Annotated[list[Message], Meta(description="In rising order.")]
    more: Annotated[bool, Meta(description="True: there are earlier ones.")] = False


@lines.register
def _(event: Thread, view: View) -> list[str]:
    shown = numbered_lines(event.message, view)
    if not event.comments:
        shown.append(view.say("There are no comments on it."))
    if event.more:
        shown.append(view.say("(earlier comments are left out)"))
    for comment in event.comments:
        shown += [f"  {line}" for line in numbered_lines(_without_quote(comment), view)]
    return shown


def _without_quote(comment: Message) -> Message:
    return replace(comment, quote=None)  # the message itself stands above


def _reply(rest: str, place: Place) -> Built:
    number, _, text = rest.partition(" ")
    usage = N_("/reply NUMBER TEXT")
    target = number_in(number, usage)
    if not text.strip():
        raise usage_error(usage)
    return Send(text=text.strip(), reply_to=target, conversation=place.conversation)


def _edit(rest: str, _place: Place) -> Built:
    number, _, text = rest.partition(" ")
    usage = N_("/edit NUMBER TEXT")
    target = number_in(number, usage)
    return Edit(id=target, text=text_in(text, usage), uuid=new_uuid())


def _delete(rest: str, _place: Place) -> Built:
    return Delete(id=number_in(rest, "/delete NUMBER"), uuid=new_uuid())


def _comments(rest: str, _place: Place) -> Built:
    return Comments(id=number_in(rest, "/comments NUMBER"))


def _mine(_rest: str, place: Place) -> Built:
    return ListOwn(conversation=place.conversation)


REQUESTS = (Edit, Delete, Comments, ListOwn)
EVENTS = (Thread,)
COMMANDS = (
    Command(
        "reply", "NUMBER TEXT",
        N_("Comment on a message, in the conversation it stands in."), _reply,
    ),
    Command("comments", "NUMBER", N_("Show a message and the comments on it."), _comments),
    Command("mine", "", N_("Show the numbers of what you wrote last in this conversation."), _mine),
    Command("edit", "NUMBER TEXT", N_("Give a message of yours another text."), _edit),
    Command("delete", "NUMBER", N_("Take back a message of yours."), _delete),
)  # fmt: skip
