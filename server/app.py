"""The server as a whole: what is started in which order, and how it goes down."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
import trio

from chat.complaints import ComplaintRules
from chat.counters import Counters
from chat.editing import EditingRules
from chat.expiry import Lifetime
from chat.files import FileRules
from chat.limits import Limit
from chat.messenger import Messenger
from chat.moderation import ModerationRules
from chat.names import check_name, name_key
from chat.sites import networks
from chat.sync import snapshot
from protocol import __version__
from protocol.events import Event, Shutdown
from protocol.language import voice
from server.bounds import gate, handshakes, logins
from server.certificate import Certificate, CertificateError, KeyFiles
from server.conn import Conn
from server.delivery import Delivery
from server.gate import Entry
from server.gateways.api.api import Api
from server.gateways.http.site import make_gateway
from server.gateways.line import LineGateway
from server.gateways.native import NATIVE
from server.gateways.websocket import WebSocketGateway
from server.listening import ListenError, name_of, open_listeners, prepare, raise_file_limit
from server.logs import configure_logs
from server.master_key import master_key
from server.opening import Opening
from server.own_certificate import own_files
from server.ready import tell_ready
from server.server import HealthLimits, Server
from server.settings import Settings, listed
from storage import open_stores
from storage.errors import StorageError
from storage.interface import Stores

log = structlog.get_logger()

NAME = f"mymessenger {__version__}"
STORE_GRACE = 3.0
"""Seconds the journal has, on the way down, to store what was taken.

More would help only where the database is away, and then nothing of it has been acknowledged.
"""

SWITCH_INTERVAL = 0.0005
"""Seconds after which a database thread that waits for the interpreter gets it.

A transaction asks for it a dozen times; at Python's 5 ms each, one beside a long delivery
takes as long as the delivery.
"""

LOOKS_PER_INTERVAL = 4
"""How often in a ping interval every connection is looked after."""


class App:
    """One running server."""

    def __init__(self, settings: Settings, stores: Stores, certificate: Certificate) -> None:
        """Put the parts together; nothing runs yet."""
        self._settings = settings
        self._stores = stores
        self._listeners: list[socket.socket] = []
        self._delivery = Delivery(stores.messages)
        self._counters = Counters()
        self._messenger = Messenger(
            stores,
            self._delivery.publish,
            self._announce,
            name=NAME,
            limit_show=settings.limit_show_messages,
            editing=EditingRules(settings.edit_minutes),
            files=FileRules(settings.max_file_bytes),
            moderation=_moderation(settings),
            forget=self._delivery.forget,
            counters=self._counters,
            logins=logins(settings, self._counters),
        )
        lines = LineGateway(self._messenger, settings.zone, self._delivery.title_of)
        self._api = Api(self._messenger, self._delivery.last_seq, networks(settings.limit_exempt))
        sockets = WebSocketGateway(self._messenger, settings.ping_interval)
        http = make_gateway(settings, NAME, self._api, {b"/ws": sockets.serve})
        self._opening = Opening(
            self._messenger, lines, http, certificate, settings,
            handshakes=handshakes(settings, self._counters),
        )  # fmt: skip
        self._server: Server | None = None

    async def prepare(self) -> None:
        """Load what has to be known before anybody comes (S003-8)."""
        await self._stores.bodies.delete_orphans()
        await self._messenger.prepare()
        await self._warn_of_admins()

    async def _warn_of_admins(self) -> None:
        """Tell of names that would make anybody who registers them an administrator."""
        for name in _admins(self._settings):
            user = await self._stores.accounts.find(name_key(name))
            if user is None or not user.registered:
                log.warning(
                    "admin.unregistered",
                    name=name,
                    advice="whoever registers this name first is an administrator: do it now",
                )

    async def run(
        self, listeners: list[socket.socket], *, stop: trio.Event, ready: Callable[[], None]
    ) -> None:
        """Serve until ``stop``, then go down in good order; ``ready`` is called when it serves."""
        self._listeners = listeners
        async with trio.open_nursery() as background:
            async with trio.open_nursery() as connections:
                server = self._server = Server(
                    connections, self._listeners, self._connect, self._opening.serve,
                    self._limits(), gate=gate(self._settings), counters=self._counters,
                )  # fmt: skip
                background.start_soon(self._messenger.run)
                background.start_soon(self._api.run)
                background.start_soon(self._look_after, server)
                journal_done = trio.Event()
                background.start_soon(self._write_journal, journal_done)
                await self._accept_until(stop, server, ready)
                await self._tell_everyone(server, journal_done)
                connections.cancel_scope.deadline = (
                    trio.current_time() + self._settings.shutdown_grace
                )
            await self._messenger.write()
            background.cancel_scope.cancel()
        if counts := self._counters.counts():
            log.info("limits.met", **counts)

    async def _accept_until(
        self, stop: trio.Event, server: Server, ready: Callable[[], None]
    ) -> None:
        async with trio.open_nursery() as accepting:
            accepting.start_soon(server.Accept)
            ready()
            await stop.wait()
            accepting.cancel_scope.cancel()
        for listener in self._listeners:
            trio.lowlevel.notify_closing(listener)
            listener.close()

    async def _tell_everyone(self, server: Server, journal_done: trio.Event) -> None:
        """Take nothing new, store and deliver what was taken, then give notice (S001-18)."""
        conns = server.GetAll()
        log.info("server.stopping", connections=len(conns))
        settled = trio.Event()
        for conn in conns:
            reason = conn.session.voice.say(
                "The server is stopping. What was acknowledged is stored."
            )
            conn.shut_down(settled, Shutdown(reason=reason))
        self._messenger.journal.close()
        with trio.move_on_after(STORE_GRACE):
            await journal_done.wait()
        settled.set()

    async def _write_journal(self, done: trio.Event) -> None:
        await self._messenger.journal.run()
        done.set()

    def _limits(self) -> HealthLimits:
        settings = self._settings
        return HealthLimits(settings.ping_interval, settings.idle_limit, settings.login_timeout)

    async def _look_after(self, server: Server) -> None:
        while True:
            await trio.sleep(self._settings.ping_interval / LOOKS_PER_INTERVAL)
            for conn in server.GetAll():
                server.CheckConn(conn)

    def _connect(self, sock: socket.socket, entry: Entry) -> Conn:
        settings = self._settings
        address = name_of(sock.getpeername())
        prepare(sock, send_buffer=settings.send_buffer, keepalive=settings.ping_interval)
        conn = Conn(
            sock, address, self._delivery, NATIVE, settings.channel_bytes,
            entry=entry, counters=self._counters,
        )  # fmt: skip
        conn.session.voice = voice(settings.lang)
        conn.news.snapshot = partial(snapshot, self._messenger)
        return conn

    def _announce(self, event: Event) -> None:
        """Tell everyone who is logged in."""
        for conn in self._server.GetAll() if self._server else ():
            if conn.session.user is not None:
                conn.post(event)


def _moderation(settings: Settings) -> ModerationRules:
    return ModerationRules(
        limit=Limit(settings.limit_messages, settings.update_period),
        lifetime=Lifetime(settings.lifetime_messages, settings.lifetime_rooms, settings.away_days),
        complaints=ComplaintRules(
            threshold=settings.complaints_threshold,
            window_hours=settings.complaints_window,
            block_hours=settings.block_hours,
            admins=frozenset(map(name_key, _admins(settings))),
        ),
        zone=settings.zone,
    )


def _admins(settings: Settings) -> list[str]:
    """Return the names of the administrators, as they are shown."""
    return [check_name(name) for name in listed(settings.admin)]


def run(settings: Settings) -> str | None:
    """Run a server to its end; return a sentence where it could not run, else None."""
    settings.use_zone()
    configure_logs(settings.log_format, settings.log_level)
    failure: BaseException | None = None
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        trio.run(serve, settings)
    except* (CertificateError, ListenError, StorageError) as group:
        failure = _first(group)
    return None if failure is None else str(failure)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def serve(settings: Settings) -> None:
    """Open the database, then the port (S003-8), and serve until SIGTERM or Ctrl+C.

    Raises :class:`~storage.errors.StorageError`, :class:`~server.certificate.CertificateError`
    or :class:`~server.listening.ListenError`.
    """
    raise_file_limit()
    keys = master_key(settings, os.environ)
    async with open_stores(settings.database_url, keys=keys) as stores:
        certificate = Certificate(_key_files(settings))
        app = App(settings, stores, certificate)
        await app.prepare()
        listeners = open_listeners(settings.host, settings.port)
        stop = trio.Event()
        gc.freeze()  # what has been imported stays; looking through it again costs 30 ms each time
        async with trio.open_nursery() as nursery:
            await nursery.start(_watch_signals, stop)
            await nursery.start(_watch_hangups, stop, certificate)
            await app.run(
                listeners,
                stop=stop,
                ready=lambda: tell_ready(
                    listeners,
                    certificate,
                    stores.description,
                    keys,
                    allow_plaintext=settings.allow_plaintext,
                ),
            )
            nursery.cancel_scope.cancel()
    log.info("server.stopped")


def _key_files(settings: Settings) -> KeyFiles:
    """Return the certificate that was given, else the server's own."""
    if settings.tls_cert:
        return KeyFiles(Path(settings.tls_cert), Path(settings.tls_key or settings.tls_cert))
    if settings.tls_key:
        raise CertificateError(
            "There is a key (--tls-key, $TLS_KEY) and no certificate: give --tls-cert too, or "
            "neither, and the server makes its own."
        )
    return own_files(settings.database_file)


async def _watch_signals(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if stop.is_set():
                log.warning("server.stopped_at_once", signal=signal.Signals(number).name)
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            log.info("server.signal", signal=signal.Signals(number).name)
            stop.set()


async def _watch_hangups(
    stop: trio.Event,
    certificate: Certificate,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Read the certificate anew at SIGHUP; stop where it says that our terminal was closed."""
    had_terminal = os.isatty(0)
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            if had_terminal and not os.isatty(0):
                log.info("server.signal", signal="SIGHUP", reason="the terminal was closed")
                stop.set()
            else:
                certificate.reload()
