"""What MySQL's errors mean: trouble with the server, or a mistake in this program."""

from __future__ import annotations

from asyncmy.errors import InterfaceError, InternalError
from sqlalchemy.exc import DBAPIError

_DEADLOCK, _LOCK_WAIT, _UNKNOWN_DATABASE = 1213, 1205, 1049
_REPEAT = (_DEADLOCK, _LOCK_WAIT)

_CREDENTIALS = "check the user name and the password in the database address"
_GRANT = "let an administrator give the user all rights: GRANT ALL ON name.* TO 'user'@'%'"
_DISK_FULL = "make room on the database server's disk"
_READ_ONLY = "the server was set to read-only: set it to writable, or choose another one"
_LIMIT = "raise this limit of the database server"
_ADVICE = {
    1021: _DISK_FULL,
    1040: _LIMIT,
    1044: _GRANT,
    1045: _CREDENTIALS,
    _UNKNOWN_DATABASE: "make it: CREATE DATABASE name CHARACTER SET utf8mb4",
    1114: _DISK_FULL,
    1142: _GRANT,
    1143: _GRANT,
    1153: "raise max_allowed_packet of the database server to 16M",
    1203: _LIMIT,
    1226: _LIMIT,
    1227: _GRANT,
    1290: _READ_ONLY,
    1665: "set binlog_format of the database server to ROW",
    1698: _CREDENTIALS,
    1836: _READ_ONLY,
    2003: "check that it runs, and the host and the port in the database address",
}
_MISTAKES = ("07", "0A", "21", "22", "23", "24", "34", "42", "44")
"""The classes of SQLSTATE that say that a statement is wrong; of rights and limits, too."""


def advice(error: BaseException | None) -> str | None:
    """Return what is wrong with the database, or None where the program is wrong."""
    if error is None:
        return None
    number = _number(error)
    said = str(error.args[-1]) if error.args else type(error).__name__
    if number in _ADVICE:
        return f"{said}: {_ADVICE[number]}."
    if not number:
        garbled = isinstance(error, InterfaceError | InternalError)
        return f"it does not speak MySQL's language ({said}): {_ADVICE[2003]}." if garbled else None
    state = getattr(error, "sqlstate", None) or ""
    return None if state.startswith(_MISTAKES) else f"{said}."


def trouble(error: DBAPIError) -> str | None:
    """Return the same of an error that SQLAlchemy wrapped."""
    if error.connection_invalidated:
        return "the connection was lost: check that the database server runs."
    return advice(error.orig)


def wants_repetition(error: DBAPIError) -> bool:
    """Tell whether the same transaction would probably pass now."""
    return error.connection_invalidated or _number(error.orig) in _REPEAT


def lacks_database(error: BaseException) -> bool:
    """Tell whether the server is there and the database is not."""
    return _number(error) == _UNKNOWN_DATABASE


def _number(error: BaseException | None) -> int:
    args = error.args if error is not None else ()
    return args[0] if args and isinstance(args[0], int) else 0
