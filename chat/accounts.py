"""Names, and the users they stand for (S001-3, decision 3)."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Sequence

from chat.grouping import Grouped
from chat.known import Known
from chat.patience import Patience
from protocol.commands import COMMANDS
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_NAME
from storage.errors import StorageUnavailable
from storage.interface import AccountStore
from storage.records import User, Visitor

_FORBIDDEN_CATEGORIES = ("C", "Z")  # controls, formats, surrogates, unassigned; separators
_FORBIDDEN_CHARACTERS = frozenset('/:@,"<>')
_COMMAND_WORDS = frozenset(
    word for command in COMMANDS for word in (command.name, *command.aliases)
)
_UNSEEN = re.compile(
    # What Unicode calls default-ignorable, and the blank pattern of Braille.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def check_name(name: str) -> str:
    """Return the name as it will be shown; raises :class:`ProtocolError` with the reason."""
    shown = unicodedata.normalize("NFKC", name).strip()
    if not shown:
        raise ProtocolError(ErrorCode.BAD_NAME, "A name needs at least one character.")
    if len(shown) > MAX_NAME:
        sentence = f"A name has at most {MAX_NAME} characters; this one has {len(shown)}."
        raise ProtocolError(ErrorCode.BAD_NAME, sentence)
    if _UNSEEN.search(shown) or not all(map(_may_stand, shown)):
        sentence = (
            "A name is one word of letters, digits and signs, without spaces, control "
            f"characters or any of {' '.join(sorted(_FORBIDDEN_CHARACTERS))}"
        )
        raise ProtocolError(ErrorCode.BAD_NAME, sentence)
    if shown.casefold() in _COMMAND_WORDS:
        sentence = f"{shown} is a command here, so it cannot be a name."
        raise ProtocolError(ErrorCode.BAD_NAME, sentence)
    return shown


def _may_stand(character: str) -> bool:
    kind = unicodedata.category(character)[0]
    return character not in _FORBIDDEN_CHARACTERS and kind not in _FORBIDDEN_CATEGORIES


def name_key(name: str) -> str:
    """Return the form in which names are compared: ``BOB`` and ``bob`` are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


class Accounts:
    """Users by name; while the database is away, those who have been here since the start."""

    def __init__(self, store: AccountStore, patience: Patience, known: Known) -> None:
        self._store = store
        self._patience = patience
        self._known = known
        self.entering = Grouped(self._enter)

    async def enter(self, name: str) -> User:
        """Return the user of that name, made on the first visit."""
        shown = check_name(name)
        visitor = Visitor(shown, name_key(shown))
        try:
            return await self.entering.call(visitor)
        except StorageUnavailable:
            user = self._known.user(visitor.name_key)
            if user is None:
                raise
            return user

    async def _enter(self, visitors: Sequence[Visitor]) -> Sequence[User]:
        return await self._patience.ask(self._store.ensure, visitors, time.time_ns() // 1000)

    async def find(self, name: str) -> User | None:
        """Return the user of that name, or None; a name nobody can have is nobody's."""
        try:
            shown = check_name(name)
        except ProtocolError:
            return None
        key = name_key(shown)
        try:
            return await self._patience.ask(self._store.find, key)
        except StorageUnavailable:
            user = self._known.user(key)
            if user is None:  # there may be one all the same
                raise
            return user
