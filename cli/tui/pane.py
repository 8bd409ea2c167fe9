"""The messages of a conversation, with keys and mouse: scrolling, selecting, acting on one."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from cli.tui.in_order import actions_of, does_bound, passes_on
from cli.tui.keys import Where, bindings
from cli.tui.log import Entry
from cli.tui.pane_view import PaneView

ACTIONS = actions_of(bindings(Where.MESSAGES))
"""What is done at a key."""
WHEEL = 3
"""Rows that one step of the mouse's wheel scrolls."""


class MessagePane(PaneView, can_focus=True):
    """Shows messages, one of which may be selected."""

    def __init__(
        self,
        want: Callable[[bool], None],
        jump: Callable[[int], None],
        saw: Callable[[int], None],
        act: Callable[[str, Entry], None],
    ) -> None:
        """Begin empty; ``act`` is told what a key says that is pressed on a message."""
        super().__init__(want, jump, saw)
        self._do = act

    # --- selecting --------------------------------------------------------------------------

    def select_last(self) -> None:
        """Select the last message on the screen."""
        for _, entry in reversed(self._shown):
            if entry is not None and entry.message is not None:
                self._select(entry)
                return

    def _select(self, entry: Entry | None) -> None:
        self._selected = None if entry is None else entry.key
        self.refresh()

    def action_step(self, step: int) -> None:
        """Select the message before or after."""
        scene = self._scene
        if scene is None or not scene.log.entries:
            return
        if self._selected is None:
            self.select_last()
            return
        index = scene.log.place_of(self._selected) + step
        entries = scene.log.entries
        while 0 <= index < len(entries) and entries[index].message is None:
            index += step
        if 0 <= index < len(entries):
            self._selected = entries[index].key
            self._bring_into_view(index)

    def _bring_into_view(self, index: int) -> None:
        scene = self._scene
        assert scene is not None  # noqa: S101 - for the type checker
        entry = scene.log.entries[index]
        rows = len(self._strips_of(index))
        if index > self._last or (index == self._last and self._bottom is not None):
            self._bottom = (entry.key, rows - 1)
            if index == len(scene.log.entries) - 1 and scene.log.at_end:
                self._bottom = None
        elif index <= self._first:
            self._bottom = (entry.key, 0)
            self._move(self.size.height - 1)
        self._lay_out()

    def action_fold(self) -> None:
        """Unfold the selected message, or fold it."""
        entry = self.selected
        if entry is not None:
            self._do("fold", entry)

    def refold(self, entry: Entry) -> None:
        """Show a message whole, or no longer."""
        entry.unfolded, entry.rows_for = not entry.unfolded, None
        self._lay_out()

    def action_write(self) -> None:
        """Go back to writing."""
        self._do("write", self.selected or Entry((0, 0)))

    def _act(self, action: str) -> None:
        entry = self.selected
        if entry is not None and entry.message is not None:
            self._do(action, entry)

    def action_reply(self) -> None:
        """Answer the selected message."""
        self._act("reply")

    def action_edit(self) -> None:
        """Change the selected message."""
        self._act("edit")

    def action_delete(self) -> None:
        """Take the selected message back."""
        self._act("delete")

    def action_comments(self) -> None:
        """Show the comments on the selected message."""
        self._act("comments")

    def action_save(self) -> None:
        """Save the file of the selected message."""
        self._act("save")

    def action_open(self) -> None:
        """Save the file of the selected message and open it."""
        self._act("open")

    def action_copy(self) -> None:
        """Copy the text of the selected message."""
        self._act("copy")

    async def _on_key(self, event: events.Key) -> None:
        """Do what is bound to a key, in the order in which keys are pressed."""
        if not passes_on(self, event):
            await does_bound(self, event, ACTIONS)

    # --- the mouse and the window -----------------------------------------------------------

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self.scroll_rows(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self.scroll_rows(WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Select a message; a second click folds it or unfolds it."""
        if event.x >= self.size.width - 1:
            self._go_to_row(event.y)
            return
        if 0 <= event.y < len(self._shown):
            entry = self._shown[event.y][1]
            if entry is None or entry.message is None:
                return
            if entry.key == self._selected:
                self._do("fold", entry)
            self._select(entry)

    def on_resize(self) -> None:
        """Wrap anew."""
        self._lay_out()

    def on_blur(self) -> None:
        """Select nothing any more."""
        self._select(None)
