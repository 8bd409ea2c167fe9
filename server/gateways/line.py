"""People at telnet, and anything else that speaks in lines (S002-3, S004-7..11)."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from datetime import tzinfo
from functools import partial

import structlog
import trio

from chat.dispatch import Answer, FileStream, TextStream, dispatch
from chat.messenger import Messenger
from chat.uploads import TextChunk
from protocol.commands import AskSecrets, Built, Help, Local, Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import ConversationLeft, Error, Goodbye, Opened
from protocol.language import size_of
from protocol.limits import MAX_TEXT
from protocol.requests import Send
from protocol.text import sanitise
from protocol.typed import help_lines, parse_line, parse_moved
from protocol.view import View, marked_lines
from protocol.vocabulary.files import Download, GetFile, SendFile, StopTransfers
from protocol.vocabulary.outbox import ShowOutbox, TakeBack
from server.conn import Conn
from server.gateways.line_dialect import LineDialects
from server.gateways.line_files import TelnetFiles
from server.gateways.line_login import NAME_QUESTION, Door
from server.gateways.telnet import Line
from server.gateways.terminal import Terminal, decode, text_lines
from server.gateways.texts import send_text

log = structlog.get_logger()

NOTE_SHOWN_EVERY = 5.0  # seconds
FOLD = 4096
"""Characters after which a line of a long text is folded."""

_LONG_LINE = 0  # the stream that a line too long for one frame becomes


class LineGateway:
    """Serves people who type lines."""

    def __init__(
        self, messenger: Messenger, zone: tzinfo | None, title_of: Callable[[int], str | None]
    ) -> None:
        """Show times in ``zone`` to who has none of their own; None is the machine's.

        ``title_of`` returns the names of rooms.
        """
        self._messenger = messenger
        self._zone = zone
        self._dialects = LineDialects(title_of)

    def greet(self, conn: Conn) -> None:
        """Ask a person for the name."""
        conn.dialect = self._dialects.of(conn.session.voice, self._zone)
        welcome = conn.session.voice.say("Welcome to {server}.", server=self._messenger.name)
        terminal = Terminal(conn)
        terminal.show(welcome)
        terminal.ask(NAME_QUESTION)

    async def serve(self, conn: Conn) -> None:
        """Let in a person who has been greeted, then read lines until they leave."""
        log.debug("connection.line", connection=conn.id)
        terminal = Terminal(conn)
        lines = terminal.lines()
        if not await Door(terminal, self._messenger, partial(self.suit, conn)).pass_through(lines):
            return
        conn.session.reads_along = True
        person = _Person(terminal, self._messenger, self)
        conn.start_soon(_note_shown_regularly, person)
        try:
            async for line in lines:
                await conn.wait_room()  # one read can hold thousands of lines
                if not await person.take(line):
                    return
            await conn.session.wait_in_flight(0)
        finally:
            person.note_shown()
            person.files.close()

    def suit(self, conn: Conn) -> None:
        """Let everything be shown in the language and the zone that the person has by now."""
        conn.change_dialect(self._dialects.of(conn.session.voice, self.zone_of(conn)))

    def zone_of(self, conn: Conn) -> tzinfo | None:
        """Return the zone in which a person sees times."""
        return conn.session.zone or self._zone


class _Person:
    """Somebody who is logged in and types."""

    def __init__(self, terminal: Terminal, messenger: Messenger, gateway: LineGateway) -> None:
        self._terminal = terminal
        self._conn = terminal.conn
        self._messenger = messenger
        self._gateway = gateway
        self._place = Place()
        self._in_long_line = False
        self._refusing = False  # the rest of a line that was too long for a command
        self._secrets: AskSecrets | None = None  # being asked for
        self._answers: list[str] = []
        self._noted: dict[int, tuple[int, bool]] = {}  # what was last noted of each conversation
        self.files = TelnetFiles(terminal, messenger)

    async def take(self, line: Line) -> bool:
        """Do what a line, or a piece of a long one, says; False where it was the last one."""
        if self.files.takes_lines:
            await self.files.take(line)
            return True
        try:
            requests = self._understand(line)
        except ProtocolError as error:
            self._terminal.complain(error)
            return True
        for built in requests:
            # There is no place to save a file in, so it is shown.
            request = Download(id=built.id) if isinstance(built, GetFile) else built
            if isinstance(request, Local):
                await self._do_local(request)
                continue
            answer = await dispatch(self._messenger, self._conn.session, request)
            self._gateway.suit(self._conn)  # this request or another device may have changed it
            await self._show(answer)
            if isinstance(answer, Goodbye):
                return False
        return True

    async def _do_local(self, request: Local) -> None:
        voice = self._conn.session.voice
        if isinstance(request, Help):
            self._terminal.show(*help_lines(voice, request.topic))
        elif isinstance(request, AskSecrets):
            self._secrets, self._answers = request, []
            self._terminal.ask_unseen(request.questions[0])
        elif isinstance(request, SendFile):
            await self.files.begin(request)
        elif isinstance(request, StopTransfers):
            self.files.stop()
        elif isinstance(request, ShowOutbox | TakeBack):
            self._terminal.show(voice.say("Nothing waits: the server has all that you wrote."))
        else:
            sentence = voice.say(
                "Telnet has no files; the program mymessenger saves texts in them."
            )
            self._conn.post(Error(code=ErrorCode.BAD_ARGUMENTS, message=sentence))

    async def _show(self, answer: Answer) -> None:
        conn, session = self._conn, self._conn.session
        if isinstance(answer, FileStream):
            await self.files.show(answer)
        elif isinstance(answer, TextStream):
            begin = session.voice.say(
                "--- message {number}, {size} ---", number=answer.id, size=size_of(answer.size)
            )
            end = session.voice.say("--- end of message {number} ---", number=answer.id)
            conn.send(text_lines(begin))
            lines = _TextLines(end)
            await send_text(conn, answer, lines.piece, lines.end)
        elif isinstance(answer, Opened):
            self.note_shown()
            self._place = Place(answer.conversation.id)
            view = View(session.voice, self._gateway.zone_of(conn), session.who.name)
            conn.send(text_lines(*marked_lines(answer, view)))
        elif isinstance(answer, ConversationLeft):
            if answer.conversation == self._place.conversation:
                self._place = Place()
            conn.post(answer)
        elif answer is not None:
            conn.post(answer)

    def note_shown(self) -> None:
        """Move the markers of one whose kernel has confirmed everything it was sent (S002-7).

        A person at telnet has no program that could say what was shown; this is as near as the
        server can see. What is not confirmed is shown again at the next login. Where the person
        is, it is read.
        """
        conn, reading = self._conn, self._messenger.reading
        if conn.session.user is None or conn.channel.broken or conn.unreceived:
            return
        before, self._noted = self._noted, {}
        for conversation, subscription in conn.subscriptions.items():
            here = conversation == self._place.conversation
            self._noted[conversation] = (subscription.position, here)
            if before.get(conversation) == self._noted[conversation]:
                continue
            move = reading.read if here else reading.delivered
            move(conn.session, conversation, subscription.position)

    def _understand(self, line: Line) -> list[Built]:
        if self._in_long_line or not line.ended:
            return self._understand_long(line)
        text = decode(line.data)
        if self._secrets is not None:
            return self._take_secret(self._secrets, text)
        before = self._place
        if self._conn.position(before.conversation) is None:
            self._place = Place()
            request = parse_moved(text, before, self._place)
        else:
            request = parse_line(text, before)
        return [] if request is None else [request]

    def _take_secret(self, secrets: AskSecrets, text: str) -> list[Built]:
        """Take the answer to a question, and ask the next one if there is one."""
        self._answers.append(text)
        if text and len(self._answers) < len(secrets.questions):
            self._terminal.ask_unseen(secrets.questions[len(self._answers)])
            return []
        self._secrets = None
        if not text:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "Nothing was typed; nothing changed.")
        return [secrets.build(*self._answers)]

    def _understand_long(self, line: Line) -> list[Built]:
        """A line too long for one frame is a message that comes in chunks."""
        begins, self._in_long_line = not self._in_long_line, not line.ended
        if begins:
            # A command that went to everyone as a text could tell a secret.
            secret = self._secrets is not None
            self._secrets = None
            # The line may end in the middle of a letter.
            text = line.data.decode(errors="ignore").lstrip()
            self._refusing = secret or text.startswith(("/", "send"))
            if self._refusing:
                raise ProtocolError(
                    ErrorCode.TEXT_TOO_LONG,
                    "A command has at most {limit} bytes; nothing was sent.",
                    limit=MAX_TEXT,
                )
        if self._refusing:
            return []
        requests: list[Built] = []
        if line.data:
            requests.append(TextChunk(stream=_LONG_LINE, data=line.data))
        if line.ended:
            requests.append(Send(stream=_LONG_LINE, conversation=self._place.conversation))
        return requests


class _TextLines:
    """A long text as lines, each indented and sent whole.

    Other people's messages come between them, and no line of a text may look like one.
    """

    def __init__(self, last: str) -> None:
        self._last = last
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
        return self._shown(lines) + text_lines(self._last)

    @staticmethod
    def _shown(lines: list[str]) -> bytes:
        folded = [
            line[start : start + FOLD]
            for line in (line.removesuffix("\r") for line in lines)
            for start in range(0, max(len(line), 1), FOLD)
        ]
        return text_lines(*(f"  {sanitise(line)}" for line in folded))


async def _note_shown_regularly(person: _Person) -> None:
    while True:
        await trio.sleep(NOTE_SHOWN_EVERY)
        person.note_shown()
