"""What is kept of messages that have had their time: that they were there, and whose they were.

One that is sent again after it was deleted, because its acknowledgement was lost, is known by
that, and not stored a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.sql.expression import ClauseElement

from storage.driver import prepared
from storage.records import Message, NewMessage
from storage.schema import messages, spent

Key: TypeAlias = tuple[int, bytes]
"""Sender and uuid."""

_NEW = 300_000
"""Milliseconds after which a uuid is no longer one of those that are made now."""

_UUIDS_AT_ONCE = 1000  # well below what a statement may have parameters
_TIME_BASED = 7  # the version of the uuids of our clients
_SAID = ("text", "file", "deleted")  # what people send

_FIND = select(
    spent.c.message_id,
    spent.c.conversation_id,
    spent.c.seq,
    spent.c.sender_id,
    spent.c.uuid,
    spent.c.sent_at,
).where(spent.c.uuid.in_(bindparam("uuids", expanding=True)))
_REMEMBER = insert(spent).from_select(
    ["uuid", "sender_id", "message_id", "conversation_id", "seq", "sent_at"],
    select(
        messages.c.uuid,
        messages.c.sender_id,
        messages.c.id,
        messages.c.conversation_id,
        messages.c.seq,
        messages.c.sent_at,
    ).where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.seq > bindparam("after"),
        messages.c.seq <= bindparam("last"),
        messages.c.kind.in_(_SAID),
    ),
)
_OLD = spent.c.sent_at < bindparam("before")
_NTH = select(spent.c.sent_at).where(_OLD).order_by(spent.c.sent_at).limit(1)
_FORGET = delete(spent).where(_OLD)
_FORGET_SOME = delete(spent).where(spent.c.sent_at <= bindparam("upto"))


def _between(_count: int) -> ClauseElement:
    between = spent.c.uuid.between(bindparam("low"), bindparam("high"))
    return select(spent.c.seq).where(between).limit(1)


def is_any(connection: Connection, new: Sequence[NewMessage]) -> bool:
    """Tell whether one of the messages may be one that was deleted.

    Those that are made now have neighbouring uuids, so one look is enough for all of them,
    and finds something only where the clock of a sender has been wrong.
    """
    made_now: list[bytes] = []
    others: list[bytes] = []
    for message in new:
        near = abs(_made_at(message.uuid) - message.sent_at // 1000) < _NEW
        (made_now if near else others).append(message.uuid)
    if made_now:
        look = prepared(_between, 1, connection.dialect)
        if look.execute(connection, {"low": min(made_now), "high": max(made_now)}):
            return True
    return bool(others) and bool(find(connection, others))


def _made_at(uuid: bytes) -> int:
    """Return the time in a uuid, in milliseconds; 0 where there is none in it."""
    return int.from_bytes(uuid[:6], "big") if uuid[6] >> 4 == _TIME_BASED else 0


def find(connection: Connection, uuids: Sequence[bytes]) -> dict[Key, Message]:
    """Return what is left of the messages with these uuids, whoever sent them."""
    found = {}
    for start in range(0, len(uuids), _UUIDS_AT_ONCE):
        for row in connection.execute(_FIND, {"uuids": uuids[start : start + _UUIDS_AT_ONCE]}):
            number, conversation, seq, sender, uuid, sent_at = row
            found[sender, uuid] = Message(
                number, conversation, seq, sender, "", uuid, sent_at, b"", 0, None, "deleted"
            )
    return found


def remember(connection: Connection, conversation_id: int, after: int, last: int) -> None:
    """Keep of a stretch of a conversation, which is about to be deleted, what is known here."""
    place = {"conversation": conversation_id, "after": after, "last": last}
    connection.execute(_REMEMBER, place)


def forget(connection: Connection, before: int, limit: int) -> bool:
    """Forget those sent before then, about ``limit`` of them; True where there are more."""
    upto = connection.execute(_NTH.offset(limit), {"before": before}).scalar()
    if upto is None:
        connection.execute(_FORGET, {"before": before})
        return False
    connection.execute(_FORGET_SOME, {"upto": upto})
    return True
