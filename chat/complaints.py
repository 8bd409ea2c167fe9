"""Complaints that block, blocks, and the administrators who lift them (S004-26, decision 9).

Who is blocked is known here in memory: each message of everybody is held against it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from ipaddress import IPv6Address, IPv6Network, ip_address

import structlog
import trio

from chat.patience import Patience
from chat.session import Presence, Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event
from protocol.text import next_minute
from protocol.vocabulary.moderation import (
    Blocked,
    BlockInfo,
    BlockLifted,
    ComplaintInfo,
    ComplaintList,
    NewComplaint,
    check_hours,
)
from storage import moderation_records as records
from storage.moderation_records import Lifted, Verdict
from storage.moderation_store import ModerationStore
from storage.records import User

log = structlog.get_logger()

MOST_SHOWN = 100
"""Complaints in a list."""

MOST_BY_ONE = 20
"""Complaints that one reporter may have open; more are no help to anybody."""

_HOUR = 3_600_000_000  # microseconds
_SITE = 64  # bits of an IPv6 address that one household has to itself
_WRITTEN = ("text", "file", "edit", "topic")
"""What a blocked user cannot do; taking something back and leaving a room are left."""


@dataclass(frozen=True, slots=True)
class ComplaintRules:
    """What the settings say."""

    threshold: int = 3
    """How many different people have to complain."""
    window_hours: float = 24.0
    """How long a complaint counts."""
    block_hours: float = 4.0
    admins: frozenset[str] = frozenset()
    """The keys of the administrators' names."""


class Complaints:
    """Takes complaints, and knows who is blocked."""

    def __init__(
        self,
        store: ModerationStore,
        patience: Patience,
        presence: Presence,
        rules: ComplaintRules,
        *,
        zone: tzinfo | None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Show times in ``zone`` to who has none; ``now`` returns the time in nanoseconds."""
        self._store = store
        self._patience = patience
        self._presence = presence
        self._rules = rules
        self._zone = zone
        self._now = now
        self._blocked: dict[int, records.Block] = {}
        self._by_reporter: dict[str, list[int]] = {}  # when each has complained, of late
        self._admins: set[int] = set()  # those who have been here
        self._one_at_a_time = trio.Lock()  # memory learns of blocks in the database's order

    async def load(self) -> None:
        """Learn who is blocked."""
        for block in await self._store.blocks(self._micros()):
            self._blocked[block.user_id] = block

    def is_admin(self, name_key: str) -> bool:
        """Tell whether a name is an administrator's; it is one only with its password."""
        return name_key in self._rules.admins

    def admit(self, session: Session) -> None:
        """Note that a session has its user's password, which makes some administrators."""
        session.admin = self.is_admin(session.who.name_key)
        if session.admin:
            self._admins.add(session.who.id)

    def tell_block(self, session: Session) -> None:
        """Tell a session that has just logged in of the block its user is under."""
        block = self._block_of(session.who.id)
        if block is not None:
            session.peer.post(Blocked(until=block.until))

    def check(self, session: Session, kind: str = "text") -> None:
        """Raise :class:`ProtocolError` where the session's user is blocked."""
        if not self._blocked or kind not in _WRITTEN:
            return
        block = self._block_of(session.who.id)
        if block is not None:
            raise ProtocolError(
                ErrorCode.BLOCKED,
                "You are blocked: you can read, but write nothing until {time}.",
                time=self._shown(block.until, session),
            )

    async def complain(self, session: Session, target: User, reason: str) -> Verdict:
        """Take a complaint about a user; the last one that is needed blocks.

        Raises :class:`ProtocolError` where one cannot complain about that user, or no more.
        """
        me, now = session.who, self._micros()
        if target.id == me.id:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "You cannot complain about yourself.")
        self._spare_admins(target)
        reporter = f"user:{me.id}" if session.registered else f"ip:{_site(session.peer.address)}"
        since = now - round(self._rules.window_hours * _HOUR)
        complaint = records.NewComplaint(target.id, reporter, me.id, reason.encode(), now)
        recent = self._recent(reporter, since)
        recent.append(now)  # at once: others of this reporter may be under way
        counts = False
        try:
            verdict = await self._file(complaint, target, since)
            counts = verdict in (Verdict.COUNTS, Verdict.BLOCKS)
        finally:
            if not counts:
                recent.remove(now)
        log.info("complaint.filed", target=target.name, by=me.name, verdict=verdict.name.lower())
        if counts:
            self._tell_admins(session, target, reason, now)
        return verdict

    async def _file(self, complaint: records.NewComplaint, target: User, since: int) -> Verdict:
        """Store a complaint, and know in memory what the database knows of a block."""
        until = complaint.created_at + round(self._rules.block_hours * _HOUR)
        async with self._one_at_a_time:
            filed = await self._patience.ask(
                self._store.complain, complaint, since, self._rules.threshold, until
            )
            is_new = filed.verdict is Verdict.BLOCKS or (
                # the answer to the complaint that led to the block was lost
                filed.verdict is Verdict.BLOCKED and self._block_of(target.id) is None
            )
            if is_new:
                self._block(target, filed.blocked_until, reason=complaint.reason)
        return filed.verdict

    async def block(self, session: Session, target: User, hours: float | None, reason: str) -> int:
        """Block a user at an administrator's word; return until when.

        Without hours a block that lasts longer is not made shorter.
        """
        me, now = session.who, self._micros()
        if target.id == me.id:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "You cannot block yourself.")
        self._spare_admins(target)
        if hours is not None:
            check_hours(hours)
        complaint = records.NewComplaint(target.id, f"user:{me.id}", me.id, reason.encode(), now)
        async with self._one_at_a_time:
            until = now + round((hours or self._rules.block_hours) * _HOUR)
            if hours is None and (block := self._block_of(target.id)) is not None:
                until = max(until, block.until)
            await self._patience.ask(self._store.block, complaint, until)
            self._block(target, until, reason=complaint.reason, told=reason)
        return until

    async def lift(self, target: User) -> Lifted:
        """End a user's block and settle all complaints; return what there was."""
        async with self._one_at_a_time:
            lifted = await self._patience.ask(self._store.lift, target.id, self._micros())
            known = self._block_of(target.id)
            self._blocked.pop(target.id, None)
        log.info("block.lifted", target=target.name, complaints=lifted.complaints)
        if known is None:
            return lifted
        self._tell(target, BlockLifted())
        return Lifted(True, lifted.complaints)  # also where the first answer to this was lost

    async def open(self, ref: int | None) -> ComplaintList:
        """Return the open complaints, and who is blocked."""
        since = self._micros() - round(self._rules.window_hours * _HOUR)
        found = await self._patience.ask(self._store.open_complaints, since, MOST_SHOWN)
        blocked = [block for user_id in list(self._blocked) if (block := self._block_of(user_id))]
        return ComplaintList(
            ref=ref,
            complaints=[
                ComplaintInfo(
                    name=one.target,
                    reporter=one.reporter,
                    guest=one.guest,
                    reason=one.reason.decode(errors="replace"),
                    time=one.created_at,
                )
                for one in found
            ],
            blocked=[
                BlockInfo(
                    name=block.name,
                    until=block.until,
                    reason=block.reason.decode(errors="replace"),
                )
                for block in sorted(blocked, key=lambda block: block.until)
            ],
        )

    def time_shown(self, micros: int, session: Session) -> str:
        """Return a time as the session's user reads it, never too early."""
        return self._shown(micros, session)

    def _spare_admins(self, target: User) -> None:
        if target.registered and self.is_admin(target.name_key):
            raise ProtocolError(
                ErrorCode.NOT_ALLOWED,
                "{name} is an administrator here, and cannot be blocked.",
                name=target.name,
            )

    def _recent(self, reporter: str, since: int) -> list[int]:
        """Return when somebody has complained; raises where that is often enough."""
        self._by_reporter = {
            key: times for key, times in self._by_reporter.items() if times and times[-1] > since
        }
        recent = self._by_reporter.setdefault(reporter, [])
        recent[:] = [at for at in recent if at > since]
        if len(recent) >= MOST_BY_ONE:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "You have complained {limit} times; wait until that has been seen to.",
                limit=MOST_BY_ONE,
            )
        return recent

    def _block(self, target: User, until: int, *, reason: bytes, told: str = "") -> None:
        """Know of a block; who complained gave its reason to administrators, not to the user."""
        log.info("user.blocked", user=target.name, until=until)
        self._blocked[target.id] = records.Block(target.id, target.name, until, reason)
        self._tell(target, Blocked(until=until, reason=told))

    def _block_of(self, user_id: int) -> records.Block | None:
        """Return a user's block, None where there is none or it is over."""
        block = self._blocked.get(user_id)
        if block is not None and block.until <= self._micros():
            del self._blocked[user_id]
            return None
        return block

    def _tell_admins(self, session: Session, target: User, reason: str, now: int) -> None:
        event = NewComplaint(
            complaint=ComplaintInfo(
                name=target.name,
                reporter=session.who.name,
                guest=not session.registered,
                reason=reason,
                time=now,
            )
        )
        for user_id in self._admins:
            for other in self._presence.of(user_id):
                if other.admin:
                    other.peer.notify(event)

    def _tell(self, target: User, event: Event) -> None:
        """Tell all devices of a user."""
        for session in self._presence.of(target.id):
            session.peer.notify(event)

    def _shown(self, micros: int, session: Session) -> str:
        return next_minute(micros, session.zone or self._zone)

    def _micros(self) -> int:
        return self._now() // 1000


def _site(address: str) -> str:
    """Return whom an address stands for: itself, or the network of a household (IPv6)."""
    host = address.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        ip = ip_address(host)
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or IPv6Network((int(ip), _SITE), strict=False))
    return str(ip)
