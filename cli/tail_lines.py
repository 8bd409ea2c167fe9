"""What ``mymessenger tail --json`` prints: an object a line (docs/scripts.md).

A field keeps its meaning; new ones may come. Fields with nothing to tell are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from protocol.events import ConversationInfo, FileInfo, Message, Quote

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Where(msgspec.Struct, frozen=True):
    """The conversation of a message."""

    id: int
    kind: str
    """``general``, ``direct`` or ``room``."""
    name: str
    """A room's name; of a direct conversation the other user's name."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message, or what else happened in a conversation."""

    cursor: str
    """What ``--since`` takes to go on behind this line."""
    conversation: Where
    id: int
    """Unique on the server."""
    seq: int
    """Its number in its conversation; each is higher than the one before."""
    time: datetime
    kind: str
    """``text``, ``file``, ``deleted``; ``edit`` and ``delete`` of ``target``; ``join``, ``leave``,
    ``topic``, ``role`` of a room."""
    sender: str
    text: str
    """The text, or the beginning of it where ``size`` is given. As it was written: it may hold
    anything that a terminal obeys."""
    size: int | None = None
    """Bytes of the whole text, which ``mymessenger --text ID`` writes."""
    target: int | None = None
    """The message that this one answers, edits or deletes."""
    quote: Quote | None = None
    """What a comment answers."""
    file: FileInfo | None = None
    """A file, which ``mymessenger --get ID`` writes."""
    edited: datetime | None = None
    """When its text was last changed, where that was before it was printed."""
    due: datetime | None = None
    """When it should have been sent: a scheduled one that is late."""


def json_line(message: Message, info: ConversationInfo, cursor: str) -> str:
    """Return a message as an object on one line, its newline included."""
    line = Line(
        cursor=cursor,
        conversation=Where(info.id, info.kind, info.name),
        id=message.id,
        seq=message.seq,
        time=_time(message.time),
        kind=message.kind,
        sender=message.sender,
        text=message.text,
        size=message.size,
        target=message.target,
        quote=message.quote,
        file=message.file,
        edited=None if message.edited is None else _time(message.edited),
        due=None if message.due is None else _time(message.due),
    )
    return msgspec.json.encode(line).decode() + "\n"


def _time(micros: int) -> datetime:
    """Return a time of a frame, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)
