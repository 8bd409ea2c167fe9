"""How an entry becomes rows of a pane: wrapped, measured in cells, folded where it is long.

A cell is the width of a letter; Chinese characters and most emoji take two, combining marks
none. Everything that strangers wrote passes :mod:`protocol.text` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple
from zlib import crc32

from msgspec.structs import replace as changed
from rich.cells import cell_len, split_graphemes

from cli.tui.log import Entry
from cli.tui.roster import is_mentioned
from protocol.events import Message
from protocol.language import size_of
from protocol.text import sanitise, sanitise_line
from protocol.view import View, content, happening, is_said, quote_line

FOLD_ROWS = 12
"""Rows of a message that are shown until it is unfolded."""
NAME_COLOURS = 6
"""Colours that names are told apart by."""
SLIGHT = 4
"""Where the second row of a line of two columns begins, where its second one is too narrow."""
NARROW = 50
"""Columns below which the second row of a message stands further left."""

_COLUMNS = re.compile(r" {2,}(?:\S+(?: \S+)* {2,})?")
"""What stands before the second column of a line of a list, or before its only one."""


class Role(Enum):
    """What a span of a row is, for the theme."""

    TEXT = auto()
    TIME = auto()
    NAME = auto()
    OWN = auto()
    QUOTE = auto()
    EVENT = auto()
    NOTE = auto()
    DAY = auto()
    UNREAD = auto()
    FOLD = auto()
    MENTION = auto()
    PENDING = auto()
    FILE = auto()


class Span(NamedTuple):
    """Some text of one look."""

    text: str
    role: Role
    colour: int = 0
    """Which of the colours of names."""


Row = list[Span]


@dataclass(frozen=True, slots=True)
class Setting:
    """For whom and how rows are made."""

    view: View
    width: int
    direct: bool = False
    """True: in a conversation of two, where one's own name is ``Me``."""
    fold: int = FOLD_ROWS

    @property
    def indent(self) -> int:
        """Where the second row of a message begins."""
        return 2 if self.width < NARROW else len("HH:MM ")


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the rows of a text that fit ``width`` cells, broken between words where possible."""
    for line in text.replace("\t", "    ").split("\n"):
        yield from _wrap_line(line, max(1, width))


def _wrap_line(line: str, width: int) -> Iterator[str]:
    begin = 0
    while True:
        piece = line[begin : begin + 4 * width]
        cut = _cut(piece, width)
        if cut == len(piece) and begin + cut == len(line):
            yield piece
            return
        blank = piece.rfind(" ", 1, cut + 1)
        if blank > 0 and piece[:blank].strip():
            yield piece[:blank]
            begin += blank + 1
        else:
            yield piece[:cut]
            begin += cut


def _cut(piece: str, width: int) -> int:
    """Return how many characters of a piece fit, whole graphemes and at least one."""
    if piece.isascii():
        return min(len(piece), width)
    spans, cells = split_graphemes(piece)
    if cells <= width:
        return len(piece)
    used = 0
    for start, _, size in spans:
        if used + size > width and start:
            return start
        used += size
    return len(piece)


def fit(text: str, width: int) -> str:
    """Return one line cut to ``width`` cells, with ``…`` where something is missing."""
    if cell_len(text) <= width:
        return text
    return text[: _cut(text, width - 1)] + "…" if width > 1 else "…"[:width]


def day_of(message: Message, view: View) -> str:
    """Return the day of a message as ``DD.MM.YY``."""
    return view.time(message.time).partition(" ")[2]


def rows_of(entry: Entry, setting: Setting, *, day: str = "", unread: bool = False) -> list[Row]:
    """Return the rows of an entry, after a line for a new ``day`` and the ``unread`` line."""
    rows: list[Row] = []
    if day:
        rows.append([Span(_rule(day, setting.width), Role.DAY)])
    if unread:
        title = setting.view.say("unread")
        rows.append([Span(_rule(title, setting.width, "-"), Role.UNREAD)])
    if entry.message is None:
        rows += [[Span(row, Role.NOTE)] for row in _note_rows(entry.note, setting.width)]
    elif is_said(entry.message):
        rows += _said(entry, entry.message, setting)
    else:
        rows += _happened(entry.message, setting)
    return rows


def _note_rows(text: str, width: int) -> Iterator[str]:
    """Yield the rows of a note; a line of two columns, as in the help, hangs in its second."""
    for line in text.replace("\t", "    ").split("\n"):
        found = _COLUMNS.match(line)
        head = next(wrap(line, width))
        more = line[len(head) :].strip()
        if found is None or not more:
            yield from wrap(line, width)
            continue
        yield head
        indent = " " * (found.end() if found.end() <= 2 * width // 3 else min(SLIGHT, width // 2))
        yield from (indent + row for row in wrap(more, width - len(indent)))


def _rule(title: str, width: int, mark: str = "─") -> str:
    left = mark * max(2, (width - cell_len(title)) // 2 - 1)
    return fit(f"{left} {title} {left}{mark}", width)


def _happened(message: Message, setting: Setting) -> list[Row]:
    view = setting.view
    time = view.time(message.time).partition(" ")[0]
    sentence = "* " + happening(message, view, name=sanitise_line(message.sender))
    head = Span(f"{time} ", Role.TIME)
    return _hang([head], wrap(sentence, setting.width - 6), Role.EVENT, setting)


def _said(entry: Entry, message: Message, setting: Setting) -> list[Row]:
    view = setting.view
    time = view.time(message.time).partition(" ")[0]
    own = message.sender == view.me
    name = view.say("Me") if own and setting.direct else sanitise_line(message.sender)
    colour = crc32(message.sender.casefold().encode(errors="replace")) % NAME_COLOURS
    head: Row = [Span(f"{time} ", Role.TIME)]
    rows: list[Row] = []
    if message.quote is not None:
        quoted = fit(quote_line(message.quote, view), setting.width - len(head[0].text))
        rows.append([*head, Span(quoted, Role.QUOTE)])
        head = [Span(" " * setting.indent, Role.TIME)]
    shown = fit(name, max(4, setting.width // 2))
    head.append(Span(f"{shown}: ", Role.OWN if own else Role.NAME, colour))
    role = _role(message, own=own, me=view.me)
    return rows + _text_rows(entry, message, head, role, setting)


def _role(message: Message, *, own: bool, me: str) -> Role:
    if message.kind == "deleted":
        return Role.EVENT
    if message.file is not None:
        return Role.FILE
    return Role.MENTION if not own and is_mentioned(message.text, me) else Role.TEXT


def _text_rows(
    entry: Entry, message: Message, head: Row, role: Role, setting: Setting
) -> list[Row]:
    view = replace(setting.view, whole=True)
    if entry.whole is not None:
        message = changed(message, text=entry.whole, size=None)
    text = sanitise(content(message, view).replace("\r\n", "\n"))
    used = sum(cell_len(span.text) for span in head)
    lines = _hanging(text, setting.width - used, setting.width - setting.indent)
    limit = None if entry.unfolded else setting.fold + 1
    taken = list(islice(lines, limit))
    folded = limit is not None and len(taken) == limit and _is_longer(lines)
    if folded:
        taken = taken[: setting.fold]
    rows = _hang(head, iter(taken), role, setting)
    if folded:
        size = size_of(message.size or len(message.text.encode(errors="replace")))
        hint = view.say("… {size} in all, Enter unfolds it", size=size)
        rows.append([Span(" " * setting.indent, Role.TIME), Span(hint, Role.FOLD)])
    return rows


def _is_longer(lines: Iterator[str]) -> bool:
    """Tell whether a text goes on far enough that hiding the rest is worth a row."""
    return next(lines, None) is not None


def _hanging(text: str, first: int, others: int) -> Iterator[str]:
    """Yield the rows of a text whose first row is shorter than the others."""
    line, newline, rest = text.partition("\n")
    if first < others // 3 and cell_len(line) > first:
        yield ""  # beside a long name there is hardly any room
        yield from wrap(text, others)
        return
    head = next(_wrap_line(line, max(1, first)))
    yield head
    more = line[len(head) :].removeprefix(" ")
    if more:
        yield from _wrap_line(more, max(1, others))
    if newline:
        yield from wrap(rest, others)


def _hang(head: Row, lines: Iterator[str], role: Role, setting: Setting) -> list[Row]:
    rows: list[Row] = []
    for line in lines:
        before = head if not rows else [Span(" " * setting.indent, Role.TIME)]
        rows.append([*before, Span(line, role)])
    return rows


def pending_rows(text: str, setting: Setting, mark: str) -> list[Row]:
    """Return the rows of a message that is not stored yet; ``mark`` tells how it stands."""
    head: Row = [Span("  …   ", Role.TIME), Span(f"{setting.view.say('Me')}: ", Role.PENDING)]
    used = sum(cell_len(span.text) for span in head)
    safe = sanitise(text.replace("\r\n", "\n"))
    lines = list(
        islice(_hanging(safe, setting.width - used, setting.width - setting.indent), setting.fold)
    )
    rows = _hang(head, iter(lines), Role.PENDING, setting)
    if mark:
        rows.append([Span(" " * setting.indent, Role.TIME), Span(f"({mark})", Role.FOLD)])
    return rows
