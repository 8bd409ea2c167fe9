"""Passwords: which there can be, and how they are kept and compared (Argon2id)."""

from __future__ import annotations

import os
import unicodedata
from base64 import b64encode
from functools import partial

import trio
from argon2 import Parameters, PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from chat.names import name_key
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_SECRET

MIN_PASSWORD = 8
"""Characters that a password has at least."""

MAX_PASSWORD = 200
"""Characters that a password has at most: a sentence fits, a book does not."""

AT_ONCE = 1
"""Passwords being hashed at a time.

One takes 64 MiB and four lanes of Argon2, each with a thread of its own: it keeps all of two
cores busy by itself. A second one at the same time would make both take twice as long, for
twice the memory, and leave less of the cores for the messages.
"""


def check_password(text: str, name: str) -> None:
    """Raise :class:`ProtocolError` where this cannot be the password of the user ``name``."""
    # What is far too long is not even normalised: that would take too long.
    length = len(unicodedata.normalize("NFC", text) if len(text) <= MAX_SECRET else text)
    if length < MIN_PASSWORD:
        raise ProtocolError(
            ErrorCode.BAD_PASSWORD,
            "A password has at least {limit} characters; this one has {length}.",
            limit=MIN_PASSWORD,
            length=length,
        )
    if length > MAX_PASSWORD:
        raise ProtocolError(
            ErrorCode.BAD_PASSWORD,
            "A password has at most {limit} characters; this one has {length}.",
            limit=MAX_PASSWORD,
            length=length,
        )
    if name_key(text) == name_key(name):
        raise ProtocolError(ErrorCode.BAD_PASSWORD, "Your name is no password; choose another one.")


class Passwords:
    """Hashes passwords, in threads, few at a time; the other tasks go on meanwhile.

    A task that is cancelled waits for its thread, so that there are never more of them than
    ``AT_ONCE``; one that is still waiting for its turn goes away at once.
    """

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._turn = trio.CapacityLimiter(AT_ONCE)
        self._next_hash = trio.Lock()
        self._nobodys = _hash_of_nothing(parameters)

    async def hash(self, password: str) -> str:
        """Return what is stored of a password.

        Of those that wait for this one alone waits among those that compare theirs: however many
        register, who logs in is behind one of them at most.
        """
        async with self._next_hash:
            return await trio.to_thread.run_sync(self._hash, password, limiter=self._turn)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether a password is the right one.

        None is somebody who has no password, or does not exist: no password is right, and
        finding that out takes as long as with anybody else. So it does of one that is far too
        long.
        """
        if len(password) > MAX_SECRET:
            stored, password = None, password[:MAX_SECRET]
        verify = partial(self._verify, self._nobodys if stored is None else stored, password)
        return await trio.to_thread.run_sync(verify, limiter=self._turn)

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether a password was hashed in another way than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except VerifyMismatchError:
            return False


def _bytes(password: str) -> bytes:
    """Return what is hashed: the same for ``é`` from any keyboard."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _hash_of_nothing(parameters: Parameters) -> str:
    """Return a hash that no password has: it is made up, so it costs nothing."""
    salt, digest = (
        b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (parameters.salt_len, parameters.hash_len)
    )
    costs = f"m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
    return f"$argon2id$v={parameters.version}${costs}${salt}${digest}"
