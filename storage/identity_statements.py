"""What is done with passwords, devices and names that look alike."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from storage.records import Device
from storage.schema import devices, users

_AT_ONCE = 500
"""Users whose skeletons one transaction writes."""

_HASH = select(users.c.password_hash).where(users.c.id == bindparam("user"))
_REGISTER = (
    update(users)
    .where(users.c.id == bindparam("user"), users.c.password_hash.is_(None))
    .values(password_hash=bindparam("hash"), registered_at=bindparam("now"))
)
_SET_HASH = (
    update(users).where(users.c.id == bindparam("user")).values(password_hash=bindparam("hash"))
)
_SET_LANGUAGE = (
    update(users).where(users.c.id == bindparam("user")).values(language=bindparam("chosen"))
)
_UNSHAPED = select(users.c.id, users.c.name).where(users.c.skeleton.is_(None)).limit(_AT_ONCE)
_SHAPE = update(users).where(users.c.id == bindparam("user")).values(skeleton=bindparam("skeleton"))
_DEVICE = (
    devices.c.id,
    devices.c.user_id,
    devices.c.label,
    devices.c.address,
    devices.c.created_at,
    devices.c.seen_at,
)
_BY_TOKEN = select(*_DEVICE).where(devices.c.token_hash == bindparam("token"))
_OF_USER = select(*_DEVICE).where(devices.c.user_id == bindparam("user")).order_by(devices.c.id)
_TOUCH = (
    update(devices)
    .where(devices.c.id == bindparam("device"))
    .values(address=bindparam("address"), seen_at=bindparam("now"))
)
_REMOVE = delete(devices).where(
    devices.c.id == bindparam("device"), devices.c.user_id == bindparam("user")
)
_REMOVE_OTHERS = delete(devices).where(
    devices.c.user_id == bindparam("user"), devices.c.id != bindparam("device")
)


def password_hash(connection: Connection, user_id: int) -> str | None:
    """Return what is kept of a user's password; None for a guest."""
    return connection.execute(_HASH, {"user": user_id}).scalar()


def register(connection: Connection, user_id: int, hashed: str, now: int) -> bool:
    """Put a password on a name; False where it has one already."""
    done = connection.execute(_REGISTER, {"user": user_id, "hash": hashed, "now": now})
    return done.rowcount == 1


def set_password(connection: Connection, user_id: int, hashed: str, device_id: int) -> None:
    """Change a password; of the user's devices only ``device_id`` stays."""
    connection.execute(_SET_HASH, {"user": user_id, "hash": hashed})
    connection.execute(_REMOVE_OTHERS, {"user": user_id, "device": device_id})


def rehash(connection: Connection, user_id: int, hashed: str) -> None:
    """Keep the same password in another way."""
    connection.execute(_SET_HASH, {"user": user_id, "hash": hashed})


def set_language(connection: Connection, user_id: int, language: str) -> None:
    """Keep a user's language."""
    connection.execute(_SET_LANGUAGE, {"user": user_id, "chosen": language})


def unshaped(connection: Connection) -> list[tuple[int, str]]:
    """Return some users, id and name, of whom no skeleton is stored."""
    return [(row.id, row.name) for row in connection.execute(_UNSHAPED)]


def shape(connection: Connection, skeletons: Sequence[tuple[int, str]]) -> None:
    """Store skeletons, by the users' ids."""
    connection.execute(_SHAPE, [{"user": user, "skeleton": shape} for user, shape in skeletons])


def add_device(connection: Connection, device: Device, token_hash: bytes) -> int:
    """Store a device, its own id left out, that logs in by a token; return its id."""
    values = {
        "user_id": device.user_id,
        "token_hash": token_hash,
        "label": device.label,
        "address": device.address,
        "created_at": device.created_at,
        "seen_at": device.seen_at,
    }
    key = connection.execute(insert(devices), values).inserted_primary_key
    assert key is not None  # noqa: S101 - of a single row there always is one
    return int(key[0])


def device_by_token(connection: Connection, token_hash: bytes) -> Device | None:
    """Return the device with that token."""
    row = connection.execute(_BY_TOKEN, {"token": token_hash}).first()
    return None if row is None else Device(*row)


def devices_of(connection: Connection, user_id: int) -> list[Device]:
    """Return a user's devices, the oldest first."""
    return [Device(*row) for row in connection.execute(_OF_USER, {"user": user_id})]


def touch_device(connection: Connection, device_id: int, address: str, now: int) -> None:
    """Note where a device was seen last."""
    connection.execute(_TOUCH, {"device": device_id, "address": address, "now": now})


def remove_device(connection: Connection, user_id: int, device_id: int) -> bool:
    """Forget a user's device; False where there is none with that id."""
    return connection.execute(_REMOVE, {"user": user_id, "device": device_id}).rowcount == 1
