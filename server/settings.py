"""Everything that can be set, in one place (S004-12..15).

The struct below makes the flags, the environment variables, the keys of the file, the help
(all in :mod:`server.settings_sources`) and ``docs/configuration.md``.
"""

from __future__ import annotations

import os
import time
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from server.time_zone import zone_named


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
        return zone_named(self.tz)

    def use_zone(self) -> None:
        """Make a zone that only the C library understands the one of this process."""
        if self.tz and self.zone is None:
            os.environ["TZ"] = self.tz
            time.tzset()


def listed(value: str) -> list[str]:
    """Return the words of a setting that stand with commas between them."""
    return [word for word in map(str.strip, value.split(",")) if word]
