"""What is done with messages: one plain function for each thing, in one transaction.

The functions know no database: SQLite runs them in its thread, MySQL in a greenlet.
SQLite has no row locks and ignores ``FOR UPDATE``; it has only one writer anyway.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from msgspec.structs import astuple, replace
from sqlalchemy import (
    Connection,
    bindparam,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import ClauseElement

from storage import seals, spent_statements
from storage.driver import Row, each, places, prepared
from storage.records import QUOTED, FileFacts, Message, NewMessage, Quote, Saved
from storage.schema import MESSAGE_ID, conversations, counters, files, messages
from storage.sealing import Vault
from storage.seals import UNREADABLE, vault_of

_OWN_WITHIN = 10_000
"""How many of the last entries of a conversation are searched for what somebody wrote."""

_SAID = ("text", "file")
_SPOKEN = tuple(map(literal, _SAID))
_TAKEN_BACK = literal("deleted")
_CHANGES = ("edit", "delete")

_FOREVER = 2**63 - 1  # the highest number both databases know
_UUIDS_AT_ONCE = 1000  # well below what a statement may have parameters
_QUOTED_AT_ONCE = 50  # texts of up to 64 KiB, of which the head is needed, and it opens as a whole

_LOCK_COUNTER = select(counters.c.value).where(counters.c.name == MESSAGE_ID).with_for_update()
_COLUMNS = tuple(messages.c)  # in the order of the fields of Message
_WIDTH = len(_COLUMNS)
_PLAIN_WIDTH = 10  # of them a plain text fills the first ones, the others have their defaults
_BODY = _COLUMNS.index(messages.c.body)
_FILE = (files.c.owner_id, files.c.uuid, files.c.size, files.c.body_id, files.c.name)
_SHOWN = select(*_COLUMNS, *_FILE).select_from(
    messages.outerjoin(files, files.c.id == messages.c.file_id)
)
_GET = _SHOWN.where(messages.c.id == bindparam("id"))
_BY_UUID = _SHOWN.where(messages.c.uuid.in_(bindparam("uuids", expanding=True)))
_SENT = _BY_UUID.where(messages.c.sender_id == bindparam("sender"))
_EDITS = select(func.count()).where(
    messages.c.target_id == bindparam("target"), messages.c.kind == "edit"
)
_LAST_ID = select(func.max(messages.c.id))


def _page(_count: int, *, spoken: bool, last_ones: bool) -> ClauseElement:
    """Return what finds a page, beginning at its one end or at the other."""
    seq = messages.c.seq
    found = _SHOWN.where(
        messages.c.conversation_id == bindparam("conversation"),
        seq > bindparam("after"),
        seq < bindparam("before"),
    )
    if spoken:
        found = found.where(messages.c.kind.in_((*_SPOKEN, _TAKEN_BACK)))
    return found.order_by(seq.desc() if last_ones else seq).limit(bindparam("limit"))


_PAGES = {
    (spoken, last_ones): partial(_page, spoken=spoken, last_ones=last_ones)
    for spoken in (False, True)
    for last_ones in (False, True)
}
_THREAD = (
    _SHOWN.where(messages.c.target_id == bindparam("target"), messages.c.kind.in_(_SPOKEN))
    .order_by(messages.c.id.desc())
    .limit(bindparam("limit"))
)
_OWN = (
    _SHOWN.where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.sender_id == bindparam("sender"),
        messages.c.kind.in_(_SPOKEN),
        messages.c.seq
        > select(conversations.c.last_seq - _OWN_WITHIN)
        .where(conversations.c.id == bindparam("conversation"))
        .scalar_subquery(),
    )
    .order_by(messages.c.seq.desc())
    .limit(bindparam("limit"))
)
_TARGETS = select(*_COLUMNS).where(messages.c.id.in_(bindparam("targets", expanding=True)))
_LOCK_TARGET = (
    select(*_COLUMNS)
    .where(
        messages.c.id == bindparam("target"),
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.kind.in_(_SPOKEN),
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
    return insert(messages).values({c.name: bindparam(c.name) for c in _COLUMNS[:width]})


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
    width = _PLAIN_WIDTH if all(map(_is_plain, new)) else _WIDTH
    vault = vault_of(connection)
    rows = [_row(vault, message, width) for message in stored]
    prepared(_insert, width, connection.dialect).execute_many(connection, rows)
    if width == _WIDTH:
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
    return _quotes(connection, [comment]).get(comment.target_id or 0)


def _delete(connection: Connection, entry: Message) -> None:
    """Take the text of the target away, wherever it is."""
    state = {"kind": "deleted", "file_id": None, "edited_at": entry.sent_at}
    connection.execute(_REWRITE, {"target": entry.target_id, **state, **_GONE})
    connection.execute(_FORGET_EDITS, {"target": entry.target_id})


def _save_missing(connection: Connection, new: Sequence[NewMessage]) -> list[Saved]:
    connection.execute(_LOCK_COUNTER)  # from here on nobody else can store one of them
    # In this order: what is deleted between the two is found by the second one.
    known = _find(connection, new)
    known = spent_statements.find(connection, [message.uuid for message in new]) | known
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
        for stored in _messages(connection, connection.execute(_BY_UUID, {"uuids": uuids})):
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


def page(
    connection: Connection,
    conversation_id: int,
    after: int | None,
    before: int | None,
    limit: int | None,
    *,
    spoken: bool = False,
    floor: int = 0,
) -> list[Message]:
    """Return a part of a history; see :meth:`storage.interface.Storage.GetAll`."""
    if limit is not None and limit <= 0:
        return []
    last_ones = limit is not None and after is None
    find = prepared(_PAGES[spoken, last_ones], 1, connection.dialect)
    rows = find.execute(
        connection,
        {
            "conversation": conversation_id,
            "after": floor if after is None else max(after, floor),
            "before": _FOREVER if before is None else before,
            "limit": _FOREVER if limit is None else limit,
        },
    )
    found = _messages(connection, rows)
    if last_ones:
        found.reverse()
    return found


def thread(connection: Connection, message_id: int, limit: int) -> list[Message]:
    """Return the comments on a message; see :meth:`storage.interface.Storage.thread`."""
    rows = connection.execute(_THREAD, {"target": message_id, "limit": limit})
    return _messages(connection, rows)[::-1]


def own(connection: Connection, conversation_id: int, sender_id: int, limit: int) -> list[Message]:
    """Return what somebody wrote last; see :meth:`storage.interface.Storage.own`."""
    values = {"conversation": conversation_id, "sender": sender_id, "limit": limit}
    return _messages(connection, connection.execute(_OWN, values))[::-1]


def get(connection: Connection, message_id: int) -> Message | None:
    """Return one message, or None where there is none."""
    found = _messages(connection, connection.execute(_GET, {"id": message_id}))
    return found[0] if found else None


def sent(connection: Connection, sender_id: int, uuid: bytes) -> Message | None:
    """Return what somebody has sent; see :meth:`storage.interface.Storage.sent`."""
    found = _messages(connection, connection.execute(_SENT, {"sender": sender_id, "uuids": [uuid]}))
    if found:
        return found[0]
    return spent_statements.find(connection, [uuid]).get((sender_id, uuid))


def edits(connection: Connection, message_id: int) -> int:
    """Return how often a message has been changed."""
    return int(connection.execute(_EDITS, {"target": message_id}).scalar_one())


def _messages(connection: Connection, rows: Iterable[Row]) -> list[Message]:
    """Return the messages of rows of :data:`_SHOWN`, with what they quote."""
    vault = vault_of(connection)
    found = [_message(vault, row) for row in rows]
    quotes = _quotes(connection, found)
    if quotes:
        for number, message in enumerate(found):
            if _comments(message):
                found[number] = replace(message, quote=quotes.get(message.target_id or 0))
    return found


def _message(vault: Vault, row: Row) -> Message:
    message = seals.open_message(vault, Message(*row[:_WIDTH]))
    *where, stored = row[_WIDTH:]
    if message.file_id is None or stored is None:
        return message
    place = seals.FilePlace(message.file_id, *where)
    name = seals.open_file_name(vault, place, stored)
    return replace(message, file=FileFacts(UNREADABLE if name is None else name, place.size))


def _comments(message: Message) -> bool:
    return message.target_id is not None and message.kind in _SAID


def _quotes(connection: Connection, comments: Sequence[Message]) -> dict[int, Quote]:
    """Return what some messages answer, by its id; each text is fetched once."""
    wanted = sorted({one.target_id for one in comments if one.target_id and _comments(one)})
    vault = vault_of(connection)
    quotes = {}
    for start in range(0, len(wanted), _QUOTED_AT_ONCE):
        some = {"targets": wanted[start : start + _QUOTED_AT_ONCE]}
        for row in connection.execute(_TARGETS, some):
            target = seals.open_message(vault, Message(*row))
            quotes[target.id] = Quote(target.sender_name, target.body[:QUOTED])
    return quotes


def last_id(connection: Connection) -> int:
    """Return the highest message id, 0 where there are no messages."""
    return connection.execute(_LAST_ID).scalar_one() or 0
