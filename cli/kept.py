"""What one has written and the server has not acknowledged, kept over the end of the program.

Below the user's state directory each user of each server has a folder, and in it each program that
runs has a file of its own (:mod:`cli.kept_file`). What the file of a program that has ended still
holds, the next one to start takes over (adr 14).
"""

from __future__ import annotations

import heapq
import os
import time
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from uuid import UUID

from cli.kept_file import KeptFile, Owner, Pending, Written
from protocol.ids import new_uuid

_SUFFIX = ".outbox"
_ATTEMPTS = 10  # at making a file: another program may take it for one that was left


class KeptMessages:
    """The messages of one user of one server, as far as this program is in charge of them.

    :meth:`open` and :meth:`add` wait for the disk and belong into a thread; the others do not.
    """

    def __init__(self, root: Path, host: str, port: int, name: str) -> None:
        """Keep below ``root`` what ``name`` writes; nothing is read or made yet."""
        self._owner = Owner(host.casefold(), port, _key(name))
        self._folder = root / _folder_of(self._owner)
        self._own: KeptFile | None = None
        self._files: dict[UUID, KeptFile] = {}
        self._others: list[KeptFile] = []
        self._last_at = 0
        self._closed = False
        # An addition in a thread must not meet the end of another message, which may empty the
        # file. Nobody holds this while a disk writes.
        self._lock = Lock()

    def open(self) -> tuple[list[Pending], int]:
        """Take over what earlier runs have left; return it, and how many records were damaged.

        It comes in the order in which it was written. Raises OSError where nothing can be kept;
        what single files cannot be read for stays where it is.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with suppress(OSError):
                file = KeptFile.take_over(path, self._owner)
                if file is not None:
                    self._others.append(file)
        damaged = sum(file.damaged for file in self._others)
        merged = heapq.merge(
            *(list(file.pending.values()) for file in self._others),
            key=lambda pending: pending.written.at,
        )
        pending = list(merged)
        for file in self._others:
            self._files.update(dict.fromkeys(file.pending, file))
        self._leave_empty()
        return pending, damaged

    def add(self, written: Written) -> None:
        """Keep a message, and return once it is on the disk; raises OSError."""
        with self._lock:
            file = self._own_file()
            file.add(written)
            self._files[written.uuid] = file
            number = file.duplicate()
        try:
            os.fdatasync(number)
        finally:
            os.close(number)

    def now(self) -> int:
        """Return the time for a message: later than any before, whatever the clock does."""
        self._last_at = max(time.time_ns() // 1000, self._last_at + 1)
        return self._last_at

    def note_tried(self, uuid: UUID) -> None:
        """Note that the server may have a message from now on."""
        with self._lock:
            file = self._files.get(uuid)
            if file is not None and not self._closed:
                file.note_tried(uuid)

    def note_done(self, uuid: UUID) -> None:
        """Keep a message no longer."""
        with self._lock:
            file = self._files.pop(uuid, None)
            if file is not None and not self._closed:
                file.note_done(uuid)
                self._leave_empty()

    def close(self) -> None:
        """Leave everything to the next run; a second time does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for file in (*self._others, *([self._own] if self._own else [])):
                    with suppress(OSError):
                        file.close()

    def _own_file(self) -> KeptFile:
        """Return the file of this program, made with the first message; raises OSError."""
        if self._closed:
            raise OSError("closed")
        for _ in range(_ATTEMPTS):
            if self._own is not None:
                return self._own
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own = KeptFile.create(self._folder / f"{new_uuid()}{_SUFFIX}", self._owner)
        raise OSError("others take each file that is made")

    def _leave_empty(self) -> None:
        """Delete the files that were taken over and have nothing left in them."""
        for file in [one for one in self._others if not one.pending]:
            self._others.remove(file)
            with suppress(OSError):
                file.discard()


def kept_messages(
    environment: Mapping[str, str], host: str, port: int, name: str
) -> KeptMessages | None:
    """Return where messages are kept; MYMESSENGER_OUTBOX names another folder, empty is nowhere."""
    chosen = environment.get("MYMESSENGER_OUTBOX")
    if chosen is not None:
        return KeptMessages(Path(chosen), host, port, name) if chosen else None
    from platformdirs import user_state_path  # after the choice: it takes 15 ms to load

    root = user_state_path("mymessenger", appauthor=False) / "outbox"
    return KeptMessages(root, host, port, name)


def _key(name: str) -> str:
    """Return a form of a name that is the same for all ways to write it, as at the server."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


def _folder_of(owner: Owner) -> str:
    """Return a folder name that tells nothing and can be used, whatever the name is made of."""
    who = f"{owner.host}\0{owner.port}\0{owner.name}"
    return sha256(who.encode(errors="surrogatepass")).hexdigest()[:32]
