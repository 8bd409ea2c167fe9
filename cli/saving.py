"""Saving what others sent, never over what is there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import IO

from protocol.filenames import numbered_file_name, safe_file_name

_TRIES = 1000


def open_new(path: str) -> IO[bytes]:
    """Make a file that did not exist before; raises OSError, or RuntimeError for no home."""
    return Path(path).expanduser().open("xb")  # x: never over what is there


def open_named(name: str, path: str = "") -> IO[bytes]:
    """Make a file at ``path``, or with a stranger's ``name`` in that folder.

    Where there is one of that name, it is called ``name (2)``, and so on. Without a path that
    is the present folder.
    """
    folder = Path(path or ".").expanduser()
    if path and not folder.is_dir():
        return open_new(path)
    name = safe_file_name(name)
    for number in range(1, _TRIES):
        try:
            return (folder / (name if number == 1 else numbered_file_name(name, number))).open("xb")
        except FileExistsError:
            continue
    raise FileExistsError(None, "There are too many files of that name", name)


def discard(file: IO[bytes]) -> None:
    """Delete a file that was begun."""
    with suppress(OSError):  # it cannot write what it still holds, which is why this is called
        file.close()
    with suppress(OSError):  # what went wrong first is what has to be said
        Path(file.name).unlink(missing_ok=True)
