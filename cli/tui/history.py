"""What was written before, for the arrow keys; the same file that the line mode keeps."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

MAX_LINES = 500
"""Texts that are found again."""
READ_SIZE = 256 * 1024
"""Bytes of the end of the file that are looked at."""
LONGEST = 4096
"""Characters of a text that is worth keeping."""


class History:
    """The texts written, the newest last."""

    def __init__(self, path: Path | None) -> None:
        """Keep them in a file, in the form that prompt_toolkit has for it; None keeps none."""
        self._path = path
        self._lines: list[str] = []
        self._place = 0
        self._loaded = False

    def _load(self) -> None:
        self._loaded = True
        if self._path is None:
            return
        entry: list[str] = []
        for line in [*_end_of(self._path).split("\n"), ""]:
            if line.startswith("+"):
                entry.append(line[1:])
            elif entry:
                self._lines.append("\n".join(entry))
                entry = []
        self._lines = self._lines[-MAX_LINES:]
        self._place = len(self._lines)

    def add(self, text: str) -> None:
        """Keep a text, unless it has a password in it."""
        if not self._loaded:
            self._load()
        if len(text) <= LONGEST and not _is_secret(text):
            if not self._lines or self._lines[-1] != text:
                self._lines.append(text)
                self._write(text)
            del self._lines[:-MAX_LINES]
        self._place = len(self._lines)

    def _write(self, text: str) -> None:
        if self._path is None:
            return
        kept = "".join(f"+{line}\n" for line in text.split("\n"))
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"\n# {time.strftime('%Y-%m-%d %H:%M:%S')}\n{kept}")

    def step(self, step: int) -> str | None:
        """Return the text before or after; empty behind the newest, None where there is none."""
        if not self._loaded:
            self._load()
        place = self._place + step
        if not 0 <= place <= len(self._lines):
            return None
        self._place = place
        return "" if place == len(self._lines) else self._lines[place]

    @property
    def is_at_end(self) -> bool:
        """True: no text of before is shown."""
        return not self._loaded or self._place == len(self._lines)


def _is_secret(text: str) -> bool:
    if not text.lstrip().startswith("/"):
        return False
    from protocol.typed import without_secrets  # not before the first picture

    return without_secrets(text) != text


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - READ_SIZE))
            return file.read(READ_SIZE).decode(errors="replace")
    except OSError:
        return ""
