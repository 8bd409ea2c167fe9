"""Names, and the users they stand for (S001-3, decision 3)."""

from __future__ import annotations

import time
import unicodedata

from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_NAME
from storage.interface import AccountStore
from storage.records import User

_FORBIDDEN_CATEGORIES = ("C", "Z")  # controls, formats, surrogates, unassigned; separators
_FORBIDDEN_CHARACTERS = frozenset('/:@,"<>')


def check_name(name: str) -> str:
    """Return the name as it will be shown; raises :class:`ProtocolError` with the reason."""
    shown = unicodedata.normalize("NFKC", name).strip()
    if not shown:
        raise ProtocolError(ErrorCode.BAD_NAME, "A name needs at least one character.")
    if len(shown) > MAX_NAME:
        sentence = f"A name has at most {MAX_NAME} characters; this one has {len(shown)}."
        raise ProtocolError(ErrorCode.BAD_NAME, sentence)
    for character in shown:
        if character in _FORBIDDEN_CHARACTERS or unicodedata.category(character)[0] in (
            _FORBIDDEN_CATEGORIES
        ):
            sentence = (
                "A name is one word of letters, digits and signs, without spaces, control "
                f"characters or any of {' '.join(sorted(_FORBIDDEN_CHARACTERS))}"
            )
            raise ProtocolError(ErrorCode.BAD_NAME, sentence)
    return shown


def name_key(name: str) -> str:
    """Return the form in which names are compared: ``BOB`` and ``bob`` are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


class Accounts:
    """Users by name."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    async def enter(self, name: str) -> User:
        """Return the user of that name, made on the first visit."""
        shown = check_name(name)
        return await self._store.ensure(shown, name_key(shown), time.time_ns() // 1000)

    async def find(self, name: str) -> User | None:
        """Return the user of that name, or None; a name nobody can have is nobody's."""
        try:
            shown = check_name(name)
        except ProtocolError:
            return None
        return await self._store.find(name_key(shown))
