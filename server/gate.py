"""Who may come in, and how fast they may go on: bounds against abuse, with no socket in sight.

The bounds on those who have not logged in keep strangers from taking the place of members. A
full server turns newcomers away and never drops somebody who is in. Each bound has the name of
its setting, by which it is counted and logged (:class:`chat.counters.Counters`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chat.rates import Rate
from chat.sites import LOOPBACK, Network, Site, site_of

BURST = 10.0
"""Seconds' worth of frames that may come at once."""


@dataclass(frozen=True)
class GateLimits:
    """The bounds; 0 is no bound. Addresses in ``exempt`` are not counted each by itself."""

    max_connections: int = 0
    max_connections_per_ip: int = 0
    max_waiting: int = 0
    """Connections that have not logged in, those that shake hands for TLS among them."""
    max_waiting_per_ip: int = 0
    max_login_bytes: int = 0
    """Bytes that are read of a connection before it has logged in."""
    frames_per_second: int = 0
    frames_per_second_per_ip: int = 0
    exempt: Sequence[Network] = LOOPBACK


class Full(Exception):
    """There is no room for another connection; ``limit`` is the bound that says so."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class _Crowd:
    """Those who are counted together."""

    __slots__ = ("connections", "frames", "waiting")

    def __init__(self, frames_per_second: int = 0) -> None:
        self.connections = 0
        self.waiting = 0
        self.frames = _frames(frames_per_second)


def _frames(per_second: int) -> Rate | None:
    return Rate(per_second, per_second * BURST) if per_second else None


class Gate:
    """Counts who is in, by address and in all."""

    def __init__(self, limits: GateLimits = GateLimits()) -> None:
        """Hold these limits."""
        self.limits = limits
        self._all = _Crowd()
        self._by_site: dict[Site, _Crowd] = {}

    def enter(self, ip: str) -> Entry:
        """Let a connection in; raises :class:`Full` where there is no room for it."""
        site, limits = site_of(ip, self.limits.exempt), self.limits
        crowd = None if site is None else self._by_site.get(site)
        if crowd is not None:
            _check("max_waiting_per_ip", crowd.waiting, limits.max_waiting_per_ip)
            _check("max_connections_per_ip", crowd.connections, limits.max_connections_per_ip)
        _check("max_waiting", self._all.waiting, limits.max_waiting)
        _check("max_connections", self._all.connections, limits.max_connections)
        crowds = [self._all]
        if site is not None:
            crowds.append(crowd or self._by_site.setdefault(site, self._new_crowd()))
        return Entry(self, ip, site, crowds)

    def _new_crowd(self) -> _Crowd:
        return _Crowd(self.limits.frames_per_second_per_ip)

    def forget(self, site: Site | None) -> None:
        """Keep nothing of an address from which nobody is here."""
        if site is not None and not self._by_site[site].connections:
            del self._by_site[site]

    @property
    def waiting(self) -> int:
        """How many have not logged in."""
        return self._all.waiting

    @property
    def connections(self) -> int:
        """How many there are."""
        return self._all.connections

    @property
    def sites(self) -> int:
        """How many addresses are remembered."""
        return len(self._by_site)


def _check(limit: str, number: int, most: int) -> None:
    if most and number >= most:
        raise Full(limit)


class Entry:
    """A connection's place; :meth:`leave` gives it back."""

    __slots__ = ("_crowds", "_frames", "_gate", "_here", "_site", "ip", "waiting")

    def __init__(self, gate: Gate, ip: str, site: Site | None, crowds: list[_Crowd]) -> None:
        self.ip = ip
        self.waiting = True
        """It has not logged in."""
        self._gate = gate
        self._site = site
        self._crowds = crowds
        self._here = True
        self._frames = _frames(gate.limits.frames_per_second)
        for crowd in crowds:
            crowd.connections += 1
            crowd.waiting += 1

    def admit(self) -> None:
        """It has logged in; again is harmless."""
        if self.waiting:
            self.waiting = False
            for crowd in self._crowds:
                crowd.waiting -= 1

    def leave(self) -> None:
        """It has gone; again is harmless."""
        if self._here:
            self.admit()
            self._here = False
            for crowd in self._crowds:
                crowd.connections -= 1
            self._gate.forget(self._site)

    def says_too_much(self, received: int) -> bool:
        """Tell whether it has sent more than anybody needs to log in."""
        most = self._gate.limits.max_login_bytes
        return self.waiting and bool(most) and received > most

    def charge(self, frames: int, now: float) -> None:
        """Note that it has asked for so many things."""
        if self._frames is not None:
            self._frames.take(frames, now)
        common = self._crowds[-1].frames
        if common is not None:
            common.take(frames, now)

    def delay(self, now: float) -> tuple[float, str]:
        """Return for how many seconds it should not be read from, and which bound says so."""
        own = self._frames.delay(now) if self._frames is not None else 0.0
        rate = self._crowds[-1].frames
        common = rate.delay(now) if rate is not None else 0.0
        if common > own:
            return common, "frames_per_second_per_ip"
        return own, "frames_per_second"
