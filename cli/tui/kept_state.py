"""What the screen keeps from one run to the next: drafts, the look, whom it notifies of what.

A small file below the user's state directory, for the user's eyes only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LONGEST_DRAFT = 64 * 1024
"""Characters of a draft that are kept."""
MAX_DRAFTS = 200
"""Drafts that are kept; the oldest go first."""


class KeptState:
    """Reads the file once, and writes it whole."""

    def __init__(self, path: Path | None) -> None:
        """Keep it in a file; None keeps nothing."""
        self._path = path
        self._kept: dict[str, Any] = _read(path)

    def get(self, name: str, default: str = "") -> str:
        """Return a setting."""
        value = self._kept.get(name)
        return value if isinstance(value, str) else default

    def set(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._kept[name] = value
        self.write()

    def draft(self, server: str, name: str, conversation: int) -> str:
        """Return what was begun to be written somewhere."""
        text = self._drafts.get(_draft_key(server, name, conversation))
        return text if isinstance(text, str) else ""

    def set_draft(self, server: str, name: str, conversation: int, text: str) -> None:
        """Note what is being written; :meth:`write` keeps it."""
        key = _draft_key(server, name, conversation)
        drafts = self._drafts
        drafts.pop(key, None)
        if text.strip() and len(text) <= LONGEST_DRAFT:
            drafts[key] = text
        for oldest in list(drafts)[: max(0, len(drafts) - MAX_DRAFTS)]:
            del drafts[oldest]

    @property
    def _drafts(self) -> dict[str, Any]:
        drafts = self._kept.setdefault("drafts", {})
        if not isinstance(drafts, dict):
            drafts = self._kept["drafts"] = {}
        return drafts

    def write(self) -> None:
        """Keep everything; a disk that does not take it is not worth interrupting anybody for."""
        if self._path is None:
            return
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(json.dumps(self._kept).encode(errors="replace"))
            new.replace(self._path)


def _draft_key(server: str, name: str, conversation: int) -> str:
    return f"{server}/{name.casefold()}/{conversation}"


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}  # there is none, or it is not ours
    return kept if isinstance(kept, dict) else {}


def kept_state(environment: Mapping[str, str]) -> KeptState:
    """Return the user's; MYMESSENGER_SCREEN names another file, and empty keeps none."""
    chosen = environment.get("MYMESSENGER_SCREEN")
    if chosen is not None:
        return KeptState(Path(chosen) if chosen else None)
    from platformdirs import user_state_path

    return KeptState(user_state_path("mymessenger", appauthor=False) / "screen.json")
