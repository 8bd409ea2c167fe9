"""How messages are stored: numbered, written, and what they change, in one transaction.

SQLite has no row locks and ignores ``FOR UPDATE``; it has only one writer anyway.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from msgspec.structs import astuple, replace
from sqlalchemy import Connection, bindparam, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import ClauseElement

from storage import message_statements, seals, spent_statements
from storage.driver import Row, each, places, prepared
from storage.message_statements import COLUMNS, SPOKEN, WIDTH, quotes_of
from storage.records import Message, NewMessage, Quote, Saved
from storage.schema import MESSAGE_ID, conversations, counters, messages
from storage.sealing import Vault
from storage.seals import vault_of

_CHANGES = ("edit", "delete")

_LOCK_COUNTER = select(counters.c.value).where(counters.c.name == MESSAGE_ID).with_for_update()
_PLAIN_WIDTH = 10  # of them a plain text fills the first ones, the others have their defaults
_BODY = COLUMNS.index(messages.c.body)
_LOCK_TARGET = (
    select(*COLUMNS)
    .where(
        messages.c.id == bindparam("target"),
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.kind.in_(SPOKEN),
    )
    .with_for_update()
)
_GONE = {"body": b"", "size": 0, "body_id": None}
_REWRITE = update(messages).where(messages.c.id == bindparam("target"))  # what is in the values
_FORGET_EDITS = (
    update(messages)
    .where(messages.c.target_id == bindparam("target"), messages.c.kind == "edit")
    .values(_GONE)
)


def _insert(width: int) -> ClauseElement:
    return insert(messages).values({c.name: bindparam(c.name) for c in COLUMNS[:width]})


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
        saved = _save_all(connection, new)
    except IntegrityError:
        pass  # some are stored already; that is rare, so nobody looks for it beforehand
    else:
        # Asked now and not before: one that was being deleted has held up its own storing.
        if not spent_statements.is_any(connection, new):
            return saved
    connection.rollback()
    return _save_missing(connection, new)


def _save_all(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    stored = _number(connection, new)
    width = _PLAIN_WIDTH if all(map(_is_plain, new)) else WIDTH
    vault = vault_of(connection)
    rows = [_row(vault, message, width) for message in stored]
    prepared(_insert, width, connection.dialect).execute_many(connection, rows)
    if width == WIDTH:
        for place, message in enumerate(stored):
            if message.kind in _CHANGES:
                stored[place] = _change(connection, message)
            elif message.quote is not None:
                stored[place] = replace(message, quote=_quote_now(connection, message))
    return [Saved(message, False) for message in stored]


def _row(vault: Vault, message: Message, width: int) -> Row:
    values = astuple(message)
    return (*values[:_BODY], seals.seal_message(vault, message), *values[_BODY + 1 : width])


def _is_plain(message: NewMessage) -> bool:
    return (
        message.kind == "text"
        and message.target_id is None
        and message.file_id is None
        and message.due_at is None
    )


def _change(connection: Connection, entry: Message) -> Message:
    """Let an edit or a deletion change its target; return it as it is stored then."""
    place = {"target": entry.target_id, "conversation": entry.conversation_id}
    target = connection.execute(_LOCK_TARGET, place).first()
    if entry.kind == "delete":
        if target is not None:
            _delete(connection, entry)
        return entry
    if target is None:  # it came too late: what was deleted must not come back with it
        connection.execute(_REWRITE, {"target": entry.id, **_GONE})
        return replace(entry, **_GONE)
    text = {"body": entry.body, "size": entry.size, "body_id": entry.body_id}
    sealed = seals.seal_message(vault_of(connection), replace(Message(*target), **text))
    changed = {**text, "body": sealed, "edited_at": entry.sent_at}
    connection.execute(_REWRITE, {"target": entry.target_id, **changed})
    return entry


def _quote_now(connection: Connection, comment: Message) -> Quote | None:
    """Return what a comment answers as it is now: it may just have been changed or deleted."""
    return quotes_of(connection, [comment]).get(comment.target_id or 0)


def _delete(connection: Connection, entry: Message) -> None:
    """Take the text of the target away, wherever it is."""
    state = {"kind": "deleted", "file_id": None, "edited_at": entry.sent_at}
    connection.execute(_REWRITE, {"target": entry.target_id, **state, **_GONE})
    connection.execute(_FORGET_EDITS, {"target": entry.target_id})


def _save_missing(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    connection.execute(_LOCK_COUNTER)  # from here on nobody else can store one of them
    # In this order: what is deleted between the two is found by the second one.
    uuids = [message.uuid for message in new]
    known = message_statements.find(connection, uuids)
    known = spent_statements.find(connection, uuids) | known
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
                message.kind,
                message.target_id,
                message.file_id,
                message.due_at,
                None,
                message.quote,
                message.file,
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
