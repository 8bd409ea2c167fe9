"""What was proved before, and holds no more: a password is changed, a device is forgotten.

A login takes several looks into the database. What it found at first may have been taken back
when it is through, so it remembers the number that was :attr:`Revocations.now` when it began.
"""

from __future__ import annotations

from collections import OrderedDict

MOST = 10_000
"""Users and devices of which it is known when something of theirs was taken back last."""


class Revocations:
    """Numbers of what was taken back, the latest of each user and each device."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, int], tuple[int, int | None]] = OrderedDict()
        self._dropped = 0
        self.now = 0
        """The number of the last one."""

    def user(self, user_id: int, *, but: int | None) -> None:
        """Take back all that a user has proved, but for what the device ``but`` has."""
        self._revoke(("user", user_id), but)

    def device(self, device_id: int) -> None:
        """Take back what a device has proved."""
        self._revoke(("device", device_id), None)

    def since(self, begun: int, user_id: int, device_id: int | None) -> bool:
        """Tell whether what a user proved, perhaps by a device, was taken back since then.

        Of one of whom nothing is known any more it may say so although it was not.
        """
        number, but = self._last.get(("user", user_id), (self._dropped, None))
        if number > begun and (but is None or but != device_id):
            return True
        if device_id is None:
            return False
        number, _ = self._last.get(("device", device_id), (self._dropped, None))
        return number > begun

    def _revoke(self, key: tuple[str, int], but: int | None) -> None:
        self.now += 1
        self._last.pop(key, None)
        self._last[key] = self.now, but
        if len(self._last) > MOST:
            _, (self._dropped, _) = self._last.popitem(last=False)
