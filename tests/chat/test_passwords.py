"""Passwords: the rules, the hashes, and that nobody waits for somebody else's password."""

from __future__ import annotations

import threading
import unicodedata
from typing import Literal

import pytest
import trio
from argon2 import Parameters, PasswordHasher, Type
from argon2.exceptions import InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY
from hypothesis import given
from hypothesis import strategies as st

from chat.passwords import AT_ONCE, MAX_PASSWORD, MIN_PASSWORD, Passwords, check_password
from protocol.errors import ErrorCode, ProtocolError

CHEAP = Parameters(Type.ID, 19, 16, 32, time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    "text", ["12345678", "пароль-длинный", "ﬃ" * MAX_PASSWORD, "e\u0301" * MAX_PASSWORD, " " * 8]
)
def test_a_password_may_be_anything_of_the_right_length(text: str) -> None:
    """8 to 200 characters; an accent is no character of its own where there is one with it."""
    check_password(text, "Bob")


@pytest.mark.parametrize(
    ("text", "name", "word"),
    [
        ("", "Bob", "at least 8 characters; this one has 0"),
        ("1234567", "Bob", "this one has 7"),
        ("e\u0301" * (MIN_PASSWORD - 1), "Bob", "this one has 7"),
        ("x" * (MAX_PASSWORD + 1), "Bob", "at most 200"),
        ("BARTHOLOMEW", "Bartholomew", "no password"),
        ("Ｂartholomew ", "Bartholomew", "no password"),
    ],
)
def test_a_password_that_cannot_be_is_refused_with_the_reason(
    text: str, name: str, word: str
) -> None:
    """Too short, too long, and the name itself, in whatever capitals."""
    with pytest.raises(ProtocolError) as told:
        check_password(text, name)
    assert told.value.code == ErrorCode.BAD_PASSWORD
    assert word in told.value.sentence


async def test_only_the_right_password_is_right() -> None:
    """And of the password itself nothing is stored."""
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("correct horse")
    assert "correct" not in stored
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "Correct horse")
    assert not await passwords.verify(stored, "correct horse ")
    assert not await passwords.verify(stored, "")
    assert await passwords.hash("correct horse") != stored


@given(password=st.text() | st.text("éе\u0301\u0308\ud800\0"))
def test_any_text_is_right_in_every_form_it_can_be_typed(password: str) -> None:
    """One keyboard sends a letter with its accent as one character, another as two."""

    async def tries() -> None:
        passwords = Passwords(CHEAP)
        stored = await passwords.hash(unicodedata.normalize("NFC", password))
        assert await passwords.verify(stored, unicodedata.normalize("NFD", password))
        assert not await passwords.verify(stored, password + "x")

    trio.run(tries)


async def test_who_has_no_password_costs_as_much_as_a_wrong_one() -> None:
    """The hash of nobody has the costs of the others, and no password is right for it."""
    passwords = Passwords()
    verified: list[str] = []
    verify = passwords._hasher.verify

    class Recorder(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            verified.append(str(hash))
            return verify(hash, password)

    passwords._hasher = Recorder.from_parameters(RFC_9106_LOW_MEMORY)
    assert not await passwords.verify(None, "")
    assert not await passwords.verify(None, "correct horse")
    assert len(verified) == 2
    assert not any(map(passwords.needs_rehash, verified))


async def test_new_costs_make_an_old_hash_one_to_replace() -> None:
    """It is right all the same until then."""
    old, new = Passwords(CHEAP), Passwords()
    stored = await old.hash("correct horse")
    assert not old.needs_rehash(stored)
    assert new.needs_rehash(stored)
    assert await new.verify(stored, "correct horse")


async def test_a_hash_that_is_none_is_no_wrong_password() -> None:
    """A broken row of the database is a mistake to find in the log."""
    with pytest.raises(InvalidHashError):
        await Passwords(CHEAP).verify("nonsense", "correct horse")


class Slow(PasswordHasher):
    """Takes its time, and counts who is at it."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Semaphore(0)
        self.begun: list[threading.Thread] = []
        self.running = self.most = 0

    def verify(
        self,
        hash: str | bytes,  # noqa: A002, ARG002
        password: str | bytes,  # noqa: ARG002
    ) -> Literal[True]:
        self.begun.append(threading.current_thread())
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.go.acquire(timeout=60)
        self.running -= 1
        return True


async def test_a_burst_is_worked_off_in_threads_a_few_at_a_time() -> None:
    """The event loop is free: it is here that each of them is let go, one after the other."""
    passwords, slow = Passwords(CHEAP), Slow()
    passwords._hasher = slow
    right: list[bool] = []

    async def verify() -> None:
        right.append(await passwords.verify("", "x"))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(verify)
        for done in range(50):
            while len(right) < done or len(slow.begun) <= done:  # noqa: ASYNC110 - for a thread
                await trio.sleep(0.001)
            slow.go.release()
    assert right == [True] * 50
    assert slow.most == AT_ONCE
    assert threading.current_thread() not in slow.begun


async def test_who_goes_away_leaves_no_thread_behind() -> None:
    """Or a thousand of them who connect, log in and go would be a thousand threads."""
    passwords, slow = Passwords(CHEAP), Slow()
    passwords._hasher = slow
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(passwords.verify, "", "x")
        while not slow.begun:  # noqa: ASYNC110 - for a thread
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert passwords._turn.borrowed_tokens == slow.running == 1
        slow.go.release()
    assert passwords._turn.borrowed_tokens == slow.running == 0
    assert len(slow.begun) == 1
