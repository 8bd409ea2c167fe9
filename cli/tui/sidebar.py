"""The conversations at the left: mentions first, then what is unread."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from cli.tui.layout import fit
from cli.tui.roster import Place
from cli.tui.row_widget import RowWidget
from protocol.requests import GENERAL
from protocol.text import sanitise_line
from protocol.view import unread_text

if TYPE_CHECKING:
    from cli.tui.theme import Palette
    from protocol.language import Voice

WIDTH = 24
"""Columns of it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What it shows."""

    places: tuple[Place, ...]
    present: int
    people: Collection[str]
    voice: Voice
    palette: Palette


class Sidebar(RowWidget):
    """Lists the conversations; a click goes to one."""

    class Chosen(Message):
        """Somebody clicked on a conversation."""

        def __init__(self, conversation: int) -> None:
            super().__init__()
            self.conversation = conversation

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._contents: Contents | None = None
        self._top = 0
        self._rows: list[tuple[str, Style]] = []

    def show(self, contents: Contents) -> None:
        """Show these, drawn anew only where something has changed."""
        self._contents = contents
        numbers = [place.info.id for place in contents.places]
        if contents.present in numbers:
            index, height = numbers.index(contents.present), max(1, self.size.height)
            self._top = min(max(self._top, index - height + 1), index)
        self._lay_out()

    def _lay_out(self) -> None:
        contents, height = self._contents, self.size.height
        if contents is None:
            return
        self._top = max(0, min(self._top, len(contents.places) - height))
        seen = contents.places[self._top : self._top + height]
        rows = [self._row_of(place, contents) for place in seen]
        if rows != self._rows:
            self._rows = rows
            self.refresh()

    def _row_of(self, place: Place, contents: Contents) -> tuple[str, Style]:
        text = row_of(place, max(4, self.size.width - 1), contents.people, contents.voice)
        palette = contents.palette
        style = palette.unread if place.unread else palette.base
        if place.has_mention:
            style = palette.urgent
        if place.info.id == contents.present:
            style += palette.present
        return text, style

    def row(self, y: int) -> Strip | None:
        """Return one conversation."""
        return Strip([Segment(*self._rows[y])]) if y < len(self._rows) else None

    def on_resize(self) -> None:
        """Fit the rows anew."""
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        """Go to a conversation."""
        contents, index = self._contents, self._top + event.y
        if contents is not None and 0 <= index < len(contents.places):
            self.post_message(self.Chosen(contents.places[index].info.id))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self._scroll(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self._scroll(1)

    def _scroll(self, rows: int) -> None:
        self._top += rows
        self._lay_out()


def row_of(place: Place, width: int, people: Collection[str], voice: Voice) -> str:
    """Return a conversation as a row of exactly ``width`` cells, what is unread at its end."""
    mark = {"room": "#", "general": "*"}.get(place.info.kind, "·")
    if place.info.kind == "direct" and place.info.name in people:
        mark = "●"
    unread = unread_text(place.unread) if place.unread else ""
    if place.has_mention:
        unread = f"@{unread}"
    room = width - 2 - (cell_len(unread) + 1 if unread else 0)
    name = fit(title_of(place, voice), max(1, room))
    left = f"{mark} {name}"
    return left + " " * max(1, width - cell_len(left) - cell_len(unread)) + unread


def title_of(place: Place, voice: Voice) -> str:
    """Return what a conversation is called, safe for a terminal."""
    if place.info.id == GENERAL:
        return voice.say("the general chat")
    return sanitise_line(place.info.name)
