"""What can be wrong with a frame or a request, as codes a program can act upon.

Every error that crosses the wire has a code from this list and a sentence that
tells a person what to do (requirement S004-34).
"""

from __future__ import annotations

from enum import StrEnum

from protocol.language import Sentence, english


class ErrorCode(StrEnum):
    """The codes of :class:`protocol.events.Error`; a code never changes its meaning."""

    BAD_FRAME = "bad_frame"
    """The line is not a JSON object of a known type with the right fields."""
    FRAME_TOO_LONG = "frame_too_long"
    """The header line is longer than the limit; it was skipped up to its newline."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """The client speaks a protocol version that this server does not."""
    NOT_LOGGED_IN = "not_logged_in"
    """The request needs a login first."""
    ALREADY_LOGGED_IN = "already_logged_in"
    """This connection has a user already."""
    BAD_NAME = "bad_name"
    """The user name is empty, too long, or has characters that names cannot have."""
    EMPTY_MESSAGE = "empty_message"
    """A message needs some text."""
    TEXT_TOO_LONG = "text_too_long"
    """The text is too long for one frame; it has to be sent as a stream of chunks."""
    BAD_STREAM = "bad_stream"
    """The stream is unknown, broken off or not valid UTF-8."""
    UNKNOWN_USER = "unknown_user"
    """Nobody of that name has ever logged in here."""
    UNKNOWN_CONVERSATION = "unknown_conversation"
    """There is no such conversation, or one is not in it."""
    UNKNOWN_MESSAGE = "unknown_message"
    """There is no such message, or it is not in a conversation one is in."""
    UNKNOWN_COMMAND = "unknown_command"
    """The word after the slash is not a command."""
    BAD_ARGUMENTS = "bad_arguments"
    """What was asked for is known, something that was given with it is not right."""
    BAD_PASSWORD = "bad_password"  # noqa: S105
    """The new password is too short, too long, or the name itself."""
    SESSION_ENDED = "session_ended"
    """The token is not known, or holds no longer: log in again to get another."""
    BAD_CREDENTIALS = "bad_credentials"
    """Name and password do not belong together; which of them is wrong is not told."""
    PASSWORD_NEEDED = "password_needed"  # noqa: S105
    """The name is an account's: it needs its password."""
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    """Too many passwords were wrong; the sentence tells when to try again."""
    NAME_TAKEN = "name_taken"
    """The name is somebody else's, or looks too much like one that is."""
    NEEDS_ACCOUNT = "needs_account"
    """A guest cannot do this; it takes an account with a password."""
    NOT_ALLOWED = "not_allowed"
    """Only others may do this: an author, an owner or moderator, an administrator."""
    BLOCKED = "blocked"
    """The user may write nothing for now, after complaints or by an administrator's word."""
    LIMIT_REACHED = "limit_reached"
    """There can be no more of these, or not so many in so short a time."""
    UNKNOWN_ROOM = "unknown_room"
    """There is no room of that name, or it is not for everybody to see."""
    UNKNOWN_FILE = "unknown_file"
    """There is no such file, or it is not in a conversation one is in."""
    TOO_LATE = "too_late"
    """The time in which this could be done is over."""
    TOO_BIG = "too_big"
    """The file is bigger than this server takes."""
    TLS_REQUIRED = "tls_required"
    """The connection has to be encrypted with TLS; `goodbye` follows."""
    STORAGE_UNAVAILABLE = "storage_unavailable"
    """The database does not answer. Nothing was stored, unless the sentence says that it may be."""
    SHUTTING_DOWN = "shutting_down"
    """The server is on its way down and takes nothing new."""
    INTERNAL = "internal"
    """The server made a mistake; it is in the server's log."""


class ProtocolError(Sentence, Exception):
    """The other end broke the protocol, or asked for what it cannot have.

    ``code`` is for programs, the sentence for people; ``ref`` is the request's
    own number where it got as far as being read.
    """

    def __init__(
        self, code: ErrorCode, template: str, /, ref: int | None = None, **values: object
    ) -> None:
        """Take a sentence in English, and its values where it has ``{places}`` for them."""
        super().__init__(template, **values)
        self.code = code
        self.ref = ref

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return self.said(english())
