"""How often a password may be wrong: the more failures, the longer the wait (S004-34).

Failures are counted by the name that somebody wants to come in by, whichever address they come
from, and by the address, whichever names are tried. Nobody is ever locked out for longer than
``LONGEST``: else anybody could keep anybody else from coming in for good.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil

import trio

from chat.sites import Site, site_of
from protocol.errors import ErrorCode, ProtocolError

FREE = 3
"""Failures by one name before the first wait."""

FREE_BY_ADDRESS = 20
"""Failures from one address before the first wait: a whole office may come from it."""

LONGEST = 60.0
"""Seconds that a wait grows to: 1, 2, 4 ..."""

PATIENCE = 10.0
"""Seconds that somebody is made to wait; who would have to wait longer is told so instead."""

QUIET = 3600.0
"""Seconds without an attempt after which the failures are forgotten."""

ENTRIES = 10_000
"""Names and addresses that are remembered, a few hundred bytes each; the oldest are dropped."""

_Key = str | Site


@dataclass(slots=True, eq=False)
class _Entry:
    """What is known of a name or an address."""

    key: _Key
    free: int
    failures: int = 0
    ready_at: float = float("-inf")
    tried_at: float = float("-inf")
    under_way: int = 0
    waiting: int = 0
    settled: trio.Event = field(default_factory=trio.Event)

    @property
    def full(self) -> bool:
        """As many are under way as may fail before somebody has to wait, or one."""
        return self.under_way >= max(1, self.free - self.failures)

    @property
    def in_use(self) -> bool:
        """Somebody is at it."""
        return bool(self.under_way or self.waiting)

    def fail(self, now: float) -> None:
        self.failures += 1
        if self.failures >= self.free:
            # Bounded before it is a power: failures may be many thousands.
            self.ready_at = now + min(LONGEST, 2.0 ** min(self.failures - self.free, 10))

    def settle(self) -> None:
        self.under_way -= 1
        self.tried_at = trio.current_time()
        self.settled.set()
        self.settled = trio.Event()


class Attempt:
    """A password that may be compared now; say how it went before leaving."""

    def __init__(self, name: _Entry, entries: list[_Entry]) -> None:
        self._name = name
        self._entries = entries

    def failed(self) -> None:
        """It was wrong: the next one waits longer."""
        for entry in self._entries:
            entry.fail(trio.current_time())

    def succeeded(self) -> None:
        """It was right: the failures by this name are forgotten.

        Not those from the address, or who has an account could guess at others in between.
        """
        self._name.failures = 0
        self._name.ready_at = float("-inf")


class Throttle:
    """Lets attempts through, one after the other where there have been failures.

    People on the server's own machine, with a proxy or a tunnel in front everybody, have one
    address: loopback is throttled by name alone.
    """

    def __init__(self, free: int = FREE, free_by_address: int = FREE_BY_ADDRESS) -> None:
        """Let so many fail before the first wait, by one name and from one address."""
        self._free = free
        self._free_by_address = free_by_address
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, name_key: str, ip: str) -> AsyncIterator[Attempt]:
        """Wait for one's turn, then let a password be compared.

        Raises :class:`ProtocolError` where that would take longer than ``PATIENCE``. While an
        attempt is under way it counts as a failure, so that of many at the same time no more
        slip through than of as many after each other. One that neither failed nor succeeded,
        for it was cancelled or the database is away, has not been.
        """
        name = self._entry(f"name {name_key}", self._free)
        address = site_of(ip)
        entries = [name]
        if address is not None:
            entries.append(self._entry(address, self._free_by_address))
        try:
            try:
                await _turn(entries)
            finally:
                for entry in entries:
                    entry.waiting -= 1
            for entry in entries:
                entry.under_way += 1
            try:
                yield Attempt(name, entries)
            finally:
                for entry in entries:
                    entry.settle()
        finally:
            self._drop_empty(entries)

    def _drop_empty(self, entries: list[_Entry]) -> None:
        """Drop those of the entries that say nothing: they would push out some that do."""
        for entry in entries:
            if not (entry.in_use or entry.failures) and self._entries.get(entry.key) is entry:
                del self._entries[entry.key]

    def _entry(self, key: _Key, free: int) -> _Entry:
        """Return the newest of all entries, with one more who waits."""
        self._forget()
        entry = self._entries.pop(key, None) or _Entry(key, free)
        if len(self._entries) >= ENTRIES:
            del self._entries[self._least()]
        self._entries[key] = entry
        entry.tried_at = trio.current_time()
        entry.waiting += 1
        return entry

    def _forget(self) -> None:
        """Drop the oldest entries while they are too old."""
        quiet_since = trio.current_time() - QUIET
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if oldest.in_use or oldest.tried_at > quiet_since:
                break
            self._entries.popitem(last=False)

    def _least(self) -> _Key:
        """Return what can be spared best: the oldest without failures, or the oldest of all."""
        empty = (key for key, entry in self._entries.items() if not entry.failures)
        return next(empty, next(iter(self._entries)))


async def _turn(entries: list[_Entry]) -> None:
    """Wait until one may try, by all entries; raise if that is too long."""
    while True:
        delay = max(entry.ready_at for entry in entries) - trio.current_time()
        full = next((entry for entry in entries if entry.full), None)
        if delay > PATIENCE:
            raise ProtocolError(
                ErrorCode.TOO_MANY_ATTEMPTS,
                "Too many attempts; try again in {seconds} seconds.",
                seconds=ceil(delay),
            )
        if delay > 0:
            await trio.sleep(delay)
        elif full is not None:
            await full.settled.wait()
        else:
            return
