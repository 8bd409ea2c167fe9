"""What tests seal with."""

from __future__ import annotations

from storage import GivenKey
from storage.database import Database
from storage.sealing import KeyVault
from storage.stores import DatabaseStores
from storage.unlocked import UnlockedDatabase

KEY = GivenKey("00" * 32, "the tests")
"""The master key of the databases that tests open themselves."""


def stores_in(database: Database) -> DatabaseStores:
    """Return stores that seal what they keep in a database of the test's own."""
    return DatabaseStores(UnlockedDatabase(database, KeyVault(bytes(32))))
