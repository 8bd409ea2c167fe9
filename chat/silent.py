"""Direct conversations in which nothing has been said: those opened, and those about to begin."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from storage.records import Conversation, Membership, User

MAX_KEPT = 10_000
"""Conversations of either kind; of those forgotten the database is asked."""


class Pair(NamedTuple):
    """A direct conversation and the two who are in it."""

    conversation: Conversation
    one: User
    other: User

    def of(self, user_id: int) -> Membership:
        """Return the part of one of the two."""
        peer = self.other if user_id == self.one.id else self.one
        return Membership(self.conversation, user_id, 0, peer)


class Silent:
    """Those opened without a message, of which only who opened them knows."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[int, Pair] = OrderedDict()
        self.complete = True
        """False: some have been forgotten."""

    def add(self, pair: Pair) -> None:
        """Note one, or that it has been seen again."""
        number = pair.conversation.id
        self._pairs[number] = self._pairs.get(number, pair)
        self._pairs.move_to_end(number)
        if len(self._pairs) > MAX_KEPT:
            self._pairs.popitem(last=False)
            self.complete = False

    def take(self, conversation_id: int) -> Pair | None:
        """Forget one because it begins; None where it is not known."""
        return self._pairs.pop(conversation_id, None)


class Beginning:
    """Those whose two have been told, though the database may not have the first message yet.

    Somebody who logs in between would not find them there.
    """

    def __init__(self) -> None:
        self._pairs: OrderedDict[int, Pair] = OrderedDict()
        self._of: dict[int, set[int]] = {}

    def add(self, pair: Pair) -> None:
        """Note one."""
        number = pair.conversation.id
        self._pairs[number] = pair
        for user in (pair.one, pair.other):
            self._of.setdefault(user.id, set()).add(number)
        if len(self._pairs) > MAX_KEPT:
            self.stored(next(iter(self._pairs)))

    def of(self, user_id: int) -> list[Membership]:
        """Return a user's part in those it is in."""
        return [self._pairs[number].of(user_id) for number in sorted(self._of.get(user_id, ()))]

    def stored(self, conversation_id: int) -> None:
        """Note that the database has the first message."""
        pair = self._pairs.pop(conversation_id, None)
        for user in (pair.one, pair.other) if pair else ():
            places = self._of[user.id]
            places.discard(conversation_id)
            if not places:
                del self._of[user.id]
