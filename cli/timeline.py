"""Which messages are new, which are repeats, and where there is a hole (no input or output).

Every conversation's sequence numbers arrive dense, the acknowledgements of one's own messages
counted. What is behind a hole is not shown until the hole has been paged in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from msgspec.structs import replace

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
    read: int = 0  # what the user has read
    told_read: int = 0  # what the server knows of that
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
        gone = set(self.conversations)
        for info in conversations:
            gone.discard(info.id)
            self.conversations[info.id] = info
            place = self._places.setdefault(info.id, _Place())
            if first:
                place.login_delivered, place.login_last = info.delivered_seq, info.last_seq
            # What was told last may not have arrived.
            place.told, place.told_read = info.delivered_seq, info.read_seq
            if place.last is not None and place.last > info.last_seq:
                place.last = info.last_seq  # the server's database was put back to an earlier state
            have = info.delivered_seq if place.last is None else place.last
            missed += max(0, info.last_seq - have)
            place.hole = False  # what is missing comes with the login now
        for conversation in gone:  # left meanwhile, on another device
            self.remove(conversation)
        return missed

    def go_on_after(self, positions: Mapping[int, int]) -> None:
        """Take what another run of the program has got to, by conversation, before any login."""
        for conversation, seq in positions.items():
            self._places[conversation] = _Place(last=seq)

    def add(self, info: ConversationInfo) -> None:
        """Take a conversation that has just come into being."""
        self.conversations[info.id] = info
        self._places.setdefault(info.id, _Place(login_delivered=info.delivered_seq))

    def mark(
        self, conversation: int, *, delivered: int, read: int, last_seq: int, unread: int
    ) -> None:
        """Note how far the user has got on whatever device."""
        info = self.conversations.get(conversation)
        if info is not None:
            self.conversations[conversation] = replace(
                info,
                delivered_seq=max(info.delivered_seq, delivered),
                read_seq=max(info.read_seq, read),
                last_seq=max(info.last_seq, last_seq),
                unread=unread,
            )

    def sync(self, conversations: Iterable[ConversationInfo]) -> None:
        """Take the list that makes up for news that did not come."""
        known = {info.id: info for info in conversations}
        for gone in self.conversations.keys() - known.keys():
            self.remove(gone)
        for info in known.values():
            self.add(info)

    @property
    def is_caught_up(self) -> bool:
        """True: all that the user had missed at the first login has arrived."""
        return not any(
            place.login_delivered < place.login_last > (place.last or 0)
            for place in self._places.values()
        )

    def remove(self, conversation: int) -> None:
        """Forget a conversation that the user is no longer in."""
        self.conversations.pop(conversation, None)
        self._places.pop(conversation, None)

    def follows(self, conversation: int) -> bool:
        """Tell whether a conversation is still one whose messages are taken."""
        return conversation in self._places

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
        """Note that the program has shown everything up to ``seq``.

        By then the user may have left the conversation.
        """
        place = self._places.get(conversation)
        if place is not None:
            place.shown = max(place.shown, seq)

    def show_own(self, conversation: int, seq: int) -> None:
        """Note that one's own message needs no showing, where all before it has been shown."""
        place = self._places[conversation]
        if max(place.shown, place.told) >= seq - 1:
            place.shown = max(place.shown, seq)

    def note_read(self, conversation: int, seq: int) -> None:
        """Note that the user has read everything up to ``seq``; that is shown, too."""
        place = self._places.get(conversation)
        if place is not None:
            place.read = max(place.read, seq)
            place.shown = max(place.shown, seq)

    def has_untold(self) -> bool:
        """Tell whether something is shown or read that the server does not know of."""
        return any(
            place.shown > place.told or place.read > place.told_read
            for place in self._places.values()
        )

    def untold(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return what the server does not know to be shown, or read, and take it for told.

        What is read is shown, and told once.
        """
        read = [(key, p.read) for key, p in self._places.items() if p.read > p.told_read]
        for key, seq in read:
            place = self._places[key]
            place.told_read = seq
            place.told = max(place.told, seq)
        shown = [(key, p.shown) for key, p in self._places.items() if p.shown > p.told]
        for key, seq in shown:
            self._places[key].told = seq
        return shown, read
