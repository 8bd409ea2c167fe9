"""The conversations as the pane at the left shows them, with what is unread (no I/O)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.events import ConversationInfo, Message
from protocol.limits import MAX_UNREAD
from protocol.requests import GENERAL

if TYPE_CHECKING:
    from protocol.vocabulary.reading import Marked

COUNTED = {"text", "file"}
"""The kinds of messages that count as unread, as on the server."""


@dataclass(eq=False, slots=True)
class Place:
    """One conversation, and how far the user is in it."""

    info: ConversationInfo
    read: int = 0
    """Up to here the user has read it, on whatever device."""
    last: int = 0
    """The last sequence number heard of."""
    counted: int = 0
    """What the server has counted as unread, up to ``counted_to``."""
    counted_to: int = 0
    since: list[int] = field(default_factory=list)
    """What has come behind that and is unread."""
    mentioned: int = 0
    """The last message in which the user's name was said, 0 where there is none."""
    active: int = 0
    """When something was said last, in microseconds; 0: not since this program began."""

    @property
    def unread(self) -> int:
        """How many messages of others are unread; at most :data:`MAX_UNREAD` are counted."""
        number = min(self.counted, max(0, self.counted_to - self.read)) + len(self.since)
        return min(MAX_UNREAD, number)

    @property
    def has_mention(self) -> bool:
        """True: something unread is for the user in particular."""
        return self.unread > 0 and (self.info.kind == "direct" or self.mentioned > self.read)

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Where it stands in the list: mentions first, then what is unread, then by kind."""
        urgency = _URGENT if self.has_mention else _NEW if self.unread else _QUIET
        kind = _KINDS.get(self.info.kind, len(_KINDS))
        return urgency, kind, -self.active, self.info.name.casefold()


_URGENT, _NEW, _QUIET = range(3)
_KINDS = {"general": 0, "room": 1, "direct": 2}


class Roster:
    """All conversations of the user."""

    def __init__(self) -> None:
        self.places: dict[int, Place] = {}

    def take(self, conversations: Mapping[int, ConversationInfo]) -> None:
        """Take over what the client knows to be there: no less, no more."""
        for gone in self.places.keys() - conversations.keys():
            del self.places[gone]
        for number, info in conversations.items():
            place = self.places.get(number)
            if place is None:
                self._begin(info)
            else:
                place.info = info

    def _begin(self, info: ConversationInfo) -> None:
        self.places[info.id] = Place(
            info,
            read=info.read_seq,
            last=info.last_seq,
            counted=info.unread,
            counted_to=info.last_seq,
        )

    def count(self, conversations: Iterable[ConversationInfo]) -> None:
        """Take the counts that a login brought."""
        for info in conversations:
            place = self.places.get(info.id)
            if place is None:
                self._begin(info)
                continue
            place.info = info
            place.read = max(place.read, info.read_seq)
            place.last = max(place.last, info.last_seq)
            place.counted, place.counted_to, place.since = info.unread, info.last_seq, []

    def mark(self, event: Marked) -> None:
        """Take what another device has read."""
        place = self.places.get(event.conversation)
        if place is not None:
            place.read = max(place.read, event.read)
            place.counted, place.counted_to = event.unread, event.last_seq
            counted = max(place.read, event.last_seq)
            place.since = [seq for seq in place.since if seq > counted]

    def hear(self, message: Message, *, own: bool, me: str) -> Place | None:
        """Count a message that has come; return its place, None where it is none any more."""
        place = self.places.get(message.conversation)
        if place is None:
            return None
        place.last = max(place.last, message.seq)
        if message.kind not in COUNTED:
            return place
        place.active = max(place.active, message.time)
        if own or message.seq <= place.read:
            return place
        if message.seq > place.counted_to and len(place.since) < MAX_UNREAD:
            place.since.append(message.seq)
        if is_mentioned(message.text, me):
            place.mentioned = message.seq
        return place

    def read(self, conversation: int, seq: int) -> bool:
        """Note that the user has read up to ``seq``; True: that is news."""
        place = self.places.get(conversation)
        if place is None or seq <= place.read:
            return False
        place.read = seq
        place.since = [one for one in place.since if one > seq]
        return True

    @property
    def ordered(self) -> list[Place]:
        """The places as the list shows them."""
        return sorted(self.places.values(), key=lambda place: place.rank)

    @property
    def unread(self) -> int:
        """What is unread in all of them."""
        return sum(place.unread for place in self.places.values())

    def named(self, name: str) -> Place | None:
        """Return the direct conversation with somebody."""
        wanted = name.casefold()
        for place in self.places.values():
            if place.info.kind == "direct" and place.info.name.casefold() == wanted:
                return place
        return None

    def next_unread(self, present: int) -> int:
        """Return the conversation to look at next, the present one where nothing is unread."""
        others = (one for one in self.ordered if one.unread and one.info.id != present)
        place = next(others, None)
        return present if place is None else place.info.id

    def beside(self, present: int, step: int) -> int:
        """Return the conversation that stands ``step`` below the present one, or above it."""
        numbers = [place.info.id for place in self.ordered]
        if present not in numbers:
            return numbers[0] if numbers else GENERAL
        return numbers[(numbers.index(present) + step) % len(numbers)]


def is_mentioned(text: str, name: str) -> bool:
    """Tell whether a name stands in a text as a word."""
    if not name or name.casefold() not in text.casefold():
        return False
    pattern = rf"(?<!\w){re.escape(name.casefold())}(?!\w)"
    return re.search(pattern, text.casefold()) is not None
