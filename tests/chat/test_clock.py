"""Times as people type them, and time zones (S004-25)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.clock import MAX_DAYS, parse_when, zone_of
from protocol.errors import ErrorCode, ProtocolError

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    UTC,
    MOSCOW,
    BERLIN,
    ZoneInfo("America/New_York"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Pacific/Kiritimati"),
]


def micros(moment: datetime) -> int:
    """Return a moment as the server counts."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def shown(when: int, zone: tzinfo) -> str:
    """Return it as a clock on the wall in that zone shows it."""
    return datetime.fromtimestamp(when // 1_000_000, zone).strftime("%Y-%m-%d %H:%M:%S")


NOW = datetime(2026, 11, 21, 17, 30, 15, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("18:30", "2026-11-21 18:30:00"),
        ("  18:30 ", "2026-11-21 18:30:00"),
        ("17:30", "2026-11-22 17:30:00"),
        ("9:05", "2026-11-22 09:05:00"),
        ("00:00", "2026-11-22 00:00:00"),
        ("+10m", "2026-11-21 17:40:15"),
        ("+1h30m", "2026-11-21 19:00:15"),
        ("+2d", "2026-11-23 17:30:15"),
        ("+45s", "2026-11-21 17:31:00"),
        ("+1d2h3m4s", "2026-11-22 19:33:19"),
        ("+90m", "2026-11-21 19:00:15"),
        ("2026-12-31 18:30", "2026-12-31 18:30:00"),
        ("2026-12-31   8:30", "2026-12-31 08:30:00"),
        ("31.12.26 18:30", "2026-12-31 18:30:00"),
        ("31.12.2026 18:30", "2026-12-31 18:30:00"),
        ("31.12. 18:30", "2026-12-31 18:30:00"),
        ("31.12 18:30", "2026-12-31 18:30:00"),
        ("1.2 18:30", "2027-02-01 18:30:00"),
        ("18:30 31.12.26", "2026-12-31 18:30:00"),
        ("18:30 31.12.2026", "2026-12-31 18:30:00"),
        ("8:30  31.12", "2026-12-31 08:30:00"),
        ("18:30 01.02.", "2027-02-01 18:30:00"),
        ("21.11 17:31", "2026-11-21 17:31:00"),
        ("21.11 17:30", "2027-11-21 17:30:00"),
        ("+366d", "2027-11-22 17:30:15"),
    ],
)
def test_what_can_be_typed(text: str, clock: str) -> None:
    """Each way of writing a time; without a day it is today's or tomorrow's."""
    assert shown(parse_when(text, micros(NOW), MOSCOW), MOSCOW) == clock


WRONG = {
    "Write a time such as": [
        *("", "now", "18", "18.30", "18:3", "+", "+m", "+1m1h", "+10", "-10m", "+1.5h", "١٨:٣٠"),
        *("31.12.026 18:30", "12/31 18:30", "1 18:30", "+1000000000000s", "18:30\n19:30", "+1h 5m"),
    ],
    "no such day": [
        *("24:00", "18:60", "31.11 18:30", "30.2.27 18:30", "0.1 18:30", "2026-13-01 18:30"),
        "29.02 18:30",
    ],
    "is over": [
        *("+0s", "2026-11-21 17:30", "21.11.26 17:30", "1.1.1970 1:00", "0101-01-01 00:00"),
    ],
    "366 days": [
        *("+366d1s", "+999999d999999h", "2028-01-01 00:00", "9999-12-31 23:59", "01.01.99 01:00"),
    ],
}


@pytest.mark.parametrize(
    ("text", "word"), [(text, word) for word, texts in WRONG.items() for text in texts]
)
def test_what_cannot_be_is_refused_with_what_would_be_right(text: str, word: str) -> None:
    """S004-34: each mistake has its own sentence."""
    with pytest.raises(ProtocolError) as told:
        parse_when(text, micros(NOW), MOSCOW)
    assert told.value.code == ErrorCode.BAD_ARGUMENTS
    assert word in told.value.sentence


def test_the_29th_of_february_is_found_where_there_is_one() -> None:
    """In this year or the next."""
    now = micros(datetime(2027, 3, 1, tzinfo=UTC))
    assert shown(parse_when("29.02 18:30", now, UTC), UTC) == "2028-02-29 18:30:00"


def test_a_time_that_does_not_exist_is_later_by_the_gap() -> None:
    """In the night in which the clock goes from 2 to 3 there is no 2:30."""
    now = micros(datetime(2027, 3, 28, 0, 0, tzinfo=BERLIN))
    assert shown(parse_when("02:30", now, BERLIN), BERLIN) == "2027-03-28 03:30:00"
    assert shown(parse_when("2027-03-28 02:00", now, BERLIN), BERLIN) == "2027-03-28 03:00:00"


def test_of_two_times_that_are_one_it_is_the_first() -> None:
    """In the night in which the clock goes from 3 back to 2 there are two."""
    now = micros(datetime(2027, 10, 31, 0, 0, tzinfo=BERLIN))
    when = parse_when("02:30", now, BERLIN)
    assert when == micros(datetime(2027, 10, 31, 0, 30, tzinfo=UTC))
    assert shown(parse_when("02:30", when, BERLIN), BERLIN) == "2027-11-01 02:30:00"


def test_a_day_from_now_is_24_hours() -> None:
    """Also in the night in which a day has 25."""
    now = micros(datetime(2027, 10, 30, 18, 0, tzinfo=BERLIN))
    assert shown(parse_when("+1d", now, BERLIN), BERLIN) == "2027-10-31 17:00:00"


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    ahead=st.integers(2, MAX_DAYS * 24 * 60 - 24 * 60),
    zone=st.sampled_from(ZONES),
    form=st.sampled_from(["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M", "%d.%m %H:%M"]),
)
def test_a_time_reads_the_same_where_it_is_shown(
    now: datetime, ahead: int, zone: tzinfo, form: str
) -> None:
    """Whatever the clocks do in between; of two that are one it may be the first, and over."""
    wanted = (now + timedelta(minutes=ahead)).astimezone(zone)
    if wanted.fold and wanted - now < timedelta(hours=2):
        return
    text = wanted.strftime(form)
    when = parse_when(text, micros(now), zone)
    assert datetime.fromtimestamp(when // 1_000_000, zone).strftime(form) == text
    if not wanted.fold:
        assert shown(when, zone) == wanted.strftime("%Y-%m-%d %H:%M:00")


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(ZONES),
)
def test_a_time_of_the_day_is_the_next_one(
    now: datetime, hour: int, minute: int, zone: tzinfo
) -> None:
    """Within a day, or 26 hours where a clock is set; and it reads the same, or lies in a gap."""
    when = parse_when(f"{hour}:{minute:02}", micros(now), zone)
    assert 0 < when - micros(now) <= 26 * 3600 * 1_000_000
    local = datetime.fromtimestamp(when // 1_000_000, zone)
    written = local.replace(hour=hour, minute=minute, fold=0)
    exists = written.astimezone(UTC).astimezone(zone).time() == written.time()
    assert (local.hour, local.minute) == (hour, minute) or not exists


@given(text=st.text() | st.text("+0123456789dhms:. -", max_size=20))
def test_any_text_is_a_time_to_come_or_refused(text: str) -> None:
    """Nothing but :class:`ProtocolError`."""
    try:
        when = parse_when(text, micros(NOW), BERLIN)
    except ProtocolError:
        return
    assert 0 < when - micros(NOW) <= MAX_DAYS * 24 * 3600 * 1_000_000


@pytest.mark.parametrize("name", ["Europe/Moscow", "UTC", "Etc/GMT-3", "America/Argentina/Salta"])
def test_a_zone_has_the_name_that_everybody_gives_it(name: str) -> None:
    """Those of IANA."""
    assert str(zone_of(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Europe",
            "Moscow",
            "MSK",
            "+03:00",
            "../../etc/passwd",
            "/etc/localtime",
            "a" * 10_000,
        ),
        *("Europe/Moscow\n", "Europe//Moscow", "Europe/Moscow/x", "\0", "\ud800", "Европа/Москва"),
        *("zone.tab", "leapseconds", "Europe/Москва"),
    ],
    ids=ascii,
)
def test_a_zone_that_does_not_exist_is_refused_with_one_that_does(name: str) -> None:
    """And no file but those of time zones is looked at."""
    with pytest.raises(ProtocolError) as told:
        zone_of(name)
    assert told.value.code == ErrorCode.BAD_ARGUMENTS
    assert "Europe/Moscow" in told.value.sentence
