"""Where the master key comes from: a file, a variable, or what a command prints (S000-20).

The master key seals one thing, the root key in the database. It is 32 random bytes, written in
base64 (``openssl rand -base64 32``) or as 64 hexadecimal digits. No sentence here quotes it.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import re
import shlex
import stat
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog

from storage.errors import StorageConfigurationError
from storage.sealing import KEY_BYTES, new_key

log = structlog.get_logger()

COMMAND_WITHIN = 30.0
"""Seconds in which a command has to print the key."""

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_PENDING = ".new-"  # in the names of keys that may be about to become the master key
_FORM = "32 random bytes in base64, as openssl rand -base64 32 prints them"


class MasterKey(Protocol):
    """A place for the master key."""

    @property
    def where(self) -> str:
        """Which place this is, for people."""
        ...

    def load(self) -> Sequence[bytes]:
        """Return the key, and those that a change of it left behind; nothing where it is missing.

        Raises :class:`StorageConfigurationError` where there is something else.
        """
        ...

    def make(self) -> bytes:
        """Put a new key there, on the disk, and return it; one that is there stays.

        Raises :class:`StorageConfigurationError` where that cannot be done.
        """
        ...

    def propose(self, key: bytes) -> None:
        """Keep a key beside the present one, on the disk: the database is going to have it.

        Only for one at a time, and after :meth:`settle` with the present one.
        """
        ...

    def settle(self, key: bytes) -> None:
        """Make a key the one that is there: the database has it."""
        ...


def parse_key(text: str, where: str) -> bytes:
    """Return the key that is written down; raises :class:`StorageConfigurationError`."""
    text = text.strip()
    try:
        key = bytes.fromhex(text) if _HEX.fullmatch(text) else b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageConfigurationError(f"There is no master key in {where}: it has to be {_FORM}.")
    return key


class GivenKey:
    """A key that somebody else keeps and hands to the server in a variable."""

    def __init__(self, text: str, where: str) -> None:
        """Take what was given and say from where."""
        self.where = where
        self._text = text

    def load(self) -> Sequence[bytes]:
        """Return the key."""
        return [parse_key(self._text, self.where)]

    def make(self) -> bytes:
        """Return the key: it is given."""
        return parse_key(self._text, self.where)

    def propose(self, key: bytes) -> None:
        """Do nothing: who gives the keys keeps the new one."""

    def settle(self, key: bytes) -> None:
        """Do nothing: who gives the keys keeps the new one."""


class CommandKey(GivenKey):
    """A key that a command prints, such as that of a secret store."""

    def __init__(self, command: str) -> None:
        """Take a command line; no shell reads it."""
        super().__init__("", f"what {command!r} prints")
        self._command = command

    def load(self) -> Sequence[bytes]:
        """Run the command."""
        if not self._text:
            self._text = self._run()
        return super().load()

    def make(self) -> bytes:
        """Return what the command prints."""
        [key] = self.load()
        return key

    def _run(self) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the owner's own command
                shlex.split(self._command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=COMMAND_WITHIN,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            reason = f"it ended with {error.returncode}"
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {COMMAND_WITHIN:g} seconds"
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "it is no command line"
        else:
            return done.stdout.decode("ascii", "replace")
        raise StorageConfigurationError(
            f"The command {self._command!r} gave no master key: {reason}. Try it in a shell."
        )


class KeyFile:
    """A key in a file of its own, that only its owner may read; nothing ever overwrites it."""

    def __init__(self, path: Path) -> None:
        """Take a path; the file need not be there."""
        with contextlib.suppress(RuntimeError):  # there is no such user
            path = path.expanduser()
        self.path = path.absolute()
        self.where = f"the file {self.path}"

    def load(self) -> Sequence[bytes]:
        """Return the key in the file, and then those of changes that did not come to their end."""
        with self._advice("read"):
            # First those of changes: one that comes to its end meanwhile is then found in the file.
            pending = [key for _, key in self._pending()]
            found = [self.path] if self.path.exists() else []
            keys = [parse_key(path.read_text("ascii", "replace"), str(path)) for path in found]
            self._warn_of_readers(found)
            return keys + pending

    def make(self) -> bytes:
        """Write a new key, or return the one that somebody else has written meanwhile."""
        with self._advice("written"):
            made = self._write(new_key())
            try:
                with contextlib.suppress(FileExistsError):
                    os.link(made, self.path)  # unlike a renaming it overwrites nothing
            finally:
                made.unlink()
            _sync(self.path.parent)
        return self.load()[0]

    def propose(self, key: bytes) -> None:
        """Write a key into a file beside the present one; those of older attempts go."""
        with self._advice("replaced"):
            for path, _ in self._pending():
                path.unlink()
            self._write(key)
            _sync(self.path.parent)

    def settle(self, key: bytes) -> None:
        """Rename the file that has this key, if it is not the right one already."""
        with self._advice("replaced"):
            for path, pending in self._pending():
                if pending == key:
                    with contextlib.suppress(FileNotFoundError):  # somebody else has done it
                        path.replace(self.path)
                    _sync(self.path.parent)
                    log.info("storage.master_key_changed", file=str(self.path))

    def _pending(self) -> Iterator[tuple[Path, bytes]]:
        for path in sorted(self.path.parent.glob(f"*{_PENDING}*")):
            if not path.name.startswith(f"{self.path.name}{_PENDING}"):
                continue
            with contextlib.suppress(StorageConfigurationError, FileNotFoundError):
                # A half-written one never was a key of the database.
                yield path, parse_key(path.read_text("ascii", "replace"), str(path))

    def _write(self, key: bytes) -> Path:
        """Write a key into a new file beside the right one, and on the disk; return its path."""
        path = self.path.with_name(f"{self.path.name}{_PENDING}{uuid4().hex}")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123 - of a handle
            file.write(b64encode(key) + b"\n")
            file.flush()
            os.fsync(handle)
        return path

    def _warn_of_readers(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
                log.warning(
                    "storage.master_key_readable",
                    file=str(path),
                    advice=f"others than its owner may use it: chmod 600 {path}",
                )

    @contextlib.contextmanager
    def _advice(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageConfigurationError(
                f"The master key {self.path} cannot be {done}: {error.strerror or error}."
            ) from error


def _sync(folder: Path) -> None:
    """Write the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
