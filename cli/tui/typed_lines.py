"""Lines that were typed and wait to be done, in order, each where it was meant for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from protocol.commands import Place
from protocol.errors import ProtocolError
from protocol.requests import Request
from protocol.typed import parse_line

TYPED_AHEAD = 10_000
"""Lines that may wait to be done, for example those of one who types while moving elsewhere."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A line, and where it was typed; None: wherever the lines before it lead."""

    line: str
    place: Place | None
    moves: bool
    """True: it leads to another conversation."""
    verbatim: bool
    """True: it is a message, whatever it looks like."""
    by_key: bool
    """True: a key has made it, so it is not shown again."""


class TypedLines:
    """What waits between the keyboard and who does it."""

    def __init__(self) -> None:
        self._typed, self._to_do = trio.open_memory_channel[Typed](TYPED_AHEAD)
        self._moving = 0
        self._closed = False

    def put(self, line: str, place: Place, *, verbatim: bool, by_key: bool) -> bool:
        """Let a line be done behind all before it; False where too much waits already.

        Behind one that moves the user it is for where that leads, as at any prompt. After
        :meth:`close` it is dropped.
        """
        if self._closed:
            return True
        verbatim = verbatim or not line.lstrip().startswith("/")
        moves = not verbatim and _moves(line.lstrip(), place)
        typed = Typed(line, None if self._moving else place, moves, verbatim, by_key)
        try:
            self._typed.send_nowait(typed)
        except trio.WouldBlock:
            return False
        self._moving += moves
        return True

    @property
    def is_moving(self) -> bool:
        """True: a line that has not been done yet leads to another conversation."""
        return self._moving > 0

    def close(self) -> None:
        """Take no further lines; again is harmless."""
        self._closed = True
        self._typed.close()

    async def run(self, do: Callable[[Typed], Awaitable[bool]]) -> bool:
        """Do line after line until :meth:`close`; False where ``do`` says that it was the last."""
        async with self._to_do:
            async for typed in self._to_do:
                try:
                    if not await do(typed):
                        self.close()
                        return False
                finally:
                    self._moving -= typed.moves
        return True


def _moves(line: str, place: Place) -> bool:
    """Tell whether a line leads to another conversation."""
    if not line.startswith("/"):
        return False
    try:
        request = parse_line(line, place)
    except ProtocolError:
        return False
    return isinstance(request, Request) and request.moves
