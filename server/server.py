"""Accepting connections, the register of them, and their health (C-3, S001-12)."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
import trio
from trio.lowlevel import checkpoint, wait_readable

from chat.counters import Counters
from chat.seldom import Seldom
from protocol.events import PingEvent
from server.conn import Conn
from server.gate import Entry, Full, Gate
from server.kernel import is_half_open

log = structlog.get_logger()

ACCEPT_AT_ONCE = 100
"""Connections taken from one listener before others have a turn."""

NO_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
ACCEPT_PAUSE = 0.1  # seconds, when the machine has no file descriptor left

REFUSE_AT_ONCE = 10
"""Connections refused before those that are in have a while for themselves, so that a flood that
is refused costs them a small share of the time; meanwhile newcomers wait in the kernel's queue."""
REFUSE_PAUSE = 0.01  # seconds

STRANGERS = 100
"""Lines a second that are logged of connections that come, and of such as go without a login."""


@dataclass(frozen=True)
class HealthLimits:
    """When a connection is asked whether it lives, and when it is given up; in seconds."""

    ping_interval: float
    idle_limit: float
    login_timeout: float


class Server:
    """All connections, each served by a task of its own in one nursery."""

    def __init__(
        self,
        nursery: trio.Nursery,
        listeners: Sequence[socket.socket],
        connect: Callable[[socket.socket, Entry], Conn],
        gateway: Callable[[Conn], Awaitable[None]],
        limits: HealthLimits,
        *,
        gate: Gate | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Serve what arrives at ``listeners``, non-blocking and listening.

        ``connect`` makes the connection of an accepted socket, ``gateway`` reads and answers
        until the conversation with the client is over. Connections run in ``nursery`` and
        outlive :meth:`Accept`, so that a server on its way down can say goodbye to them.
        ``gate`` says who may come in, ``counters`` count who may not and who is cut off.
        """
        self._nursery = nursery
        self._listeners = listeners
        self._connect = connect
        self._gateway = gateway
        self._limits = limits
        self._gate = gate or Gate()
        self._counters = counters or Counters()
        self._conns: dict[int, Conn] = {}
        self._opened = Seldom("connection.opened", level=logging.INFO, most=STRANGERS)
        self._closed = Seldom("connection.closed", level=logging.INFO, most=STRANGERS)
        self._failed = Seldom("accept.failed", level=logging.INFO)

    async def Accept(self) -> None:  # noqa: N802
        """Take connections until cancelled; one that fails never keeps the next one out."""
        async with trio.open_nursery() as nursery:
            for listener in self._listeners:
                nursery.start_soon(self._accept_from, listener)

    async def _accept_from(self, listener: socket.socket) -> None:
        while True:
            await wait_readable(listener)
            try:
                await self._accept_some(listener)
                await checkpoint()
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno in NO_RESOURCES:
                    log.warning("accept.no_resources", error=error.strerror, open=len(self._conns))
                    await trio.sleep(ACCEPT_PAUSE)
                else:  # the client was gone before it was taken
                    self._failed.write(error=error.strerror)

    async def _accept_some(self, listener: socket.socket) -> None:
        refused = 0
        for _ in range(ACCEPT_AT_ONCE):
            sock, address = listener.accept()
            refused += not self._start(sock, address[0])
            if refused == REFUSE_AT_ONCE:
                await trio.sleep(REFUSE_PAUSE)
                return

    def _start(self, sock: socket.socket, ip: str) -> bool:
        """Serve a connection; False where there is no room for it."""
        try:
            entry = self._gate.enter(ip)
        except Full as full:
            # Without a word: whether it would be understood, or taken for an attack on TLS, is
            # not known before the client has said something, and waiting for that is a place.
            sock.close()
            self._counters.met(full.limit, address=ip, open=self._gate.connections)
            return False
        try:
            conn = self._connect(sock, entry)
        except OSError as error:
            self._failed.write(error=error.strerror)
            sock.close()
            entry.leave()
        else:
            self._nursery.start_soon(self._serve, conn)
        return True

    async def _serve(self, conn: Conn) -> None:
        self.AddConn(conn)
        try:
            await conn.run(self._gateway)
        except Exception:
            # Whatever one connection does, the others do not notice.
            conn.end_reason = "an error in the server"
            log.exception("connection.failed", connection=conn.id)
        finally:
            self.DelConn(conn)
            conn.entry.leave()

    def AddConn(self, conn: Conn) -> None:  # noqa: N802
        """Register a connection."""
        self._conns[conn.id] = conn
        self._opened.write(connection=conn.id, address=conn.address)

    def DelConn(self, conn: Conn) -> None:  # noqa: N802
        """Forget a connection; one that is not registered is no error."""
        if self._conns.pop(conn.id, None) is not None:
            facts = {
                "connection": conn.id,
                "user": conn.session.user.name if conn.session.user else None,
                "reason": conn.end_reason,
                "seconds": round(trio.current_time() - conn.connected_time, 3),
                "received": conn.received,
                "sent": conn.sent,
            }
            if conn.session.user is None:
                self._closed.write(**facts)
            else:
                log.info("connection.closed", **facts)

    def GetAll(self) -> list[Conn]:  # noqa: N802
        """Return all connections, oldest first, as they are now."""
        return list(self._conns.values())

    def CheckConn(self, conn: Conn) -> bool:  # noqa: N802
        """Look after one connection and tell whether it is still worth having.

        A silent one is pinged. One whose other end has vanished is cut off, and so is one
        that has taken nothing, or answered nothing, for the idle limit, or not logged in.
        """
        now, limits = trio.current_time(), self._limits
        # A client that takes what had to wait is alive, though we may not have read it meanwhile.
        silent = now - max(conn.heard_at, conn.channel.progress_at)
        if silent >= limits.ping_interval and is_half_open(conn.sock):
            self._count("half_open", conn)
            conn.abort("the other end is gone")
            return False
        if conn.channel.waiting and now - conn.channel.progress_at > limits.idle_limit:
            self._count("idle_limit", conn)
            conn.abort("took nothing for the idle limit")
            return False
        outstays = now - conn.login_begun > limits.login_timeout
        if conn.session.user is None and outstays and not conn.keeps_time:
            self._count("login_timeout", conn)
            conn.end("You did not log in in time.")
            return False
        if conn.answers_pings and not conn.paused and silent > limits.idle_limit:
            self._count("idle_limit", conn)
            conn.end("You have not answered for too long.")
            return False
        if conn.answers_pings and silent >= limits.ping_interval and conn.pinged_at is None:
            conn.pinged_at = now
            conn.post(PingEvent())
        return True

    def _count(self, limit: str, conn: Conn) -> None:
        self._counters.met(limit, connection=conn.id, address=conn.address)
