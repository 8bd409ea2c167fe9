"""One of a few things, chosen with the arrow keys; without colours, too, one sees which."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from cli.tui.in_order import moves_on, passes_on
from cli.tui.row_widget import RowWidget

_STEPS = {"left": -1, "up": -1, "right": 1, "down": 1, "space": 1}
_GAP = "  "


class Choice(RowWidget, can_focus=True):
    """Shows all there is to choose on one row."""

    def __init__(self, names: Sequence[str]) -> None:
        """Begin with the first of them."""
        super().__init__()
        self._names = names
        self._index = 0

    @property
    def index(self) -> int:
        """Which one is chosen."""
        return self._index

    @index.setter
    def index(self, index: int) -> None:
        self._index = index % len(self._names)
        self.refresh()

    def _parts(self) -> list[str]:
        return [
            f"({'•' if index == self._index else ' '}) {name}"
            for index, name in enumerate(self._names)
        ]

    def row(self, y: int) -> Strip | None:
        """Return the row."""
        if y:
            return None
        segments: list[Segment] = []
        for index, part in enumerate(self._parts()):
            chosen = index == self._index
            style = Style(bold=chosen, reverse=chosen and self.has_focus)
            segments += [Segment(part, style), Segment(_GAP)]
        return Strip(segments)

    async def _on_key(self, event: events.Key) -> None:
        """Choose the one beside."""
        if passes_on(self, event) or moves_on(self, event) or event.key not in _STEPS:
            return
        event.stop()
        event.prevent_default()
        self.index += _STEPS[event.key]

    def on_click(self, event: events.Click) -> None:
        """Choose the one that was clicked on."""
        begin = 0
        for index, part in enumerate(self._parts()):
            begin += cell_len(part) + len(_GAP)
            if event.x < begin:
                self.index = index
                return
