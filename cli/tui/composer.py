"""Where one writes: several lines, history, completion.

What Enter sends is taken at the key itself. An action or a message would come by another queue,
which the keys typed behind it overtake.
"""

from __future__ import annotations

from typing import Protocol

from textual import events
from textual.widgets import TextArea

from cli.tui.history import History
from cli.tui.in_order import actions_of, does_bound, passes_on
from cli.tui.keys import KEYS, Where, bindings

LONG_PASTE = 10
"""Lines from which on what is pasted is asked for."""
LARGE_PASTE = 16 * 1024
"""Characters likewise."""
CHAT_ACTIONS = {
    name: key.action
    for key in KEYS
    if key.where is Where.CHAT and not key.at_once
    for name in key.keys
}
"""What the chat does at a key that is pressed while writing: here, and not as a binding of the
screen, so that what was typed before it comes before it."""
EDITING = actions_of([*TextArea.BINDINGS, *bindings(Where.COMPOSER)])
"""What the text area does at a key."""
NEW_LINE = {"ctrl+j", "alt+enter", "shift+enter", "ctrl+enter"}


class Desk(Protocol):
    """What the composer needs of the screen around it."""

    def enter(self, text: str) -> None:
        """Send what was written, or do what it says."""

    def pasted(self, text: str) -> None:
        """Ask what is to be done with a long text."""

    def complete(self, step: int) -> bool:
        """Go on with what is being typed; False: there is nothing to go on with."""

    def typed(self) -> None:
        """Note that the text is another one."""

    def escape(self) -> None:
        """Close what is open, or give up the answer that is being written."""


class Composer(TextArea):
    """A text area in which Enter sends."""

    def __init__(self, desk: Desk, history: History, placeholder: str) -> None:
        """Hand what is written over to ``desk``."""
        super().__init__(
            soft_wrap=True, tab_behavior="focus", placeholder=placeholder,
            highlight_cursor_line=False,
        )  # fmt: skip
        self._desk = desk
        self._history = history

    def take(self) -> str:
        """Return the text and begin anew."""
        text = self.text
        self.put("")
        return text

    def put(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        if text != self.text:
            self.load_text(text)
        self.move_cursor(self.document.end)

    @property
    def before_cursor(self) -> str:
        """The text before the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    def replace_before(self, start: int, text: str) -> None:
        """Put ``text`` in the place of what stands between a character and the cursor."""
        head, end = self.before_cursor, self.cursor_location
        begin = head[:start]
        row, column = begin.count("\n"), len(begin) - (begin.rfind("\n") + 1)
        self.replace(text, (row, column), end, maintain_selection_offset=False)
        lines = text.split("\n")
        last = len(lines[-1]) + (column if len(lines) == 1 else 0)
        self.move_cursor((row + len(lines) - 1, last))

    async def _on_key(self, event: events.Key) -> None:
        """Do what a key says; what is not for this is left to the text area."""
        if passes_on(self, event):
            return
        if self._does(event.key):
            event.stop()
            event.prevent_default()
        elif event.key in CHAT_ACTIONS:
            event.stop()
            event.prevent_default()
            await self.screen.run_action(CHAT_ACTIONS[event.key])
        else:
            await does_bound(self, event, EDITING)

    def _does(self, key: str) -> bool:
        if key == "enter":
            text = self.take()
            if text.strip():
                self._history.add(text)
            self._desk.enter(text)
            return True
        if key in NEW_LINE:
            self.insert("\n")
            return True
        if key in {"tab", "shift+tab"}:
            self._desk.complete(1 if key == "tab" else -1)
            return True
        if key == "escape":
            self._desk.escape()
            return True
        if key in {"up", "down"}:
            return self._recall(-1 if key == "up" else 1)
        return False

    def _recall(self, step: int) -> bool:
        """Show what was written before; False: the cursor moves instead."""
        row, last = self.cursor_location[0], self.document.line_count - 1
        if self._history.is_at_end and (self.text or step > 0):
            return False
        if (step < 0 and row > 0) or (step > 0 and row < last):
            return False
        text = self._history.step(step)
        if text is not None:
            self.put(text)
        return True

    def on_text_area_changed(self) -> None:
        """Tell that the text is another one."""
        self._desk.typed()

    async def _on_paste(self, event: events.Paste) -> None:
        """Take a short text as it is, and ask for a long one."""
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        if text.count("\n") >= LONG_PASTE or len(text) >= LARGE_PASTE:
            event.prevent_default()
            event.stop()
            self._desk.pasted(text)
        elif text != event.text:
            event.prevent_default()
            event.stop()
            self.insert(text)
