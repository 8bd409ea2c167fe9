"""What can go wrong with a database, in words for the person who runs the server."""

from __future__ import annotations


class StorageError(Exception):
    """The base; its text is one line that says what to do."""


class StorageUnavailable(StorageError):
    """The database cannot be reached or cannot write now.

    The transaction may or may not have been committed: repeat it, every write is
    idempotent.
    """


class StorageConfigurationError(StorageError):
    """The database can never be used as asked: a wrong address, name, right or version."""
