"""Files of any format: sending, getting, listing (S003-7, 12, 15, 16; S004-27, decision 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Local, Place, no_arguments, number_in, usage_error
from protocol.events import Micros, Reply
from protocol.language import N_, size_of
from protocol.limits import MAX_PAGE
from protocol.requests import GENERAL, ConversationId, MessageId, Request, UserName
from protocol.view import View, lines

TITLE = N_("Files")

MAX_OFFERED_NAME = 4096
"""Characters of a name that are looked at; what is kept of it has 255 bytes at most."""


class Offer(Request, frozen=True, kw_only=True, tag="offer"):
    """Send a file to `conversation`, or privately to `to` (S003-7, S003-12, S004-27).

    Answered by `offered`, which says from which byte on the server wants it; the client sends
    that as chunks on `stream`, between other frames as it likes, and `received` tells how far
    they are stored. When all of it is there, its hash is compared, and it becomes a message:
    that is acknowledged by `sent`. All of these carry the `ref` of the offer, and so does an
    error, after which nothing more of the stream is taken.

    After a break the same offer, with the same `uuid`, goes on where it was. An offer of what
    has been sent is answered by the `sent` of the first one.
    """

    uuid: Annotated[UUID, Meta(description="The client's own id for this file and its message.")]
    name: Annotated[
        str, Meta(max_length=MAX_OFFERED_NAME, description="Its name; the server cleans it.")
    ]
    size: Annotated[int, Meta(ge=0, le=2**53, description="Its bytes.")]
    sha256: Annotated[str, Meta(max_length=64, description="Its SHA-256, as 64 hex digits.")]
    stream: Annotated[
        int, Meta(ge=0, le=2**53, description="The stream whose chunks will be the file.")
    ]
    conversation: Annotated[ConversationId, Meta(description="1 is the general chat.")] = GENERAL
    to: Annotated[
        UserName | None, Meta(description="A user's name: the direct conversation with that user.")
    ] = None


class Withdraw(Request, frozen=True, kw_only=True, tag="withdraw"):
    """Give up an offer that has not been sent; what is stored of it goes. Answered by `notice`."""

    uuid: UUID


class DescribeFile(Request, frozen=True, kw_only=True, tag="describe_file"):
    """Ask what the file of a message is. Answered by `file_details`."""

    id: Annotated[MessageId, Meta(description="The message's id.")]


class Download(Request, frozen=True, kw_only=True, tag="download"):
    """Get a file, or a part of it (S003-12, S003-15). Answered by `part` frames, the last marked.

    With a `limit` one stops by asking for no more, and a break is bridged by asking again from
    the byte reached.
    """

    id: Annotated[MessageId, Meta(description="The id of the message that brought it.")]
    offset: Annotated[int, Meta(ge=0, le=2**53, description="The byte to begin at.")] = 0
    limit: Annotated[
        Annotated[int, Meta(ge=1, le=2**53)] | None,
        Meta(description="The most bytes; else all to the end."),
    ] = None


class ListFiles(Request, frozen=True, kw_only=True, tag="list_files"):
    """List the files of a conversation, the latest ones. Answered by `file_list`."""

    conversation: ConversationId = GENERAL
    before: Annotated[
        MessageId | None, Meta(description="Only those of messages before this one.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50


class Offered(Reply, frozen=True, kw_only=True, tag="offered"):
    """The server takes the file. Its chunks may follow."""

    id: Annotated[int, Meta(description="The file's id.")]
    name: Annotated[str, Meta(description="The name as the others will see it.")]
    offset: Annotated[int, Meta(description="What the server has of it: send from here on.")]


class Received(Reply, frozen=True, kw_only=True, tag="received"):
    """The file is stored up to `offset` (S003-16).

    Who sends no more than some hundred KiB beyond it can go on talking meanwhile.
    """

    offset: Annotated[int, Meta(description="So many bytes of it are stored.")]


class FileDetails(Reply, frozen=True, kw_only=True, tag="file_details"):
    """The answer to `describe_file`."""

    id: Annotated[int, Meta(description="The message's id.")]
    name: Annotated[str, Meta(description="The file's name.")]
    size: int
    sha256: Annotated[str, Meta(description="As 64 hex digits: compare what was got.")]


class SharedFile(Struct, frozen=True, kw_only=True):
    """A file of a conversation."""

    id: Annotated[int, Meta(description="The id of the message that brought it.")]
    time: Micros
    sender: str
    name: Annotated[str, Meta(description="The file's name.")]
    size: int


class FileList(Reply, frozen=True, kw_only=True, tag="file_list"):
    """The answer to `list_files`, in rising order."""

    conversation: int
    files: list[SharedFile]
    more: Annotated[bool, Meta(description="True: there are earlier ones.")] = False


@dataclass(frozen=True, slots=True)
class SendFile(Local):
    """Send a file of this machine: `/file PATH [to NAME]`."""

    path: str
    to: str | None
    conversation: int


@dataclass(frozen=True, slots=True)
class GetFile(Local):
    """Save a file: `/get NUMBER [PATH]`."""

    id: int
    path: str
    """Empty: under its own name in the present folder."""


@dataclass(frozen=True, slots=True)
class StopTransfers(Local):
    """Break off the files that are on their way."""


@lines.register
def _(event: FileList, view: View) -> list[str]:
    if not event.files:
        return [view.say("There are no files here.")]
    shown = [
        view.say(
            "#{id} {time} {sender}: {name} ({size})",
            id=file.id, time=view.time(file.time), sender=file.sender, name=file.name,
            size=size_of(file.size),
        )
        for file in event.files
    ]  # fmt: skip
    if event.more:
        shown.insert(0, view.say("Earlier ones: /files {number}", number=event.files[0].id))
    return shown


_FILE = N_('/file PATH, /file PATH to NAME, or with blanks /file "PATH" to NAME')
_QUOTED = re.compile(r'"([^"]+)"(?:\s+to\s+(\S+))?')
_PLAIN = re.compile(r"(.+?)(?:\s+to\s+(\S+))?")


def _file(rest: str, place: Place) -> Built:
    found = (_QUOTED if rest.startswith('"') else _PLAIN).fullmatch(rest)
    if found is None:
        raise usage_error(_FILE)
    path, to = found.groups()
    return SendFile(path.strip(), to, place.conversation)


def _get(rest: str, _place: Place) -> Built:
    number, _, path = rest.partition(" ")
    # Who knows a shell writes > FILE, and does not mean a file of that name.
    path = path.strip().removeprefix(">").strip()
    return GetFile(number_in(number, "/get NUMBER, or /get NUMBER PATH"), path)


def _files(rest: str, place: Place) -> Built:
    before = number_in(rest, "/files, or /files NUMBER for those before it") if rest else None
    return ListFiles(conversation=place.conversation, before=before)


REQUESTS = (Offer, Withdraw, DescribeFile, Download, ListFiles)
EVENTS = (Offered, Received, FileDetails, FileList)
COMMANDS = (
    Command(
        "file", "PATH [to NAME]",
        N_("Send a file here, or to NAME privately. At telnet PATH is its name: paste it then."),
        _file,
    ),
    Command(
        "get", "NUMBER [PATH]",
        N_("Save the file of message NUMBER. At telnet it is shown as base64."), _get,
    ),
    Command(
        "files", "[NUMBER]", N_("List the files here, or those before NUMBER."), _files
    ),
    Command(
        "stop", "", N_("Break off the files that are on their way."), no_arguments(StopTransfers)
    ),
)  # fmt: skip
