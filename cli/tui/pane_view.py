"""A window on a conversation as rows: made only of what is on the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cli.tui.dividing import lines_before, share_of
from cli.tui.layout import Row, Setting, rows_of
from cli.tui.log import Entry, Key, Log
from cli.tui.row_widget import RowWidget

if TYPE_CHECKING:
    from cli.tui.theme import Palette
    from protocol.view import View

MARGIN = 30
"""Entries from the edge of the window at which the next page is asked for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the pane shows: of which conversation, to whom, and what stands below the messages."""

    log: Log
    view: View
    palette: Palette
    direct: bool
    last_seq: int
    """The last sequence number of the conversation, for the scroll bar."""
    tail: tuple[tuple[str, list[Row]], ...] = ()
    """Rows of what is not stored yet, each with what tells it from others."""


class PaneView(RowWidget):
    """Shows a window on a conversation, from the bottom up.

    The place is held by the message at the bottom, so that what comes before or behind it, or is
    folded, moves nothing.
    """

    def __init__(
        self,
        want: Callable[[bool], None],
        jump: Callable[[int], None],
        saw: Callable[[int], None],
    ) -> None:
        """Begin empty.

        Call ``want`` for older messages (True) or newer ones, ``jump`` for those at a number,
        and ``saw`` with the number of the last message on the screen.
        """
        super().__init__()
        self._want = want
        self._jump = jump
        self._saw = saw
        self._scene: Scene | None = None
        self._bottom: tuple[Key, int] | None = None  # an entry and a row of it; None: the end
        self._selected: Key | None = None
        self._shown: list[tuple[Strip, Entry | None]] = []
        self._first = self._last = 0  # the entries at the top and at the bottom
        self._thumb = (0, 0)
        self._goal: int | None = None  # the number to show at the top, once it is there

    # --- what is shown ----------------------------------------------------------------------

    def show(self, scene: Scene, *, afresh: bool = False) -> None:
        """Show a scene; ``afresh``: from the unread line, or from the end."""
        other = self._scene is None or self._scene.log is not scene.log
        self._scene = scene
        if afresh or other:
            self._bottom = self._selected = None
            self._goal = None if scene.log.divider is None else scene.log.divider
        self._lay_out()

    @property
    def is_at_end(self) -> bool:
        """True: what comes next appears at the bottom."""
        return self._bottom is None and self._goal is None

    @property
    def selected(self) -> Entry | None:
        """The message that is selected."""
        if self._scene is None or self._selected is None:
            return None
        return next((one for one in self._scene.log if one.key == self._selected), None)

    def _lay_out(self) -> None:
        scene, height = self._scene, self.size.height
        if scene is None or not height or self.size.width < 2:  # noqa: PLR2004 - nothing fits
            return
        log = scene.log
        if self._goal is not None:
            self._reach_goal(log, height)
        self._fill(scene, height)
        missing = height - len(self._shown)
        if missing > 0 and self._bottom is not None:
            self._move(missing)
            self._fill(scene, height)
        if len(self._shown) < height:
            blank = Strip.blank(self.size.width - 1, self.base)
            self._shown[:0] = [(blank, None)] * (height - len(self._shown))
        self._thumb = self._share()
        self.refresh()
        self._ask_for_more(log)
        self._tell_seen(log)

    def _fill(self, scene: Scene, height: int) -> None:
        """Collect rows from the bottom up."""
        entries = scene.log.entries
        rows: list[tuple[Strip, Entry | None]] = []
        if self._bottom is None:
            tail = [(strip, None) for _, made in scene.tail for strip in self._strips(made)]
            rows = list(reversed(tail))
            index = len(entries) - 1
            self._last = index
        else:
            key, row = self._bottom
            index = min(scene.log.place_of(key), len(entries) - 1)
            self._last = index
            if index >= 0:
                strips = self._strips_of(index)[: row + 1]
                rows = [(strip, entries[index]) for strip in reversed(strips)]
                index -= 1
        while index >= 0 and len(rows) < height:
            entry = entries[index]
            rows += [(strip, entry) for strip in reversed(self._strips_of(index))]
            index -= 1
        self._first = index + 1
        self._shown = rows[:height][::-1]

    def _strips_of(self, index: int) -> list[Strip]:
        """Return the rows of an entry, made anew only where something about them has changed."""
        scene = self._scene
        assert scene is not None  # noqa: S101 - for the type checker
        log = scene.log
        entry = log.entries[index]
        day, unread = lines_before(log, index, scene.view)
        made_for = (
            self.size.width, day, unread, entry.unfolded, scene.direct,
            scene.view.me, scene.view.voice.language, id(scene.palette), self.base,
        )  # fmt: skip
        if entry.rows_for != made_for:
            setting = Setting(scene.view, self.size.width - 1, scene.direct)
            entry.rows = self._strips(rows_of(entry, setting, day=day, unread=unread))
            entry.rows_for = made_for
        return entry.rows

    def _strips(self, rows: list[Row]) -> list[Strip]:
        scene = self._scene
        assert scene is not None  # noqa: S101 - for the type checker
        palette, width = scene.palette, self.size.width - 1
        return [
            self.finished(
                Strip([Segment(span.text, palette.style(span.role, span.colour)) for span in row]),
                width,
            )
            for row in rows
        ]

    def render_line(self, y: int) -> Strip:
        """Return a row, with its part of the scroll bar."""
        if y >= len(self._shown) or self._scene is None:
            return Strip.blank(self.size.width, self.base)
        strip, entry = self._shown[y]
        if entry is not None and entry.key == self._selected:
            strip = _over(strip, self._scene.palette.selected)
        return Strip.join([strip, self._bar(y)])

    # --- the scroll bar ---------------------------------------------------------------------

    def _bar(self, y: int) -> Strip:
        scene = self._scene
        assert scene is not None  # noqa: S101 - for the type checker
        top, bottom = self._thumb
        inside = top <= y < bottom and bottom - top < self.size.height
        return Strip([Segment("█" if inside else " ", self.base + scene.palette.quiet)], 1)

    def _share(self) -> tuple[int, int]:
        """Return the rows of the scroll bar that stand for what is on the screen."""
        scene, height = self._scene, self.size.height
        assert scene is not None  # noqa: S101 - for the type checker
        log, total = scene.log, max(scene.last_seq, scene.log.last)
        if not log.entries or not total:
            return 0, height
        first = log.entries[min(self._first, len(log.entries) - 1)].key[0]
        last = total if self._bottom is None else log.entries[self._last].key[0]
        if self._first == 0 and log.at_start:
            first = 1
        return share_of(first, last, total, height)

    def _go_to_row(self, y: int) -> None:
        """Show what a row of the scroll bar stands for."""
        scene = self._scene
        if scene is None:
            return
        total = max(scene.last_seq, scene.log.last)
        seq = total * y // max(1, self.size.height - 1)
        if y >= self.size.height - 1:
            self.to_end()
        elif scene.log.first <= seq <= scene.log.last:
            self._goal = max(0, seq - 1)
            self._lay_out()
        else:
            self._goal = max(0, seq - 1)
            self._jump(max(0, seq - 1))

    # --- moving -----------------------------------------------------------------------------

    def _reach_goal(self, log: Log, height: int) -> None:
        """Put the first message behind the goal near the top, once it is in the window."""
        goal = self._goal or 0
        if not (log.first and log.first <= goal + 1 <= log.last + 1):
            if log.entries or log.at_end:
                self._bottom = None
            return
        self._goal = None
        index = log.place_of((goal + 1, 0))
        above = min(3, height // 3)
        if index >= len(log.entries):
            self._bottom = None
            return
        self._bottom = (log.entries[index].key, 0)
        self._move(height - 1 - above)

    def _move(self, rows: int) -> None:
        """Move the bottom down by some rows, or up by a negative number of them."""
        scene = self._scene
        if scene is None or not scene.log.entries:
            return
        log = scene.log
        if self._bottom is None:
            if rows >= 0:
                return
            index = len(log.entries) - 1
            row = len(self._strips_of(index)) - 1
        else:
            index = min(log.place_of(self._bottom[0]), len(log.entries) - 1)
            row = self._bottom[1]
        row += rows
        while row < 0 and index > 0:
            index -= 1
            row += len(self._strips_of(index))
        while row >= (size := len(self._strips_of(index))):
            if index + 1 >= len(log.entries):
                if log.at_end:
                    self._bottom = None
                    return
                row = size - 1
                break
            row -= size
            index += 1
        at_last = index + 1 == len(log.entries) and row + 1 == size
        if rows > 0 and at_last and log.at_end:
            self._bottom = None
        else:
            self._bottom = (log.entries[index].key, max(0, row))

    def scroll_rows(self, rows: int) -> None:
        """Scroll down, or up by a negative number."""
        self._goal = None
        self._move(rows)
        self._lay_out()

    def page(self, pages: int) -> None:
        """Scroll by screenfuls, of which one row stays."""
        self.scroll_rows(pages * max(1, self.size.height - 1))

    def to_end(self) -> None:
        """Show the last messages, and what comes from now on."""
        self._bottom = self._goal = self._selected = None
        if self._scene is not None and not self._scene.log.at_end:
            self._scene.log.begin_anew()
            self._scene.log.at_end = True
            self._want(True)
        self._lay_out()

    def to_start(self) -> None:
        """Show the first messages."""
        if self._scene is None:
            return
        self._goal = 0
        if self._scene.log.at_start and self._scene.log.entries:
            self._goal = None
            self._bottom = (self._scene.log.entries[0].key, 0)
        else:
            self._jump(0)
        self._lay_out()

    def _ask_for_more(self, log: Log) -> None:
        if not log.at_start and log.first and self._first < MARGIN:
            self._want(True)
        if not log.at_end and len(log.entries) - self._last < MARGIN:
            self._want(False)

    def _tell_seen(self, log: Log) -> None:
        if self._goal is not None:
            return
        if self._bottom is None:
            if log.at_end:
                self._saw(log.last)
            return
        index = min(self._last, len(log.entries) - 1)
        if index < 0:
            return
        complete = self._bottom[1] >= len(self._strips_of(index)) - 1
        key = log.entries[index if complete else max(0, index - 1)].key
        self._saw(key[0])


def _over(strip: Strip, style: Style) -> Strip:
    """Return a row with a style over all others."""
    return Strip(
        [Segment(text, (own or Style()) + style) for text, own, _ in strip], strip.cell_length
    )
