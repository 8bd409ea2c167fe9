"""Times that people type, in their time zone, and the zones there are (S004-25)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from protocol.errors import ErrorCode, ProtocolError

MAX_DAYS = 366
"""Days that a time may lie ahead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATER = re.compile(
    r"\+(?=[0-9])(?:(?P<days>[0-9]{1,6})d)?(?:(?P<hours>[0-9]{1,6})h)?"
    r"(?:(?P<minutes>[0-9]{1,6})m)?(?:(?P<seconds>[0-9]{1,6})s)?"
)
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
_DATED = (
    re.compile(rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{1,2}})-(?P<day>[0-9]{{1,2}})\s+{_CLOCK}"),
    re.compile(
        r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})(?:\.(?P<year>[0-9]{4}|[0-9]{2})?)?\s+" + _CLOCK
    ),
    re.compile(
        _CLOCK + r"\s+(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})(?:\.(?P<year>[0-9]{4}|[0-9]{2})?)?"
    ),
    re.compile(_CLOCK),
)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
_CENTURY = 100


def parse_when(text: str, now_micros: int, zone: tzinfo) -> int:
    """Return the time that was typed, in microseconds; raises what would be right.

    A day, hour, minute or second from now (``+1h30m``) is as long as it is on a clock that is
    never set. A time of the day that does not exist, because the clock is put forward, is as
    much later; of two that are one, because it is put back, the first is meant.
    """
    text = text.strip()
    now = _EPOCH + timedelta(microseconds=now_micros)
    if later := _LATER.fullmatch(text):
        amounts = {unit: int(amount) for unit, amount in later.groupdict("0").items()}
        return _checked(now_micros + timedelta(**amounts) // _MICROSECOND, now_micros)
    for pattern in _DATED:
        if found := pattern.fullmatch(text):
            numbers = {unit: int(number) for unit, number in found.groupdict().items() if number}
            return _checked(_first(numbers, now, zone), now_micros)
    raise ProtocolError(
        ErrorCode.BAD_ARGUMENTS,
        "Write a time such as 18:30, +10m, +1h30m, +2d, 31.12 18:30 or 2026-12-31 18:30.",
    )


def zone_of(name: str) -> tzinfo:
    """Return the time zone of that name, such as ``Europe/Moscow``."""
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (LookupError, OSError, ValueError):  # no file, a folder, or a file of something else
        pass
    raise ProtocolError(
        ErrorCode.BAD_ARGUMENTS,
        "There is no time zone {name}. Write one such as Europe/Moscow, Asia/Tokyo or UTC.",
        name=name,
    )


def _first(numbers: dict[str, int], now: datetime, zone: tzinfo) -> int:
    """Return the first time to come that has these numbers, or the last one that has been."""
    last: int | None = None
    for day in _days(numbers, now.astimezone(zone).date()):
        try:
            clock = time(numbers["hour"], numbers["minute"])
            local = datetime.combine(date(*day), clock, tzinfo=zone)
            last = (local - _EPOCH) // _MICROSECOND
        except (ValueError, OverflowError):  # the 29th of February, in most years
            continue
        if local > now:
            break
    if last is None:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS, "There is no such day or time; write one such as 31.12 18:30."
        )
    return last


def _days(numbers: dict[str, int], today: date) -> Iterator[tuple[int, int, int]]:
    """Yield the days that may be meant, as year, month and day, the first one first."""
    if "day" not in numbers:
        for day in (today, today + timedelta(days=1)):
            yield day.year, day.month, day.day
        return
    year = numbers.get("year")
    if year is None:
        years = [today.year, today.year + 1]
    else:
        years = [year if year >= _CENTURY else today.year // _CENTURY * _CENTURY + year]
    for one in years:
        yield one, numbers["month"], numbers["day"]


def _checked(when: int, now_micros: int) -> int:
    """Return a time that is to come and not too far away."""
    if when <= now_micros:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS, "That time is over; write one to come, such as +10m or +1d."
        )
    if when - now_micros > timedelta(days=MAX_DAYS) // _MICROSECOND:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "That is too far away; write a time within the next {days} days.",
            days=MAX_DAYS,
        )
    return when
