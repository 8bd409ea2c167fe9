"""The terminal at the other end of a telnet connection: lines in, questions out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error
from protocol.limits import MAX_TEXT
from server.conn import Conn
from server.gateways.telnet import ECHO, IAC, WILL, WONT, Line, TelnetReader


def text_lines(*lines: str) -> bytes:
    """Return lines as telnet wants them, with CR LF (RFC 854)."""
    return "".join(f"{line}\r\n" for line in lines).encode()


class Terminal:
    """Reads what a person types, and asks for what nobody else should read."""

    def __init__(self, conn: Conn) -> None:
        """Talk over a connection."""
        self.conn = conn
        self._reader = TelnetReader(MAX_TEXT)
        self._unseen = False

    async def lines(self) -> AsyncIterator[Line]:
        """Yield what is typed, until the end of the stream."""
        conn, reader = self.conn, self._reader
        while data := await conn.receive():
            lines = reader.feed(data)
            if reader.replies:
                conn.send(bytes(reader.replies))
                reader.replies.clear()
            for line in lines:
                if self._unseen:  # the person's Enter was not shown either
                    self._show_typing()
                yield line

    def say(self, template: str, /, **values: object) -> str:
        """Return a sentence in the person's language."""
        return self.conn.session.voice.say(template, **values)

    def show(self, *lines: str) -> None:
        """Show lines."""
        self.conn.send(text_lines(*lines))

    def ask(self, question: str) -> None:
        """Ask a question, in the person's language; the answer is the next line."""
        self.conn.send(self.say(question).encode() + b" ")

    def ask_unseen(self, question: str) -> None:
        """Ask for something that does not appear while it is typed (RFC 857)."""
        self._unseen = True
        self._reader.offered.add(ECHO)
        self.conn.send(bytes((IAC, WILL, ECHO)))
        self.ask(question)

    def _show_typing(self) -> None:
        self._unseen = False
        self.conn.send(bytes((IAC, WONT, ECHO)) + text_lines(""))

    def complain(self, error: ProtocolError) -> None:
        """Tell what is wrong with what was typed."""
        self.conn.post(Error(code=error.code, message=error.said(self.conn.session.voice)))


def decode(line: bytes) -> str:
    """Return a line as text; raises :class:`ProtocolError` where it is none."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ProtocolError(
            ErrorCode.BAD_FRAME,
            "That line was not valid UTF-8, so it was not sent. Set your terminal to UTF-8;"
            " some telnet programs break a few letters even so, our client breaks none.",
        ) from None
