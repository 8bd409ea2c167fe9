"""Passwords, devices and names that look alike."""

from __future__ import annotations

from collections.abc import Sequence

from storage import identity_statements as statements
from storage.database import Database
from storage.records import Device


class IdentityStore:
    """What proves who somebody is."""

    def __init__(self, database: Database) -> None:
        """Keep it in a database."""
        self._database = database

    async def password_hash(self, user_id: int) -> str | None:
        """Return what is kept of a user's password; None for a guest."""
        return await self._database.read(statements.password_hash, user_id)

    async def register(self, user_id: int, hashed: str, now: int) -> bool:
        """Put a password on a name; False where it has one already."""
        return await self._database.write(statements.register, user_id, hashed, now)

    async def set_password(self, user_id: int, hashed: str, device_id: int) -> None:
        """Change a password; of the user's devices only ``device_id`` stays, 0 for none."""
        await self._database.write(statements.set_password, user_id, hashed, device_id)

    async def rehash(self, user_id: int, hashed: str) -> None:
        """Keep the same password in another way."""
        await self._database.write(statements.rehash, user_id, hashed)

    async def set_language(self, user_id: int, language: str) -> None:
        """Keep the language that a user has chosen."""
        await self._database.write(statements.set_language, user_id, language)

    async def unshaped(self) -> list[tuple[int, str]]:
        """Return some users, id and name, of whom no skeleton is stored; empty: there are none."""
        return await self._database.read(statements.unshaped)

    async def shape(self, skeletons: Sequence[tuple[int, str]]) -> None:
        """Store skeletons, by the users' ids."""
        await self._database.write(statements.shape, skeletons)

    async def add_device(self, device: Device, token_hash: bytes) -> int:
        """Store a device, its own id left out, that logs in by a token; return its id."""
        return await self._database.write(statements.add_device, device, token_hash)

    async def device_by_token(self, token_hash: bytes) -> Device | None:
        """Return the device with that token."""
        return await self._database.read(statements.device_by_token, token_hash)

    async def devices_of(self, user_id: int) -> list[Device]:
        """Return a user's devices, the oldest first."""
        return await self._database.read(statements.devices_of, user_id)

    async def touch_device(self, device_id: int, address: str, now: int) -> None:
        """Note where a device was seen last."""
        await self._database.write(statements.touch_device, device_id, address, now)

    async def remove_device(self, user_id: int, device_id: int) -> bool:
        """Forget a user's device; False where there is none with that id."""
        return await self._database.write(statements.remove_device, user_id, device_id)
