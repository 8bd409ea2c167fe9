"""Everything that can be set, in one place (S004-12..15).

The struct below makes the flags, the environment variables, the keys of the file,
the help and ``docs/configuration.md``. A flag outranks a variable, a variable the
file, and the file the default.
"""

from __future__ import annotations

import argparse
import os
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

from chat.names import check_name
from chat.sites import networks
from protocol import __version__
from protocol.errors import ProtocolError

_POSIX_ZONE = re.compile(r"[A-Za-z]{3,}[+-]?\d")


def _set(description: str, *, env: str, unit: str = "", **bounds: Any) -> Meta:
    return Meta(description=description, extra={"env": env, "unit": unit}, **bounds)


class Settings(Struct, frozen=True, kw_only=True):
    """The server's settings; the defaults serve a small team with nothing set."""

    host: Annotated[
        str, _set("Address to listen on. 0.0.0.0 or :: is every address.", env="HOST")
    ] = "127.0.0.1"
    port: Annotated[
        int,
        _set("Port to listen on. 0 picks a free one and prints it.", env="PORT", ge=0, le=65535),
    ] = 8000
    db_name: Annotated[
        str, _set("SQLite file, made if it is not there.", env="DB_NAME", min_length=1)
    ] = "db_chat.db"
    database: Annotated[
        str,
        _set(
            "Database to use instead of the file: mysql://user:password@host:3306/name.",
            env="DATABASE_URL",
        ),
    ] = ""
    encryption: Annotated[
        Literal["on", "off"],
        _set(
            "Whether what people write is sealed in the database. A database that is sealed stays "
            "so: off is for one that never was. See docs/encryption.md.",
            env="ENCRYPTION",
        ),
    ] = "on"
    master_key_file: Annotated[
        str,
        _set(
            "File with the master key, made if there is none yet. Empty: the name of the SQLite "
            "file (DB_NAME) with .key behind it, also for MySQL. Keep a copy of it elsewhere: "
            "without it nothing can be read. $MYMESSENGER_MASTER_KEY can hold the key instead.",
            env="MYMESSENGER_MASTER_KEY_FILE",
        ),
    ] = ""
    master_key_command: Annotated[
        str,
        _set(
            "Command that prints the master key, instead of the file: that of a secret store.",
            env="MYMESSENGER_MASTER_KEY_COMMAND",
        ),
    ] = ""
    tz: Annotated[
        str,
        _set(
            "Time zone of the times telnet shows, as Europe/Moscow. Empty: this machine's.",
            env="TZ",
        ),
    ] = ""
    lang: Annotated[
        str,
        _set(
            "Language in which telnet is greeted, as ru or ru_RU.UTF-8. Empty: English.",
            env="LANG",
        ),
    ] = ""
    limit_show_messages: Annotated[
        int,
        _set(
            "Messages of the general chat a newcomer is shown.",
            env="LIMIT_SHOW_MESSAGES", unit="messages", ge=0, le=10_000,
        ),
    ] = 20  # fmt: skip
    max_file_bytes: Annotated[
        int,
        _set(
            "The biggest file that can be sent. 0 is any size.",
            env="MAX_FILE_BYTES", unit="bytes", ge=0, le=2**53,
        ),
    ] = 5 * 1024 * 1024  # fmt: skip
    edit_minutes: Annotated[
        int,
        _set(
            "For how long people can edit and delete what they wrote; 0 is never. It holds for "
            "guests too, whose names are not protected: whoever uses the same name is the same "
            "user, and can change the messages.",
            env="EDIT_MINUTES", unit="minutes", ge=0,
        ),
    ] = 15  # fmt: skip
    log_format: Annotated[
        Literal["auto", "human", "json"],
        _set("How the log looks. auto: human on a terminal, else json.", env="LOG_FORMAT"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _set("The least important thing that is logged.", env="LOG_LEVEL"),
    ] = "info"
    ping_interval: Annotated[
        float,
        _set(
            "Silence after which a connection is asked whether it lives; twice that and a dead one "
            "has been found.",
            env="PING_INTERVAL", unit="seconds", gt=0, le=3600,
        ),
    ] = 30.0  # fmt: skip
    idle_limit: Annotated[
        float,
        _set(
            "A client that takes no byte, or does not answer, for so long is closed.",
            env="IDLE_LIMIT", unit="seconds", gt=0, le=7 * 86400,
        ),
    ] = 900.0  # fmt: skip
    login_timeout: Annotated[
        float,
        _set(
            "Time a connection has to log in. One of HTTP that has shown no token ends behind the "
            "next answer then, and the client connects again.",
            env="LOGIN_TIMEOUT", unit="seconds", gt=0, le=3600,
        ),
    ] = 120.0  # fmt: skip
    telnet_patience: Annotated[
        float,
        _set(
            "Silence after which a fresh connection is greeted as a person at telnet.",
            env="TELNET_PATIENCE", unit="seconds", gt=0, le=60,
        ),
    ] = 1.0  # fmt: skip
    shutdown_grace: Annotated[
        float,
        _set(
            "Time the clients have to receive the shutdown notice.",
            env="SHUTDOWN_GRACE", unit="seconds", ge=0, le=300,
        ),
    ] = 5.0  # fmt: skip
    channel_bytes: Annotated[
        int,
        _set(
            "What may wait for one slow client in memory; past it the client is fed from the "
            "database at its own pace.",
            env="CHANNEL_BYTES", unit="bytes", ge=4096, le=64 * 1024 * 1024,
        ),
    ] = 64 * 1024  # fmt: skip
    send_buffer: Annotated[
        int,
        _set(
            "The kernel's send buffer of each connection (SO_SNDBUF).",
            env="SEND_BUFFER", unit="bytes", ge=4096, le=64 * 1024 * 1024,
        ),
    ] = 64 * 1024  # fmt: skip

    max_connections: Annotated[
        int,
        _set(
            "Connections there can be at once. Who comes then is turned away; nobody who is in is "
            "dropped. 0 is no limit, here and in all limits below.",
            env="MAX_CONNECTIONS", unit="connections", ge=0, le=10_000_000,
        ),
    ] = 20_000  # fmt: skip
    max_connections_per_ip: Annotated[
        int,
        _set(
            "The same from one IP address; of IPv6 a /64 counts as one.",
            env="MAX_CONNECTIONS_PER_IP", unit="connections", ge=0, le=10_000_000,
        ),
    ] = 1000  # fmt: skip
    max_waiting: Annotated[
        int,
        _set(
            "Connections that have not logged in yet.",
            env="MAX_WAITING", unit="connections", ge=0, le=10_000_000,
        ),
    ] = 2000  # fmt: skip
    max_waiting_per_ip: Annotated[
        int,
        _set(
            "The same from one IP address.",
            env="MAX_WAITING_PER_IP", unit="connections", ge=0, le=10_000_000,
        ),
    ] = 200  # fmt: skip
    max_login_bytes: Annotated[
        int,
        _set(
            "What is read of a connection before it has logged in; then it is closed.",
            env="MAX_LOGIN_BYTES", unit="bytes", ge=0, le=64 * 1024 * 1024,
        ),
    ] = 192 * 1024  # fmt: skip
    logins_per_minute: Annotated[
        int,
        _set(
            "Logins in a minute, right ones and wrong ones; further ones wait for their turn.",
            env="LOGINS_PER_MINUTE", unit="logins", ge=0, le=10_000_000,
        ),
    ] = 60_000  # fmt: skip
    logins_per_minute_per_ip: Annotated[
        int,
        _set(
            "The same from one IP address.",
            env="LOGINS_PER_MINUTE_PER_IP", unit="logins", ge=0, le=10_000_000,
        ),
    ] = 600  # fmt: skip
    handshakes_per_minute: Annotated[
        int,
        _set(
            "TLS handshakes in a minute; further ones wait for their turn.",
            env="HANDSHAKES_PER_MINUTE", unit="handshakes", ge=0, le=10_000_000,
        ),
    ] = 60_000  # fmt: skip
    handshakes_per_minute_per_ip: Annotated[
        int,
        _set(
            "The same from one IP address.",
            env="HANDSHAKES_PER_MINUTE_PER_IP", unit="handshakes", ge=0, le=10_000_000,
        ),
    ] = 600  # fmt: skip
    frames_per_second: Annotated[
        int,
        _set(
            "Requests, or lines at telnet, that are read of one connection in a second; those of "
            "ten seconds may come at once. Who is faster is slowed and loses nothing.",
            env="FRAMES_PER_SECOND", unit="frames", ge=0, le=10_000_000,
        ),
    ] = 1000  # fmt: skip
    frames_per_second_per_ip: Annotated[
        int,
        _set(
            "The same of all connections from one IP address together.",
            env="FRAMES_PER_SECOND_PER_IP", unit="frames", ge=0, le=10_000_000,
        ),
    ] = 5000  # fmt: skip
    limit_exempt: Annotated[
        str,
        _set(
            "Addresses and networks, with commas between them, to which no limit per IP address "
            "applies: this machine, from where a proxy or a tunnel speaks for many, and an office "
            "bigger than the limits. none is none.",
            env="LIMIT_EXEMPT",
        ),
    ] = "127.0.0.0/8, ::1"

    limit_messages: Annotated[
        int,
        _set(
            "Messages that a user may send to the general chat in a period. 0 is no limit.",
            env="LIMIT_MESSAGES", unit="messages", ge=0, le=1_000_000,
        ),
    ] = 20  # fmt: skip
    update_period: Annotated[
        float,
        _set(
            "The period; it begins with a user's first message. Then the count starts anew.",
            env="UPDATE_PERIOD", unit="minutes", gt=0, le=366 * 1440,
        ),
    ] = 60.0  # fmt: skip
    lifetime_messages: Annotated[
        float,
        _set(
            "How long a message of the general chat lives once it has been delivered. 0 is for "
            "good.",
            env="LIFETIME_MESSAGES", unit="minutes", ge=0, le=100 * 366 * 1440,
        ),
    ] = 60.0  # fmt: skip
    lifetime_rooms: Annotated[
        float,
        _set(
            "The same in rooms and private conversations. 0 is for good.",
            env="LIFETIME_ROOMS", unit="minutes", ge=0, le=100 * 366 * 1440,
        ),
    ] = 0.0  # fmt: skip
    away_days: Annotated[
        float,
        _set(
            "For users who have not been here for so long no message is kept beyond its lifetime.",
            env="AWAY_DAYS", unit="days", gt=0, le=36600,
        ),
    ] = 30.0  # fmt: skip
    complaints_threshold: Annotated[
        int,
        _set(
            "How many different people have to complain about a user for a block.",
            env="COMPLAINTS_THRESHOLD", unit="complaints", ge=1, le=1_000_000,
        ),
    ] = 3  # fmt: skip
    complaints_window: Annotated[
        float,
        _set(
            "How long a complaint counts.",
            env="COMPLAINTS_WINDOW", unit="hours", gt=0, le=36600 * 24,
        ),
    ] = 24.0  # fmt: skip
    block_hours: Annotated[
        float,
        _set(
            "How long a blocked user cannot write.",
            env="BLOCK_HOURS", unit="hours", gt=0, le=8760,
        ),
    ] = 4.0  # fmt: skip
    http_hosts: Annotated[
        str,
        _set(
            "Names under which browsers reach this server, with commas between them; * is any. "
            "Addresses, localhost and names of the local network are known. Others are refused, "
            "so that no page of somebody else's can reach it through your browser.",
            env="HTTP_HOSTS",
        ),
    ] = ""
    http_header_bytes: Annotated[
        int,
        _set(
            "The longest header of an HTTP request.",
            env="HTTP_HEADER_BYTES", unit="bytes", ge=1024, le=1024 * 1024,
        ),
    ] = 16 * 1024  # fmt: skip
    http_body_bytes: Annotated[
        int,
        _set(
            "The longest body of an HTTP request that is no file and no long text.",
            env="HTTP_BODY_BYTES", unit="bytes", ge=1024, le=64 * 1024 * 1024,
        ),
    ] = 1024 * 1024  # fmt: skip
    http_header_timeout: Annotated[
        float,
        _set(
            "Time from the first byte of an HTTP request to the end of its header.",
            env="HTTP_HEADER_TIMEOUT", unit="seconds", gt=0, le=3600,
        ),
    ] = 10.0  # fmt: skip
    http_idle_timeout: Annotated[
        float,
        _set(
            "Time without an HTTP request on a connection, or without a byte of a request's body. "
            "Who has shown no token has as long for a whole body, and for taking an answer.",
            env="HTTP_IDLE_TIMEOUT", unit="seconds", gt=0, le=86400,
        ),
    ] = 60.0  # fmt: skip
    admin: Annotated[
        str,
        _set(
            "Names of the administrators, with commas between them. Whoever registers such a name "
            "first is an administrator, so do that before others can reach the server; until then "
            "each start warns of it.",
            env="ADMIN",
        ),
    ] = ""
    tls_cert: Annotated[
        str,
        _set(
            "Certificate for TLS with the chain to its issuer, in PEM. Empty: the server makes its "
            "own beside the database file, and prints its fingerprint.",
            env="TLS_CERT",
        ),
    ] = ""
    tls_key: Annotated[
        str,
        _set(
            "The certificate's key, in PEM. Empty: it is in the certificate's file. SIGHUP reads "
            "both anew.",
            env="TLS_KEY",
        ),
    ] = ""
    allow_plaintext: Annotated[
        bool,
        _set(
            "Take connections without encryption from other machines too. Who can listen on the "
            "network then reads along, passwords too.",
            env="ALLOW_PLAINTEXT",
        ),
    ] = False

    @property
    def database_file(self) -> Path:
        """The SQLite file, and with MySQL where it would be: what the server keeps is beside it."""
        if not self.database or not self.database.startswith("sqlite:///"):
            return Path(self.db_name)
        return Path(self.database.removeprefix("sqlite:///"))

    @property
    def database_url(self) -> str:
        """The database as a URL, the SQLite file's included."""
        return self.database or f"sqlite:///{self.db_name}"

    @property
    def zone(self) -> tzinfo | None:
        """The time zone; None is the one :meth:`use_zone` told the C library, or the machine's."""
        return _zone(self.tz)

    def use_zone(self) -> None:
        """Make a zone that only the C library understands the one of this process."""
        if self.tz and self.zone is None:
            os.environ["TZ"] = self.tz
            time.tzset()


class SettingsError(Exception):
    """A value that cannot be used; the text names the setting, its source and what is right."""


def flag_of(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")


def meta_of(name: str) -> Meta:
    """Return description, bounds, unit and variable of a setting."""
    for argument in get_args(_HINTS[name])[1:]:
        if isinstance(argument, Meta):
            return argument
    raise KeyError(name)


_HINTS = get_type_hints(Settings, include_extras=True)


def load_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings from flags, variables and file.

    Raises :class:`SettingsError`; wrong flags, ``--help`` and ``--version`` end the program,
    as argparse does.
    """
    flags = vars(server_parser().parse_args(arguments))
    path = flags.pop("config") or environ.get("MYMESSENGER_CONFIG")
    values: dict[str, Any] = {}
    if path:
        values |= _from_file(Path(path))
    for field in fields(Settings):
        variable = _extra(field.name)["env"]
        if environ.get(variable):
            values[field.name] = _convert(field.name, environ[variable], f"${variable}")
        if flags[field.name] is not None:
            values[field.name] = _convert(field.name, flags[field.name], flag_of(field.name))
    return Settings(**values)


def _extra(name: str) -> dict[str, str]:
    return meta_of(name).extra or {}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from None
    known = {field.name for field in fields(Settings)}
    for key in table:
        if key not in known:
            sentence = f"The settings file {path} has an unknown setting {key!r}; known are: "
            raise SettingsError(sentence + ", ".join(sorted(known)) + ".")
    return {key: _convert(key, value, f"{key} in {path}") for key, value in table.items()}


def _convert(name: str, value: object, source: str) -> Any:
    try:
        converted = msgspec.convert(value, _HINTS[name], strict=False)
    except msgspec.ValidationError as error:
        kind = get_args(_HINTS[name])[0]
        words = ("true", "false") if kind is bool else get_args(kind)  # of a Literal
        reason = f"use {', '.join(words)}" if words else str(error).replace("`", "")
        raise SettingsError(f"{source}: {value!r} cannot be used: {reason}.") from None
    if name == "tz":
        _check_zone(converted, source)
    if name == "admin":
        _check_admins(converted, source)
    if name == "limit_exempt":
        _check_networks(converted, source)
    return converted


def _zone(name: str) -> tzinfo | None:
    """Return a time zone, None for one that only the C library reads: ``:...``, ``MSK-3`` (POSIX).

    Raises :class:`ValueError` where there is none of that name.
    """
    if not name or name.startswith((":", "/", "<")):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if _POSIX_ZONE.match(name):
            return None
        raise ValueError(f"there is no time zone {name!r}; use one like Europe/Moscow") from None


def _check_zone(name: str, source: str) -> None:
    try:
        _zone(name)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}.") from None


def _check_networks(text: str, source: str) -> None:
    try:
        networks(text)
    except ValueError as error:
        reason = f"{error}. Use addresses such as 10.0.0.7 and networks such as 10.0.0.0/8"
        raise SettingsError(f"{source}: {text!r} cannot be used: {reason}.") from None


def _check_admins(names: str, source: str) -> None:
    for name in filter(None, map(str.strip, names.split(","))):
        try:
            check_name(name)
        except ProtocolError as error:
            reason = str(error).removesuffix(".")
            raise SettingsError(f"{source}: {name!r} can be nobody's name: {reason}.") from None


def server_parser() -> argparse.ArgumentParser:
    """Return what understands the command line of the server."""
    parser = argparse.ArgumentParser(
        prog="mymessenger-server",
        description="The mymessenger server: one port for every client.",
        epilog="A flag outranks its environment variable, which outranks the settings file. "
        "mymessenger-server rekey, with the same flags, changes the master key.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mymessenger {__version__}")
    parser.add_argument(
        "--config", metavar="FILE", help="settings file in TOML [$MYMESSENGER_CONFIG]"
    )
    for field in fields(Settings):
        meta, extra = meta_of(field.name), _extra(field.name)
        unit = f", in {extra['unit']}" if extra["unit"] else ""
        switch = isinstance(field.default, bool)
        shown = "none" if field.default == "" else "false" if switch else field.default
        text = f"{meta.description} [${extra['env']}{unit}; default {shown}]"
        parser.add_argument(
            flag_of(field.name),
            nargs="?" if switch else None,
            const="true" if switch else None,  # alone it turns on; --switch=false turns off
            metavar=field.name.upper(),
            help=text.replace("%", "%%"),
        )
    return parser
