"""What the settings say about who may write how much, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from chat.complaints import ComplaintRules
from chat.expiry import Lifetime
from chat.limits import Limit


@dataclass(frozen=True, slots=True)
class ModerationRules:
    """All of it; by default there is no limit, and messages are kept for good."""

    limit: Limit = field(default_factory=Limit)
    lifetime: Lifetime = field(default_factory=Lifetime)
    complaints: ComplaintRules = field(default_factory=ComplaintRules)
    zone: tzinfo | None = None
    """In which users see times who have told no zone of their own; None is the machine's."""
