"""Proving who one is: passwords, and tokens for devices that have proved it before.

A guest has nothing but a name (decision 3). An account's name needs its password, once for
each device: the device gets a token then, of which only a hash is kept here.
"""

from __future__ import annotations

import time
from contextlib import suppress

import structlog
from msgspec import Struct

from chat.devices import Devices
from chat.names import skeleton
from chat.passwords import Passwords, check_password
from chat.patience import Patience
from chat.revocations import Revocations
from chat.session import Session
from chat.throttle import Throttle
from protocol.errors import ErrorCode, ProtocolError
from protocol.requests import Login
from storage.errors import StorageUnavailable
from storage.identity_store import IdentityStore
from storage.records import Device, LookAlike, User

log = structlog.get_logger()

NOBODY = 0
"""An id that no user has: looking for its password takes as long as for anybody's."""

FREE_REGISTRATIONS = 10
"""Names that are registered from one address without a wait: a hash costs as much as a login."""


class Proof(Struct, frozen=True):
    """What somebody has shown at the door."""

    registered: bool
    begun: int
    """The number of the last revocation before it was looked at."""
    device: Device | None = None
    token: str | None = None
    """A new one, for a device that asked to be remembered."""


class Identity:
    """Passwords, and what they are needed for."""

    def __init__(self, store: IdentityStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._new: set[int] = set()  # users registered since the start
        self._passwords = Passwords()
        self._throttle = Throttle()
        self._registrations = Throttle(free_by_address=FREE_REGISTRATIONS)
        self._revocations = Revocations()
        self.devices = Devices(store, patience, self._revocations)

    async def prove(self, user: User | None, key: str, session: Session, login: Login) -> Proof:
        """Return what a login proves; None is a name that nobody has, ``key`` its key.

        Raises :class:`ProtocolError`: a wrong password and a wrong name get the same answer,
        after the same time.
        """
        begun = self._revocations.now
        if login.token is not None:
            return await self._by_token(user, session, login.token, begun)
        if login.password is not None:
            return await self._by_password(user, key, session, login, login.password, begun=begun)
        if user is not None and user.registered:
            raise _password_needed(user)
        return Proof(registered=False, begun=begun)

    def check_still(self, user: User, proof: Proof) -> None:
        """Raise :class:`ProtocolError` where what was proved a moment ago holds no more.

        A guest's name may have been registered meanwhile, a password changed, or a device
        logged out.
        """
        if not proof.registered:
            if user.id in self._new:
                raise _password_needed(user)
            return
        device_id = None if proof.device is None else proof.device.id
        if self._revocations.since(proof.begun, user.id, device_id):
            by_password = proof.device is None or proof.token is not None
            raise _wrong() if by_password else _session_ended()

    async def withdraw(self, user: User, proof: Proof) -> None:
        """Take back the token that somebody got who does not come in after all."""
        if proof.device is not None and proof.token is not None:
            with suppress(StorageUnavailable):  # nobody else has ever seen it
                await self.devices.remove(user, proof.device.id)

    async def _by_token(self, user: User | None, session: Session, token: str, begun: int) -> Proof:
        device = await self.devices.by_token(token)
        if device is None or user is None or device.user_id != user.id:
            raise _session_ended()
        self.devices.saw(device, session.ip)
        return Proof(registered=True, begun=begun, device=device)

    async def _by_password(
        self,
        user: User | None,
        key: str,
        session: Session,
        login: Login,
        password: str,
        *,
        begun: int,
    ) -> Proof:
        proved = await self._check(user, key, session, password)
        assert user is not None  # noqa: S101 - nobody's password is never right
        if not login.remember:
            return Proof(registered=True, begun=begun)
        added = await self.devices.add(user, login.device, session.ip, proved, begun)
        if added is None:  # it was right a moment ago
            raise _wrong()
        device, token = added
        return Proof(registered=True, begun=begun, device=device, token=token)

    async def _check(self, user: User | None, key: str, session: Session, password: str) -> str:
        """Return what is kept of a password that is right; raises where it is wrong."""
        async with self._throttle.attempt(key, session.ip) as attempt:
            user_id = NOBODY if user is None else user.id
            stored = await self._patience.ask(self._store.password_hash, user_id)
            if not await self._passwords.verify(stored, password):
                attempt.failed()
                log.info("login.refused", name=key, address=session.peer.address)
                raise _wrong()
            attempt.succeeded()
        assert stored is not None  # noqa: S101 - no password is right where there is none
        if not self._passwords.needs_rehash(stored):
            return stored
        hashed = await self._passwords.hash(password)
        await self._patience.ask(self._store.rehash, user_id, stored, hashed)
        return hashed

    async def register(self, session: Session, password: str) -> str:
        """Put a password on the session's name; return what is kept of it.

        Raises :class:`ProtocolError` where the name has one, or looks like one that has, or the
        password is none.
        """
        user = session.who
        check_password(password, user.name)
        async with self._registrations.attempt(user.name_key, session.ip) as attempt:
            # Looked at first: hashing takes as long as a login, and the logins wait meanwhile.
            kept = await self._patience.ask(self._store.password_hash, user.id)
            if session.registered or kept is not None:
                raise _has_one(user)
            hashed = await self._passwords.hash(password)
            attempt.failed()  # each makes the next ones wait, though nothing is wrong with it
            now = time.time_ns() // 1000
            done = await self._patience.ask(self._store.register, user.id, hashed, now)
        if isinstance(done, LookAlike):
            raise looks_like(user.name, done)
        if not done:
            raise _has_one(user)
        self._new.add(user.id)
        log.info("user.registered", user=user.name, address=session.peer.address)
        return hashed

    async def remember(self, session: Session, label: str, proved: str) -> str | None:
        """Return a token for the device of a session that has just proved who it is.

        None where it cannot be had at the moment: then the password is needed next time.
        """
        try:
            added = await self.devices.add(
                session.who, label, session.ip, proved, self._revocations.now
            )
        except StorageUnavailable:
            return None
        if added is None:
            return None
        device, token = added
        session.device_id = device.id
        return token

    async def change_password(self, session: Session, key: str, old: str, new: str) -> None:
        """Change the password of the session's user; all other devices are forgotten."""
        user, kept = session.who, session.device_id
        check_password(new, user.name)
        proved = await self._check(user, key, session, old)
        hashed = await self._passwords.hash(new)
        try:
            changed = await self._patience.ask(
                self._store.set_password, user.id, proved, hashed, kept or 0
            )
        finally:  # it may be changed although the database has not said so
            self._revocations.user(user.id, but=kept)
        if not changed:  # somebody else has just done it
            raise _wrong()
        self.devices.forget(user.id, but=kept)
        log.info("user.changed_password", user=user.name, address=session.peer.address)

    async def remember_language(self, user: User, language: str) -> None:
        """Speak a language to a user on connections that ask for none."""
        with suppress(StorageUnavailable):  # then it holds for the present connection only
            await self._patience.ask(self._store.set_language, user.id, language)

    async def shape_names(self) -> None:
        """Store what older names look like, those from before looks were compared."""
        while names := await self._store.unshaped():
            await self._store.shape([(user_id, skeleton(name)) for user_id, name in names])


def looks_like(name: str, taken: LookAlike) -> ProtocolError:
    """Return the error for a name that looks too much like somebody's."""
    return ProtocolError(
        ErrorCode.NAME_TAKEN,
        "{name} looks too much like {taken}, which is taken. Choose another name.",
        name=name,
        taken=taken.name,
    )


def _wrong() -> ProtocolError:
    return ProtocolError(ErrorCode.BAD_CREDENTIALS, "Wrong name or password.")


def _session_ended() -> ProtocolError:
    return ProtocolError(ErrorCode.SESSION_ENDED, "This device is logged out; log in again.")


def _has_one(user: User) -> ProtocolError:
    return ProtocolError(ErrorCode.NAME_TAKEN, "{name} has a password already.", name=user.name)


def _password_needed(user: User) -> ProtocolError:
    return ProtocolError(
        ErrorCode.PASSWORD_NEEDED, "{name} is an account: it needs its password.", name=user.name
    )
