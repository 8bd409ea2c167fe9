"""Settings by flag, variable, file and default, in that order (S004-12..15, issue 2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import fields

from server.settings import Settings
from server.settings_sources import SettingsError, flag_of, load_settings, meta_of

NAMES = [field.name for field in fields(Settings)]

# Three values of each setting, none of them its default.
VALUES: dict[str, tuple[object, object, object]] = {
    "host": ("0.0.0.0", "::1", "chat.example"),  # noqa: S104 - nothing is bound here
    "port": (1, 8001, 65535),
    "db_name": ("a.db", "/tmp/b.db", "чат.db"),  # noqa: S108 - nor opened
    "database": ("mysql://u:p@h/a", "mysql://u:p@h/b", "sqlite:///c.db"),
    "encryption": ("off", "off", "off"),
    "master_key_file": ("a.key", "/run/secrets/key", "ключ"),
    "master_key_command": ("pass show a", "cat b", "echo c"),
    "tz": ("Europe/Moscow", "UTC", "Asia/Tokyo"),
    "lang": ("ru", "ru_RU.UTF-8", "de_DE.UTF-8"),
    "limit_show_messages": (0, 5, 10_000),
    "max_file_bytes": (0, 5_000_000_000, 1),
    "edit_minutes": (0, 60, 10**6),
    "log_format": ("human", "json", "human"),
    "log_level": ("debug", "warning", "error"),
    "ping_interval": (0.5, 10.0, 3600.0),
    "idle_limit": (1.0, 2.5, 604_800.0),
    "login_timeout": (1.0, 2.5, 3600.0),
    "telnet_patience": (0.1, 2.5, 60.0),
    "shutdown_grace": (0.0, 2.5, 300.0),
    "channel_bytes": (4096, 10_000, 67_108_864),
    "send_buffer": (4096, 10_000, 67_108_864),
    "max_connections": (0, 5, 10_000_000),
    "max_connections_per_ip": (0, 5, 10_000_000),
    "max_waiting": (0, 5, 10_000_000),
    "max_waiting_per_ip": (0, 5, 10_000_000),
    "max_login_bytes": (0, 5, 67_108_864),
    "logins_per_minute": (0, 5, 10_000_000),
    "logins_per_minute_per_ip": (0, 5, 10_000_000),
    "handshakes_per_minute": (0, 5, 10_000_000),
    "handshakes_per_minute_per_ip": (0, 5, 10_000_000),
    "frames_per_second": (0, 5, 10_000_000),
    "frames_per_second_per_ip": (0, 5, 10_000_000),
    "limit_exempt": ("none", "10.0.0.0/8, 2001:db8::/32", "192.0.2.7,::1"),
    "limit_messages": (0, 5, 1_000_000),
    "update_period": (0.5, 10.0, 527_040.0),
    "lifetime_messages": (0.0, 2.5, 52_704_000.0),
    "lifetime_rooms": (1.0, 2.5, 52_704_000.0),
    "away_days": (0.5, 10.0, 36_600.0),
    "complaints_threshold": (1, 5, 1_000_000),
    "complaints_window": (0.5, 10.0, 878_400.0),
    "block_hours": (0.5, 10.0, 8760.0),
    "http_hosts": ("chat.example.org", "a.example,b.example", "*"),
    "http_header_bytes": (1024, 20_000, 1024 * 1024),
    "http_body_bytes": (1024, 100_000, 64 * 1024 * 1024),
    "http_header_timeout": (0.5, 5.0, 3600.0),
    "http_idle_timeout": (0.5, 5.0, 86_400.0),
    "admin": ("Ann", "Боб,Ann", "x"),
    "tls_cert": ("a.pem", "/tmp/b.pem", "цепь.pem"),  # noqa: S108 - nor opened
    "tls_key": ("a.pem", "/tmp/b.pem", "ключ.pem"),  # noqa: S108 - nor opened
    "allow_plaintext": (True, True, True),
}

# Values that cannot be, as they would be typed; and one for the file that is of a wrong type.
WRONG: dict[str, tuple[list[str], object]] = {
    "host": ([], 5),
    "port": (["x", "-1", "65536", "8000.5", "0x50", "80 80", "1e9", "true", "None"], [8000]),
    "db_name": ([], True),
    "database": ([], 5),
    "encryption": (["yes", "ON", "aes"], True),
    "master_key_file": ([], 5),
    "master_key_command": ([], ["pass"]),
    "tz": (["Moscow", "Europe/Moskau", "Europe", "../UTC", "UTC\0"], 3),
    "lang": ([], 5),
    "limit_show_messages": (["x", "-1", "10001", "twenty"], "many"),
    "max_file_bytes": (["x", "-1", "5M", "1.5"], 1.5),
    "edit_minutes": (["x", "-1", "1.5", "15m"], "long"),
    "log_format": (["xml", "JSON"], 1),
    "log_level": (["verbose", "INFO", "10"], 1),
    "ping_interval": (["x", "0", "-1", "3601", "nan", "inf", "-inf", "30s"], "often"),
    "idle_limit": (["x", "0", "604801", "nan", "inf"], "long"),
    "login_timeout": (["x", "0", "3601", "nan"], [1]),
    "telnet_patience": (["x", "0", "61", "nan"], {"x": 1}),
    "shutdown_grace": (["x", "-0.1", "301", "nan"], "x"),
    "channel_bytes": (["x", "4095", "67108865", "64K"], "64K"),
    "send_buffer": (["x", "4095", "67108865", "1.5"], 1.5),
    "max_connections": (["x", "-1", "10000001", "1.5"], "many"),
    "max_connections_per_ip": (["x", "-1", "10000001", "1.5"], "many"),
    "max_waiting": (["x", "-1", "10000001", "1.5"], "many"),
    "max_waiting_per_ip": (["x", "-1", "10000001", "1.5"], "many"),
    "max_login_bytes": (["x", "-1", "67108865", "64K"], "64K"),
    "logins_per_minute": (["x", "-1", "10000001", "1.5"], "many"),
    "logins_per_minute_per_ip": (["x", "-1", "10000001", "1.5"], "many"),
    "handshakes_per_minute": (["x", "-1", "10000001", "1.5"], "many"),
    "handshakes_per_minute_per_ip": (["x", "-1", "10000001", "1.5"], "many"),
    "frames_per_second": (["x", "-1", "10000001", "1.5"], "many"),
    "frames_per_second_per_ip": (["x", "-1", "10000001", "1.5"], "many"),
    "limit_exempt": (["office", "10.0.0.0/33", "10.0.0.1/8", "1.2.3", "::1 127.0.0.1"], 5),
    "limit_messages": (["x", "-1", "1000001", "1.5"], "few"),
    "update_period": (["x", "0", "527041", "nan", "inf"], "often"),
    "lifetime_messages": (["x", "-1", "52704001", "nan", "inf"], "long"),
    "lifetime_rooms": (["x", "-1", "52704001", "nan", "inf"], [1]),
    "away_days": (["x", "0", "36601", "nan", "inf"], "long"),
    "complaints_threshold": (["x", "0", "1000001", "1.5"], "three"),
    "complaints_window": (["x", "0", "878401", "nan", "inf"], "24h"),
    "block_hours": (["x", "0", "8761", "nan", "inf"], "4h"),
    "http_hosts": ([], 5),
    "http_header_bytes": (["x", "1023", "1048577", "16K"], "16K"),
    "http_body_bytes": (["x", "1023", "67108865", "1.5"], 1.5),
    "http_header_timeout": (["x", "0", "3601", "nan"], "x"),
    "http_idle_timeout": (["x", "0", "86401", "inf"], [1]),
    "admin": ([], 5),
    "tls_cert": ([], 5),
    "tls_key": ([], True),
    "allow_plaintext": (["x", "2", "yes"], 5),
}


UNITS = {
    "limit_show_messages", "max_file_bytes", "edit_minutes", "channel_bytes", "send_buffer",
    "max_connections", "max_connections_per_ip", "max_waiting", "max_waiting_per_ip",
    "max_login_bytes", "logins_per_minute", "logins_per_minute_per_ip", "frames_per_second",
    "handshakes_per_minute", "handshakes_per_minute_per_ip",
    "frames_per_second_per_ip", "limit_messages", "complaints_threshold", "http_header_bytes",
    "http_body_bytes",
}  # fmt: skip
"""The whole numbers that have a unit; all fractions have one."""


def _variable(name: str) -> str:
    extra = meta_of(name).extra
    assert extra is not None
    return str(extra["env"])


def _file(folder: Path, **values: object) -> Path:
    path = folder / "settings.toml"
    lines = [f"{key} = {_toml(value)}\n" for key, value in values.items()]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _defaults() -> dict[str, object]:
    return {field.name: field.default for field in fields(Settings)}


def test_every_setting_has_values_here() -> None:
    """A new setting has to be tried too."""
    assert list(VALUES) == list(WRONG) == NAMES


def test_without_anything_the_defaults_hold() -> None:
    """S002-8, S002-6, S004-12: 127.0.0.1, 8000, db_chat.db, 20 messages."""
    settings = load_settings([], {})
    assert {name: getattr(settings, name) for name in NAMES} == _defaults()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.db_name, settings.limit_show_messages) == ("db_chat.db", 20)
    assert settings.database_url == "sqlite:///db_chat.db"


def test_the_variables_have_the_names_of_the_seed() -> None:
    """S004-12..15."""
    names = {"HOST", "PORT", "DB_NAME", "DATABASE_URL", "TZ", "LIMIT_SHOW_MESSAGES"}
    assert names <= {_variable(name) for name in NAMES}
    assert len({_variable(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_outranks_a_variable_the_file_and_the_default(name: str, tmp_path: Path) -> None:
    """Each of the four ways works for each setting, and touches no other one."""
    by_flag, by_variable, by_file = VALUES[name]
    flag = [flag_of(name), str(by_flag)]
    variable = {_variable(name): str(by_variable)}
    file = ["--config", str(_file(tmp_path, **{name: by_file}))]
    for arguments, environ, expected in (
        ([*flag, *file], variable, by_flag),
        ([f"{flag[0]}={flag[1]}"], {}, by_flag),
        (file, variable, by_variable),
        ([], variable, by_variable),
        (file, {}, by_file),
        ([], {"MYMESSENGER_CONFIG": file[1]}, by_file),
        (file, {_variable(name): ""}, by_file),
    ):
        settings = load_settings(arguments, environ)
        assert {key: getattr(settings, key) for key in NAMES} == _defaults() | {name: expected}
        assert type(getattr(settings, name)) is type(expected)


def test_the_flag_for_the_file_outranks_the_variable_for_it(tmp_path: Path) -> None:
    """And the other file is not even read."""
    path = _file(tmp_path, port=9000)
    environ = {"MYMESSENGER_CONFIG": str(tmp_path / "missing.toml")}
    assert load_settings(["--config", str(path)], environ).port == 9000


def _refusal(arguments: list[str], environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as told:
        load_settings(arguments, environ)
    sentence = str(told.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


_WRONG_TEXTS = [(name, value) for name, (values, _) in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), _WRONG_TEXTS, ids=ascii)
def test_a_wrong_value_is_told_with_its_source(name: str, value: str) -> None:
    """Which flag or variable it was, and what was wrong with it."""
    flag, variable = flag_of(name), _variable(name)
    by_flag = _refusal([f"{flag}={value}"], {})
    by_variable = _refusal([], {variable: value})
    for sentence, source in ((by_flag, flag), (by_variable, f"${variable}")):
        assert repr(value) in sentence
        assert sentence.startswith(f"{source}: ")


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_a_wrong_type_in_the_file_is_told_with_its_source(
    name: str, tmp_path: Path
) -> None:
    """Which key of which file."""
    path = _file(tmp_path, **{name: WRONG[name][1]})
    sentence = _refusal(["--config", str(path)], {})
    assert sentence.startswith(f"{name} in {path}: ")


def test_a_wrong_time_zone_in_the_file_is_told_with_its_source(tmp_path: Path) -> None:
    """Not as if it had been a flag."""
    path = _file(tmp_path, tz="Europe/Moskau")
    sentence = _refusal(["--config", str(path)], {})
    assert sentence.startswith(f"tz in {path}: ")
    assert "Europe/Moscow" in sentence


@pytest.mark.parametrize("name", ["log_format", "log_level"])
def test_a_wrong_word_is_answered_with_the_right_ones(name: str) -> None:
    """Or one would have to look them up."""
    sentence = _refusal([flag_of(name), "nonsense"], {})
    words = {"log_format": ["auto", "human", "json"], "log_level": ["debug", "info", "error"]}
    assert all(word in sentence for word in words[name])


@pytest.mark.parametrize(
    ("flag", "value", "wanted"),
    [
        ("--port", "abc", "a whole number"),
        ("--port", "65536", "a whole number <= 65535"),
        ("--ping-interval", "soon", "a number"),
        ("--ping-interval", "0", "a number > 0.0"),
    ],
)
def test_what_a_number_has_to_be_is_said_in_words(flag: str, value: str, wanted: str) -> None:
    """And not in those of the language the server is written in."""
    assert _refusal([flag, value], {}) == f"{flag}: {value!r} cannot be used: use {wanted}."


def test_an_empty_value_is_refused_where_it_means_nothing() -> None:
    """An empty variable counts as not set, an empty flag was meant."""
    assert _refusal(["--db-name", ""], {}).startswith("--db-name: ")
    assert _refusal(["--port", ""], {}).startswith("--port: ")
    assert load_settings([], {"DB_NAME": "", "PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("prot = 8000\n", "'prot'"),
        ("[server]\nport = 8000\n", "'server'"),
        ("PORT = 8000\n", "'PORT'"),
        ("port = \n", "not valid TOML"),
        ("port = 1\nport = 2\n", "not valid TOML"),
        ("host = 'x\n", "not valid TOML"),
        ("\xff", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told(text: str, word: str, tmp_path: Path) -> None:
    """With its name; for a wrong key with the right ones."""
    path = tmp_path / "settings.toml"
    path.write_bytes(text.encode("latin-1"))
    sentence = _refusal(["--config", str(path)], {})
    assert str(path) in sentence
    assert word in sentence
    if "unknown" in sentence:
        assert all(name in sentence for name in NAMES)


@pytest.mark.parametrize("missing", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_told(missing: str, tmp_path: Path) -> None:
    """A file that was asked for is not passed over."""
    sentence = _refusal(["--config", str(tmp_path / missing)], {})
    assert str(tmp_path) in sentence
    assert "cannot be read" in sentence


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    """All that is in it is optional."""
    assert load_settings(["--config", str(_file(tmp_path))], {}) == Settings()


def test_a_file_may_give_a_whole_number_for_a_fraction(tmp_path: Path) -> None:
    """``idle_limit = 60`` is what a person writes."""
    assert load_settings(["--config", str(_file(tmp_path, idle_limit=60))], {}).idle_limit == 60


@pytest.mark.parametrize("zone", ["Europe/Moscow", "UTC", "Etc/GMT+3", "EST5EDT"])
def test_a_time_zone_by_its_name(zone: str) -> None:
    """S004-13."""
    assert load_settings(["--tz", zone], {}).zone == ZoneInfo(zone)


@pytest.mark.parametrize("zone", ["", ":Europe/Moscow", ":/etc/localtime", "/etc/localtime"])
def test_a_time_zone_for_the_c_library_is_the_machines_own(zone: str) -> None:
    """As TZ stands in the environment of many machines."""
    settings = load_settings([], {"TZ": zone})
    assert settings.zone is None
    assert datetime.fromtimestamp(0, UTC).astimezone(settings.zone).timestamp() == 0


def test_a_database_outranks_the_file() -> None:
    """Whoever names a database means it."""
    settings = load_settings(["--db-name", "x.db"], {"DATABASE_URL": "mysql://u:p@h/name"})
    assert settings.database_url == "mysql://u:p@h/name"


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["--port"], ["--por", "1"], ["8000"], ["--limit-show", "1"]]
)
def test_a_flag_that_does_not_exist_ends_the_program(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With 2; an abbreviation is none either, so that a new flag breaks nobody's script."""
    with pytest.raises(SystemExit) as ended:
        load_settings(arguments, {})
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_switch_needs_no_value() -> None:
    """And can be turned off where a variable turned it on."""
    assert load_settings(["--allow-plaintext", "--port", "1"], {}).allow_plaintext
    environ = {"ALLOW_PLAINTEXT": "1"}
    assert not load_settings(["--allow-plaintext=false"], environ).allow_plaintext


@pytest.mark.parametrize("name", NAMES)
def test_the_help_names_everything_about_a_setting(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flag, variable, unit, default and what it does."""
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit) as ended:
        load_settings(["--help"], {})
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    meta, default = meta_of(name), _defaults()[name]
    assert meta.extra is not None
    unit = f", in {meta.extra['unit']}" if isinstance(default, float) or name in UNITS else ""
    switch = isinstance(default, bool)
    said = "none" if default == "" else "false" if switch else default
    source = f"[${meta.extra['env']}{unit}; default {said}]"
    value = f"[{name.upper()}]" if switch else name.upper()
    assert f"{flag_of(name)} {value} {meta.description} {source}" in shown
    assert meta.description


def test_the_help_tells_of_version_file_and_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Also in a narrow window."""
    with pytest.raises(SystemExit):
        load_settings(["--help"], {})
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("--version", "--config FILE", "$MYMESSENGER_CONFIG", "outranks"):
        assert words in shown
