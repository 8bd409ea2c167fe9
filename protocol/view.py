"""How replies and events look as lines, at telnet and in the line client alike.

The lines of an event are registered beside its definition (``protocol/vocabulary``)::

    @lines.register
    def _(event: RoomList, view: View) -> list[str]: ...
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from functools import singledispatch

from protocol.events import (
    Conversation,
    ConversationInfo,
    ConversationLeft,
    Error,
    Event,
    Goodbye,
    HistoryPage,
    LoggedIn,
    Message,
    Notice,
    Opened,
    Quote,
    Reply,
    Sent,
    Shutdown,
    StatusReport,
    StorageState,
)
from protocol.language import N_, Voice, size_of
from protocol.limits import MAX_UNREAD
from protocol.requests import GENERAL
from protocol.text import UNREAD_LINE, format_message, format_time, sanitise_line


@dataclass(frozen=True, slots=True)
class View:
    """For whom something is shown."""

    voice: Voice
    zone: tzinfo | None = None
    """The zone of the times; None is the machine's own."""
    me: str = ""
    """The user's name."""
    whole: bool = False
    """Show messages that fit into a frame in full, for programs and scripts."""

    def say(self, template: str, /, **values: object) -> str:
        """Return a sentence in the user's language; see :meth:`protocol.language.Voice.say`."""
        return self.voice.say(template, **values)

    def count(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """Return a sentence about a number of things."""
        return self.voice.count(singular, plural, number, **values)

    def time(self, micros: int) -> str:
        """Return a time as ``HH:MM DD.MM.YY``."""
        return format_time(micros, self.zone)


def marked_lines(event: Event, view: View) -> list[str]:
    """Return the lines of an event as they stand between the messages of others.

    An error begins with ``!``, news with ``*``, and an answer with nothing.
    """
    mark = ""
    if isinstance(event, Error):
        mark = "! "
    elif isinstance(event, Notice | Goodbye) or not isinstance(event, Reply):
        mark = "* "
    return [mark + line for line in lines(event, view)]


@singledispatch
def lines(event: Event, view: View) -> list[str]:
    """Return the lines of an event, safe for a terminal; none of what is no news to a person."""
    del event, view
    return []


@lines.register(Error)
@lines.register(Notice)
def _(event: Error | Notice, view: View) -> list[str]:
    del view
    return [sanitise_line(event.message)]


@lines.register(Goodbye)
@lines.register(Shutdown)
def _(event: Goodbye | Shutdown, view: View) -> list[str]:
    del view
    return [sanitise_line(event.reason)]


@lines.register
def _(event: LoggedIn, view: View) -> list[str]:
    if event.guest:
        shown = [guest_line(event.name, view)]
    else:
        shown = [view.say("You are {name}.", name=event.name)]
    shown.append(
        view.say("What you type goes to everyone. /help lists the commands, /quit leaves.")
    )
    shown += unread_lines(event.conversations, view)
    return shown


def guest_line(name: str, view: View) -> str:
    """Return what somebody should know whose name has no password."""
    return view.say(
        "You are {name}, a guest: this name has no password, and anybody can use it. "
        "/register makes it yours.",
        name=name,
    )


def unread_lines(conversations: Iterable[ConversationInfo], view: View) -> list[str]:
    """Return how much is unread where (S002-7); nothing where all is read."""
    unread = [info for info in conversations if info.unread]
    if not unread:
        return []
    places = ", ".join(_unread(info, view) for info in unread)
    return [view.say("You have unread messages: {places}.", places=places)]


def _unread(info: ConversationInfo, view: View) -> str:
    where = view.say("the general chat") if info.id == GENERAL else info.name
    return view.say("{number} in {place}", number=unread_text(info.unread), place=where)


def unread_text(count: int) -> str:
    """Return how many messages are unread; more than are counted are shown as ``1000+``."""
    return str(count) if count < MAX_UNREAD else f"{MAX_UNREAD}+"


@lines.register
def _(event: StatusReport, view: View) -> list[str]:
    connections = view.count("on {number} connection", "on {number} connections", event.connections)
    return [
        view.say(
            "You are {name}, connected from {address} since {time} to {server}.",
            name=event.name, address=event.address, time=view.time(event.connected_at),
            server=event.server,
        ),
        view.say(
            "Here now ({number}, {connections}): {names}",
            number=len(event.users), connections=connections, names=", ".join(event.users),
        ),
        *limit_lines(event, view),
    ]  # fmt: skip


def limit_lines(event: StatusReport, view: View) -> list[str]:
    """Return how often limits against abuse were met; nothing where none was, or to others."""
    met = ", ".join(f"{limit} {count}" for limit, count in sorted(event.limits.items()))
    return [view.say("Limits met since the start: {limits}", limits=met)] if met else []


@lines.register
def _(event: StorageState, view: View) -> list[str]:
    if event.available:
        return [view.say("The database is back; what you wrote meanwhile is stored now.")]
    return [view.say("The database does not answer; what you write now is stored later.")]


@lines.register
def _(event: Conversation, view: View) -> list[str]:
    info = event.conversation
    if info.kind == "room":
        return [view.say("You are a member of the room {name} now.", name=info.name)]
    return []  # the first message says it all


@lines.register
def _(event: ConversationLeft, view: View) -> list[str]:
    if event.message:
        return [sanitise_line(event.message)]
    return [view.say("You are no longer in {name}.", name=event.name)]


@lines.register
def _(event: Sent, view: View) -> list[str]:
    template = _DONE.get(event.kind)
    return [] if template is None else [view.say(template, number=event.target)]


@lines.register
def _(event: HistoryPage, view: View) -> list[str]:
    if not event.messages:
        return [view.say("There are no messages there.")]
    shown = [line for message in event.messages for line in numbered_lines(message, view)]
    if event.more and event.forward:
        shown.append(
            view.say("There is more: /after {number} goes on.", number=event.messages[-1].id)
        )
    elif event.more:
        shown.append(
            view.say("There is more: /before {number} goes back.", number=event.messages[0].id)
        )
    return shown


@lines.register
def _(event: Opened, view: View) -> list[str]:
    info = event.conversation
    shown = [_title(event, view)]
    if info.topic:
        shown.append(view.say("Topic: {topic}", topic=info.topic))
    if event.more and event.messages:
        shown.append(more_line(event, view))
    return shown + conversation_lines(event, view)


def more_line(event: Opened, view: View) -> str:
    """Return how to see the unread messages before those that are shown."""
    return view.say(
        "There are more unread messages before these; /before {number} shows them.",
        number=event.messages[0].id,
    )


def _title(event: Opened, view: View) -> str:
    info = event.conversation
    if info.id == GENERAL:
        return view.say("You are in the general chat; what you type goes to everyone.")
    if info.kind == "direct":
        return view.say("You are talking to {name} privately.", name=info.name)
    if event.created:
        return view.say("You have made the room {name} and are in it.", name=info.name)
    return view.say("You are in the room {name}; what you type goes there.", name=info.name)


def conversation_lines(event: Opened, view: View) -> list[str]:
    """Return the messages of a conversation, a line of hyphens before the unread (S000-9, 10)."""
    shown: list[str] = []
    divided = False
    for message in event.messages:
        own = message.sender == view.me
        if not divided and not own and message.seq > event.conversation.read_seq:
            divided = True
            shown.append(UNREAD_LINE)
        sender = view.say("Me") if own and event.conversation.kind == "direct" else None
        shown += message_lines(message, view, sender=sender)
    return shown


def numbered_lines(message: Message, view: View, *, where: str = "") -> list[str]:
    """Return a message with its number in front, by which commands know it."""
    *quoted, last = message_lines(message, view, where=where)
    return [*quoted, f"#{message.id} {last}"]


def message_lines(
    message: Message, view: View, *, where: str = "", sender: str | None = None
) -> list[str]:
    """Return a message as people see it: ``HH:MM DD.MM.YY NAME: text`` (S000-6).

    ``where`` tells of a conversation that is not the general chat; ``sender`` stands in the
    place of the sender's name. What a comment answers stands on a line before it (S004-24).
    """
    name = message.sender if sender is None else sender
    if where:
        name += f" ({where})"
    if not is_said(message):
        return [f"{view.time(message.time)} * {happening(message, view, name=name)}"]
    line = format_message(message.time, name, content(message, view), view.zone)
    if message.quote is None:
        return [line]
    return [f"    {quote_line(message.quote, view)}", line]


def is_said(message: Message) -> bool:
    """Tell whether somebody said this; else it tells of what happened in the conversation."""
    return message.kind not in _HAPPENED


def happening(message: Message, view: View, *, name: str) -> str:
    """Return what happened, as one safe line; ``name`` is what the one who did it is called."""
    _, _, who = message.text.partition(" ")
    return view.say(
        _happening(message), name=name, number=message.target, text=message.text, who=who
    )


def quote_line(quote: Quote, view: View) -> str:
    """Return what a comment answers, shortened, as one safe line."""
    text = _shortened(sanitise_line(quote.text)) or view.say("(deleted)")
    return f"> {sanitise_line(quote.sender)}: {text}"


def _happening(message: Message) -> str:
    """Return the sentence that tells of an entry that nobody said."""
    kind, text = message.kind, message.text
    if kind == "edit" and not text:
        return _VOID
    if kind == "topic" and not text:
        return _NO_TOPIC
    if kind == "leave" and text:
        return _PUT_OUT
    if kind == "role":
        return _APPOINTED.get(text.partition(" ")[0], _HAPPENED[kind])
    return _HAPPENED[kind]


def content(message: Message, view: View) -> str:
    """Return what a message says, with what is to be known of it. Its text is not sanitised."""
    text = message.text
    if message.kind == "deleted":
        text = view.say("(deleted)")
    elif message.file is not None:
        file = message.file
        text = view.say(
            "[file {name}, {size}; /get {number} saves it]",
            name=file.name, size=size_of(file.size), number=message.id,
        )  # fmt: skip
    elif message.size is not None or not view.whole:
        text = _folded(message, view)
    if message.edited is not None and message.kind != "deleted":
        text += " " + view.say("(edited)")
    if message.due is not None:
        text += " " + view.say("(was due at {time})", time=view.time(message.due))
    return text


def _folded(message: Message, view: View) -> str:
    """Return a text as far as a screen should be filled with it, and how to see the rest."""
    text = message.text
    if not view.whole:
        text = "\n".join(text.split("\n", FOLD_LINES)[:FOLD_LINES])[:FOLD_LENGTH]
    if message.size is None and len(text) == len(message.text):
        return text
    size = len(message.text.encode()) if message.size is None else message.size
    return f"{text.rstrip()} … " + view.say(
        "({size}, /text {number} shows all of it)", size=size_of(size), number=message.id
    )


def _shortened(text: str) -> str:
    return text if len(text) <= QUOTE_LENGTH else text[: QUOTE_LENGTH - 1].rstrip() + "…"


FOLD_LENGTH = 1000
"""Characters of a message that people are shown; ``/text`` shows the rest."""

FOLD_LINES = 10
"""Lines of it."""

QUOTE_LENGTH = 60
"""Characters of a message that are shown where it is answered."""

_HAPPENED = {
    "edit": N_("{name} changed message {number}: {text}"),
    "delete": N_("{name} deleted message {number}."),
    "join": N_("{name} has come into the room."),
    "leave": N_("{name} has left the room."),
    "topic": N_("{name} set the topic: {text}"),
    "role": N_("{name} made a change: {text}"),
}
"""What is told of the entries of a conversation that nobody said."""

_PUT_OUT = N_("{name} has put {text} out of the room.")
"""What is told where somebody did not leave by themselves."""

_NO_TOPIC = N_("{name} took the topic away.")

_APPOINTED = {
    "owner": N_("{name} made {who} an owner of the room."),
    "moderator": N_("{name} made {who} a moderator."),
    "member": N_("{name} made {who} a plain member."),
}
"""What is told of a change of role, whose text is the role and a name."""

_VOID = N_("{name} changed message {number}, which is deleted now.")
"""What is told of an edit whose text is gone with its target."""

_DONE = {
    "edit": N_("Message {number} is changed."),
    "delete": N_("Message {number} is deleted."),
    "void": N_("Message {number} had just been deleted; your change came too late."),
}
"""What the acknowledgement of a change says; what one has said oneself needs no words."""
