"""What a server sends: replies to requests, and events nobody asked for.

A reply carries its request's ``ref``; an event has none. Here are the frames every client
needs; what else there is stands in ``protocol/vocabulary``, an area a file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from protocol.limits import MAX_CHUNK
from protocol.requests import GENERAL

Micros = Annotated[int, Meta(description="Microseconds since 1970-01-01 00:00 UTC.")]


class Event(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """The base of everything a server sends."""


class Reply(Event, frozen=True, kw_only=True):
    """The base of what answers a request."""

    ref: Annotated[int | None, Meta(description="The request's `ref`.")] = None


class Welcome(Reply, frozen=True, kw_only=True, tag="welcome"):
    """The answer to `hello`."""

    protocol: Annotated[int, Meta(description="The protocol version of this connection.")]
    server: Annotated[str, Meta(description="Name and version of the server.")]
    ping_interval: Annotated[
        float,
        Meta(description="Seconds of silence after which the server sends `ping`."),
    ]


class ConversationInfo(Struct, frozen=True, kw_only=True):
    """A conversation as one of its members sees it."""

    id: int
    kind: Annotated[str, Meta(description="`general`, `direct` or `room`.")]
    name: Annotated[
        str, Meta(description="A room's name; for a direct conversation the other user's name.")
    ]
    last_seq: Annotated[int, Meta(description="The sequence number of its last message.")]
    delivered_seq: Annotated[int, Meta(description="Up to here the user has had it before.")]
    read_seq: Annotated[int, Meta(description="Up to here the user has read it.")] = 0
    unread: Annotated[
        int,
        Meta(
            description="Texts and files of others behind `read_seq`: computed, never stored. Only "
            "the newest 1000 entries are looked at, so 1000 may mean more."
        ),
    ] = 0
    role: Annotated[str, Meta(description="In a room: `owner`, `moderator` or `member`.")] = (
        "member"
    )
    private: Annotated[bool, Meta(description="A room that only the invited get into.")] = False
    topic: Annotated[str, Meta(description="What a room is about.")] = ""


class LoggedIn(Reply, frozen=True, kw_only=True, tag="logged_in"):
    """The answer to `login`."""

    user_id: int
    name: Annotated[str, Meta(description="The name as the others see it.")]
    guest: Annotated[bool, Meta(description="True: the name has no password, anybody can use it.")]
    conversations: list[ConversationInfo]
    admin: Annotated[bool, Meta(description="True: the user is an administrator.")] = False
    token: Annotated[
        str | None, Meta(description="For later logins of this device, where it was asked for.")
    ] = None
    zone: Annotated[
        str, Meta(description="The time zone that the user has chosen, if there is one.")
    ] = ""


class Quote(Struct, frozen=True, kw_only=True):
    """The message that a comment answers (S004-24)."""

    id: int
    sender: str
    text: Annotated[str, Meta(description="The beginning of it.")]


class Sent(Reply, frozen=True, kw_only=True, tag="sent"):
    """What was written is stored. It stands in the stream in the place of the message itself."""

    id: Annotated[int, Meta(description="The message's id, unique on the server.")]
    seq: Annotated[int, Meta(description="Its sequence number in the conversation.")]
    time: Micros
    conversation: int = GENERAL
    duplicate: Annotated[
        bool, Meta(description="True: it had been stored before under the same uuid.")
    ] = False
    kind: Annotated[
        str,
        Meta(
            description="The kind of the message; `void` for an edit of what had just been deleted."
        ),
    ] = "text"
    target: Annotated[
        int | None, Meta(description="The message that this one answers, edits or deletes.")
    ] = None
    quote: Annotated[Quote | None, Meta(description="What a comment answers.")] = None
    left: Annotated[
        int | None,
        Meta(description="How many more the user may send to the general chat for now (S004-17)."),
    ] = None
    renews_at: Annotated[
        Micros | None, Meta(description="When the count starts anew (S004-18).")
    ] = None


class FileInfo(Struct, frozen=True, kw_only=True):
    """A file that was sent (S003-15)."""

    id: int
    name: Annotated[str, Meta(description="The file's name.")]
    size: Annotated[int, Meta(description="In bytes.")]


class Message(Event, frozen=True, kw_only=True, tag="message", gc=False):
    """A message of a conversation, in the order of its sequence numbers.

    `prev` is the sequence number before this one in the conversation, left out where it is
    `seq` - 1. A client that has not got `prev` has a hole and asks for it with `history`.
    """

    id: int
    seq: int
    time: Micros
    sender: Annotated[str, Meta(description="The sender's name when it was written (S000-18).")]
    text: Annotated[str, Meta(description="The text, or the head of it where `size` is given.")]
    conversation: int = GENERAL
    prev: int | None = None
    size: Annotated[
        int | None,
        Meta(description="Bytes of the whole text where only its head is here; see `fetch`."),
    ] = None
    kind: Annotated[
        str,
        Meta(
            description="`text` or `file`; `deleted` for what its sender took back. All others "
            "tell of what happened in the conversation: `edit` and `delete` of the message "
            "`target`, whose new text is in `text`; `join`, `leave`, `topic`, `role` of a room."
        ),
    ] = "text"
    target: Annotated[
        int | None, Meta(description="The message that this one answers, edits or deletes.")
    ] = None
    quote: Annotated[Quote | None, Meta(description="What a comment answers.")] = None
    file: FileInfo | None = None
    edited: Annotated[
        Micros | None, Meta(description="When the text was last changed by its sender.")
    ] = None
    due: Annotated[
        Micros | None, Meta(description="When it should have been sent: a scheduled one, late.")
    ] = None


class Conversation(Event, frozen=True, kw_only=True, tag="conversation"):
    """One is in a new conversation, for example because somebody wrote for the first time."""

    conversation: ConversationInfo


class Opened(Reply, frozen=True, kw_only=True, tag="opened"):
    """The user has turned to a conversation: what is typed goes there from now on."""

    conversation: ConversationInfo
    messages: Annotated[list[Message], Meta(description="The latest, in rising order.")] = []
    created: Annotated[bool, Meta(description="True: it was made by this request.")] = False
    more: Annotated[
        bool, Meta(description="True: there are unread ones before those in `messages`.")
    ] = False


class ConversationLeft(Reply, frozen=True, kw_only=True, tag="conversation_left"):
    """One is no longer in a conversation: nothing more of it comes."""

    conversation: int
    name: Annotated[str, Meta(description="The conversation's name, as in `ConversationInfo`.")]
    message: Annotated[str, Meta(description="Why, as a sentence for people.")] = ""


class HistoryPage(Reply, frozen=True, kw_only=True, tag="history_page"):
    """The answer to `history`: messages in rising order."""

    conversation: int
    messages: list[Message]
    more: Annotated[
        bool, Meta(description="True: there is more in the direction that was asked for.")
    ]
    forward: Annotated[bool, Meta(description="True: that direction is to the newer ones.")] = False


class Part(Reply, frozen=True, kw_only=True, tag="part"):
    """A part of a long text: `size` raw bytes follow the line's newline."""

    id: int
    offset: int
    size: Annotated[
        int,
        Meta(ge=0, le=MAX_CHUNK, description="Raw bytes that follow; may be 0 in the last part."),
    ]
    last: bool = False


class StatusReport(Reply, frozen=True, kw_only=True, tag="status_report"):
    """The answer to `status`."""

    name: str
    address: Annotated[str, Meta(description="Where this connection comes from (S000-4).")]
    connected_at: Micros
    server: str
    users: Annotated[list[str], Meta(description="The names of all who are here, sorted.")]
    connections: Annotated[int, Meta(description="Connections that are logged in.")]
    limits: Annotated[
        dict[str, int],
        Meta(
            description="For administrators: how often each limit against abuse was met since the "
            "server's start, by the name of its setting; those that never were are not there."
        ),
    ] = field(default_factory=dict)


class PongReply(Reply, frozen=True, kw_only=True, tag="pong"):
    """The answer to `ping`."""


class Goodbye(Reply, frozen=True, kw_only=True, tag="goodbye"):
    """The server ends the connection after this frame; `reason` says why."""

    reason: str


class PingEvent(Event, frozen=True, kw_only=True, tag="ping"):
    """The connection has been silent. The client answers with `pong`."""


class Notice(Reply, frozen=True, kw_only=True, tag="notice"):
    """Something the person should know about what they just did; nothing has failed.

    It is also the answer to requests that need no other.
    """

    message: Annotated[str, Meta(description="A sentence for people.")]


class Shutdown(Event, frozen=True, kw_only=True, tag="shutdown"):
    """The server stops (S001-18). Everything acknowledged is stored; try again later."""

    reason: str


class StorageState(Event, frozen=True, kw_only=True, tag="storage"):
    """The database cannot be reached, or can be again. Meanwhile acknowledgements wait."""

    available: bool


class Error(Reply, frozen=True, kw_only=True, tag="error"):
    """Something cannot be done; the connection goes on unless `goodbye` follows."""

    code: Annotated[str, Meta(description="One of the codes below.")]
    message: Annotated[str, Meta(description="A sentence for people.")]


EVENTS: tuple[type[Event], ...] = (
    Welcome, LoggedIn, Sent, Message, Conversation, Opened, ConversationLeft, HistoryPage, Part,
    StatusReport, PongReply, Goodbye, PingEvent, Notice, Shutdown, StorageState, Error,
)  # fmt: skip
