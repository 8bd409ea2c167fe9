"""The time zone of the server's own clock, by its name."""

from __future__ import annotations

import re
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_POSIX_ZONE = re.compile(r"[A-Za-z]{3,}[+-]?\d")


def zone_named(name: str) -> tzinfo | None:
    """Return a time zone, None for one that only the C library reads: ``:...``, ``MSK-3`` (POSIX).

    Raises :class:`ValueError` where there is none of that name.
    """
    if not name or name.startswith((":", "/", "<")):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if _POSIX_ZONE.match(name):
            return None
        raise ValueError(f"there is no time zone {name!r}; use one like Europe/Moscow") from None
