"""How much somebody has not read: counted when it is asked for, stored nowhere.

Numbers are dense, so the newest end of a conversation is a range of its index: however far
behind somebody is, a count looks at ``UNREAD_CAP`` entries at most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.expression import ClauseElement

from storage.driver import prepared
from storage.records import Had, Marker, Message, Reader, Standing
from storage.schema import conversations, members, messages, users

UNREAD_CAP = 1000
"""How many of the newest entries of a conversation are looked at."""

_COUNTS_AT_ONCE = 32  # each has five parameters, and SQLite takes 500 parts in one statement
_SEATS_AT_ONCE = 32

_SPOKEN = ("text", "file")
_SEATS = select(
    members.c.user_id,
    members.c.conversation_id,
    members.c.delivered_seq,
    members.c.read_seq,
    conversations.c.last_seq,
).join_from(members, conversations, conversations.c.id == members.c.conversation_id)


def _seat(number: int) -> ColumnElement[bool]:
    """Return the condition for one member of one conversation."""
    return and_(
        members.c.conversation_id == bindparam(f"conversation{number}"),
        members.c.user_id == bindparam(f"user{number}"),
    )


def _seats(count: int) -> ClauseElement:
    """Return what finds so many members.

    Each is looked up by itself: all of some users in all of some conversations could be a
    thousand times as many, and SQLite finds no index for a list of pairs.
    """
    return _SEATS.where(or_(*(_seat(number) for number in range(count))))


def _in_window(number: int) -> ColumnElement[bool]:
    """Return the condition for what was said in a part of a history."""
    return and_(
        messages.c.conversation_id == bindparam(f"conversation{number}"),
        messages.c.seq > bindparam(f"after{number}"),
        messages.c.seq <= bindparam(f"last{number}"),
        messages.c.kind.in_([literal_column(f"'{kind}'") for kind in _SPOKEN]),
    )


def _count(number: int) -> Select[int, int]:
    others = messages.c.sender_id != bindparam(f"user{number}")
    return select(literal_column(str(number), Integer), func.count()).where(
        _in_window(number), others
    )


def _counts(count: int) -> ClauseElement:
    """Return what counts in so many windows."""
    return union_all(*(_count(number) for number in range(count)))


def _said(_count: int) -> ClauseElement:
    return select(messages.c.seq, messages.c.sender_id).where(_in_window(0))


def unread(connection: Connection, readers: Sequence[Reader]) -> list[int]:
    """Return for each reader how much of others is behind what was read.

    Where several read one conversation, what was said there is looked at once for all.
    """
    counts = [0] * len(readers)
    places: dict[int, list[int]] = defaultdict(list)
    for number, reader in enumerate(readers):
        if reader.read_seq < reader.last_seq:
            places[reader.conversation_id].append(number)
    single = [numbers[0] for numbers in places.values() if len(numbers) == 1]
    for start in range(0, len(single), _COUNTS_AT_ONCE):
        some = single[start : start + _COUNTS_AT_ONCE]
        found = _count_each(connection, [readers[number] for number in some])
        for number, count in zip(some, found, strict=True):
            counts[number] = count
    for numbers in places.values():
        if len(numbers) > 1:
            found = _count_together(connection, [readers[number] for number in numbers])
            for number, count in zip(numbers, found, strict=True):
                counts[number] = count
    return counts


def _first_unread(reader: Reader) -> int:
    """Return the number behind which is counted."""
    return max(reader.read_seq, reader.last_seq - UNREAD_CAP)


def _count_each(connection: Connection, readers: Sequence[Reader]) -> list[int]:
    values: dict[str, int] = {}
    for number, reader in enumerate(readers):
        values[f"conversation{number}"] = reader.conversation_id
        values[f"after{number}"] = _first_unread(reader)
        values[f"last{number}"] = reader.last_seq
        values[f"user{number}"] = reader.user_id
    statement = prepared(_counts, len(readers), connection.dialect)
    found = {row[0]: row[1] for row in statement.execute(connection, values)}
    return [found[number] for number in range(len(readers))]


def _count_together(connection: Connection, readers: Sequence[Reader]) -> list[int]:
    """Count for several readers of one conversation."""
    statement = prepared(_said, 1, connection.dialect)
    values = {
        "conversation0": readers[0].conversation_id,
        "after0": min(map(_first_unread, readers)),
        "last0": max(reader.last_seq for reader in readers),
    }
    every: list[int] = []
    by: dict[int, list[int]] = defaultdict(list)
    for seq, sender in sorted(map(tuple, statement.execute(connection, values))):
        every.append(seq)
        by[sender].append(seq)
    return [
        _between(every, reader) - _between(by.get(reader.user_id, ()), reader) for reader in readers
    ]


def _between(numbers: Sequence[int], reader: Reader) -> int:
    return bisect_right(numbers, reader.last_seq) - bisect_right(numbers, _first_unread(reader))


def standings(
    connection: Connection, markers: Iterable[Marker], expired: Mapping[int, int]
) -> list[Standing | None]:
    """Return how members stand whose markers are at least these; None for who is none."""
    wanted = list(markers)
    found: dict[tuple[int, int], Standing] = {}
    for start in range(0, len(wanted), _SEATS_AT_ONCE):
        some = wanted[start : start + _SEATS_AT_ONCE]
        values: dict[str, int] = {}
        for number, marker in enumerate(some):
            values[f"conversation{number}"] = marker.conversation_id
            values[f"user{number}"] = marker.user_id
        seats = prepared(_seats, len(some), connection.dialect).execute(connection, values)
        for user, conversation, delivered, read, last in map(tuple, seats):
            found[user, conversation] = Standing(delivered, read, last, 0)
    standing = [
        _moved(
            found.get((marker.user_id, marker.conversation_id)),
            marker,
            expired.get(marker.conversation_id, 0),
        )
        for marker in wanted
    ]
    readers = [
        Reader(marker.user_id, marker.conversation_id, one.read_seq, one.last_seq)
        for marker, one in zip(wanted, standing, strict=True)
        if one is not None
    ]
    counts = iter(unread(connection, readers))
    return [
        None
        if one is None
        else Standing(one.delivered_seq, one.read_seq, one.last_seq, next(counts))
        for one in standing
    ]


def readers(connection: Connection, message: Message, user_id: int | None, limit: int) -> list[Had]:
    """Return how far others have had a message's conversation who were in it by then."""
    query = (
        select(users.c.name, members.c.delivered_seq, members.c.read_seq)
        .join_from(members, users, users.c.id == members.c.user_id)
        .where(
            members.c.conversation_id == message.conversation_id,
            members.c.joined_at <= message.sent_at,
            members.c.user_id != message.sender_id,
        )
        .order_by(members.c.read_seq.desc(), members.c.delivered_seq.desc(), members.c.user_id)
        .limit(limit)
    )
    if user_id is not None:
        query = query.where(members.c.user_id == user_id)
    return [Had(*row) for row in connection.execute(query)]


def _moved(standing: Standing | None, marker: Marker, expired: int) -> Standing | None:
    if standing is None:
        return None
    delivered = max(standing.delivered_seq, marker.delivered_seq)
    read = max(standing.read_seq, marker.read_seq, min(delivered, expired))
    delivered = max(delivered, read)
    return Standing(delivered, read, standing.last_seq, 0)
