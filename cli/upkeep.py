"""Keeping a client connected: login, loss, waiting, the next login."""

from __future__ import annotations

import time
from collections.abc import Callable

import trio

from cli.backoff import Backoff
from cli.connection import Connection
from cli.connector import OpenStream, explain
from cli.core import Core
from cli.credentials import Credentials, device_label
from cli.errors import (
    CannotConnect,
    ClientClosed,
    ClientError,
    ConnectionLost,
    LoginRefused,
    NoWelcome,
    UntrustedServer,
)
from cli.notices import Connected, Disconnected, LoginLost, TrustLost
from cli.security import Link
from cli.session import Session
from cli.status import ClientStatus, State
from cli.zone import local_zone
from protocol import PROTOCOL_VERSION, __version__
from protocol.language import Sentence, voice
from protocol.requests import Hello, Login

CONNECT_TIMEOUT = 15.0
"""Seconds that connecting and logging in may take."""
LEAVE_TIMEOUT = 2.0
"""Seconds that saying goodbye may take."""
HELD = 10.0
"""Seconds after which a connection was worth having, as it is where it brought a message: then
the backoff begins anew."""


class Upkeep:
    """One connection after the other to the same server, and the facts about them."""

    def __init__(
        self,
        host: str,
        port: int,
        core: Core,
        open_stream: OpenStream,
        history: int | None,
        *,
        language: str = "",
        credentials: Credentials | None = None,
        link: Callable[[], Link | None],
    ) -> None:
        """Begin without a connection; ``host`` and ``port`` are only for sentences.

        ``link`` tells how the stream opened last is protected.
        """
        self._host = host
        self._port = port
        self._core = core
        self._open_stream = open_stream
        self._history = history
        self.language = language
        """What the server is asked to speak, and what reasons are told in."""
        self._zone = local_zone()
        self.credentials = credentials or Credentials()
        self._link = link
        self.distrust: UntrustedServer | None = None
        """Why this has been given up, where the server may be another one than is meant."""
        self._session: Session | None = None
        self._connection: Connection | None = None
        self._closing = False
        self.state = State.CONNECTING
        self._since = time.time()
        self._offline_since: float | None = self._since
        self._server = ""
        self._guest = False
        self._logins = 0
        self._last_error = ""
        self._backoff = Backoff()
        self._hurry = trio.Event()  # a new one for each wait between two attempts

    def status(self) -> ClientStatus:
        """Return how things stand now."""
        return ClientStatus(
            state=self.state,
            host=self._host,
            port=self._port,
            name=self._core.name,
            guest=self._guest and not self.credentials.prove_something,
            server=self._server,
            since=self._since,
            offline_since=self._offline_since,
            reconnects=max(0, self._logins - 1),
            last_error=self._last_error,
            unacknowledged=len(self._core.outbox),
            carried=0 if self._connection is None else self._connection.carried,
            unread=len(self._core.inbox),
            round_trip=self._core.round_trip,
            storage_available=self._core.storage_available,
            link=self._link() if self.state is State.ONLINE else None,
        )

    async def online(self) -> Connection:
        """Wait for a connection that is logged in."""
        await self._core.changes.wait_until(
            lambda: self._usable() is not None or self.state is State.CLOSED
        )
        connection = self._usable()
        if connection is None:
            raise ClientClosed("The client has been closed.")
        return connection

    def _usable(self) -> Connection | None:
        connection = self._connection
        return None if connection is None or connection.lost else connection

    async def connect_first(self) -> Connection:
        """Connect and log in once; raises CannotConnect, UntrustedServer or LoginRefused."""
        try:
            return await self._connect()
        except (OSError, ConnectionLost) as error:
            reason = self._explain(error)
            raise CannotConnect(
                "Cannot connect to {host} port {port}: {reason}",
                host=self._host,
                port=self._port,
                reason=reason,
            ) from error

    async def _connect(self) -> Connection:
        """Make a connection and log in.

        Raises OSError, ConnectionLost, UntrustedServer or LoginRefused.
        """
        with trio.move_on_after(CONNECT_TIMEOUT):
            connection = Connection(await self._open_stream(), self._core.changes)
            try:
                await self._log_in(connection)
            except BaseException:
                with trio.CancelScope(shield=True):  # it only closes, and does not wait
                    await connection.close()
                raise
            return connection
        raise ConnectionLost("No answer within {seconds:.0f} seconds.", seconds=CONNECT_TIMEOUT)

    async def _log_in(self, connection: Connection) -> None:
        core = self._core
        hello = Hello(
            ref=core.next_ref(), protocol=PROTOCOL_VERSION, client=f"mymessenger-cli {__version__}"
        )
        login = Login(
            ref=core.next_ref(),
            name=core.name,
            history=self._history,
            language=self.language,
            zone=self._zone,
            password=self.credentials.password,
            token=self.credentials.token,
            remember=self.credentials.wants_token,
            device=device_label(),
            resume=core.timeline.resume(),
        )
        welcome, logged_in = await connection.log_in(hello, login)
        self.credentials.take_token(logged_in.name, logged_in.token)
        missed = core.timeline.begin(logged_in.conversations, first=self._logins == 0)
        core.name = logged_in.name
        self._guest = logged_in.guest
        self._server = welcome.server
        self._logins += 1
        core.notify(
            Connected(
                welcome.server,
                name=logged_in.name,
                guest=logged_in.guest,
                again=self._logins > 1,
                missed=missed,
                zone=logged_in.zone,
                conversations=tuple(logged_in.conversations),
            )
        )

    def _explain(self, error: Exception) -> Sentence:
        reason = explain(error)
        if isinstance(error, NoWelcome) and self._logins == 0:
            reason = Sentence("{reason} Is it a mymessenger server?", reason=reason)
            link = self._link()
            if link is not None and not link.version:
                reason = Sentence("{reason} If it wants TLS, give --tls.", reason=reason)
        return reason

    def _say(self, reason: Sentence) -> str:
        return reason.said(voice(self.language))

    async def stay_connected(
        self,
        connection: Connection | None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve one connection after the other until the client leaves."""
        failed = 0
        if connection is not None:
            self._enter(State.ONLINE)  # whoever made this client finds it so
        task_status.started()
        while not self._closing:
            if connection is not None:
                failed = 0
                self._last_error = self._say(await self._serve(connection))
                connection = None
            else:
                self._enter(State.CONNECTING)
                try:
                    connection = await self._connect()
                    continue
                except LoginRefused as refused:
                    self._give_up(refused)
                    return
                except UntrustedServer as distrust:
                    self._stop_trusting(distrust)
                    return
                except (OSError, ConnectionLost) as error:
                    failed += 1
                    self._last_error = self._say(self._explain(error))
            if not self._closing:
                await self._wait_for_next_attempt(failed)

    async def _serve(self, connection: Connection) -> Sentence:
        """Work with a connection until it is lost; return why."""
        self._session = Session(connection, self._core)
        self._connection = connection
        self._core.storage_available = True
        self._enter(State.ONLINE)
        begun, taken = trio.current_time(), self._core.taken
        try:
            return await self._session.run()
        finally:
            self._session = self._connection = None
            if trio.current_time() - begun >= HELD or self._core.taken > taken:
                self._backoff.reset()

    async def _wait_for_next_attempt(self, failed: int) -> None:
        delay = self._backoff.next_delay()
        self._hurry = trio.Event()
        self._enter(State.OFFLINE)
        self._core.notify(Disconnected(self._last_error, retry_in=delay, attempt=failed))
        with trio.move_on_after(delay):
            await self._hurry.wait()

    def retry_now(self) -> None:
        """Make the next attempt to connect at once, where one is waited for."""
        self._hurry.set()

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = time.time()
        if state is State.ONLINE:
            self._offline_since = None
        elif self._offline_since is None:
            self._offline_since = self._since
        self._core.changes.ring()

    async def leave(self) -> None:
        """Say goodbye where there is somebody to say it to."""
        self._closing = True
        if self._session is not None:
            with trio.move_on_after(LEAVE_TIMEOUT):
                await self._session.leave()

    def _give_up(self, refused: LoginRefused) -> None:
        self._last_error = refused.sentence
        self.close(ClientClosed("The login was refused: {reason}", reason=refused))
        self._core.notify(LoginLost(refused.sentence, refused.code))

    def _stop_trusting(self, distrust: UntrustedServer) -> None:
        self.distrust = distrust
        self._last_error = self._say(distrust)
        end = ClientClosed("The client has stopped: it is not certain whom it would talk to.")
        end.__cause__ = distrust
        self.close(end)
        self._core.notify(TrustLost())

    def close(self, end: ClientError) -> None:
        """Let everybody who waits for something have ``end``."""
        if self.state is State.CLOSED:
            return
        self._enter(State.CLOSED)
        self._core.inbox.close(end)
        self._core.outbox.close(end)
