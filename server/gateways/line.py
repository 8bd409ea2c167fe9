"""People at telnet, and anything else that speaks in lines (S002-3, S004-7..11)."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterator

import structlog
import trio

from chat.dispatch import Answer, TextStream, dispatch
from chat.messenger import Messenger
from chat.uploads import TextChunk
from protocol.commands import Local, help_lines, parse_line
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Goodbye
from protocol.limits import MAX_TEXT
from protocol.requests import Login, Request, Send
from protocol.text import format_size, sanitise
from server.conn import Conn
from server.gateways.line_dialect import LineDialect, text_lines
from server.gateways.telnet import Line, TelnetReader
from server.gateways.texts import send_text

log = structlog.get_logger()

HTTP_REQUEST = re.compile(rb"[A-Z]{3,10} \S+ HTTP/\d")
"""How an HTTP client begins."""

NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This port speaks telnet and the protocol of mymessenger, not HTTP.\n"
)
"""The answer to a browser: what a page sends must never be typed into the chat."""

NOTE_DELIVERED_EVERY = 5.0  # seconds
FOLD = 4096
"""Characters after which a line of a long text is folded."""

_LONG_LINE = 0  # the stream that a line too long for one frame becomes


def greet(conn: Conn, messenger: Messenger, dialect: LineDialect) -> None:
    """Ask a person for the name."""
    conn.dialect = dialect
    conn.send(text_lines(f"Welcome to {messenger.name}.") + b"What is your name? ")


async def serve_line(conn: Conn, messenger: Messenger) -> None:
    """Let in a person who has been greeted, then read lines until they leave."""
    log.debug("connection.line", connection=conn.id)
    lines = _read_lines(conn)
    if not await _log_in(conn, messenger, lines):
        return
    conn.start_soon(_note_delivered_regularly, conn, messenger)
    person = _Person(conn, messenger)
    try:
        async for line in lines:
            await conn.wait_room()  # one read can hold thousands of lines
            if not await person.take(line):
                return
        await conn.session.wait_in_flight(0)
    finally:
        _note_delivered(conn, messenger)


async def _read_lines(conn: Conn) -> AsyncIterator[Line]:
    reader = TelnetReader(MAX_TEXT)
    while data := await conn.receive():
        lines = reader.feed(data)
        if reader.replies:
            conn.send(bytes(reader.replies))
            reader.replies.clear()
        for line in lines:
            yield line


async def _log_in(conn: Conn, messenger: Messenger, lines: AsyncIterator[Line]) -> bool:
    """Ask until the name is right; False where the person left."""
    begun = b""  # of a line that is too long for a name by far; its end is no name either
    async for line in lines:
        begun = begun or line.data
        if not line.ended:
            continue
        typed, begun = begun, b""
        try:
            name = _decode(typed).strip()
        except ProtocolError as error:
            conn.post(Error(code=error.code, message=error.sentence))
        else:
            if HTTP_REQUEST.match(typed):
                conn.send(NOT_HTTP)
                return False
            if name.lstrip("/").lower() in {"quit", "exit"}:
                conn.post(Goodbye(reason="Goodbye."))
                return False
            await _show(conn, await dispatch(messenger, conn.session, Login(name=name)))
            if conn.session.user is not None:
                return True
        conn.send(b"What is your name? ")
    return False


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        sentence = (
            "That line was not valid UTF-8, so it was not sent. Set your terminal to UTF-8;"
            " some telnet programs break a few letters even so, our client breaks none."
        )
        raise ProtocolError(ErrorCode.BAD_FRAME, sentence) from None


class _Person:
    """Somebody who is logged in and types."""

    def __init__(self, conn: Conn, messenger: Messenger) -> None:
        self._conn = conn
        self._messenger = messenger
        self._in_long_line = False
        self._refusing = False  # the rest of a line that was too long for a command

    async def take(self, line: Line) -> bool:
        """Do what a line, or a piece of a long one, says; False where it was the last one."""
        try:
            requests = self._understand(line)
        except ProtocolError as error:
            self._conn.post(Error(code=error.code, message=error.sentence))
            return True
        for request in requests:
            if request is Local.HELP:
                self._conn.send(text_lines(*help_lines()))
                continue
            answer = await dispatch(self._messenger, self._conn.session, request)
            await _show(self._conn, answer)
            if isinstance(answer, Goodbye):
                return False
        return True

    def _understand(self, line: Line) -> list[Request | Local]:
        if self._in_long_line or not line.ended:
            return self._understand_long(line)
        request = parse_line(_decode(line.data))
        return [] if request is None else [request]

    def _understand_long(self, line: Line) -> list[Request | Local]:
        """A line too long for one frame is a message that comes in chunks."""
        begins, self._in_long_line = not self._in_long_line, not line.ended
        if begins:
            # A command that went to everyone as a text could tell a secret.
            self._refusing = line.data.startswith((b"/", b"send"))
            if self._refusing:
                sentence = f"A command has at most {MAX_TEXT} bytes; nothing was sent."
                raise ProtocolError(ErrorCode.TEXT_TOO_LONG, sentence)
        if self._refusing:
            return []
        requests: list[Request | Local] = []
        if line.data:
            requests.append(TextChunk(stream=_LONG_LINE, data=line.data))
        if line.ended:
            requests.append(Send(stream=_LONG_LINE))
        return requests


async def _show(conn: Conn, answer: Answer) -> None:
    if isinstance(answer, TextStream):
        conn.send(text_lines(f"--- message {answer.id}, {format_size(answer.size)} ---"))
        lines = _TextLines(answer)
        await send_text(conn, answer, lines.piece, lines.end)
    elif answer is not None:
        conn.post(answer)


class _TextLines:
    """A long text as lines, each indented and sent whole.

    Other people's messages come between them, and no line of a text may look like one.
    """

    def __init__(self, text: TextStream) -> None:
        self._id = text.id
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""  # of a line that is not complete

    def piece(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + self._decode(data)).split("\n")
        if len(self._rest) > FOLD:
            lines.append(self._rest)
            self._rest = ""
        return self._shown(lines)

    def end(self) -> bytes:
        lines = [self._rest] if self._rest else []
        return self._shown(lines) + text_lines(f"--- end of message {self._id} ---")

    @staticmethod
    def _shown(lines: list[str]) -> bytes:
        folded = [
            line[start : start + FOLD]
            for line in (line.removesuffix("\r") for line in lines)
            for start in range(0, max(len(line), 1), FOLD)
        ]
        return text_lines(*(f"  {sanitise(line)}" for line in folded))


def _note_delivered(conn: Conn, messenger: Messenger) -> None:
    """Move the markers of one whose kernel has confirmed everything it was sent (S002-7).

    A person at telnet has no program that could say what was shown; this is as near as the
    server can see. What is not confirmed is shown again at the next login.
    """
    if conn.session.user is None or conn.channel.broken or conn.unreceived:
        return
    for conversation, subscription in conn.subscriptions.items():
        messenger.markers.move(conn.session.user.id, conversation, subscription.position)


async def _note_delivered_regularly(conn: Conn, messenger: Messenger) -> None:
    while True:
        await trio.sleep(NOTE_DELIVERED_EVERY)
        _note_delivered(conn, messenger)
