"""What the drivers' errors mean: the database's trouble, or a mistake in this program."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

# SQLite's primary result codes that say something about the disk, the file or another
# process. All others (a wrong statement, a broken constraint) are mistakes of ours.
_SQLITE_TROUBLE = {
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

_DEADLOCK, _LOCK_WAIT = 1213, 1205
_ACCESS_DENIED, _DATABASE_DENIED, _NO_PASSWORD_GIVEN = 1045, 1044, 1698
_UNKNOWN_DATABASE = 1049
# Numbers of rights and limits. MySQL files them under SQLSTATE class 42 with the syntax errors.
_RIGHTS = {_DATABASE_DENIED, 1142, 1143, 1203, 1226, 1227, 1370, _UNKNOWN_DATABASE}
_MISTAKES = ("07", "0A", "21", "22", "23", "24", "34", "42", "44")
_MYSQL_ADVICE = {
    _ACCESS_DENIED: "check the user name and the password in the database address",
    _NO_PASSWORD_GIVEN: "check the user name and the password in the database address",
    _DATABASE_DENIED: "give the user all rights on it: GRANT ALL ON name.* TO 'user'@'%'",
    _UNKNOWN_DATABASE: "make it: CREATE DATABASE name CHARACTER SET utf8mb4",
    1021: "make room on the database server's disk",
    1114: "make room on the database server's disk",
    1040: "raise max_connections",
    1153: "raise max_allowed_packet to 16M or more",
    1665: "set binlog_format to ROW",
    1290: "the server was set to be read-only",
    1836: "the server was set to be read-only",
    2003: "check that it runs, and the host and the port in the database address",
}


def sqlite_advice(error: BaseException | None) -> str | None:
    """Return what is wrong with the database, or None where the program is wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    sentence = _SQLITE_TROUBLE.get(code & 0xFF)
    return None if sentence is None else f"{sentence} ({error})."


def sqlite_trouble(error: DBAPIError) -> str | None:
    """Return the same of an error that SQLAlchemy wrapped."""
    return sqlite_advice(error.orig)


def mysql_advice(error: BaseException | None) -> str | None:
    """Return what is wrong with the database, or None where the program is wrong."""
    number, state = _mysql_number(error), getattr(error, "sqlstate", None) or ""
    if not number or (number not in _RIGHTS and state.startswith(_MISTAKES)):
        return None
    said = str(error.args[-1]) if error is not None else ""
    advice = _MYSQL_ADVICE.get(number)
    return f"{said}." if advice is None else f"{said}: {advice}."


def mysql_trouble(error: DBAPIError) -> str | None:
    """Return the same of an error that SQLAlchemy wrapped."""
    if error.connection_invalidated:
        return "the connection was lost: check that the database server runs."
    return mysql_advice(error.orig)


def mysql_wants_repetition(error: DBAPIError) -> bool:
    """Tell whether the same transaction would probably pass now."""
    return error.connection_invalidated or _mysql_number(error.orig) in (_DEADLOCK, _LOCK_WAIT)


def mysql_lacks_database(error: BaseException) -> bool:
    """Tell whether the server is there and the database is not."""
    return _mysql_number(error) == _UNKNOWN_DATABASE


def _mysql_number(error: BaseException | None) -> int:
    args = error.args if error is not None else ()
    return args[0] if args and isinstance(args[0], int) else 0
