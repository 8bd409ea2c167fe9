"""Who may write how much, who complained about whom, and who is blocked, as plain values."""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct


class Quota(Struct, frozen=True):
    """How many messages a user has sent to the general chat since a time."""

    user_id: int
    started_at: int
    used: int


class Block(Struct, frozen=True):
    """That a user may not write anything for a while."""

    user_id: int
    name: str
    until: int
    reason: bytes = b""
    """What the administrator wrote, or who complained last."""


class NewComplaint(Struct, frozen=True):
    """A complaint on its way into the database."""

    target_id: int
    reporter: str
    """Whom it counts for: ``user:12`` for an account, ``ip:192.0.2.1`` for a guest."""
    reporter_id: int
    reason: bytes
    created_at: int


class Complaint(Struct, frozen=True):
    """A complaint that is open, as administrators see it."""

    target: str
    reporter: str
    """The name of who complained."""
    guest: bool
    reason: bytes
    created_at: int


class Verdict(Enum):
    """What became of a complaint."""

    COUNTS = auto()
    """It is one of those that count now."""
    BLOCKS = auto()
    """It was the last one that was needed; all of them are used up."""
    REPEATED = auto()
    """The same one counts already."""
    BLOCKED = auto()
    """The user is blocked already, so it is not kept."""


class Filed(Struct, frozen=True):
    """A complaint's end."""

    verdict: Verdict
    blocked_until: int


class Lifted(Struct, frozen=True):
    """What there was to be lifted."""

    blocked: bool
    complaints: int
