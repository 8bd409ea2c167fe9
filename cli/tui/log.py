"""The part of a conversation that is in memory (no input or output).

It is a window without a hole: pages are put before it and behind it, and what is too much is
dropped at the other end. What is dropped is on the server.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from msgspec.structs import replace

from protocol.events import Message
from protocol.view import is_said

MAX_ENTRIES = 1500
"""Messages that a window holds at most."""
MAX_TEXT = 2 * 1024 * 1024
"""Characters of text that it holds at most; it always holds one screenful of messages."""
KEPT_AT_LEAST = 60
"""So many entries stay, however long they are."""
MAX_NOTES = 200
"""Answers and remarks that it holds at most."""

_numbers = count(1)

Key = tuple[int, int]
"""Where an entry stands: its sequence number, and its number behind that where it has none."""


@dataclass(eq=False, slots=True)
class Entry:
    """A message, or what the program said in between."""

    key: Key
    message: Message | None = None
    note: str = ""
    """What the program said, safe for a terminal; of several lines, perhaps."""
    own: bool = False
    """True: written by the user, on whatever device."""
    unfolded: bool = False
    """True: shown whole, however long it is."""
    whole: str | None = None
    """The whole text of a long message, once it has been fetched."""
    rows: list[Any] = field(default_factory=list)
    """What the pane has made of it, see there."""
    rows_for: object = None
    """For what it was made; None: it has to be made anew."""

    @property
    def seq(self) -> int:
        """The sequence number, 0 for what has none."""
        return self.key[0] if self.message is not None else 0

    @property
    def weight(self) -> int:
        """Characters."""
        text = self.note if self.message is None else self.message.text
        return len(text) + len(self.whole or "")


class Log:
    """The window on one conversation."""

    def __init__(self, conversation: int) -> None:
        """Begin empty; :meth:`add` or a page begins the window."""
        self.conversation = conversation
        self.entries: list[Entry] = []
        self.first = 0
        """The lowest sequence number inside; 0: the window has not begun."""
        self.last = 0
        """The highest one."""
        self.at_start = False
        """True: there is nothing before the window."""
        self.at_end = True
        """True: there is nothing behind it, so what is new belongs into it."""
        self.divider: int | None = None
        """The user has read up to here; a line stands behind it. None: there is no line."""
        self._by_id: dict[int, Entry] = {}
        self._weight = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @property
    def has_begun(self) -> bool:
        """True: something of the conversation has been here."""
        return self.first > 0 or self.at_start

    def place_of(self, key: Key) -> int:
        """Return the index of the first entry that is not before ``key``."""
        return bisect_left(self.entries, key, key=lambda entry: entry.key)

    def by_id(self, message_id: int) -> Entry | None:
        """Return the entry of a message, None where it is not in the window."""
        return self._by_id.get(message_id)

    def entry_at(self, seq: int) -> Entry | None:
        """Return the message with a sequence number, or the last one before it."""
        for index in range(self.place_of((seq + 1, 0)) - 1, -1, -1):
            if self.entries[index].message is not None:
                return self.entries[index]
        return None

    # --- filling ----------------------------------------------------------------------------

    def add(self, message: Message, *, own: bool = False) -> None:
        """Put a message that has just come behind all others, if the window is at the end."""
        self._follow(message)
        if not self.at_end or message.seq <= self.last:
            return
        self._note_range(message.seq, message.seq)
        self._put(len(self.entries), [message], own=own)
        self._drop_first()

    def add_before(self, messages: Iterable[Message], *, more: bool, me: str) -> None:
        """Put a page before the window; ``more``: there is more before it."""
        page = [one for one in messages if not self.first or one.seq < self.first]
        if page:
            self._note_range(page[0].seq, page[-1].seq)
            self._put(0, page, me=me)
        self.at_start = not more
        self._drop_last()

    def add_after(self, messages: Iterable[Message], *, more: bool, me: str) -> None:
        """Put a page behind the window; ``more``: there is more behind it."""
        page = [one for one in messages if one.seq > self.last]
        if page:
            self._note_range(page[0].seq, page[-1].seq)
            self._put(self.place_of((self.last + 1, 0)), page, me=me)
        self.at_end = not more
        self._drop_first()

    def begin_anew(self, *, at_start: bool = False) -> None:
        """Forget everything, for a window elsewhere."""
        self.entries.clear()
        self._by_id.clear()
        self._weight = self.first = self.last = 0
        self.at_start, self.at_end = at_start, not at_start

    def add_note(self, text: str) -> None:
        """Put what the program said behind everything there is."""
        last = self.entries[-1].key[0] if self.entries else self.last
        self._insert(len(self.entries), [Entry((max(last, self.last), next(_numbers)), note=text)])
        notes = [entry for entry in self.entries if entry.message is None]
        for entry in notes[: len(notes) - MAX_NOTES]:
            self._remove(self.entries.index(entry), 1)

    def _note_range(self, first: int, last: int) -> None:
        self.first = min(self.first, first) if self.first else first
        self.last = max(self.last, last)

    def _put(self, index: int, messages: list[Message], *, own: bool = False, me: str = "") -> None:
        entries = [
            Entry((message.seq, 0), message, own=own or message.sender == me)
            for message in messages
            if message.kind not in {"edit", "delete"}  # they are followed, not shown
        ]
        self._insert(index, entries)

    def _insert(self, index: int, entries: list[Entry]) -> None:
        self.entries[index:index] = entries
        for entry in entries:
            self._weight += entry.weight
            if entry.message is not None:
                self._by_id[entry.message.id] = entry
        self._neighbour_changed(index + len(entries))

    def _neighbour_changed(self, index: int) -> None:
        if index < len(self.entries):
            self.entries[index].rows_for = None  # how it looks depends on what is before it

    # --- dropping ---------------------------------------------------------------------------

    @property
    def _is_full(self) -> bool:
        entries = len(self.entries)
        return entries > MAX_ENTRIES or (self._weight > MAX_TEXT and entries > KEPT_AT_LEAST)

    def _drop_first(self) -> None:
        dropped = 0
        while self._is_full:
            step = max(1, len(self.entries) // 10)  # not one by one: all others move each time
            self._remove(0, step)
            dropped += step
        if dropped:
            self.at_start = False
            self.first = self.entries[0].key[0]

    def _drop_last(self) -> None:
        dropped = False
        while self._is_full:
            self._remove(len(self.entries) - 1, 1)
            dropped = True
        if dropped:
            self.at_end = False
            self.last = self.entries[-1].key[0]

    def _remove(self, index: int, number: int) -> None:
        for entry in self.entries[index : index + number]:
            self._weight -= entry.weight
            if entry.message is not None:
                self._by_id.pop(entry.message.id, None)
        del self.entries[index : index + number]
        self._neighbour_changed(index)

    def shorten(self, kept: int) -> None:
        """Keep the last entries only, where the conversation is not looked at."""
        number = len(self.entries) - kept
        if number > 0 and self.at_end:
            self._remove(0, number)
            self.at_start = False
            self.first = self.entries[0].key[0] if self.entries else self.last

    def expire(self, first: int) -> bool:
        """Drop what is before ``first``, the first message there still is; True: there was some.

        What the program said stays: nobody else has it.
        """
        number = sum(1 for entry in self.entries if 0 < entry.seq < first)
        for _ in range(number):
            index = next(i for i, entry in enumerate(self.entries) if 0 < entry.seq < first)
            self._remove(index, 1)
        if self.first and self.first < first:
            self.first = first
            self.last = max(self.last, first - 1)
        return number > 0

    # --- following --------------------------------------------------------------------------

    def _follow(self, message: Message) -> None:
        """Let a message that was changed look so."""
        if message.target is None or is_said(message):
            return
        if message.kind == "edit" and message.text:
            self.edit(message.target, message.text, message.time, message.size)
        elif message.kind in {"edit", "delete"}:
            self.delete(message.target)

    def edit(self, message_id: int, text: str, time: int, size: int | None = None) -> None:
        """Give a message another text."""
        entry = self.by_id(message_id)
        if entry is not None and entry.message is not None:
            entry.whole = None
            self._change(entry, replace(entry.message, text=text, edited=time, size=size))

    def delete(self, message_id: int) -> None:
        """Take what a message said away."""
        entry = self.by_id(message_id)
        if entry is not None and entry.message is not None:
            entry.whole = None
            gone = replace(
                entry.message, kind="deleted", text="", file=None, edited=None, size=None
            )
            self._change(entry, gone)

    def _change(self, entry: Entry, message: Message) -> None:
        self._weight -= entry.weight
        entry.message, entry.rows_for = message, None
        self._weight += entry.weight
