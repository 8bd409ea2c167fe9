"""What draws its rows by itself, in the colours of the look."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget


class RowWidget(Widget):
    """A widget that is asked for its rows one by one."""

    def row(self, y: int) -> Strip | None:
        """Return a row; None: it is empty."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Return a row as wide as the widget, in its colours where it says nothing of them."""
        strip = self.row(y)
        width = self.size.width
        if strip is None:
            return Strip.blank(width, self.rich_style)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)
