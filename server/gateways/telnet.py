"""The telnet protocol's own bytes, taken out of what a person types (RFC 854).

Also the few editing keys that arrive when the client does not edit lines itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO = 1
"""Who echoes what is typed; a server that offers to, and does not, hides it (RFC 857)."""
TIMING_MARK = 6
"""Asked for after every Ctrl+C; the client shows nothing until it has the answer (RFC 860)."""

_SPECIAL = re.compile(rb"[\x00\x08\n\r\x7f\xff]")
_BACKSPACES = (0x08, 0x7F)
_NEWLINE, _RETURN = 0x0A, 0x0D


class Line(NamedTuple):
    """A line, or a piece of a long one."""

    data: bytes
    ended: bool
    """False: the line goes on in the next piece."""


class TelnetReader:
    """Turns received bytes into lines, without newlines and negotiation.

    Offers of options are declined in :attr:`replies`, each once; a timing mark is declined each
    time. A line longer than ``limit``
    bytes comes in pieces, so that it has no limit and the memory has one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = bytearray()
        self._command = bytearray()  # an unfinished negotiation
        self._declined: set[bytes] = set()
        self._after_return = False
        self.offered: set[int] = set()
        """Options that the server has offered: what the client says to them is no question."""
        self.replies = bytearray()
        """What has to be sent to the client; the caller empties it."""

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes as they came and return what is complete now."""
        lines: list[Line] = []
        start = 0
        while start < len(data):
            if self._command:
                self._negotiate(data[start], lines)
                start += 1
                continue
            special = _SPECIAL.search(data, start)
            end = special.start() if special else len(data)
            if end > start:
                self._after_return = False
                self._type(data[start:end], lines)
            if special:
                self._obey(data[end], lines)
            start = end + 1
        return lines

    def _type(self, text: bytes, lines: list[Line]) -> None:
        self._line += text
        while len(self._line) > self._limit:
            lines.append(Line(bytes(self._line[: self._limit]), ended=False))
            del self._line[: self._limit]

    def _obey(self, byte: int, lines: list[Line]) -> None:
        after_return, self._after_return = self._after_return, byte == _RETURN
        if byte == IAC:
            self._command.append(byte)
        elif byte in (_NEWLINE, _RETURN):
            if byte == _NEWLINE and after_return:
                return  # CR LF is one end of line; so is CR NUL, and NUL is nothing
            lines.append(Line(bytes(self._line), ended=True))
            self._line.clear()
        elif byte in _BACKSPACES:
            self._rub_out()

    def _rub_out(self) -> None:
        """Delete the last character, however many bytes it has in UTF-8."""
        while self._line and self._line[-1] & 0xC0 == 0x80:  # noqa: PLR2004 - continuation bytes
            self._line.pop()
        if self._line:
            self._line.pop()

    def _negotiate(self, byte: int, lines: list[Line]) -> None:
        command = self._command
        command.append(byte)
        if len(command) == 2:  # noqa: PLR2004 - the byte after IAC
            if byte == IAC:  # doubled, it is the character 255, which no UTF-8 text has
                self._type(bytes((IAC,)), lines)
                command.clear()
            elif byte not in (WILL, WONT, DO, DONT, SB):
                command.clear()
        elif command[1] != SB:
            self._decline(command[1], byte)
            command.clear()
        elif command[-2] == IAC and byte == SE:
            command.clear()
        else:  # a subnegotiation: only its last byte matters for finding its end
            del command[2:-1]

    def _decline(self, verb: int, option: int) -> None:
        answer = {WILL: DONT, DO: WONT}.get(verb)
        if answer is None or (verb == DO and option in self.offered):
            return
        reply = bytes((IAC, answer, option))
        # Answering again could make two ends talk for ever, but a mark is a question each time.
        if reply not in self._declined or (verb, option) == (DO, TIMING_MARK):
            self._declined.add(reply)
            self.replies += reply
