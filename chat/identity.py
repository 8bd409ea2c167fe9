"""Proving who one is: passwords, and tokens for devices that have proved it before.

A guest has nothing but a name (decision 3). An account's name needs its password, once for
each device: the device gets a token then, of which only a hash is kept here.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

import structlog
from msgspec import Struct
from msgspec.structs import replace

from chat.names import skeleton
from chat.passwords import Passwords, check_password
from chat.patience import Patience
from chat.session import Session
from chat.throttle import Throttle
from protocol.errors import ErrorCode, ProtocolError
from protocol.requests import Login
from storage.errors import StorageUnavailable
from storage.identity_store import IdentityStore
from storage.records import Device, User

log = structlog.get_logger()

TOKEN_BYTES = 32
"""Random bytes in a token: nobody guesses one, so comparing it costs a look in an index."""

NOBODY = 0
"""An id that no user has: looking for its password takes as long as for anybody's."""

KNOWN_DEVICES = 10_000
"""Devices that can log in while the database is away, the latest to come."""


class Proof(Struct, frozen=True):
    """What somebody has shown at the door."""

    registered: bool
    device: Device | None = None
    token: str | None = None
    """A new one, for a device that asked to be remembered."""


GUEST = Proof(registered=False)


class Identity:
    """Passwords, devices and tokens."""

    def __init__(self, store: IdentityStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._new: set[int] = set()  # users registered since the start
        self._passwords = Passwords()
        self._throttle = Throttle()
        self._known: OrderedDict[bytes, Device] = OrderedDict()  # by the hashes of their tokens

    async def prove(self, user: User | None, key: str, session: Session, login: Login) -> Proof:
        """Return what a login proves; None is a name that nobody has, ``key`` its key.

        Raises :class:`ProtocolError`: a wrong password and a wrong name get the same answer,
        after the same time.
        """
        if login.token is not None:
            return await self._by_token(user, session, login.token)
        if login.password is not None:
            return await self._by_password(user, key, session, login, login.password)
        if user is not None and user.registered:
            raise _password_needed(user)
        return GUEST

    def check_still(self, user: User, proof: Proof) -> None:
        """Raise :class:`ProtocolError` where a guest's name was registered a moment ago."""
        if not proof.registered and user.id in self._new:
            raise _password_needed(user)

    async def _by_token(self, user: User | None, session: Session, token: str) -> Proof:
        hashed = _hash(token)
        try:
            device = await self._patience.ask(self._store.device_by_token, hashed)
        except StorageUnavailable:
            device = self._known.get(hashed)
            if device is None:
                raise
        else:
            self._remember(hashed, device)
        if device is None or user is None or device.user_id != user.id:
            raise ProtocolError(
                ErrorCode.SESSION_ENDED, "This device is logged out; give the password again."
            )
        await self._touch(device, session)
        return Proof(registered=True, device=device)

    async def _touch(self, device: Device, session: Session) -> None:
        try:
            await self._patience.ask(
                self._store.touch_device, device.id, session.ip, time.time_ns() // 1000
            )
        except StorageUnavailable:
            return  # where it was last seen is a help to its owner, no more

    async def _by_password(
        self, user: User | None, key: str, session: Session, login: Login, password: str
    ) -> Proof:
        await self._check(user, key, session, password)
        assert user is not None  # noqa: S101 - nobody's password is never right
        if not login.remember:
            return Proof(registered=True)
        device, token = await self._add_device(user, login.device, session)
        return Proof(registered=True, device=device, token=token)

    async def _check(self, user: User | None, key: str, session: Session, password: str) -> None:
        async with self._throttle.attempt(key, session.ip) as attempt:
            user_id = NOBODY if user is None else user.id
            stored = await self._patience.ask(self._store.password_hash, user_id)
            if not await self._passwords.verify(stored, password):
                attempt.failed()
                log.info("login.refused", name=key, address=session.peer.address)
                raise ProtocolError(ErrorCode.BAD_CREDENTIALS, "Wrong name or password.")
            attempt.succeeded()
        if user is not None and stored is not None and self._passwords.needs_rehash(stored):
            hashed = await self._passwords.hash(password)
            await self._patience.ask(self._store.rehash, user.id, hashed)

    async def _add_device(self, user: User, label: str, session: Session) -> tuple[Device, str]:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        hashed, now = _hash(token), time.time_ns() // 1000
        new = Device(0, user.id, label, session.ip, now, now)
        device = replace(new, id=await self._patience.ask(self._store.add_device, new, hashed))
        self._remember(hashed, device)
        return device, token

    def _remember(self, hashed: bytes, device: Device | None) -> None:
        self._known.pop(hashed, None)
        if device is not None:
            self._known[hashed] = device
            if len(self._known) > KNOWN_DEVICES:
                self._known.popitem(last=False)

    async def register(
        self, session: Session, password: str, *, label: str | None
    ) -> tuple[Device | None, str | None]:
        """Put a password on the session's name; with a ``label`` return a device and its token.

        Raises :class:`ProtocolError` where the name has one, or the password is none.
        """
        user = session.who
        check_password(password, user.name)
        hashed = await self._passwords.hash(password)
        now = time.time_ns() // 1000
        if session.registered or not await self._patience.ask(
            self._store.register, user.id, hashed, now
        ):
            raise ProtocolError(
                ErrorCode.NAME_TAKEN, "{name} has a password already.", name=user.name
            )
        self._new.add(user.id)
        log.info("user.registered", user=user.name, address=session.peer.address)
        if label is None:
            return None, None
        return await self._add_device(user, label, session)

    async def change_password(self, session: Session, key: str, old: str, new: str) -> None:
        """Change the password of the session's user; all other devices are forgotten."""
        user = session.who
        check_password(new, user.name)
        await self._check(user, key, session, old)
        hashed = await self._passwords.hash(new)
        await self._patience.ask(self._store.set_password, user.id, hashed, session.device_id or 0)
        self._forget(user.id, but=session.device_id)
        log.info("user.changed_password", user=user.name, address=session.peer.address)

    async def remember_language(self, user: User, language: str) -> None:
        """Speak a language to a user on connections that ask for none."""
        with suppress(StorageUnavailable):  # then it holds for the present connection only
            await self._patience.ask(self._store.set_language, user.id, language)

    async def devices_of(self, user: User) -> Sequence[Device]:
        """Return the devices of a user that have tokens."""
        return await self._patience.ask(self._store.devices_of, user.id)

    async def remove_device(self, user: User, device_id: int) -> bool:
        """Forget a device's token; False where the user has no such device."""
        removed = await self._patience.ask(self._store.remove_device, user.id, device_id)
        self._known = OrderedDict(
            (hashed, device) for hashed, device in self._known.items() if device.id != device_id
        )
        return removed

    def _forget(self, user_id: int, *, but: int | None) -> None:
        self._known = OrderedDict(
            (hashed, device)
            for hashed, device in self._known.items()
            if device.user_id != user_id or device.id == but
        )

    async def shape_names(self) -> None:
        """Store what older names look like, those from before looks were compared."""
        while names := await self._store.unshaped():
            await self._store.shape([(user_id, skeleton(name)) for user_id, name in names])


def _password_needed(user: User) -> ProtocolError:
    return ProtocolError(
        ErrorCode.PASSWORD_NEEDED, "{name} is an account: it needs its password.", name=user.name
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
