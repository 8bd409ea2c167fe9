"""The list of ways to go on, above the line that is written on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from cli.tui.layout import fit
from cli.tui.row_widget import RowWidget
from protocol.language import Voice
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.tui.completion import Completion
    from cli.tui.theme import Palette

ROWS = 6
"""Rows it has at most."""


class Suggestions(RowWidget):
    """Shows completions and which of them is taken; not shown while there are none."""

    class Chosen(Message):
        """Somebody clicked on one."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, voice: Voice, palette: Palette) -> None:
        """Begin with none."""
        super().__init__()
        self.voice = voice
        self.palette = palette
        self.found: Sequence[Completion] = ()
        self.index = -1

    def show(self, found: Sequence[Completion], index: int) -> None:
        """Show these, one of them taken; -1: none is yet."""
        self.found, self.index = found, index
        self.display = len(found) > 1
        self.styles.height = min(ROWS, len(found))
        self.refresh()

    @property
    def _top(self) -> int:
        return max(0, min(self.index - ROWS // 2, len(self.found) - ROWS))

    def row(self, y: int) -> Strip | None:
        """Return one of them."""
        index, width = self._top + y, self.size.width
        if index >= len(self.found):
            return None
        one = self.found[index]
        style = self.palette.present if index == self.index else self.palette.base
        shown = fit(sanitise_line(one.shown), max(8, width // 2 if one.help else width))
        segments = [Segment(f" {shown} ", style)]
        if one.help:
            gap = max(0, 22 - len(shown))
            segments.append(Segment(" " * gap + self.voice.say(one.help), self.palette.quiet))
        return Strip(segments)

    def on_click(self, event: events.Click) -> None:
        """Take one."""
        self.post_message(self.Chosen(self._top + event.y))
