"""Who may come in and how fast they may go on, with invented times (issue 5)."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from trio.testing import MockClock

from chat.counters import Counters
from chat.rates import SITES, Rate, Turns
from chat.seldom import Seldom
from chat.sites import networks, site_of
from server.gate import BURST, Entry, Full, Gate, GateLimits

HOSTS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "127.0.0.1")
LIMITS = GateLimits(
    max_connections=12, max_connections_per_ip=5, max_waiting=6, max_waiting_per_ip=3
)


class Door(RuleBasedStateMachine):
    """Random comings, logins and goings, against plain lists of who is there."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate(LIMITS)
        self.here: list[Entry] = []

    @rule(ip=st.sampled_from(HOSTS))
    def come(self, ip: str) -> None:
        """One is refused exactly where a bound is reached, and the right one is named."""
        waiting = [entry for entry in self.here if entry.waiting]
        reached = set()
        if ip != "127.0.0.1":
            if sum(entry.ip == ip for entry in self.here) >= LIMITS.max_connections_per_ip:
                reached.add("max_connections_per_ip")
            if sum(entry.ip == ip for entry in waiting) >= LIMITS.max_waiting_per_ip:
                reached.add("max_waiting_per_ip")
        if len(self.here) >= LIMITS.max_connections:
            reached.add("max_connections")
        if len(waiting) >= LIMITS.max_waiting:
            reached.add("max_waiting")
        try:
            self.here.append(self.gate.enter(ip))
        except Full as full:
            assert full.limit in reached  # noqa: PT017 - the other way is checked as well
        else:
            assert not reached

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def log_in(self, data: st.DataObject) -> None:
        """Again is harmless."""
        data.draw(st.sampled_from(self.here)).admit()

    @precondition(lambda self: self.here)
    @rule(data=st.data(), twice=st.booleans())
    def go(self, data: st.DataObject, twice: bool) -> None:
        """Again is harmless."""
        entry = data.draw(st.sampled_from(self.here))
        self.here.remove(entry)
        entry.leave()
        if twice:
            entry.leave()

    @invariant()
    def counted(self) -> None:
        """Nothing is counted that has gone, and no address is remembered from which nobody is."""
        assert self.gate.connections == len(self.here)
        assert self.gate.waiting == sum(entry.waiting for entry in self.here)
        assert self.gate.sites == len({entry.ip for entry in self.here} - {"127.0.0.1"})


TestDoor = Door.TestCase


def test_strangers_fill_only_their_own_places() -> None:
    """Who is in does not count as waiting, and is not touched when there is no room left."""
    gate = Gate(GateLimits(max_waiting=2, max_waiting_per_ip=1))
    for _ in range(3):
        gate.enter("192.0.2.1").admit()
    strangers = [gate.enter("192.0.2.1"), gate.enter("192.0.2.2")]
    with pytest.raises(Full, match="max_waiting"):
        gate.enter("192.0.2.3")
    strangers[0].leave()
    gate.enter("192.0.2.3")
    assert gate.connections == 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_a_house_has_one_place_however_many_addresses_it_has(
    one: str, other: str, same: bool
) -> None:
    """A /64 of IPv6 counts as one; an IPv4 address in IPv6's clothes is that address."""
    assert site_of(one) is not None
    assert (site_of(one) == site_of(other)) is same


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "no address"])
def test_this_machine_speaks_for_many(ip: str) -> None:
    """A proxy or a tunnel has one address and many people behind it."""
    assert site_of(ip) is None


def test_what_is_exempt_is_a_setting() -> None:
    """An office behind one address can be, and this machine need not be."""
    assert site_of("127.0.0.1", networks("none")) is not None
    assert site_of("10.1.2.3", networks("10.0.0.0/8,::1")) is None
    assert site_of("11.1.2.3", networks("10.0.0.0/8,::1")) is not None


_STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 50)), max_size=60)


@given(steps=_STEPS, per_second=st.integers(1, 100), burst=st.integers(1, 100))
def test_who_keeps_to_the_delays_is_never_faster_than_the_rate(
    steps: list[tuple[float, int]], per_second: int, burst: int
) -> None:
    """In any stretch of time: the burst, the rate, and one read's worth."""
    rate, now, taken = Rate(per_second, burst), 0.0, []
    for pause, count in steps:
        now += pause + rate.delay(now + pause)
        rate.take(count, now)
        taken.append((now, count))
    for first, (begin, _) in enumerate(taken):
        for last in range(first, len(taken)):
            end, final = taken[last]
            got = sum(count for _, count in taken[first : last + 1])
            assert got <= burst + per_second * (end - begin) + final + 1e-6


@given(per_second=st.integers(1, 1000), seconds=st.integers(1, 100))
def test_who_is_slower_than_the_rate_never_waits(per_second: int, seconds: int) -> None:
    """Not even where the burst is one."""
    rate = Rate(per_second, 1)
    for number in range(seconds):
        now = number / per_second
        assert rate.delay(now) == pytest.approx(0, abs=1e-9)
        rate.take(1, now)


def test_frames_are_bounded_by_connection_and_by_address() -> None:
    """One that is too fast waits; of many that are fast together each does; others do not."""
    gate = Gate(GateLimits(frames_per_second=10, frames_per_second_per_ip=30))
    alone = gate.enter("192.0.2.1")
    alone.charge(int(10 * BURST) + 5, now=0)
    _check_delay(alone, 0, 0.5, "frames_per_second")
    _check_delay(alone, 0.5, 0, "frames_per_second")
    crowd = [gate.enter("192.0.2.2") for _ in range(6)]
    for entry in crowd:
        entry.charge(60, now=0)
    _check_delay(crowd[0], 0, 2, "frames_per_second_per_ip")
    assert gate.enter("192.0.2.3").delay(now=0)[0] == 0
    here = [gate.enter("127.0.0.1") for _ in range(6)]
    for entry in here:
        entry.charge(60, now=0)
    assert here[0].delay(now=0)[0] == 0


def _check_delay(entry: Entry, now: float, seconds: float, limit: str) -> None:
    delay, why = entry.delay(now)
    assert delay == pytest.approx(seconds)
    assert why == limit


def test_nothing_is_bounded_where_nothing_is_set() -> None:
    """0 is no limit."""
    gate = Gate()
    entries = [gate.enter("192.0.2.1") for _ in range(1000)]
    entries[0].charge(10**9, now=0)
    assert entries[0].delay(now=0)[0] == 0
    assert not entries[0].says_too_much(10**9)


def test_only_who_has_not_logged_in_says_too_much() -> None:
    """Whoever is in may send as much as they like."""
    entry = Gate(GateLimits(max_login_bytes=100)).enter("192.0.2.1")
    assert not entry.says_too_much(100)
    assert entry.says_too_much(101)
    entry.admit()
    assert not entry.says_too_much(10**9)


async def test_logins_wait_for_their_turn(mock_clock: MockClock) -> None:
    """A minute's worth at once, then at the rate; one address does not hold up another."""
    counters = Counters()
    logins = Turns("logins", counters, per_minute=1000, per_minute_per_ip=60)
    mock_clock.autojump_threshold = 0
    begun = mock_clock.current_time()
    for _ in range(62):
        await logins.turn("192.0.2.1")
    assert mock_clock.current_time() - begun == pytest.approx(2)
    for ip in ("192.0.2.2", "127.0.0.1"):
        await logins.turn(ip)
    assert mock_clock.current_time() - begun == pytest.approx(2)
    assert counters.counts() == {"logins_per_minute_per_ip": 2}


async def test_all_logins_together_are_bounded_too(mock_clock: MockClock) -> None:
    """From however many addresses, this machine's own included."""
    counters = Counters()
    logins = Turns("logins", counters, per_minute=60)
    mock_clock.autojump_threshold = 0
    begun = mock_clock.current_time()
    for number in range(70):
        await logins.turn(f"192.0.2.{number % 5}" if number % 2 else "127.0.0.1")
    assert mock_clock.current_time() - begun == pytest.approx(10)
    assert set(counters.counts()) == {"logins_per_minute"}


async def test_addresses_are_forgotten(mock_clock: MockClock) -> None:
    """Whoever has an IPv6 network to choose from fills no memory."""
    logins = Turns("logins", Counters(), per_minute_per_ip=60)
    for number in range(SITES + 500):
        await logins.turn(f"2001:db8:{number:x}::1")
    assert len(logins._by_site) == SITES
    mock_clock.jump(60)
    await logins.turn("192.0.2.1")
    assert len(logins._by_site) == 1


async def test_a_flood_is_no_flood_of_lines(mock_clock: MockClock) -> None:
    """Every one is counted, one a second of each kind is written, with the count."""
    from structlog.testing import capture_logs

    counters = Counters()
    with capture_logs() as lines:
        for _ in range(3):
            for _ in range(1000):
                counters.met("max_waiting", address="192.0.2.1")
                counters.met("frames_per_second", address="192.0.2.1")
            mock_clock.jump(1)
    assert counters.counts() == {"max_waiting": 3000, "frames_per_second": 3000}
    assert Counter(line["event"] for line in lines) == {
        "limit.max_waiting": 3, "limit.frames_per_second": 3
    }  # fmt: skip
    assert [line["count"] for line in lines[::2]] == [1, 1001, 2001]
    assert {line.get("left_out") for line in lines} == {None, 999}


async def test_a_kind_of_line_may_come_more_often(mock_clock: MockClock) -> None:
    """Connections that come and go are worth more than a line a second, and not a thousand."""
    from structlog.testing import capture_logs

    line = Seldom("connection.opened", level=logging.INFO, most=100)
    with capture_logs() as lines:
        for _ in range(3):
            for number in range(1000):
                line.write(connection=number)
            mock_clock.jump(1)
    assert len(lines) == 300
    assert {entry["log_level"] for entry in lines} == {"info"}
    assert sum(entry.get("left_out", 0) for entry in lines) == 1800
