"""Names, and the users they stand for (S001-3, decision 3)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import trio

from chat.grouping import Grouped
from chat.identity import Identity, Proof, looks_like
from chat.known import Known
from chat.names import check_name, name_key, skeleton
from chat.patience import Patience
from chat.session import Session
from protocol.errors import ProtocolError
from protocol.requests import Login
from storage.errors import StorageUnavailable
from storage.interface import AccountStore
from storage.records import LookAlike, User, Visitor

REMEMBERED = 30 * 86_400 * 1_000_000
"""Microseconds for which a guest's name keeps others from names that look like it."""


class Accounts:
    """Users by name; while the database is away, those who have been here since the start.

    :meth:`run` has to run.
    """

    def __init__(
        self, store: AccountStore, identity: Identity, patience: Patience, known: Known
    ) -> None:
        self._store = store
        self._identity = identity
        self._patience = patience
        self._known = known
        self._entering = Grouped(self._enter)
        self._finding = Grouped(self._find_all)

    async def run(self) -> None:
        """Let people in and look for them, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._entering.run)
            nursery.start_soon(self._finding.run)

    async def come(self, session: Session, login: Login) -> tuple[User, Proof]:
        """Return the user that somebody is, and what proves it; a guest is made if need be.

        Raises :class:`ProtocolError` where it cannot be proved, or the name cannot be had.
        """
        shown = check_name(login.name)
        key = name_key(shown)
        if login.password is None and login.token is None:
            user = await self._come_as_guest(Visitor(shown, key, skeleton(shown)))
            return user, await self._identity.prove(user, key, session, login)
        known = await self._find(key)
        proof = await self._identity.prove(known, key, session, login)
        assert known is not None  # noqa: S101 - nobody cannot prove anything
        return known, proof

    async def _come_as_guest(self, visitor: Visitor) -> User:
        try:
            found = await self._entering.call(visitor)
        except StorageUnavailable:
            user = self._known.user(visitor.name_key)
            if user is None:
                raise
            return user
        if isinstance(found, LookAlike):
            raise looks_like(visitor.name, found)
        return found

    async def _enter(self, visitors: Sequence[Visitor]) -> Sequence[User | LookAlike]:
        now = time.time_ns() // 1000
        return await self._patience.ask(self._store.ensure, visitors, now, now - REMEMBERED)

    async def find(self, name: str) -> User | None:
        """Return the user of that name, or None; a name nobody can have is nobody's."""
        try:
            shown = check_name(name)
        except ProtocolError:
            return None
        return await self._find(name_key(shown))

    async def _find_all(self, keys: Sequence[str]) -> Sequence[User | None]:
        return await self._patience.ask(self._store.find_all, keys)

    async def _find(self, key: str) -> User | None:
        try:
            return await self._finding.call(key)
        except StorageUnavailable:
            user = self._known.user(key)
            if user is None:  # there may be one all the same
                raise
            return user
