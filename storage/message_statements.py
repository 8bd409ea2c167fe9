"""How messages are read: one plain function for each thing, in one transaction.

The functions know no database: SQLite runs them in its thread, MySQL in a greenlet.
:mod:`storage.saving_statements` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.sql.expression import ClauseElement

from storage import seals, spent_statements
from storage.driver import Row, prepared
from storage.records import QUOTED, FileFacts, Message, Quote
from storage.schema import conversations, files, messages
from storage.sealing import Vault
from storage.seals import UNREADABLE, vault_of

_OWN_WITHIN = 10_000
"""How many of the last entries of a conversation are searched for what somebody wrote."""

_SAID = ("text", "file")
SPOKEN = tuple(map(literal, _SAID))
_TAKEN_BACK = literal("deleted")

_FOREVER = 2**63 - 1  # the highest number both databases know
_UUIDS_AT_ONCE = 1000  # well below what a statement may have parameters
_QUOTED_AT_ONCE = 50  # texts of up to 64 KiB, of which the head is needed, and it opens as a whole

COLUMNS = tuple(messages.c)  # in the order of the fields of Message
WIDTH = len(COLUMNS)
_FILE = (files.c.owner_id, files.c.uuid, files.c.size, files.c.body_id, files.c.name)
_SHOWN = select(*COLUMNS, *_FILE).select_from(
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
        found = found.where(messages.c.kind.in_((*SPOKEN, _TAKEN_BACK)))
    return found.order_by(seq.desc() if last_ones else seq).limit(bindparam("limit"))


_PAGES = {
    (spoken, last_ones): partial(_page, spoken=spoken, last_ones=last_ones)
    for spoken in (False, True)
    for last_ones in (False, True)
}
_THREAD = (
    _SHOWN.where(messages.c.target_id == bindparam("target"), messages.c.kind.in_(SPOKEN))
    .order_by(messages.c.id.desc())
    .limit(bindparam("limit"))
)
_OWN = (
    _SHOWN.where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.sender_id == bindparam("sender"),
        messages.c.kind.in_(SPOKEN),
        messages.c.seq
        > select(conversations.c.last_seq - _OWN_WITHIN)
        .where(conversations.c.id == bindparam("conversation"))
        .scalar_subquery(),
    )
    .order_by(messages.c.seq.desc())
    .limit(bindparam("limit"))
)
_TARGETS = select(*COLUMNS).where(messages.c.id.in_(bindparam("targets", expanding=True)))


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
    part = prepared(_PAGES[spoken, last_ones], 1, connection.dialect)
    rows = part.execute(
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


def find(connection: Connection, uuids: Sequence[bytes]) -> dict[tuple[int, bytes], Message]:
    """Return the stored messages with these uuids, by who sent them and uuid."""
    found = {}
    for start in range(0, len(uuids), _UUIDS_AT_ONCE):
        some = {"uuids": uuids[start : start + _UUIDS_AT_ONCE]}
        for stored in _messages(connection, connection.execute(_BY_UUID, some)):
            found[stored.sender_id, stored.uuid] = stored
    return found


def edits(connection: Connection, message_id: int) -> int:
    """Return how often a message has been changed."""
    return int(connection.execute(_EDITS, {"target": message_id}).scalar_one())


def _messages(connection: Connection, rows: Iterable[Row]) -> list[Message]:
    """Return the messages of rows of :data:`_SHOWN`, with what they quote."""
    vault = vault_of(connection)
    found = [_message(vault, row) for row in rows]
    quotes = quotes_of(connection, found)
    if quotes:
        for number, message in enumerate(found):
            if _comments(message):
                found[number] = replace(message, quote=quotes.get(message.target_id or 0))
    return found


def _message(vault: Vault, row: Row) -> Message:
    message = seals.open_message(vault, Message(*row[:WIDTH]))
    *where, stored = row[WIDTH:]
    if message.file_id is None or stored is None:
        return message
    place = seals.FilePlace(message.file_id, *where)
    name = seals.open_file_name(vault, place, stored)
    return replace(message, file=FileFacts(UNREADABLE if name is None else name, place.size))


def _comments(message: Message) -> bool:
    return message.target_id is not None and message.kind in _SAID


def quotes_of(connection: Connection, comments: Sequence[Message]) -> dict[int, Quote]:
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
