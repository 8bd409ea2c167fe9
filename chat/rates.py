"""How much may happen in a time; who is faster is made to wait (S004-34)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import trio

from chat.counters import Counters
from chat.sites import LOOPBACK, Network, Site, site_of

SITES = 10_000
"""Addresses that are remembered, a few hundred bytes each; the oldest are dropped."""


class Rate:
    """A bucket that fills at a steady rate; the time is told by the caller.

    More may be taken than is in it: then it says how long to wait until it holds something again.
    """

    __slots__ = ("_burst", "_each", "_full_at")

    def __init__(self, per_second: float, burst: float) -> None:
        """Let ``burst`` through at once, then so many a second."""
        self._each = 1 / per_second
        self._burst = burst * self._each  # in seconds of filling
        self._full_at = float("-inf")

    def take(self, count: int, now: float) -> None:
        """Take, whether there is something in it or not."""
        self._full_at = max(self._full_at, now) + count * self._each

    def delay(self, now: float) -> float:
        """Return the seconds until nothing is owed any more, 0 where nothing is."""
        return max(0.0, self._full_at - now - self._burst)

    def full(self, now: float) -> bool:
        """Tell whether forgetting it would change nothing."""
        return self._full_at <= now


class Turns:
    """Lets people log in, or begin TLS, one after the other where too many come at once.

    Nobody is refused for that: who would have to wait longer than there is time to log in is
    closed by that limit, and a program of ours comes again later.
    """

    def __init__(
        self,
        what: str,
        counters: Counters,
        *,
        per_minute: int = 0,
        per_minute_per_ip: int = 0,
        exempt: Sequence[Network] = LOOPBACK,
    ) -> None:
        """Let so many in a minute in, in all and from one address; 0 is no limit.

        ``what`` they do names the limits: ``logins_per_minute``, ``logins_per_minute_per_ip``.
        """
        self._limit = f"{what}_per_minute"
        self._counters = counters
        self._all = Rate(per_minute / 60, per_minute) if per_minute else None
        self._per_minute_per_ip = per_minute_per_ip
        self._exempt = exempt
        self._by_site: OrderedDict[Site, Rate] = OrderedDict()

    async def turn(self, ip: str) -> None:
        """Wait until it is the turn of one more from this address."""
        # One's own address first: who comes too often from there takes no turn of the others.
        await self._wait(self._of(ip), f"{self._limit}_per_ip", ip)
        await self._wait(self._all, self._limit, ip)

    async def _wait(self, rate: Rate | None, limit: str, ip: str) -> None:
        if rate is None:
            return
        now = trio.current_time()
        rate.take(1, now)
        delay = rate.delay(now)
        if delay > 0:
            self._counters.met(limit, address=ip, seconds=round(delay, 3))
            await trio.sleep(delay)

    def _of(self, ip: str) -> Rate | None:
        """Return the bucket of an address, made the newest one."""
        site = site_of(ip, self._exempt)
        if site is None or not self._per_minute_per_ip:
            return None
        now = trio.current_time()
        rate = self._by_site.pop(site, None)
        while self._by_site and (
            len(self._by_site) >= SITES or next(iter(self._by_site.values())).full(now)
        ):
            self._by_site.popitem(last=False)
        if rate is None:
            rate = Rate(self._per_minute_per_ip / 60, self._per_minute_per_ip)
        self._by_site[site] = rate
        return rate
