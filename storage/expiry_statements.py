"""What is done with messages that have had their time: one plain function for each thing.

A conversation loses its oldest messages only, in the order of their numbers: what is left has
no gap but at its beginning.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, case, delete, exists, func, select, update

from storage import spent_statements
from storage.schema import bodies, conversations, files, members, messages, users

MAX_BYTES = 1024 * 1024
"""Bytes of text that one transaction deletes; as long as that takes a commit waits behind it."""


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
        messages.c.seq,
        messages.c.id,
        messages.c.sent_at,
        messages.c.body_id,
        messages.c.file_id,
        func.length(messages.c.body).label("length"),
    )
    .where(
        _OF_CONVERSATION,
        messages.c.seq > bindparam("after"),
        messages.c.seq <= bindparam("upto"),
    )
    .order_by(messages.c.seq)
    .limit(bindparam("limit"))
)
_EDITS = select(
    messages.c.id,
    messages.c.seq,
    messages.c.body_id,
    messages.c.target_id,
    func.length(messages.c.body).label("length"),
).where(
    messages.c.target_id.in_(bindparam("ids", expanding=True)),
    messages.c.kind == "edit",
    messages.c.size > 0,
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
_FIRST_LEFT = select(func.min(messages.c.seq)).where(_OF_CONVERSATION)
_LAST_SEQ = select(conversations.c.last_seq).where(conversations.c.id == bindparam("conversation"))
_first_left = (
    select(func.min(messages.c.seq))
    .where(messages.c.conversation_id == conversations.c.id)
    .scalar_subquery()
)
_gone = func.coalesce(_first_left - 1, conversations.c.last_seq)
_MISSED = (
    select(conversations.c.id, _gone)
    .select_from(members.join(conversations, conversations.c.id == members.c.conversation_id))
    .where(
        members.c.user_id == bindparam("user"),
        members.c.delivered_seq < conversations.c.last_seq,
        members.c.delivered_seq < _gone,
    )
)
_ORPHANS = (
    select(bodies.c.id)
    .where(
        bodies.c.id > bindparam("after"),
        bodies.c.created_at < bindparam("before"),
        ~exists().where(messages.c.body_id == bodies.c.id),
        ~exists().where(files.c.body_id == bodies.c.id),
    )
    .order_by(bodies.c.id)
    .limit(bindparam("limit"))
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

    There are fewer where their texts are long. A later edit of one of them keeps its place,
    without its text. Files go with the last message that refers to them.
    """
    place = {"conversation": stretch.conversation_id, "after": stretch.after}
    rows = connection.execute(_OLDEST, {**place, "upto": stretch.upto, "limit": limit}).all()
    edits = defaultdict(list)
    for edit in connection.execute(_EDITS, {"ids": [row.id for row in rows]}) if rows else ():
        edits[edit.target_id].append(edit)
    old: list[Any] = []
    size = 0
    for row in rows:
        size += row.length + sum(edit.length for edit in edits[row.id])
        if row.sent_at >= stretch.cutoff or (old and size > MAX_BYTES):
            break
        old.append(row)
    if not old:
        return Slice(0, stretch.after, ())
    last = old[-1].seq
    later = [edit for row in old for edit in edits[row.id] if edit.seq > last]
    if later:
        connection.execute(_EMPTY, {"ids": [edit.id for edit in later]})
    spent_statements.remember(connection, stretch.conversation_id, stretch.after, last)
    connection.execute(_DELETE, {**place, "last": last})
    unused = {row.body_id for row in old} | {edit.body_id for edit in later}
    unused |= _delete_files(connection, {row.file_id for row in old} - {None})
    return Slice(len(old), last, tuple(sorted(unused - {None})))


def _delete_files(connection: Connection, ids: set[Any]) -> set[Any]:
    """Delete those of the files that no message refers to any more; return their contents."""
    if not ids:
        return set()
    unused = connection.execute(_UNUSED_FILES, {"ids": sorted(ids)}).all()
    if unused:
        connection.execute(_DELETE_FILES, {"ids": [file.id for file in unused]})
    return {file.body_id for file in unused}


def deleted_seq(connection: Connection, conversation_id: int) -> int:
    """Return up to which number a conversation has been deleted."""
    place = {"conversation": conversation_id}
    # In this order: what is written in between must not count as deleted.
    last = connection.execute(_LAST_SEQ, place).scalar() or 0
    first = connection.execute(_FIRST_LEFT, place).scalar()
    return int(last if first is None else first - 1)


def missed(connection: Connection, user_id: int) -> list[tuple[int, int]]:
    """Return where more has been deleted than has been delivered to a user, and up to where."""
    return [(number, gone) for number, gone in connection.execute(_MISSED, {"user": user_id})]


def orphans(connection: Connection, after: int, before: int, limit: int) -> list[int]:
    """Return the next bodies, made before then, that no message and no file refers to."""
    values = {"after": after, "before": before, "limit": limit}
    return list(connection.execute(_ORPHANS, values).scalars())
