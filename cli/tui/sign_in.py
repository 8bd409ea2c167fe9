"""Signing in: to which server, as whom, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from cli.tui.choice import Choice
from cli.tui.in_order import Field
from protocol.language import N_, Voice
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.tui.app import Messenger

LAST_PORT = 65535
ROOMY = 54
"""Columns from which on what there is to choose fits in behind the labels, in each language."""


class How(Enum):
    """As what somebody comes in; the value says it."""

    GUEST = N_("Guest")
    ACCOUNT = N_("Log in")
    REGISTER = N_("Register")


class FormField(Enum):
    """Where an error is said; the value is the label."""

    HOST = N_("Server")
    PORT = N_("Port")
    NAME = N_("Name")
    PASSWORD = N_("Password")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wants to come in with."""

    host: str
    port: int
    name: str
    how: How = How.GUEST
    password: str | None = None
    token: str | None = None
    asked: bool = False
    """True: typed into the form, so what is wrong with it is said there at once."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A session that can be taken up again."""

    host: str
    port: int
    name: str


class Painted(Static):
    """The last thing on the screen: once it is drawn, the picture stands."""

    def render_line(self, y: int) -> Strip:
        """Return the row, and tell that the picture stands."""
        cast("Messenger", self.app).note_painted()
        return super().render_line(y)


class SignIn(Screen[None]):
    """The form, and the sessions there are."""

    BINDINGS = [Binding("escape", "stop", show=False)]  # noqa: RUF012 - Textual reads it
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (ROOMY, "-roomy")]  # noqa: RUF012 - as above

    def __init__(self, voice: Voice, saved: Sequence[Saved], host: str, port: int) -> None:
        """Offer these sessions, and a server to begin with."""
        super().__init__()
        self._voice = voice
        self._saved = saved
        self.on_begin: Callable[[Entry], None] = _ignore_entry
        """Called with what is wanted."""
        self.on_stop: Callable[[], None] = _ignore_stop
        """Called where that is not wanted any more."""
        self._inputs = {field: Field(id=field.name.lower(), compact=True) for field in FormField}
        self._inputs[FormField.PASSWORD].password = True
        self._errors = {field: Static("", classes="error", markup=False) for field in FormField}
        self._state = Painted("", id="state", markup=False)
        self._how = Choice([voice.say(how.value) for how in How])
        self._told: tuple[FormField | None, str] = (None, "")
        self._entry = Entry(host, port, "")
        self._stands = False

    def compose(self) -> ComposeResult:
        """Show the form."""
        say = self._voice.say
        with VerticalScroll():
            yield Label(say("Sign in to a mymessenger server"), id="title", markup=False)
            if self._saved:
                yield Label(say("Saved sessions:"), markup=False)
                yield OptionList(
                    *(Option(_session_line(one, self._voice)) for one in self._saved), markup=False
                )
            for field in FormField:
                with Horizontal(classes="field"):
                    yield Label(say(field.value), classes="name", markup=False)
                    yield self._inputs[field]
                yield self._errors[field]
                if field is FormField.NAME:
                    yield self._how
            yield Button(say("Connect"), id="connect", compact=True)
            yield self._state

    def on_mount(self) -> None:
        """Begin where something has to be typed."""
        for field in FormField:
            self._errors[field].display = False
        self._stands = True
        self.fill(self._entry)
        self._show_told()
        wrong = self._told[0]
        if wrong is None and self._saved:
            self.query_one(OptionList).focus()
        else:
            self._inputs[FormField.NAME if wrong is None else wrong].focus()

    def fill(self, entry: Entry) -> None:
        """Put what is known already into the form."""
        self._entry = entry
        if not self._stands:
            return
        self._inputs[FormField.HOST].value = entry.host
        self._inputs[FormField.PORT].value = str(entry.port)
        self._inputs[FormField.NAME].value = entry.name
        self._how.index = list(How).index(entry.how)

    def tell(self, field: FormField | None, sentence: str) -> None:
        """Say what is wrong, where it is; with no field, at the bottom."""
        self._told = (field, sentence)
        if self._stands:
            self._show_told()
            if field is not None:
                self._inputs[field].focus()

    def _show_told(self) -> None:
        told_field, sentence = self._told
        for field, place in self._errors.items():
            place.display = field is told_field
            place.update(sentence if field is told_field else "")
        self._state.update("" if told_field is not None else sentence)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.submit()

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.submit()

    @on(OptionList.OptionSelected)
    def _take_saved(self, event: OptionList.OptionSelected) -> None:
        saved = self._saved[event.option_index]
        self.fill(Entry(saved.host, saved.port, saved.name, How.ACCOUNT))
        self.tell(None, self._voice.say("connecting"))
        self.on_begin(Entry(saved.host, saved.port, saved.name, How.ACCOUNT, asked=True))

    def submit(self) -> None:
        """Check what was typed and connect."""
        values = {field: one.value.strip() for field, one in self._inputs.items()}
        how = list(How)[self._how.index]
        password = self._inputs[FormField.PASSWORD].value
        wrong = _what_is_wrong(values, how, password)
        if wrong is not None:
            self.tell(wrong[0], self._voice.say(wrong[1]))
            return
        self.tell(None, self._voice.say("connecting"))
        self.on_begin(
            Entry(
                values[FormField.HOST],
                int(values[FormField.PORT]),
                values[FormField.NAME],
                how,
                password if how is not How.GUEST else None,
                asked=True,
            )
        )

    def action_stop(self) -> None:
        """Stop connecting."""
        self.on_stop()


def _ignore_entry(_entry: Entry) -> None:
    """Do nothing: nobody listens yet."""


def _ignore_stop() -> None:
    """Do nothing: nobody listens yet."""


def _what_is_wrong(
    values: dict[FormField, str], how: How, password: str
) -> tuple[FormField, str] | None:
    """Return what has to be typed before anybody is asked (S003-14)."""
    port = values[FormField.PORT]
    if not values[FormField.HOST]:
        return FormField.HOST, N_("The server's name or address is needed.")
    if not (port.isascii() and port.isdecimal()) or not 1 <= int(port[:6]) <= LAST_PORT:
        return FormField.PORT, N_("A port is a number from 1 to 65535.")
    if not values[FormField.NAME]:
        return FormField.NAME, N_("A name is needed.")
    if how is not How.GUEST and not password:
        return FormField.PASSWORD, N_("A password is needed; as a guest you need none.")
    return None


def _session_line(saved: Saved, voice: Voice) -> str:
    return voice.say(
        "{name} at {host} port {port}",
        name=sanitise_line(saved.name),
        host=saved.host,
        port=saved.port,
    )
