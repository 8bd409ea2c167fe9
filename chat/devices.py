"""Devices that have proved who they are, and their tokens, of which only hashes are kept here."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import trio
from msgspec.structs import replace

from chat.grouping import Grouped
from chat.patience import Patience
from chat.revocations import Revocations
from storage.errors import StorageUnavailable
from storage.identity_store import IdentityStore
from storage.records import Device, User

TOKEN_BYTES = 32
"""Random bytes in a token: nobody guesses one, so comparing it costs a look in an index."""

KNOWN_DEVICES = 10_000
"""Devices that can log in while the database is away, the latest to come."""

MOST = 50
"""Devices of one user; those that were not seen for longest are forgotten for new ones."""

WRITE_EVERY = 2.0
"""Seconds after which is written where devices were seen."""


class Devices:
    """The devices of all users; :meth:`run` has to run."""

    def __init__(self, store: IdentityStore, patience: Patience, revocations: Revocations) -> None:
        self._store = store
        self._patience = patience
        self._revocations = revocations
        self._known: OrderedDict[bytes, Device] = OrderedDict()  # by the hashes of their tokens
        self._seen: dict[int, Device] = {}  # by their ids, as they are not yet written
        self._finding = Grouped(self._find)

    async def run(self) -> None:
        """Look for devices, and write where they were seen, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._finding.run)
            while True:
                await trio.sleep(WRITE_EVERY)
                await self.write()

    async def by_token(self, token: str) -> Device | None:
        """Return the device with that token; while the database is away, if it is known.

        Raises :class:`StorageUnavailable` where it is not.
        """
        hashed, begun = _hash(token), self._revocations.now
        try:
            device = await self._finding.call(hashed)
        except StorageUnavailable:
            device = self._known.get(hashed)
            if device is None:
                raise
            return device
        self._remember(hashed, device, begun)
        return device

    async def _find(self, hashes: Sequence[bytes]) -> Sequence[Device | None]:
        return await self._patience.ask(self._store.devices_by_token, hashes)

    async def add(
        self, user: User, label: str, ip: str, proved: str, begun: int
    ) -> tuple[Device, str] | None:
        """Give a device a token; None where the password's hash is not ``proved`` any more."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        hashed, now = _hash(token), time.time_ns() // 1000
        new = Device(0, user.id, label, ip, now, now)
        number = await self._patience.ask(self._store.add_device, new, hashed, proved, MOST)
        if number is None:
            return None
        device = replace(new, id=number)
        self._remember(hashed, device, begun)
        return device, token

    def _remember(self, hashed: bytes, device: Device | None, begun: int) -> None:
        """Know a device as it was found by what began then, or that there is none."""
        self._known.pop(hashed, None)
        if device is None or self._revocations.since(begun, device.user_id, device.id):
            return
        self._known[hashed] = device
        if len(self._known) > KNOWN_DEVICES:
            self._known.popitem(last=False)

    def saw(self, device: Device, ip: str) -> None:
        """Note where a device was seen last, which is written a little later."""
        self._seen[device.id] = replace(device, address=ip, seen_at=time.time_ns() // 1000)

    async def write(self) -> None:
        """Write where devices were seen; what a database that is away does not take is kept."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            await self._patience.ask(self._store.touch_devices, list(seen.values()))
        except BaseException as error:  # also where the server stops, and writes once more
            self._seen = seen | self._seen
            if not isinstance(error, StorageUnavailable):
                raise

    async def of(self, user: User) -> Sequence[Device]:
        """Return the devices of a user."""
        stored = await self._patience.ask(self._store.devices_of, user.id)
        return [self._seen.get(device.id, device) for device in stored]

    async def remove(self, user: User, device_id: int) -> bool:
        """Forget a device's token; False where the user has no such device."""
        removed = await self._patience.ask(self._store.remove_device, user.id, device_id)
        if removed:
            self._revocations.device(device_id)
            self._forget(lambda device: device.id == device_id)
        return removed

    def forget(self, user_id: int, *, but: int | None) -> None:
        """Know no device of a user any more, except ``but``."""
        self._forget(lambda device: device.user_id == user_id and device.id != but)

    def _forget(self, is_gone: Callable[[Device], bool]) -> None:
        self._known = OrderedDict(
            (hashed, device) for hashed, device in self._known.items() if not is_gone(device)
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
