"""Where the lines typed are kept, so that the arrow keys find them the next time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def history_path(environment: Mapping[str, str]) -> Path | None:
    """Return the file; None where MYMESSENGER_HISTORY is set and empty: keep none."""
    chosen = environment.get("MYMESSENGER_HISTORY")
    if chosen is not None:
        return Path(chosen) if chosen else None
    from platformdirs import user_state_path  # after the choice: it takes 15 ms to load

    return user_state_path("mymessenger", appauthor=False) / "line_history"
