"""A client of a mymessenger server, for programs (S001-13).

    async with Client.New("127.0.0.1", 8000, "Bob") as client:
        await client.SendMsg("hello")
        message = await client.ReadMsg()

The connection is looked after in the background: when it is lost it is sought again, what was
missed comes in its place, and what was not acknowledged is sent again, each message once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
from msgspec.structs import replace

from cli.connector import Connector, OpenStream
from cli.core import Core
from cli.credentials import Credentials
from cli.errors import ClientClosed, ConnectionLost, Refused
from cli.groups import ungrouped
from cli.kept import KeptMessages
from cli.messages import ChatMessage
from cli.notices import Notice
from cli.outbox import Outgoing, TextSource
from cli.security import Security
from cli.status import ClientStatus, State
from cli.transfers import Transfers
from cli.upkeep import Upkeep
from protocol.errors import ErrorCode
from protocol.events import (
    ConversationInfo,
    HistoryPage,
    Message,
    PongReply,
    Reply,
    Sent,
    StatusReport,
)
from protocol.language import Sentence
from protocol.requests import GENERAL, Fetch, History, Ping, Request, Status

ReplyT = TypeVar("ReplyT", bound=Reply)


class Client:
    """One user's connection to one server, made by :meth:`New`.

    Its methods may be called from any task of the same Trio run.
    """

    def __init__(self, core: Core, upkeep: Upkeep) -> None:
        """Put the parts together; programs use :meth:`New`."""
        self._core = core
        self._upkeep = upkeep
        self._in_turn = trio.Lock()  # fair: what is written first is kept and sent first
        self.files = Transfers(core, upkeep)
        """Sends and gets files."""

    @classmethod
    @asynccontextmanager
    async def New(  # noqa: N802 - the name is a requirement
        cls,
        host: str,
        port: int,
        name: str,
        *,
        history: int | None = None,
        language: str = "",
        credentials: Credentials | None = None,
        echo: bool = False,
        retry: bool = False,
        on_notice: Callable[[Notice], None] | None = None,
        open_stream: OpenStream | None = None,
        kept: KeptMessages | None = None,
        since: Mapping[int, int] | None = None,
        security: Security | None = None,
    ) -> AsyncIterator[Client]:
        """Connect and log in as ``name``; at the end of the block say goodbye and close.

        ``history`` is how many messages of the general chat to begin with, by default the
        server's setting; ``language`` is that of all sentences; ``credentials`` are for
        a name that has a password. With ``echo`` ReadMsg returns this client's own messages too,
        in their place in the order. With ``retry`` the block begins without waiting for the
        connection, and the first attempt is repeated like any later one. ``on_notice`` is called
        with what happens to the connection; it must not block.
        With ``kept`` a text is on the disk before it is sent, so that it survives the end of the
        program; what an earlier run has left is sent first. ``since`` is what the program has had
        before: ReadMsg goes on behind that sequence number of each conversation.

        The connection is encrypted and the server verified, in the way and with the exceptions
        that ``security`` tells (see :class:`cli.security.Security`); with its default a server
        on this machine is spoken to in plain text, and the user's known servers are trusted.
        ``open_stream`` replaces all that: the stream it returns is used as it is.

        Raises CannotConnect where the first attempt fails, LoginRefused where the server does
        not take the name, and UntrustedServer (UnknownServer, OtherServer) where the server is
        not proven to be the one that is meant; nothing was sent to it then. A client that meets
        such a server later on, when it reconnects, stops: what waits has ClientClosed, and the
        end of the block raises the UntrustedServer.

        The end of the block does not wait for messages that were handed over with
        :meth:`begin_send` only; see :meth:`drain`.
        """
        core = Core(name, echo=echo, notify=on_notice or _ignore)
        core.timeline.go_on_after(since or {})
        connector = Connector(host, port, security or Security(), core.notify)
        upkeep = Upkeep(
            host, port, core, open_stream or connector.open_stream, history,
            language=language, credentials=credentials, link=lambda: connector.link,
        )  # fmt: skip
        connection = None if retry else await upkeep.connect_first()
        try:
            with ungrouped():
                if kept is not None:
                    await core.keep_in(kept)
                async with trio.open_nursery() as nursery:
                    await nursery.start(upkeep.stay_connected, connection)
                    yield cls(core, upkeep)
                    await upkeep.leave()
                    nursery.cancel_scope.cancel()
        finally:
            upkeep.close(ClientClosed("The client has been closed."))
        if upkeep.distrust is not None:
            raise upkeep.distrust

    # --- messages ---------------------------------------------------------------------------

    async def ReadMsg(self) -> ChatMessage:  # noqa: N802 - the name is a requirement
        """Return the next message, each once and in the order of its conversation.

        Raises ClientClosed once the client is closed and everything has been read. While nobody
        reads, a few MiB of messages wait here and the rest on the server.
        """
        return await self._core.inbox.take()

    def mark_shown(self, message: ChatMessage | Message) -> None:
        """Note that the user has had ``message``, and with it all before it in its conversation.

        The server is told within a few seconds; from then on it is no longer unread (S002-7).
        """
        self._core.timeline.show(message.conversation, message.seq)
        self._core.marked.ring()

    def mark_read(self, conversation: int, seq: int) -> None:
        """Note that the user has read a conversation up to ``seq``, on this device (S000-14).

        What is read is shown, too: :meth:`mark_shown` is not needed for it. The user's other
        devices hear of it.
        """
        self._core.timeline.note_read(conversation, seq)
        self._core.marked.ring()

    async def SendMsg(  # noqa: N802 - the name is a requirement
        self,
        text: str | TextSource,
        *,
        to: str | None = None,
        conversation: int = GENERAL,
        addressed: bool = False,
        reply_to: int | None = None,
    ) -> Sent:
        """Send a message to everyone, or to one user, and return once the server has stored it.

        A text may be of any length; one that should not be held in memory is given as a
        function that yields it in pieces of UTF-8. While the connection is away this waits for
        it; afterwards the message is there once, however often it had to be sent. If this is
        cancelled, the message may or may not have been sent.

        Raises Refused where the server will not have it (for example ``unknown_user``),
        ClientClosed where the client is closed, UnicodeEncodeError for lone surrogates.
        """
        outgoing = await self.begin_send(
            text, to=to, conversation=conversation, addressed=addressed, reply_to=reply_to
        )
        try:
            return await outgoing.receipt()
        finally:
            self._core.outbox.withdraw(outgoing)

    async def begin_send(
        self,
        text: str | TextSource,
        *,
        to: str | None = None,
        conversation: int = GENERAL,
        addressed: bool = False,
        reply_to: int | None = None,
    ) -> Outgoing:
        """Hand over a message as SendMsg does, and return without waiting for its receipt.

        Messages are sent in the order in which this is called. Where many wait already for
        their acknowledgements (some hundreds, or 8 MiB), this waits for room.
        """
        outbox = self._core.outbox
        async with self._in_turn:
            await outbox.changes.wait_until(
                lambda: outbox.has_room or self._upkeep.state is State.CLOSED
            )
            if self._upkeep.state is State.CLOSED:
                raise ClientClosed("The client has been closed.")
            outgoing = Outgoing(
                ref=self._core.next_ref(),
                text=text,
                to=to,
                conversation=conversation,
                addressed=addressed,
                reply_to=reply_to,
            )
            await self._core.keep(outgoing)
            outbox.add(outgoing)
        self._core.changes.ring()
        return outgoing

    @property
    def pending(self) -> tuple[Outgoing, ...]:
        """What is not acknowledged yet, in the order of writing, as it is now.

        Those that an earlier run has left come first. Each tells its ``stage``, and ``wait``
        returns once it gets no further; :meth:`wait_pending_change` wakes at any change.
        """
        return tuple(self._core.outbox)

    def withdraw(self, outgoing: Outgoing) -> bool:
        """Send a message no more; False: it is on its way, and may be stored already."""
        return self._core.outbox.withdraw(outgoing)

    async def wait_pending_change(self, condition: Callable[[], bool]) -> None:
        """Return once ``condition`` holds; it is looked at when anything pending has changed."""
        await self._core.outbox.changes.wait_until(condition)

    async def wait_sent(self) -> None:
        """Wait until everything handed over is on its way, so that a request comes behind it."""
        outbox = self._core.outbox
        await outbox.changes.wait_until(
            lambda: outbox.is_sent or self._upkeep.state is not State.ONLINE
        )

    async def catch_up(self) -> None:
        """Wait until all that the user had missed when this client logged in has arrived."""
        core = self._core
        await core.changes.wait_until(
            lambda: core.timeline.is_caught_up or self._upkeep.state is State.CLOSED
        )

    async def drain(self) -> None:
        """Wait until every message handed over is acknowledged, refused or given up."""
        outbox = self._core.outbox
        await outbox.changes.wait_until(lambda: not outbox)

    async def fetch(self, message_id: int) -> AsyncGenerator[bytes, None]:
        """Yield the text of a long message as UTF-8 in parts (a character may be cut in two).

        At most some MiB wait in memory. A connection lost in between is bridged. Raises Refused
        where there is no such message, ClientClosed where the client is closed.
        """
        offset = 0
        while True:
            connection = await self._upkeep.online()
            request = Fetch(ref=self._core.next_ref(), id=message_id, offset=offset)
            async with connection.downloading(request) as download:
                while (part := await download.take()) is not None:
                    offset += len(part)
                    yield part
            if download.finished:
                return

    # --- requests and facts -----------------------------------------------------------------

    async def ask_status(self) -> StatusReport:
        """Ask the server for facts about this connection and who is there (S004-9).

        Like :meth:`ask_history` it waits for the connection where it is away, and asks again
        where it was lost in between. Raises Refused where the server answers with an error,
        ClientClosed where this client is closed.
        """
        return await self._ask(Status(), StatusReport)

    async def ask_history(self, request: History) -> HistoryPage:
        """Ask the server for a page of a conversation; it changes nothing about ReadMsg."""
        return await self._ask(request, HistoryPage)

    async def ask(self, request: Request) -> Reply:
        """Ask the server for anything that has one answer, and return that.

        It waits for the connection and asks again like :meth:`ask_status`, and raises the same.
        Messages are for :meth:`SendMsg`, long texts for :meth:`fetch`.
        """
        return await self._ask(request, Reply)

    async def ping(self) -> float:
        """Return the seconds the server takes to answer, after everything asked before."""
        begun = trio.current_time()
        await self._ask(Ping(), PongReply)
        return trio.current_time() - begun

    async def _ask(self, request: Request, kind: type[ReplyT]) -> ReplyT:
        while True:
            connection = await self._upkeep.online()
            begun = trio.current_time()
            try:
                reply = await connection.ask(replace(request, ref=self._core.next_ref()))
            except ConnectionLost:
                continue
            self._core.round_trip = trio.current_time() - begun
            if not isinstance(reply, kind):
                raise Refused(ErrorCode.INTERNAL, Sentence("The server answered something else."))
            return reply

    def speak(self, language: str) -> None:
        """Ask for this language at the next login, and tell reasons in it from now on."""
        self._upkeep.language = language

    @property
    def credentials(self) -> Credentials:
        """What proves who the user is; a later login uses what it holds then."""
        return self._upkeep.credentials

    def retry_now(self) -> None:
        """Where the next attempt to connect is some seconds away, make it at once."""
        self._upkeep.retry_now()

    @property
    def conversations(self) -> Mapping[int, ConversationInfo]:
        """The conversations the user is in, as they were when each was heard of."""
        return self._core.timeline.conversations

    def CheckStatus(self) -> ClientStatus:  # noqa: N802 - the name is a requirement
        """Return how this client stands now; asks nobody and does not wait."""
        return self._upkeep.status()

    async def wait_status_change(self, known: ClientStatus) -> ClientStatus:
        """Return the status once its state or name is another one than in ``known``.

        While there is no connection, the number of messages that wait counts too.
        """

        def news() -> bool:
            status = self.CheckStatus()
            return (status.state, status.name) != (known.state, known.name) or (
                status.state is not State.ONLINE and status.unacknowledged != known.unacknowledged
            )

        await self._core.changes.wait_until(news)
        return self.CheckStatus()


def _ignore(_notice: Notice) -> None:
    """Take a notice nobody wants."""
