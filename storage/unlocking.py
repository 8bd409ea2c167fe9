"""From a master key to a vault: what is done when a database is opened, and when its key changes.

The database keeps its root key, sealed with the master key; that it opens shows that the master
key is the right one. A change of the master key is a change of this one row. So it is done all at
once or not at all, and no server that runs has to hear of it: it has the root key already.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from msgspec import Struct
from sqlalchemy import Connection, insert, inspect, select, update

from storage.errors import StorageConfigurationError
from storage.keys import MasterKey
from storage.schema import root_key
from storage.sealing import PLAIN, BrokenSealError, KeyVault, Vault, new_key, unwrap, wrap
from storage.sealing_rows import seal_rows

log = structlog.get_logger()

_ROW = 1  # there is only one
_GET = select(root_key.c.wrapped).where(root_key.c.id == _ROW).with_for_update()
_BACK_UP = "docs/encryption.md says how to keep a copy of the key"


class Unlocked(Struct, frozen=True):
    """What became of opening a database."""

    vault: Vault
    sealed_now: int = 0
    """Rows that were there before the database was sealed, which happened just now."""


def unlock(connection: Connection, master: MasterKey | None, keys: Sequence[bytes]) -> Unlocked:
    """Return what seals and opens in a database; ``keys`` are those that ``master`` has.

    None: nothing is to be sealed. A database that is not sealed yet is sealed now, with all that
    is in it; the master key is made if there is none.

    Raises :class:`StorageConfigurationError` where the key is missing or is another one's.
    """
    wrapped = connection.execute(_GET).scalar()
    if master is None:
        if wrapped is not None:
            raise StorageConfigurationError(
                "The database is sealed and cannot be used with --encryption off:"
                " start the server with its master key."
            )
        return Unlocked(PLAIN)
    if wrapped is not None:
        return Unlocked(KeyVault(_opened(wrapped, master, keys)[1]))
    key = keys[0] if keys else master.make()
    master.settle(key)  # where an attempt to make one was interrupted
    root = new_key()
    now = time.time_ns() // 1000
    values = {"id": _ROW, "wrapped": wrap(key, root), "created_at": now, "changed_at": now}
    connection.execute(insert(root_key), values)
    vault = KeyVault(root)
    return Unlocked(vault, seal_rows(connection, vault))


def change(connection: Connection, master: MasterKey, new: bytes) -> None:
    """Seal the root key with another master key.

    The new one is beside the present one on the disk before the database has it, and
    :meth:`~storage.keys.MasterKey.settle` puts it in its place when the transaction has ended.
    Until then either of them may be the right one, and both are there.

    Raises :class:`StorageConfigurationError`.
    """
    known = inspect(connection).has_table(root_key.name)  # not in one of an older program
    wrapped = connection.execute(_GET).scalar() if known else None  # nobody else changes it now
    if wrapped is None:
        raise StorageConfigurationError("The database is not sealed, so it has no master key.")
    present, root = _opened(wrapped, master, master.load())
    if new == present:
        raise StorageConfigurationError("The new master key is the one the database has already.")
    master.propose(new)
    values = {"wrapped": wrap(new, root), "changed_at": time.time_ns() // 1000}
    connection.execute(update(root_key).where(root_key.c.id == _ROW).values(values))


def _opened(wrapped: bytes, master: MasterKey, keys: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the master key that fits, and the root key."""
    for key in keys:
        try:
            root = unwrap(key, wrapped)
        except BrokenSealError:
            continue
        master.settle(key)
        return key, root
    if keys:
        raise StorageConfigurationError(
            f"The database was sealed with another master key than that in {master.where}:"
            f" give the right one. Nothing was changed; {_BACK_UP}."
        )
    raise StorageConfigurationError(
        f"The database is sealed, and its master key is missing: it should be in {master.where}."
        f" Bring it back from a copy; without it nothing can be read. Nothing was changed;"
        f" {_BACK_UP}."
    )
