"""Wrong passwords: who tries again and again waits longer and longer."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from chat import throttle as module
from chat.throttle import FREE, FREE_BY_ADDRESS, LONGEST, QUIET, Throttle
from protocol.errors import ErrorCode, ProtocolError

HERE, THERE = "127.0.0.1", "192.0.2.7"


async def fail(throttle: Throttle, name: str = "bob", ip: str = HERE, takes: float = 0.0) -> float:
    """Let an attempt fail; return how long it had to wait."""
    begun = trio.current_time()
    async with throttle.attempt(name, ip) as attempt:
        waited = trio.current_time() - begun
        await trio.sleep(takes)
        attempt.failed()
    return waited


async def succeed(throttle: Throttle, name: str = "bob", ip: str = HERE) -> float:
    """Let one succeed; return how long it had to wait."""
    begun = trio.current_time()
    async with throttle.attempt(name, ip) as attempt:
        attempt.succeeded()
        return trio.current_time() - begun


async def refused(throttle: Throttle, name: str = "bob", ip: str = HERE) -> int:
    """Make sure that an attempt has to come back later; return in how many seconds."""
    begun = trio.current_time()
    with pytest.raises(ProtocolError) as told:
        await fail(throttle, name, ip)
    assert trio.current_time() == begun
    assert told.value.code == ErrorCode.TOO_MANY_ATTEMPTS
    [number] = [word for word in told.value.sentence.split() if word.isdigit()]
    return int(number)


async def test_waits_grow_and_then_there_is_an_error(autojump_clock: MockClock) -> None:
    """Three failures are free; then it is 1, 2, 4, 8 seconds, and then one has to come back."""
    throttle = Throttle()
    assert [await fail(throttle) for _ in range(FREE + 4)] == [0, 0, 0, 1, 2, 4, 8]
    assert await refused(throttle) == 16
    await trio.sleep(6.5)
    assert await fail(throttle) == 9.5
    assert await refused(throttle) == 32


async def test_no_wait_is_longer_than_a_minute(autojump_clock: MockClock) -> None:
    """However often somebody fails, the right password is let through a minute later."""
    throttle = Throttle()
    for _ in range(2000):
        await fail(throttle)
        await trio.sleep(LONGEST)
    await fail(throttle)
    assert await refused(throttle) == LONGEST
    await trio.sleep(LONGEST)
    assert await succeed(throttle) == 0


async def test_a_success_forgets_the_failures_by_name(autojump_clock: MockClock) -> None:
    """Who remembers the password in the end starts anew."""
    throttle = Throttle()
    for _ in range(FREE + 1):
        await fail(throttle)
    assert await succeed(throttle) == 2
    assert [await fail(throttle) for _ in range(FREE + 1)] == [0, 0, 0, 1]


async def test_attempts_at_the_same_time_queue_up(autojump_clock: MockClock) -> None:
    """A hundred at once get no further than one after the other would."""
    throttle = Throttle()
    under_way = most = failed = 0
    refusals: list[ProtocolError] = []

    async def one() -> None:
        nonlocal under_way, most, failed
        try:
            async with throttle.attempt("bob", THERE) as attempt:
                under_way += 1
                most = max(most, under_way)
                await trio.sleep(0.1)
                attempt.failed()
                under_way -= 1
                failed += 1
        except ProtocolError as error:
            refusals.append(error)

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(one)
    assert most == FREE
    assert failed == FREE + 4
    assert trio.current_time() - begun == pytest.approx(0.1 + 1.1 + 2.1 + 4.1 + 8.1)
    assert len(refusals) == 100 - failed


async def test_many_right_passwords_from_one_address_wait_for_nothing(
    autojump_clock: MockClock,
) -> None:
    """After a restart everybody in the office comes back at once."""
    throttle = Throttle()
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(succeed, throttle, f"name{number}", THERE)
    assert trio.current_time() == begun


async def test_an_address_that_tries_many_names_waits_too(autojump_clock: MockClock) -> None:
    """And a success in between, by an account of one's own, helps nobody who guesses."""
    throttle = Throttle()
    waits = []
    for number in range(FREE_BY_ADDRESS):
        waits.append(await fail(throttle, f"name{number}", THERE))
        waits.append(await succeed(throttle, "mallory", THERE))
    assert waits == [0] * (2 * FREE_BY_ADDRESS - 1) + [1]
    assert await fail(throttle, "zoe", THERE) == 0
    assert await fail(throttle, "yve", THERE) == 2
    assert await succeed(throttle, "ann", "192.0.2.8") == 0


async def test_everybody_on_the_machine_itself_is_not_one(autojump_clock: MockClock) -> None:
    """Behind a proxy or a tunnel all have the address of the machine; names are throttled still."""
    throttle = Throttle()
    for ip in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "", "local"):
        for number in range(FREE_BY_ADDRESS * 2):
            assert await fail(throttle, f"{ip} {number}", ip) == 0
        assert await succeed(throttle, "ann", ip) == 0
    for _ in range(FREE):
        await fail(throttle, "bob", "::1")
    assert await fail(throttle, "bob", "127.0.0.1") == 1


@pytest.mark.parametrize(
    ("ip", "other", "same"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
async def test_who_has_many_addresses_is_one(
    autojump_clock: MockClock, ip: str, other: str, same: bool
) -> None:
    """A household or server has a whole /64 of IPv6 to itself."""
    throttle = Throttle()
    for number in range(FREE_BY_ADDRESS):
        await fail(throttle, f"name{number}", ip)
    assert await fail(throttle, "bob", other) == (1 if same else 0)


async def test_an_hour_of_quiet_forgets(autojump_clock: MockClock) -> None:
    """Not less: who waits for a while goes on where he was."""
    throttle = Throttle()
    for _ in range(FREE + 4):
        await fail(throttle)
    await trio.sleep(QUIET - 1)
    await fail(throttle)
    assert await refused(throttle) == 32
    await trio.sleep(QUIET)
    assert [await fail(throttle) for _ in range(FREE + 1)] == [0, 0, 0, 1]


async def test_who_is_cut_off_has_not_failed(autojump_clock: MockClock) -> None:
    """Nor where the database is away; and the next one's turn comes."""
    throttle = Throttle()
    for _ in range(FREE - 1):
        await fail(throttle)
    with trio.move_on_after(1):
        async with throttle.attempt("bob", HERE):
            await trio.sleep_forever()
    with pytest.raises(ZeroDivisionError):
        async with throttle.attempt("bob", HERE):
            _ = 1 / 0
    assert await fail(throttle) == 0
    with trio.move_on_after(0.5):
        await fail(throttle)
    assert await fail(throttle) == 0.5


async def test_memory_is_bounded(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest names go first; those somebody is at stay as long as they are needed."""
    monkeypatch.setattr(module, "ENTRIES", 10)
    throttle = Throttle()
    for number in range(100):
        for _ in range(FREE):
            await fail(throttle, f"name{number}")
    assert len(throttle._entries) == 10
    assert await fail(throttle, "name99") == 1
    assert await fail(throttle, "name1") == 0


async def test_successes_leave_nothing_behind(autojump_clock: MockClock) -> None:
    """A thousand people who know their passwords are no thousand entries."""
    throttle = Throttle()
    for number in range(1000):
        await succeed(throttle, f"name{number}", f"192.0.2.{number % 250}")
    assert not throttle._entries


async def test_one_who_waits_is_not_forgotten(autojump_clock: MockClock) -> None:
    """The queue goes on however many others come in between."""
    throttle = Throttle()
    for _ in range(FREE):
        await fail(throttle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, throttle)
        await wait_all_tasks_blocked()
        await succeed(throttle, "ann")
        assert len(throttle._entries) == 1
    assert await fail(throttle) == 2


async def test_what_says_nothing_pushes_out_nobody(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guesser cannot have the failures by a name forgotten by asking for many others."""
    monkeypatch.setattr(module, "ENTRIES", 10)
    throttle = Throttle()
    for _ in range(FREE + 1):
        await fail(throttle)
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(fail_not, throttle, f"name{number}")
    assert len(throttle._entries) == 1
    for number in range(50):
        with trio.move_on_after(0):
            async with throttle.attempt(f"name{number}", THERE):
                await trio.sleep_forever()
    assert len(throttle._entries) == 1
    assert await fail(throttle) > 0


async def fail_not(throttle: Throttle, name: str) -> None:
    """Make an attempt that takes long and comes to nothing, as where the database is away."""
    async with throttle.attempt(name, HERE):
        await trio.sleep(0.5)


async def test_another_number_can_be_free(autojump_clock: MockClock) -> None:
    """Registrations are counted apart, and each is one."""
    throttle = Throttle(free_by_address=2)
    waits = [await fail(throttle, f"name{number}", THERE) for number in range(4)]
    assert waits == [0, 0, 1, 2]
    assert await fail(throttle, "other", HERE) == 0
