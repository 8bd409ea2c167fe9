"""What can be wrong with a frame or a request, as codes a program can act upon.

Every error that crosses the wire has a code from this list and a sentence that
tells a person what to do (requirement S004-34).
"""

from __future__ import annotations

from enum import StrEnum


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
    """The command is known, its arguments are not right."""
    STORAGE_UNAVAILABLE = "storage_unavailable"
    """The database does not answer; the message was not stored."""
    SHUTTING_DOWN = "shutting_down"
    """The server is on its way down and takes nothing new."""
    INTERNAL = "internal"
    """The server made a mistake; it has been logged."""


class ProtocolError(Exception):
    """The other end broke the protocol, or asked for what it cannot have.

    ``code`` is for programs, ``sentence`` for people; ``ref`` is the request's
    own number where it got as far as being read.
    """

    def __init__(self, code: ErrorCode, sentence: str, ref: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.ref = ref
