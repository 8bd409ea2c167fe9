"""What draws its rows by itself, in the colours of the look."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget


class RowWidget(Widget):
    """A widget that is asked for its rows one by one."""

    _base: Style | None = None

    def row(self, y: int) -> Strip | None:
        """Return a row; None: it is empty."""
        raise NotImplementedError

    def notify_style_update(self) -> None:
        """Note that the colours are others now."""
        self._base = None
        super().notify_style_update()

    @property
    def base(self) -> Style:
        """The colours of what says nothing of its own. Textual finds them out slowly."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def finished(self, strip: Strip, width: int) -> Strip:
        """Return a row of exactly ``width`` cells, in the colours of the widget."""
        return strip.adjust_cell_length(width).apply_style(self.base)

    def render_line(self, y: int) -> Strip:
        """Return a row as wide as the widget, in its colours where it says nothing of them."""
        strip = self.row(y)
        if strip is None:
            return Strip.blank(self.size.width, self.base)
        return self.finished(strip, self.size.width)
