"""What a client may send: one struct a request (requirements S003-9, S004-31).

A frame is one JSON object on one line, whose ``type`` names the struct. ``ref``
is a number of the client's choice that the reply carries back. Field comments
(``Meta`` descriptions) are what ``docs/protocol.md`` is generated from.

Here are the frames every client needs; what else can be asked for is in
``protocol/vocabulary``, an area a file.
"""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta, Struct

from protocol.limits import MAX_CHUNK, MAX_PAGE, MAX_SECRET, MAX_TYPED

Ref = Annotated[int, Meta(ge=0, le=2**53, description="Comes back in the reply to this request.")]
Seq = Annotated[int, Meta(ge=0, le=2**53)]
ConversationId = Annotated[int, Meta(ge=1, le=2**53)]
MessageId = Annotated[int, Meta(ge=1, le=2**53)]

UserName = Annotated[str, Meta(max_length=MAX_TYPED)]
Secret = Annotated[str, Meta(max_length=MAX_SECRET)]

Repeatable = Annotated[
    UUID | None,
    Meta(
        description="The client's own id for this request, as in `send`: a second one with the "
        "same id does nothing more."
    ),
]

GENERAL = 1
"""The id of the general chat, the conversation that everyone is in (S002-5)."""


class Request(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """The base of all requests."""

    moves: ClassVar[bool] = False
    """True: it may change the conversation one is in, so what is typed next has to wait for it."""
    ref: Ref | None = None


class Hello(Request, frozen=True, kw_only=True, tag="hello"):
    """The first frame of a connection. Answered by `welcome`, or by an error and the end."""

    protocol: Annotated[int, Meta(ge=0, description="The protocol version the client speaks.")]
    client: Annotated[
        str, Meta(max_length=100, description="Name and version of the program, for the log.")
    ] = ""


class Login(Request, frozen=True, kw_only=True, tag="login"):
    """Say who one is (S001-3). Answered by `logged_in`; then the messages missed follow.

    With `resume` each conversation goes on after the given sequence number, without a gap
    or a repeat. Without it the last `history` messages of the general chat come, and
    everything that was not yet delivered to this user anywhere.
    """

    name: Annotated[UserName, Meta(description="The user's name, 1 to 32 characters.")]
    password: Annotated[
        Secret | None,
        Meta(description="Needed for a name that has one, unless there is a `token`."),
    ] = None
    token: Annotated[
        Secret | None, Meta(description="What an earlier login with `remember` was given.")
    ] = None
    remember: Annotated[
        bool, Meta(description="Give this device a token, so that it needs the password no more.")
    ] = False
    device: Annotated[
        str, Meta(max_length=100, description="What the list of sessions calls this device.")
    ] = ""
    language: Annotated[
        str, Meta(max_length=32, description="The language of sentences, as `ru` or `ru_RU.UTF-8`.")
    ] = ""
    zone: Annotated[
        str, Meta(max_length=64, description="The user's time zone, as `Europe/Moscow`.")
    ] = ""
    history: Annotated[
        int | None,
        Meta(description="Messages of the general chat to begin with; else the server's setting."),
    ] = None
    resume: Annotated[
        dict[ConversationId, Seq] | None,
        Meta(description="Conversation id to the last sequence number the client has."),
    ] = None


class Send(Request, frozen=True, kw_only=True, tag="send"):
    """Write a message (S002-13, S002-14). Answered by `sent` once it is stored.

    It goes to `conversation`, or privately to the user named by `to`. The text is in
    `text`, or, where it is long, in the chunks sent before on `stream`.
    """

    text: Annotated[str | None, Meta(description="At most 65536 bytes of UTF-8.")] = None
    stream: Annotated[
        int | None, Meta(description="The stream whose chunks are the text, all of them sent.")
    ] = None
    uuid: Annotated[
        UUID | None,
        Meta(
            description="The client's own id for this message. A second send with the same one "
            "stores nothing and returns the first one's id, so a send whose answer was lost is "
            "safe to repeat."
        ),
    ] = None
    conversation: Annotated[ConversationId, Meta(description="1 is the general chat.")] = GENERAL
    to: Annotated[
        UserName | None, Meta(description="A user's name: the direct conversation with that user.")
    ] = None
    reply_to: Annotated[
        MessageId | None, Meta(description="The message that this one comments on (S004-24).")
    ] = None
    addressed: Annotated[
        bool,
        Meta(
            description="Where the first word of `text` is a user's name, the rest goes to that "
            "user privately; else the whole text goes to `conversation` (S002-11)."
        ),
    ] = False


class Chunk(Request, frozen=True, kw_only=True, tag="chunk"):
    """A piece of a long text: `size` raw bytes follow the line's newline. Not answered.

    Other frames may stand between the chunks of a stream. A stream ends with the `send`
    that names it, or with the connection.
    """

    stream: Annotated[int, Meta(ge=0, le=2**53, description="A number of the client's choice.")]
    size: Annotated[int, Meta(ge=1, le=MAX_CHUNK, description="Raw bytes that follow.")]


class History(Request, frozen=True, kw_only=True, tag="history"):
    """A page of a conversation (S003-10, S003-17). Answered by `history_page`.

    With `after` the page begins behind that sequence number, with `before` it ends in
    front of it; with neither it is the end of the conversation.
    """

    conversation: ConversationId = GENERAL
    before: Seq | None = None
    after: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 10
    spoken: Annotated[
        bool,
        Meta(
            description="Only what people said, deleted or not, without edits, arrivals and the "
            "like."
        ),
    ] = False


class Fetch(Request, frozen=True, kw_only=True, tag="fetch"):
    """Get the text of a long message in parts. Answered by `part` frames, the last one marked."""

    id: Annotated[int, Meta(ge=1, le=2**53, description="The message's id.")]
    offset: Annotated[int, Meta(ge=0, le=2**53, description="The byte to begin at.")] = 0


class Delivered(Request, frozen=True, kw_only=True, tag="delivered"):
    """The client has shown everything up to `seq` (S002-7). Not answered; only moves forward."""

    conversation: ConversationId
    seq: Seq


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """Facts about this connection and who is here (S004-9). Answered by `status_report`."""


class Language(Request, frozen=True, kw_only=True, tag="language"):
    """Speak another language on this connection. Answered by a `notice`.

    To an account also later, wherever a login asks for no language, as at telnet.
    """

    language: Annotated[str, Meta(max_length=32, description="`en` or `ru`.")]


class Ping(Request, frozen=True, kw_only=True, tag="ping"):
    """Is anybody there (S003-9)? Answered by `pong`, whatever the database does."""


class Pong(Request, frozen=True, kw_only=True, tag="pong"):
    """The answer to a `ping` event. Not answered."""


class Quit(Request, frozen=True, kw_only=True, tag="quit"):
    """The client is going. Answered by `goodbye` after everything asked before, then the end."""


REQUESTS: tuple[type[Request], ...] = (
    Hello, Login, Send, Chunk, History, Fetch, Delivered, Status, Language, Ping, Pong, Quit,
)  # fmt: skip
