"""Letting a person at telnet in: a name, and a password where the name has one (S002-3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from chat.dispatch import Answer, dispatch
from chat.messenger import Messenger
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, Goodbye
from protocol.language import N_
from protocol.limits import MAX_SECRET
from protocol.requests import Login
from server.gateways.http.first_bytes import TOO_LATE, FirstBytes, look_at
from server.gateways.telnet import Line
from server.gateways.terminal import Terminal, decode

ATTEMPTS = 3
"""How often a password is asked for before the name is asked for again."""

NAME_QUESTION = N_("What is your name?")


class Door:
    """Asks until somebody is logged in."""

    def __init__(self, terminal: Terminal, messenger: Messenger, suit: Callable[[], None]) -> None:
        """Ask a person who has been asked for the name; ``suit`` what is shown to who is known."""
        self._terminal = terminal
        self._suit = suit
        self._messenger = messenger
        self._name: str | None = None  # waiting for the password of this one
        self._wrong = 0  # passwords in a row for that name
        self._begun = b""  # of a line that is too long by far; its end is no answer either

    async def pass_through(self, lines: AsyncIterator[Line]) -> bool:
        """Let the person in; False where they left."""
        session = self._terminal.conn.session
        async for line in lines:
            self._begun = self._begun or line.data
            if not line.ended:
                continue
            typed, self._begun = self._begun, b""
            if look_at(typed) is FirstBytes.HTTP:
                self._terminal.conn.send(TOO_LATE)
                return False
            try:
                answer = await self._answer(decode(typed))
            except ProtocolError as error:
                self._terminal.complain(error)
                answer = None
            if session.user is not None:
                self._suit()
            if isinstance(answer, Event):
                self._show(answer)
            if session.user is not None:
                return True
            if isinstance(answer, Goodbye):
                return False
            if self._name is None:
                self._terminal.ask(NAME_QUESTION)
            else:
                self._terminal.ask_unseen(N_("Password:"))
        return False

    async def _answer(self, text: str) -> Answer:
        if self._name is None:
            text = text.strip()
            if text.lstrip("/").lower() in {"quit", "exit"}:
                return Goodbye(reason=self._terminal.say("Goodbye."))
            login = Login(name=text)
        else:
            login = Login(name=self._name, password=text[:MAX_SECRET])
        self._name = None
        answer = await dispatch(self._messenger, self._terminal.conn.session, login)
        code = answer.code if isinstance(answer, Error) else None
        self._wrong = self._wrong + 1 if code == ErrorCode.BAD_CREDENTIALS else 0
        if code == ErrorCode.PASSWORD_NEEDED or 0 < self._wrong < ATTEMPTS:
            self._name = login.name  # not the name again: who types the password would show it
        return answer

    def _show(self, answer: Event) -> None:
        needs_password = isinstance(answer, Error) and answer.code == ErrorCode.PASSWORD_NEEDED
        if not needs_password:  # the question says it
            self._terminal.conn.post(answer)
