"""Files at telnet: base64 in both directions, for a person with nothing else (S003-7, S003-15)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from chat.dispatch import Answer, FileStream, guarded
from chat.handlers.files import check_addressee, check_quota, write_file
from chat.messenger import Messenger
from chat.pasting import Paste
from chat.writing import destination
from protocol.events import Error
from protocol.language import Count, Voice, size_of
from protocol.vocabulary.files import SendFile
from server.gateways.telnet import Line
from server.gateways.terminal import Terminal, text_lines
from server.gateways.texts import send_text

LINE = 57
"""Bytes on a line of base64, which has 76 characters then."""

END = b"."
STOP = b"/stop"


class TelnetFiles:
    """The files that one person at telnet is sending and getting."""

    def __init__(self, terminal: Terminal, messenger: Messenger) -> None:
        self._terminal = terminal
        self._messenger = messenger
        self._session = terminal.conn.session
        self._shown: _Base64Lines | None = None
        self._sending: _Sending | None = None

    @property
    def takes_lines(self) -> bool:
        """True: what is typed is a file, up to its end."""
        return self._sending is not None

    async def begin(self, command: SendFile) -> None:
        """Begin to take a file, where there is somebody it can go to."""
        session = self._session
        check = partial(self._begin, command)
        answer = await guarded(self._messenger, session, None, "paste", check)
        if isinstance(answer, Error):
            self._terminal.conn.post(answer)

    async def _begin(self, command: SendFile) -> Answer:
        session = self._session
        await check_addressee(
            self._messenger, session, to=command.to, conversation=command.conversation
        )
        if command.to is None:
            check_quota(self._messenger, session, command.conversation)
        self._sending = _Sending(command, Paste(self._messenger, session, command.path))
        session.tell(
            "Paste the file as base64, as the program base64 makes it. A line with a dot alone "
            "ends it, one with /stop gives it up."
        )
        return None

    async def take(self, line: Line) -> None:
        """Take a line of the file, or a piece of a long one."""
        sending = self._sending
        if sending is None:
            return
        whole, sending.within_line = line.ended and not sending.within_line, not line.ended
        word = line.data.strip() if whole else b""
        do = partial(self._take, sending, word, line.data)
        answer = await guarded(self._messenger, self._session, None, "paste", do)
        if isinstance(answer, Error):
            self._terminal.conn.post(answer)
            sending.paste.give_up()
            if not sending.failed and self._sending is sending and word != END:
                # What else is pasted must not go to everyone as messages.
                sending.failed = True
                self._session.tell("What follows is thrown away, up to a line with a dot alone.")
        if word in (END, STOP):
            self._sending = None

    async def _take(self, sending: _Sending, word: bytes, data: bytes) -> Answer:
        if word == STOP or (word == END and sending.failed):
            sending.paste.give_up()
            self._session.tell("The file was not sent.")
        elif word == END:
            await self._send(sending)
        elif not sending.failed:
            await sending.paste.add(data)
        return None

    async def _send(self, sending: _Sending) -> None:
        command, session = sending.command, self._session
        file = await sending.paste.finish()
        conversation = await destination(
            self._messenger, session, to=command.to, conversation=command.conversation
        )
        write_file(self._messenger, session, None, conversation, file)
        session.tell(
            "{name} has arrived and is sent: {size}, sha256 {sha256}.",
            name=file.name.decode(), size=size_of(file.size), sha256=file.sha256.hex(),
        )  # fmt: skip

    async def show(self, file: FileStream) -> None:
        """Show a file as base64 beside everything else; two at once nobody could tell apart."""
        if self._shown is not None and not self._shown.ended:
            self._session.tell("There is a file on its way; wait for its end, or write /stop.")
            return
        lines = self._shown = _Base64Lines(file, self._session.voice)
        conn = self._terminal.conn
        begin = self._terminal.say(
            "--- file {name}, {bytes}, base64 ---",
            name=file.name, bytes=Count("{number} byte", "{number} bytes", file.size),
        )  # fmt: skip
        conn.send(text_lines(begin))
        await send_text(conn, replace(file, chunks=lines.chunks()), lines.piece, lines.end)

    def stop(self) -> None:
        """Show no more of a file."""
        if self._shown is None or self._shown.ended:
            self._session.tell("No file is on its way.")
        else:
            self._shown.stopped = True

    def close(self) -> None:
        """Forget what is not sent: the person has gone."""
        if self._sending is not None:
            self._sending.paste.give_up()


class _Sending:
    """What a person is pasting."""

    def __init__(self, command: SendFile, paste: Paste) -> None:
        self.command = command
        self.paste = paste
        self.failed = False
        self.within_line = False


class _Base64Lines:
    """A file as lines of base64, each sent whole; what others write comes between them."""

    def __init__(self, file: FileStream, voice: Voice) -> None:
        self._file = file
        self._voice = voice
        self._rest = b""
        self.stopped = False
        self.ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the file up to where it is stopped."""
        try:
            async for data in self._file.chunks:
                if self.stopped:
                    return
                yield data
        finally:
            self.ended = True

    def piece(self, data: bytes) -> bytes:
        """Return the lines that are complete now."""
        data = self._rest + data
        whole = len(data) // LINE * LINE
        self._rest = data[whole:]
        return text_lines(*(_line(data[at : at + LINE]) for at in range(0, whole, LINE)))

    def end(self) -> bytes:
        """Return the last line, and the one by which it can be checked."""
        if self.stopped:
            return text_lines(self._voice.say("--- stopped ---"))
        last = [_line(self._rest)] if self._rest else []
        end = self._voice.say("--- end, sha256 {sha256} ---", sha256=self._file.sha256)
        return text_lines(*last, end)


def _line(data: bytes) -> str:
    return b64encode(data).decode()
