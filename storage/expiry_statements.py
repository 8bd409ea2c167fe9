"""What is done with messages that have had their time: one plain function for each thing.

A conversation loses its oldest messages only, in the order of their numbers: what is left has
no gap but at its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, case, delete, exists, func, select, update

from storage.schema import conversations, files, members, messages, users


class Horizon(Struct, frozen=True):
    """How far a conversation has expired: number and id of its last message that has."""

    seq: int
    id: int


NOTHING = Horizon(0, 0)


class Stretch(Struct, frozen=True):
    """Which messages may go: of a conversation, behind a number up to another, sent before."""

    conversation_id: int
    after: int
    upto: int
    cutoff: int


class Slice(Struct, frozen=True):
    """What one transaction deleted."""

    count: int
    last_seq: int
    """The highest number that is gone; the one to begin behind next time."""
    bodies: tuple[int, ...]
    """The long texts and contents of files that may have nobody left who refers to them."""


_OF_CONVERSATION = messages.c.conversation_id == bindparam("conversation")
_PLACE = select(messages.c.seq, messages.c.id, messages.c.sent_at).where(_OF_CONVERSATION)
_NEWEST = _PLACE.order_by(messages.c.seq.desc()).limit(1)
_NEXT = _PLACE.where(messages.c.seq >= bindparam("seq")).order_by(messages.c.seq).limit(1)

_some_members = (
    select(members.c.user_id, members.c.delivered_seq, users.c.seen_at)
    .select_from(members.join(users, users.c.id == members.c.user_id))
    .where(
        members.c.conversation_id == bindparam("conversation"),
        members.c.user_id > bindparam("after"),
    )
    .order_by(members.c.user_id)
    .limit(bindparam("limit"))
    .subquery()
)
_LOWEST = select(
    func.min(case((_some_members.c.seen_at >= bindparam("since"), _some_members.c.delivered_seq))),
    func.max(_some_members.c.user_id),
    func.count(),
).select_from(_some_members)
_DELIVERED = select(members.c.delivered_seq).where(
    members.c.conversation_id == bindparam("conversation"), members.c.user_id == bindparam("user")
)
_oldest = (
    select(messages.c.sent_at)
    .where(messages.c.conversation_id == conversations.c.id)
    .order_by(messages.c.seq)
    .limit(1)
    .scalar_subquery()
)
_OTHERS = (
    select(conversations.c.id, _oldest)
    .where(conversations.c.id > bindparam("after"), conversations.c.kind != "general")
    .order_by(conversations.c.id)
    .limit(bindparam("limit"))
)

_OLDEST = (
    select(
        messages.c.seq, messages.c.id, messages.c.sent_at, messages.c.body_id, messages.c.file_id
    )
    .where(
        _OF_CONVERSATION,
        messages.c.seq > bindparam("after"),
        messages.c.seq <= bindparam("upto"),
    )
    .order_by(messages.c.seq)
    .limit(bindparam("limit"))
)
_EDITS = (
    messages.c.target_id.in_(bindparam("ids", expanding=True)),
    messages.c.kind == "edit",
    messages.c.size > 0,
)
_LATER_EDITS = select(messages.c.id, messages.c.body_id).where(
    *_EDITS, messages.c.seq > bindparam("last")
)
_EMPTY = (
    update(messages)
    .where(messages.c.id.in_(bindparam("ids", expanding=True)))
    .values(body=b"", size=0, body_id=None)
)
_DELETE = delete(messages).where(
    _OF_CONVERSATION, messages.c.seq > bindparam("after"), messages.c.seq <= bindparam("last")
)
_UNUSED_FILES = select(files.c.id, files.c.body_id).where(
    files.c.id.in_(bindparam("ids", expanding=True)),
    ~exists().where(messages.c.file_id == files.c.id),
)
_DELETE_FILES = delete(files).where(files.c.id.in_(bindparam("ids", expanding=True)))


def horizon(connection: Connection, conversation_id: int, known: Horizon, cutoff: int) -> Horizon:
    """Return how far the messages are from before ``cutoff``; they are so up to ``known``.

    Times rise with the numbers but for what a clock that was set has done, so this looks at
    a few of them only.
    """
    place = {"conversation": conversation_id}
    newest = connection.execute(_NEWEST, place).first()
    if newest is None or newest.seq <= known.seq:
        return known
    if newest.sent_at < cutoff:
        return Horizon(newest.seq, newest.id)
    old, young = known, newest.seq
    while old.seq + 1 < young:
        middle = (old.seq + young) // 2
        row = connection.execute(_NEXT, {**place, "seq": middle}).one()
        if row.sent_at < cutoff:
            old = Horizon(row.seq, row.id)
        else:
            young = middle
    return old


def lowest_delivered(
    connection: Connection, conversation_id: int, after: int, since: int, limit: int
) -> tuple[int | None, int | None]:
    """Return how far everything has reached some members, those behind ``after``, in any case.

    Who has not been here ``since`` then does not count; None where nobody does. The second is
    the last member looked at, None where there are no more.
    """
    place = {"conversation": conversation_id, "after": after, "since": since, "limit": limit}
    lowest, last, count = connection.execute(_LOWEST, place).one()
    return lowest, last if count == limit else None


def delivered(connection: Connection, conversation_id: int, user_id: int) -> int:
    """Return how far a conversation has been delivered to a user, 0 to one who is not in it."""
    place = {"conversation": conversation_id, "user": user_id}
    return connection.execute(_DELIVERED, place).scalar() or 0


def others(
    connection: Connection, after: int, limit: int, cutoff: int
) -> tuple[list[int], int | None]:
    """Return which rooms and direct conversations behind ``after`` have an old message.

    The second is the last one looked at, None where there are no more.
    """
    rows = connection.execute(_OTHERS, {"after": after, "limit": limit}).all()
    old = [number for number, oldest in rows if oldest is not None and oldest < cutoff]
    return old, rows[-1][0] if len(rows) == limit else None


def delete_slice(connection: Connection, stretch: Stretch, limit: int) -> Slice:
    """Delete the oldest messages of a stretch, if there are any that old, ``limit`` at most.

    A later edit of one of them keeps its place, without its text. Files go with the last
    message that refers to them.
    """
    place = {"conversation": stretch.conversation_id, "after": stretch.after}
    rows = connection.execute(_OLDEST, {**place, "upto": stretch.upto, "limit": limit}).all()
    old = list(takewhile(lambda row: row.sent_at < stretch.cutoff, rows))
    if not old:
        return Slice(0, stretch.after, ())
    last = old[-1].seq
    bodies = {row.body_id for row in old} | _empty_edits(connection, [row.id for row in old], last)
    connection.execute(_DELETE, {**place, "last": last})
    bodies |= _delete_files(connection, {row.file_id for row in old} - {None})
    return Slice(len(old), last, tuple(sorted(bodies - {None})))


def _empty_edits(connection: Connection, ids: Sequence[int], last: int) -> set[Any]:
    """Take the text out of the edits that come later; return where it was."""
    edits = connection.execute(_LATER_EDITS, {"ids": ids, "last": last}).all()
    if edits:
        connection.execute(_EMPTY, {"ids": [edit.id for edit in edits]})
    return {edit.body_id for edit in edits}


def _delete_files(connection: Connection, ids: set[Any]) -> set[Any]:
    """Delete those of the files that no message refers to any more; return their contents."""
    if not ids:
        return set()
    unused = connection.execute(_UNUSED_FILES, {"ids": sorted(ids)}).all()
    if unused:
        connection.execute(_DELETE_FILES, {"ids": [file.id for file in unused]})
    return {file.body_id for file in unused}
