"""What is done with passwords, devices and names that look alike."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.records import Device, LookAlike
from storage.schema import devices, scheduled, users

_AT_ONCE = 500
"""Users whose skeletons one transaction writes."""

A_GUESTS = "needs_account"
"""Why a message is not sent that a guest scheduled: the name is an account's now."""

_HASH = select(users.c.password_hash).where(users.c.id == bindparam("user"))
_REGISTER = (
    update(users)
    .where(users.c.id == bindparam("user"), users.c.password_hash.is_(None))
    .values(password_hash=bindparam("hash"), registered_at=bindparam("now"))
)
_SHAPE_OF = select(users.c.skeleton).where(users.c.id == bindparam("user"))
_REGISTERED_ALIKE = (
    select(users.c.name)
    .where(
        users.c.skeleton == bindparam("skeleton"),
        users.c.registered_at.is_not(None),
        users.c.id != bindparam("user"),
    )
    .limit(1)
    .with_for_update()  # of two such names at the same time one has to wait for the other
)
_STOP_SCHEDULED = (
    update(scheduled)
    .where(scheduled.c.user_id == bindparam("user"), scheduled.c.failure.is_(None))
    .values(failure=A_GUESTS)
)
_REPLACE_HASH = (
    update(users)
    .where(users.c.id == bindparam("user"), users.c.password_hash == bindparam("old"))
    .values(password_hash=bindparam("hash"))
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
_PROVED = (
    select(users.c.id)
    .where(users.c.id == bindparam("user"), users.c.password_hash == bindparam("proved"))
    .with_for_update()
)
_BY_TOKEN = select(devices.c.token_hash, *_DEVICE).where(
    devices.c.token_hash.in_(bindparam("tokens", expanding=True))
)
_OF_USER = select(*_DEVICE).where(devices.c.user_id == bindparam("user")).order_by(devices.c.id)
_TOUCH = (
    update(devices)
    .where(devices.c.id == bindparam("device"))
    .values(address=bindparam("where"), seen_at=bindparam("now"))
)
_REMOVE = delete(devices).where(
    devices.c.id == bindparam("device"), devices.c.user_id == bindparam("user")
)
_REMOVE_OTHERS = delete(devices).where(
    devices.c.user_id == bindparam("user"), devices.c.id != bindparam("device")
)
_LATEST = (
    select(devices.c.id)
    .where(devices.c.user_id == bindparam("user"))
    .order_by(devices.c.seen_at.desc(), devices.c.id.desc())
)


def password_hash(connection: Connection, user_id: int) -> str | None:
    """Return what is kept of a user's password; None for a guest."""
    return connection.execute(_HASH, {"user": user_id}).scalar()


def register(connection: Connection, user_id: int, hashed: str, now: int) -> bool | LookAlike:
    """Put a password on a name; False where it has another one already.

    Nothing is done where the name looks like another one that has a password: that one is
    returned. What a guest of that name has scheduled is not sent any more: it was perhaps
    somebody else's. May be repeated.
    """
    shape = connection.execute(_SHAPE_OF, {"user": user_id}).scalar()
    if shape is not None:
        alike = {"skeleton": shape, "user": user_id}
        taken = connection.execute(_REGISTERED_ALIKE, alike).scalar()
        if taken is not None:
            return LookAlike(taken)
    done = connection.execute(_REGISTER, {"user": user_id, "hash": hashed, "now": now})
    if done.rowcount != 1:
        return password_hash(connection, user_id) == hashed
    connection.execute(_STOP_SCHEDULED, {"user": user_id})
    return True


def set_password(
    connection: Connection, user_id: int, old: str, hashed: str, device_id: int
) -> bool:
    """Change a password; of the user's devices only ``device_id`` stays.

    False where what was kept of it is not ``old`` any more. May be repeated.
    """
    done = connection.execute(_REPLACE_HASH, {"user": user_id, "old": old, "hash": hashed})
    if done.rowcount != 1 and password_hash(connection, user_id) != hashed:
        return False
    connection.execute(_REMOVE_OTHERS, {"user": user_id, "device": device_id})
    return True


def rehash(connection: Connection, user_id: int, old: str, hashed: str) -> None:
    """Keep the same password in another way, unless it is not ``old`` any more."""
    connection.execute(_REPLACE_HASH, {"user": user_id, "old": old, "hash": hashed})


def set_language(connection: Connection, user_id: int, language: str) -> None:
    """Keep a user's language."""
    connection.execute(_SET_LANGUAGE, {"user": user_id, "chosen": language})


def unshaped(connection: Connection) -> list[tuple[int, str]]:
    """Return some users, id and name, of whom no skeleton is stored."""
    return [(row.id, row.name) for row in connection.execute(_UNSHAPED)]


def shape(connection: Connection, skeletons: Sequence[tuple[int, str]]) -> None:
    """Store skeletons, by the users' ids."""
    connection.execute(_SHAPE, [{"user": user, "skeleton": shape} for user, shape in skeletons])


def add_device(
    connection: Connection, device: Device, token_hash: bytes, proved: str, most: int
) -> int | None:
    """Store a device, its own id left out, that logs in by a token; return its id.

    None where what is kept of the user's password is not ``proved`` any more. Beyond ``most``
    the user's devices are forgotten that were not seen for longest. May be repeated.
    """
    still = {"user": device.user_id, "proved": proved}
    if connection.execute(_PROVED, still).first() is None:
        return None
    values = {
        "user_id": device.user_id,
        "token_hash": token_hash,
        "label": device.label,
        "address": device.address,
        "created_at": device.created_at,
        "seen_at": device.seen_at,
    }
    try:
        connection.execute(insert(devices), values)
    except IntegrityError:  # it is there already
        connection.rollback()
    [added] = devices_by_token(connection, [token_hash])
    assert added is not None  # noqa: S101
    _drop_devices(connection, added, most)
    return added.id


def _drop_devices(connection: Connection, new: Device, most: int) -> None:
    """Forget the devices of a user beyond ``most``, but not the new one."""
    latest = connection.execute(_LATEST, {"user": new.user_id}).scalars().all()
    others = [number for number in latest if number != new.id]
    for number in others[most - 1 :]:
        remove_device(connection, new.user_id, number)


def devices_by_token(connection: Connection, token_hashes: Sequence[bytes]) -> list[Device | None]:
    """Return the devices with those tokens, in their order."""
    rows = connection.execute(_BY_TOKEN, {"tokens": list(token_hashes)})
    found = {bytes(row[0]): Device(*row[1:]) for row in rows}
    return [found.get(token) for token in token_hashes]


def devices_of(connection: Connection, user_id: int) -> list[Device]:
    """Return a user's devices, the oldest first."""
    return [Device(*row) for row in connection.execute(_OF_USER, {"user": user_id})]


def touch_devices(connection: Connection, seen: Sequence[Device]) -> None:
    """Note where and when devices were seen last.

    The order is always the same, so that two servers do not wait for each other in a circle.
    """
    rows = [
        {"device": one.id, "where": one.address, "now": one.seen_at}
        for one in sorted(seen, key=lambda device: device.id)
    ]
    connection.execute(_TOUCH, rows)


def remove_device(connection: Connection, user_id: int, device_id: int) -> bool:
    """Forget a user's device; False where there is none with that id."""
    return connection.execute(_REMOVE, {"user": user_id, "device": device_id}).rowcount == 1
