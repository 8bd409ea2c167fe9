"""Which messages are new, which are repeats, and where there is a hole (no input or output).

Every conversation's sequence numbers arrive dense, the acknowledgements of one's own messages
counted. What is behind a hole is not shown until the hole has been paged in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from cli.messages import Age
from protocol.events import ConversationInfo


class Verdict(Enum):
    """What to do with a message."""

    NEXT = auto()
    """It is the one that was waited for."""
    REPEAT = auto()
    """It has been here before."""
    BEHIND_A_HOLE = auto()
    """Something before it is missing; it will come again, in a page of history."""


@dataclass(slots=True)
class _Place:
    """How far one conversation has got."""

    last: int | None = None  # the last one accepted; None before the first
    highest: int = 0  # the highest number heard of
    hole: bool = False
    shown: int = 0  # what the program has shown
    told: int = 0  # what the server knows of it
    login_delivered: int = 0
    login_last: int = 0


class Timeline:
    """The places of all conversations."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self.conversations: dict[int, ConversationInfo] = {}

    def begin(self, conversations: Iterable[ConversationInfo], *, first: bool) -> int:
        """Take the list that a login brought; return how many messages were missed.

        At the ``first`` login the ages of all messages are measured by it.
        """
        missed = 0
        for info in conversations:
            self.conversations[info.id] = info
            place = self._places.setdefault(info.id, _Place())
            if first:
                place.login_delivered, place.login_last = info.delivered_seq, info.last_seq
            place.told = info.delivered_seq  # what was told last may not have arrived
            if place.last is not None and place.last > info.last_seq:
                place.last = info.last_seq  # the server's database was put back to an earlier state
            have = info.delivered_seq if place.last is None else place.last
            missed += max(0, info.last_seq - have)
            place.hole = False  # what is missing comes with the login now
        return missed

    def add(self, info: ConversationInfo) -> None:
        """Take a conversation that has just come into being."""
        self.conversations[info.id] = info
        self._places.setdefault(info.id, _Place(login_delivered=info.delivered_seq))

    def resume(self) -> dict[int, int] | None:
        """Return what a new login has to go on after; None where nothing has arrived yet."""
        return {
            conversation: place.last
            for conversation, place in self._places.items()
            if place.last is not None
        } or None

    def judge(self, conversation: int, seq: int, prev: int | None = None) -> Verdict:
        """Tell what to do with a message; ``prev`` is the number before it, else ``seq`` - 1."""
        place = self._places.setdefault(conversation, _Place())
        place.highest = max(place.highest, seq)
        if place.last is None:
            return Verdict.NEXT
        if seq <= place.last:
            return Verdict.REPEAT
        before = seq - 1 if prev is None else prev
        return Verdict.NEXT if before <= place.last else Verdict.BEHIND_A_HOLE

    def accept(self, conversation: int, seq: int) -> Age:
        """Note that a message is taken; return its age."""
        place = self._places[conversation]
        place.last = seq
        if seq <= place.login_delivered:
            return Age.SEEN
        return Age.MISSED if seq <= place.login_last else Age.LIVE

    def last(self, conversation: int) -> int:
        """Return the number of the last message accepted, 0 before the first."""
        return self._places[conversation].last or 0

    def open_hole(self, conversation: int, seq: int) -> None:
        """Note that ``seq`` was left out, and that a page has to be asked for."""
        place = self._places[conversation]
        place.highest = max(place.highest, seq)
        if place.last is None:
            place.last = seq - 1
        place.hole = True

    def next_hole(self) -> int | None:
        """Return a conversation with a hole, None where there is none."""
        return next((key for key, place in self._places.items() if place.hole), None)

    def close_hole(self, conversation: int, *, grown: bool) -> None:
        """Note that the end of the conversation has been paged in.

        A message that arrived behind the hole while the page was on its way is not in it, so
        there is a next page to get, unless the last one has ``grown`` nothing: then what is
        missing is gone for good.
        """
        place = self._places[conversation]
        last = place.last or 0
        if last >= place.highest:
            place.hole = False
        elif not grown:
            place.last = place.highest
            place.hole = False

    def show(self, conversation: int, seq: int) -> None:
        """Note that the program has shown everything up to ``seq``."""
        place = self._places[conversation]
        place.shown = max(place.shown, seq)

    def show_own(self, conversation: int, seq: int) -> None:
        """Note that one's own message needs no showing, where all before it has been shown."""
        place = self._places[conversation]
        if max(place.shown, place.told) >= seq - 1:
            place.shown = max(place.shown, seq)

    def has_untold(self) -> bool:
        """Tell whether there is something shown that the server does not know of."""
        return any(place.shown > place.told for place in self._places.values())

    def untold(self) -> list[tuple[int, int]]:
        """Return what the server does not know to be shown, and take it for told."""
        news = [(key, p.shown) for key, p in self._places.items() if p.shown > p.told]
        for key, seq in news:
            self._places[key].told = seq
        return news
