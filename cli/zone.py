"""Which time zone this machine is in, by its name."""

from __future__ import annotations

import os
from pathlib import Path

_LINK = Path("/etc/localtime")
_NAMED = Path("/etc/timezone")
_FOLDER = "zoneinfo/"
_LONGEST = 64


def local_zone() -> str:
    """Return the name of the zone, as ``Europe/Moscow``; empty where it has none."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        name = _of_link() or _of_file()
    return name if len(name) <= _LONGEST and name.isprintable() else ""


def _of_link() -> str:
    try:
        target = str(_LINK.resolve())
    except OSError:
        return ""
    _, found, name = target.partition(_FOLDER)
    return name if found else ""


def _of_file() -> str:
    try:
        return _NAMED.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
