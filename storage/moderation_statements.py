"""What is done with quotas, complaints and blocks: one plain function for each thing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from storage import seals
from storage.moderation_records import (
    Block,
    Complaint,
    Filed,
    Lifted,
    NewComplaint,
    Quota,
    Verdict,
)
from storage.records import GENERAL_ID
from storage.schema import complaints, conversations, messages, users
from storage.seals import ComplaintPlace, vault_of

_AT_ONCE = 1000  # well below what a statement may have parameters

_QUOTAS = select(users.c.id, users.c.quota_started_at, users.c.quota_used).where(
    users.c.quota_started_at > bindparam("since")
)
_SAVE_QUOTA = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(quota_started_at=bindparam("started_at"), quota_used=bindparam("used"))
)
_LAST_SEQ = select(conversations.c.last_seq).where(conversations.c.id == GENERAL_ID)
_SENT_SINCE = select(messages.c.sender_id, messages.c.uuid).where(
    messages.c.conversation_id == GENERAL_ID,
    messages.c.seq > bindparam("after"),
    messages.c.sent_at >= bindparam("since"),
)
_SAW = (
    update(users)
    .where(
        users.c.id.in_(bindparam("user_ids", expanding=True)), users.c.seen_at < bindparam("now")
    )
    .values(seen_at=bindparam("now"))
)
_SEALED = (
    complaints.c.target_id,
    complaints.c.reporter,
    complaints.c.reporter_id,
    complaints.c.created_at,
    complaints.c.reason,
)
_BLOCKED_BY = (
    select(complaints.c.id)
    .where(
        complaints.c.target_id == users.c.id,
        complaints.c.settled_at == complaints.c.created_at,  # it blocked, as it came
    )
    .order_by(complaints.c.created_at.desc(), complaints.c.id.desc())
    .limit(1)
    .correlate(users)
    .scalar_subquery()
)
_BLOCKS = select(users.c.id, users.c.name, users.c.blocked_until, _BLOCKED_BY).where(
    users.c.blocked_until > bindparam("now")
)
_REASONS = select(complaints.c.id, *_SEALED).where(
    complaints.c.id.in_(bindparam("ids", expanding=True))
)
_LOCK_TARGET = (
    select(users.c.blocked_until).where(users.c.id == bindparam("target")).with_for_update()
)
_COUNTING = select(complaints.c.reporter, complaints.c.reporter_id).where(
    complaints.c.target_id == bindparam("target"),
    complaints.c.created_at > bindparam("since"),
    complaints.c.settled_at.is_(None),
)
_BLOCK = update(users).where(users.c.id == bindparam("target"))
_SETTLE = update(complaints).where(
    complaints.c.target_id == bindparam("target"), complaints.c.settled_at.is_(None)
)

_target, _reporter = users.alias("target"), users.alias("reporter")
_OPEN = (
    select(
        _target.c.name,
        _reporter.c.name,
        complaints.c.reporter.startswith("ip:"),
        *_SEALED,
    )
    .select_from(
        complaints.join(_target, _target.c.id == complaints.c.target_id).join(
            _reporter, _reporter.c.id == complaints.c.reporter_id
        )
    )
    .where(complaints.c.settled_at.is_(None), complaints.c.created_at > bindparam("since"))
    .order_by(complaints.c.id.desc())
    .limit(bindparam("limit"))
)


def quotas(connection: Connection, since: int) -> list[Quota]:
    """Return the quotas that began after a time."""
    return [Quota(*row) for row in connection.execute(_QUOTAS, {"since": since})]


def save_quotas(connection: Connection, changed: Sequence[Quota]) -> None:
    """Write quotas, always in the same order."""
    rows = [
        {"user": quota.user_id, "started_at": quota.started_at, "used": quota.used}
        for quota in sorted(changed, key=lambda quota: quota.user_id)
    ]
    if rows:
        connection.execute(_SAVE_QUOTA, rows)


def sent_since(connection: Connection, since: int, most: int) -> list[tuple[int, bytes]]:
    """Return sender and uuid of the general chat's latest messages, ``most`` of them at most."""
    after = connection.execute(_LAST_SEQ).scalar_one() - most
    rows = connection.execute(_SENT_SINCE, {"after": after, "since": since})
    return [(sender, uuid) for sender, uuid in rows]


def saw(connection: Connection, user_ids: Sequence[int], now: int) -> None:
    """Note that users are here; no time ever moves back."""
    ordered = sorted(user_ids)
    for start in range(0, len(ordered), _AT_ONCE):
        connection.execute(_SAW, {"user_ids": ordered[start : start + _AT_ONCE], "now": now})


def blocks(connection: Connection, now: int) -> list[Block]:
    """Return who is blocked at a time."""
    rows = connection.execute(_BLOCKS, {"now": now}).all()
    reasons = _reasons(connection, [row[-1] for row in rows if row[-1] is not None])
    return [
        Block(user_id, name, until, reasons.get(number, b""))
        for user_id, name, until, number in rows
    ]


def _reasons(connection: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the reasons of some complaints."""
    vault = vault_of(connection)
    found = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = {"ids": ids[start : start + _AT_ONCE]}
        for number, *place, reason in connection.execute(_REASONS, some):
            found[number] = seals.open_reason(vault, ComplaintPlace(*place), reason)
    return found


def complain(
    connection: Connection, complaint: NewComplaint, since: int, threshold: int, until: int
) -> Filed:
    """Take a complaint; with ``threshold`` of them after ``since`` the user is blocked.

    They have to be of different reporters, by what each counts for and by user: somebody who
    complains as a guest and then as the account of that name is one.
    """
    target = complaint.target_id
    blocked_until = connection.execute(_LOCK_TARGET, {"target": target}).scalar_one()
    if blocked_until > complaint.created_at:
        return Filed(Verdict.BLOCKED, blocked_until)
    place = {"target": target, "since": since}
    rows = [(reporter, user) for reporter, user in connection.execute(_COUNTING, place)]
    if any(reporter == complaint.reporter for reporter, _ in rows):
        return Filed(Verdict.REPEATED, 0)
    add_complaint(connection, complaint)
    rows.append((complaint.reporter, complaint.reporter_id))
    if min(len(set(different)) for different in zip(*rows, strict=True)) < threshold:
        return Filed(Verdict.COUNTS, 0)
    block(connection, target, until, complaint.created_at)
    return Filed(Verdict.BLOCKS, until)


def add_complaint(connection: Connection, complaint: NewComplaint) -> None:
    """Store a complaint."""
    place = ComplaintPlace(
        complaint.target_id, complaint.reporter, complaint.reporter_id, complaint.created_at
    )
    values = {
        "target_id": complaint.target_id,
        "reporter": complaint.reporter,
        "reporter_id": complaint.reporter_id,
        "reason": seals.seal_reason(vault_of(connection), place, complaint.reason),
        "created_at": complaint.created_at,
    }
    connection.execute(insert(complaints).values(values))


def block(connection: Connection, target_id: int, until: int, now: int) -> None:
    """Block a user; the complaints there are have led to it and are used up."""
    connection.execute(_BLOCK.values(blocked_until=until), {"target": target_id})
    connection.execute(_SETTLE.values(settled_at=now), {"target": target_id})


def block_by(connection: Connection, complaint: NewComplaint, until: int) -> None:
    """Block a user at an administrator's word, which is kept as a complaint that is settled."""
    connection.execute(_LOCK_TARGET, {"target": complaint.target_id})
    add_complaint(connection, complaint)
    block(connection, complaint.target_id, until, complaint.created_at)


def lift(connection: Connection, target_id: int, now: int) -> Lifted:
    """End a user's block and settle all complaints about it; return what there was."""
    until = connection.execute(_LOCK_TARGET, {"target": target_id}).scalar_one()
    connection.execute(_BLOCK.values(blocked_until=0), {"target": target_id})
    settled = connection.execute(_SETTLE.values(settled_at=now), {"target": target_id})
    return Lifted(until > now, settled.rowcount)


def open_complaints(connection: Connection, since: int, limit: int) -> list[Complaint]:
    """Return the latest complaints that may still lead to a block, the oldest of them first."""
    rows = connection.execute(_OPEN, {"since": since, "limit": limit}).all()
    vault = vault_of(connection)
    found = []
    for target, reporter, guest, *sealed, reason in reversed(rows):
        place = ComplaintPlace(*sealed)
        text = seals.open_reason(vault, place, reason)
        found.append(Complaint(target, reporter, bool(guest), text, place.created_at))
    return found
