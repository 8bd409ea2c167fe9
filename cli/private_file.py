"""Files below the user's configuration that only the user can read, changed by one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let no other program of ours change a file meanwhile; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # a file system that knows no locks
            flock(lock, LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_private(path: Path, content: bytes) -> None:
    """Write all of a file or nothing, for the eyes of the user alone; raises OSError.

    Where it is a link, what it points to is written: people keep such files elsewhere.
    """
    path = Path(os.path.realpath(path))
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
        new.replace(path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
