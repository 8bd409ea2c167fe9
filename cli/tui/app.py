"""The full screen itself: what it looks like, and which of its two screens is shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from cli.tui.alerts import Alerts, Of
from cli.tui.history import History
from cli.tui.kept_state import KeptState
from cli.tui.keys import Where, bindings
from cli.tui.terminal import PatientDriver
from cli.tui.theme import PALETTES, TEXTUAL_THEMES, Look, Palette
from protocol.language import Voice

if TYPE_CHECKING:
    from textual.command import Provider

    from cli.tui.chat import ChatScreen
    from cli.tui.local_commands import LocalCommand


def _commands() -> type[Provider]:
    from cli.tui.palette import ChatCommands  # when it is opened: it takes long to load

    return ChatCommands


class Messenger(App[None]):
    """The client on the full screen."""

    CSS_PATH = "messenger.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual reads it
        *bindings(Where.EVERYWHERE, priority=True),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
    ]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        voice: Voice,
        state: KeptState,
        history: History,
        look: Look,
        server: str,
        *,
        headless: bool = False,
    ) -> None:
        """Speak with ``voice``; ``headless`` is for tests, which draw on nothing."""
        super().__init__(
            driver_class=None if headless else PatientDriver,
            # Textual leaves colours out only where they are the terminal's; else it takes greys.
            ansi_color=True if os.environ.get("NO_COLOR") else None,
        )
        self.voice = voice
        self.state = state
        self.history = history
        self.server = server
        self.look = look
        self.painted = asyncio.Event()
        """Set once the first picture stands."""
        self.failure: Exception | None = None
        """What went wrong in the screen."""
        self.has_focus = True
        """False: the terminal has told that the user looks elsewhere."""
        self.alerts = Alerts(voice, self._write)
        self.alerts.quiet = state.get("quiet") == "yes"
        self.alerts.of = Of.ALL if state.get("notify") == Of.ALL else Of.MENTIONS
        self.chat: ChatScreen | None = None
        self.on_leave: Callable[[], bool] = _close
        """Called when the user wants to leave; True: the screen closes at once."""
        self._first: Screen[Any] | None = None
        self.theme = TEXTUAL_THEMES[look]

    @property
    def palette(self) -> Palette:
        """The styles there are now."""
        return PALETTES[self.look]

    def on_mount(self) -> None:
        """Show the first screen."""
        if self._first is not None:
            self.push_screen(self._first)

    def speak(self, voice: Voice) -> None:
        """Go on in another language."""
        self.voice = voice
        self.alerts.speak(voice)

    def show_chat(self, chat: ChatScreen) -> None:
        """Show a chat in the place of what was shown."""
        chat.board.quiet = self.alerts.quiet
        self.alerts.me = chat.board.name
        self.chat = chat
        self.show(chat)

    def show(self, screen: Screen[Any]) -> None:
        """Show another of the two screens."""
        if not self.is_running:
            self._first = screen
        elif self.screen is not screen:
            self.call_later(self._switch, screen)

    async def _switch(self, screen: Screen[Any]) -> None:
        if screen in self.screen_stack:
            return
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(screen)

    def note_painted(self) -> None:
        """Note that a picture is being drawn: it stands when what draws it is done."""
        if not self.painted.is_set():
            asyncio.get_running_loop().call_soon(self.painted.set)

    # --- when something goes wrong ----------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Close, and keep the error for who runs this: it is told once the terminal is back."""
        if self.failure is None:
            self.failure = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Close without a word: Textual's own would show the values of all variables."""
        self._close_messages_no_wait()

    # --- the terminal -----------------------------------------------------------------------

    def _write(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)

    def redraw_if_stuck(self) -> None:
        """Draw everything anew where a terminal that was stuck takes something again."""
        driver = self._driver
        if isinstance(driver, PatientDriver) and driver.has_left_out and driver.is_idle:
            driver.has_left_out = False
            self.action_redraw()

    def on_app_focus(self, _event: events.AppFocus) -> None:
        """Note that the user looks here again: what is on the screen is read now."""
        self.has_focus = True
        if self.chat is not None:
            self.chat.changed()

    def on_app_blur(self, _event: events.AppBlur) -> None:
        """Note that the user looks elsewhere; what comes now stands below a line."""
        self.has_focus = False
        if self.chat is not None:
            self.chat.desk.divide()

    # --- keys -------------------------------------------------------------------------------

    def action_keys(self) -> None:
        """Show what each key does, or hide it."""
        from cli.tui.help_screen import HelpScreen  # not before the first picture

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss(None)
        else:
            self.push_screen(HelpScreen(self.voice))

    def action_leave(self) -> None:
        """Leave."""
        if self.on_leave():
            self.exit()

    def action_redraw(self) -> None:
        """Draw everything anew."""
        self.refresh(layout=True)
        self.screen.refresh(layout=True)

    # --- settings ---------------------------------------------------------------------------

    def do(self, command: LocalCommand, argument: str) -> None:
        """Do a command of the screen."""
        if command.name == "dnd":
            self.toggle_quiet()
        elif command.name == "notify":
            self._notify_of(argument)
        elif command.name == "theme":
            self._take_look(argument)
        elif command.name == "keys":
            self.action_keys()

    def toggle_quiet(self) -> None:
        """Do not disturb, on or off."""
        self.alerts.quiet = not self.alerts.quiet
        self.state.set("quiet", "yes" if self.alerts.quiet else "no")
        if self.chat is not None:
            self.chat.board.quiet = self.alerts.quiet
        self._tell(
            self.voice.say("Do not disturb is on: no bell and no notifications.")
            if self.alerts.quiet
            else self.voice.say("Do not disturb is off.")
        )

    def _notify_of(self, argument: str) -> None:
        if argument not in set(Of):
            self._tell(self.voice.say("Write {usage}.", usage="/notify all, /notify mentions"))
            return
        self.alerts.of = Of(argument)
        self.state.set("notify", argument)
        self._tell(
            self.voice.say("You are notified of every message.")
            if self.alerts.of is Of.ALL
            else self.voice.say("You are notified of what is for you.")
        )

    def next_look(self) -> None:
        """Take the next look."""
        looks = list(Look)
        self._take_look(looks[(looks.index(self.look) + 1) % len(looks)])

    def _take_look(self, name: str) -> None:
        if not name:
            self.next_look()
            return
        if name not in set(Look):
            self._tell(self.voice.say("There are the looks {names}.", names=", ".join(Look)))
            return
        self.look = Look(name)
        self.state.set("look", name)
        self.theme = TEXTUAL_THEMES[self.look]
        if self.chat is not None:
            self.chat.suggestions.palette = self.palette
            self.chat.changed()

    def _tell(self, sentence: str) -> None:
        if self.chat is not None:
            self.chat.board.note(f"* {sentence}")
            self.chat.changed()


def _close() -> bool:
    return True
