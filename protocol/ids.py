"""The ids that a sender gives to its messages."""

from __future__ import annotations

import random
import time
from uuid import UUID

# They have to be different, not secret. And unlike os.urandom this gives up no lock: in the
# server that lock, once given up, is away for as long as the database's thread likes.
_random = random.Random()  # noqa: S311


def new_uuid() -> UUID:
    """Return a UUID of version 7: 48 bits of time in milliseconds, the rest random (RFC 9562).

    Ids made near each other in time are neighbours in the database's index; random ones make
    a commit of many messages cost twice as much.
    """
    number = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + _random.randbytes(10))
    number[6] = number[6] & 0x0F | 0x70  # the version
    number[8] = number[8] & 0x3F | 0x80  # the variant
    return UUID(bytes=bytes(number))
