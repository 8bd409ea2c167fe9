"""What each key does, made from the table of keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cli.tui.keys import Where, shown_keys
from protocol.language import Voice

COLUMN = 24
"""Where it is told what a key does."""


class HelpScreen(ModalScreen[None]):
    """Shows the keys; any of those that close things closes it."""

    BINDINGS = [  # noqa: RUF012 - Textual reads it
        Binding("f1,escape,q,enter", "close", show=False),
    ]

    def __init__(self, voice: Voice) -> None:
        """Speak with ``voice``."""
        super().__init__()
        self._voice = voice

    def compose(self) -> ComposeResult:
        """Show the table."""
        with VerticalScroll(classes="help"):
            yield Static("\n".join(key_lines(self._voice)), markup=False)

    def action_close(self) -> None:
        """Go back to the chat."""
        self.dismiss(None)


def key_lines(voice: Voice) -> list[str]:
    """Return the table of keys as lines."""
    lines: list[str] = []
    for where in Where:
        lines += ["", voice.say(where.value)] if lines else [voice.say(where.value)]
        for key in shown_keys(where):
            gap = " " * max(2, COLUMN - cell_len(key.shown))
            lines.append(f"  {key.shown}{gap}{voice.say(key.help)}")
    lines += ["", voice.say("/help lists what you can type. Shift and the mouse select text.")]
    return lines
