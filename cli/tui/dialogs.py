"""Questions that stand over the chat until they are answered."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from cli.tui.in_order import Field
from protocol.language import Voice


class Confirm(ModalScreen[bool]):
    """Asks a question that Enter or Y answers with yes, and Esc or N with no."""

    BINDINGS = [  # noqa: RUF012 - Textual reads it
        Binding("enter,y,д", "answer(True)", show=False),
        Binding("escape,n,н", "answer(False)", show=False),
    ]

    def __init__(self, question: str, voice: Voice) -> None:
        """Ask ``question``, which is safe for a terminal."""
        super().__init__()
        self._question = question
        self._voice = voice

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical(classes="dialog"):
            yield Label(self._question, markup=False)
            yield Label(self._voice.say("Enter: yes    Esc: no"), classes="hint", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)

    def on_click(self, event: events.Click) -> None:
        """Do nothing; what is below is not for clicks now."""
        event.stop()


class Secret(ModalScreen[str | None]):
    """Asks for what nobody may read over a shoulder."""

    BINDINGS = [Binding("escape", "give_up", show=False)]  # noqa: RUF012 - Textual reads it

    def __init__(self, question: str) -> None:
        """Ask ``question``."""
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Show the question and a field."""
        with Vertical(classes="dialog"):
            yield Label(self._question, markup=False)
            yield Field(password=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        self.dismiss(event.value or None)

    def action_give_up(self) -> None:
        """Take nothing."""
        self.dismiss(None)
