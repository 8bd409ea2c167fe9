"""What SQLite's errors mean: trouble with the file, or a mistake in this program."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

# SQLite's primary result codes that say something about the disk, the file or another
# process. All others (a wrong statement, a broken constraint) are mistakes of ours.
_ADVICE = {
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_BUSY: "another program keeps it locked; close that program",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked; close that program",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the rights of the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check the disk and the system's log",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; stop the server and restore a backup",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the rights of the file and its folder",
    sqlite3.SQLITE_PROTOCOL: "another program keeps it locked; close that program",
    sqlite3.SQLITE_AUTH: "permission denied",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database; choose another path",
}


def advice(error: BaseException | None) -> str | None:
    """Return what is wrong with the database, or None where the program is wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    sentence = _ADVICE.get(code & 0xFF)
    return None if sentence is None else f"{sentence} ({error})."


def trouble(error: DBAPIError) -> str | None:
    """Return the same of an error that SQLAlchemy wrapped."""
    return advice(error.orig)
