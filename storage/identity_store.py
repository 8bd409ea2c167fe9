"""Passwords, devices and names that look alike."""

from __future__ import annotations

from collections.abc import Sequence

from storage import identity_statements as statements
from storage.database import Database
from storage.records import Device, LookAlike


class IdentityStore:
    """What proves who somebody is."""

    def __init__(self, database: Database) -> None:
        """Keep it in a database."""
        self._database = database

    async def password_hash(self, user_id: int) -> str | None:
        """Return what is kept of a user's password; None for a guest."""
        return await self._database.read(statements.password_hash, user_id)

    async def register(self, user_id: int, hashed: str, now: int) -> bool | LookAlike:
        """Put a password on a name; False where it has another one already.

        Nothing is done where the name looks like another one that has a password: that one is
        returned. What a guest of that name has scheduled is not sent any more.
        """
        return await self._database.write(statements.register, user_id, hashed, now)

    async def set_password(self, user_id: int, old: str, hashed: str, device_id: int) -> bool:
        """Change a password; of the user's devices only ``device_id`` stays, 0 for none.

        False where what was kept of it is not ``old`` any more: then nothing is changed.
        """
        return await self._database.write(statements.set_password, user_id, old, hashed, device_id)

    async def rehash(self, user_id: int, old: str, hashed: str) -> None:
        """Keep the same password in another way, unless it is not ``old`` any more."""
        await self._database.write(statements.rehash, user_id, old, hashed)

    async def set_language(self, user_id: int, language: str) -> None:
        """Keep the language that a user has chosen."""
        await self._database.write(statements.set_language, user_id, language)

    async def unshaped(self) -> list[tuple[int, str]]:
        """Return some users, id and name, of whom no skeleton is stored; empty: there are none."""
        return await self._database.read(statements.unshaped)

    async def shape(self, skeletons: Sequence[tuple[int, str]]) -> None:
        """Store skeletons, by the users' ids."""
        await self._database.write(statements.shape, skeletons)

    async def add_device(
        self, device: Device, token_hash: bytes, proved: str, most: int
    ) -> int | None:
        """Store a device, its own id left out, that logs in by a token; return its id.

        None where what is kept of the user's password is not ``proved`` any more. Beyond
        ``most`` the user's devices are forgotten that were not seen for longest.
        """
        return await self._database.write(statements.add_device, device, token_hash, proved, most)

    async def devices_by_token(self, token_hashes: Sequence[bytes]) -> list[Device | None]:
        """Return the devices with those tokens, in their order."""
        return await self._database.read(statements.devices_by_token, token_hashes)

    async def devices_of(self, user_id: int) -> list[Device]:
        """Return a user's devices, the oldest first."""
        return await self._database.read(statements.devices_of, user_id)

    async def touch_devices(self, seen: Sequence[Device]) -> None:
        """Note where and when devices were seen last."""
        await self._database.write(statements.touch_devices, seen)

    async def remove_device(self, user_id: int, device_id: int) -> bool:
        """Forget a user's device; False where there is none with that id."""
        return await self._database.write(statements.remove_device, user_id, device_id)
