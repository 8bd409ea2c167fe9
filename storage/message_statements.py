"""What is done with messages: one plain function for each thing, in one transaction.

The functions know no database: SQLite runs them in its thread, MySQL in a greenlet.
SQLite has no row locks and ignores ``FOR UPDATE``; it has only one writer anyway.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from msgspec.structs import astuple
from sqlalchemy import Connection, bindparam, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import ClauseElement

from storage.driver import each, places, prepared
from storage.records import Message, NewMessage, Saved
from storage.schema import MESSAGE_ID, conversations, counters, messages

_FOREVER = 2**63 - 1  # the highest number both databases know
_UUIDS_AT_ONCE = 1000  # well below what a statement may have parameters

_LOCK_COUNTER = select(counters.c.value).where(counters.c.name == MESSAGE_ID).with_for_update()
_COLUMNS = tuple(messages.c)  # in the order of the fields of Message
_GET = select(*_COLUMNS).where(messages.c.id == bindparam("id"))
_BY_UUID = select(*_COLUMNS).where(messages.c.uuid.in_(bindparam("uuids", expanding=True)))
_LAST_ID = select(func.max(messages.c.id))
_PAGE = select(*_COLUMNS).where(
    messages.c.conversation_id == bindparam("conversation"),
    messages.c.seq > bindparam("after"),
    messages.c.seq < bindparam("before"),
)
_FIRST_ONES = _PAGE.order_by(messages.c.seq).limit(bindparam("limit"))
_LAST_ONES = _PAGE.order_by(messages.c.seq.desc()).limit(bindparam("limit"))


def _insert(_count: int) -> ClauseElement:
    return insert(messages)


def _lock_all_counters(conversation_count: int) -> ClauseElement:
    return (
        select(counters.c.value, conversations.c.id, conversations.c.last_seq)
        .select_from(counters.join(conversations, true()))
        .where(counters.c.name == MESSAGE_ID, conversations.c.id.in_(places(conversation_count)))
        .order_by(conversations.c.id)
        .with_for_update()
    )


def _move_message_id(_count: int) -> ClauseElement:
    return (
        update(counters)
        .where(counters.c.name == MESSAGE_ID)
        .values(value=counters.c.value + bindparam("count"))
    )


def _move_last_seq(conversation_count: int) -> ClauseElement:
    return (
        update(conversations)
        .where(conversations.c.id.in_(places(conversation_count)))
        .values(last_seq=conversations.c.last_seq + bindparam("count"))
    )


def save(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    """Store messages; see :meth:`storage.interface.Storage.SaveMsg`."""
    if not new:
        return []
    try:
        return _save_all(connection, new)
    except IntegrityError:
        # Some are stored already. That is rare, so nobody looks for it beforehand.
        connection.rollback()
        return _save_missing(connection, new)


def _save_all(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    stored = _number(connection, new)
    rows = [astuple(message) for message in stored]
    prepared(_insert, 1, connection.dialect).execute_many(connection, rows)
    return [Saved(message, False) for message in stored]


def _save_missing(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    connection.execute(_LOCK_COUNTER)  # from here on nobody else can store one of them
    known = _find(connection, new)
    missing: dict[tuple[int, bytes], NewMessage] = {}
    for message in new:
        key = (message.sender_id, message.uuid)
        if key not in known:
            missing.setdefault(key, message)
    fresh = {}
    if missing:
        fresh = dict(zip(missing, _save_all(connection, list(missing.values())), strict=True))
    result = []
    for message in new:
        key = (message.sender_id, message.uuid)
        saved = fresh.get(key)
        if saved is None:
            saved = Saved(known[key], True)
        else:
            known[key] = saved.message
            del fresh[key]  # the next one with this key is a duplicate
        result.append(saved)
    return result


def _find(connection: Connection, new: Sequence[NewMessage]) -> dict[tuple[int, bytes], Message]:
    """Return the stored messages with these uuids, whoever sent them."""
    found = {}
    for start in range(0, len(new), _UUIDS_AT_ONCE):
        uuids = [message.uuid for message in new[start : start + _UUIDS_AT_ONCE]]
        for row in connection.execute(_BY_UUID, {"uuids": uuids}):
            stored = Message(*row)
            found[stored.sender_id, stored.uuid] = stored
    return found


def _number(connection: Connection, new: Sequence[NewMessage]) -> list[Message]:
    """Give ids and sequence numbers under the locks of the rows that count them."""
    counts = Counter(message.conversation_id for message in new)
    message_id, last_seq = 0, {}
    lock = prepared(_lock_all_counters, len(counts), connection.dialect)
    for row in lock.execute(connection, each(list(counts))):
        message_id, conversation_id, last_seq[conversation_id] = row
    numbered = []
    for message in new:
        conversation = message.conversation_id
        message_id += 1
        seq = last_seq[conversation] = last_seq[conversation] + 1
        numbered.append(
            Message(
                message_id,
                conversation,
                seq,
                message.sender_id,
                message.sender_name,
                message.uuid,
                message.sent_at,
                message.body,
                message.size,
                message.body_id,
            )
        )
    _move_counters(connection, counts)
    return numbered


def _move_counters(connection: Connection, counts: Counter[int]) -> None:
    """Write how far the numbers are, in as few statements as there are different counts."""
    dialect = connection.dialect
    prepared(_move_message_id, 1, dialect).execute(connection, {"count": counts.total()})
    groups: dict[int, list[int]] = defaultdict(list)
    for conversation_id, count in counts.items():
        groups[count].append(conversation_id)
    for count, ids in groups.items():
        move = prepared(_move_last_seq, len(ids), dialect)
        move.execute(connection, {"count": count, **each(ids)})


def page(
    connection: Connection,
    conversation_id: int,
    after: int | None,
    before: int | None,
    limit: int | None,
) -> list[Message]:
    """Return a part of a history; see :meth:`storage.interface.Storage.GetAll`."""
    if limit is not None and limit <= 0:
        return []
    last_ones = limit is not None and after is None
    rows = connection.execute(
        _LAST_ONES if last_ones else _FIRST_ONES,
        {
            "conversation": conversation_id,
            "after": 0 if after is None else after,
            "before": _FOREVER if before is None else before,
            "limit": _FOREVER if limit is None else limit,
        },
    )
    found = [Message(*row) for row in rows]
    if last_ones:
        found.reverse()
    return found


def get(connection: Connection, message_id: int) -> Message | None:
    """Return one message, or None where there is none."""
    row = connection.execute(_GET, {"id": message_id}).first()
    return None if row is None else Message(*row)


def last_id(connection: Connection) -> int:
    """Return the highest message id, 0 where there are no messages."""
    return connection.execute(_LAST_ID).scalar_one() or 0
