"""Every key there is, in one table: the bindings, the help screen and the docs are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from textual.binding import Binding, BindingType

from protocol.language import N_


class Where(Enum):
    """Where a key works; the value is the title in the help."""

    EVERYWHERE = N_("Everywhere")
    CHAT = N_("In the chat")
    COMPOSER = N_("While writing")
    MESSAGES = N_("On a message (after Ctrl+Up or a click)")
    SIGN_IN = N_("Signing in")


@dataclass(frozen=True, slots=True)
class Key:
    """What some keys do."""

    where: Where
    shown: str
    """The keys as people write them."""
    help: str
    """What they do: a sentence marked with :func:`protocol.language.N_`."""
    keys: tuple[str, ...] = ()
    """The keys as Textual calls them; none where the widget sees to them by itself."""
    action: str = ""
    """What Textual does."""
    at_once: bool = False
    """True: what is typed next is for another part of the screen, so it is done as it arrives."""


KEYS: tuple[Key, ...] = (
    Key(Where.EVERYWHERE, "F1", N_("Show or hide this help."), ("f1",), "keys"),
    Key(
        Where.EVERYWHERE, "Ctrl+P", N_("Find a command or a conversation by a part of its name."),
        ("ctrl+p",), "command_palette",
    ),
    Key(
        Where.EVERYWHERE, "Ctrl+C, Ctrl+Q", N_("Leave; what you wrote is sent first."),
        ("ctrl+c", "ctrl+q"), "leave",
    ),
    Key(
        Where.EVERYWHERE, "Ctrl+Z", N_("Back to the shell; fg comes back here."),
        ("ctrl+z",), "suspend_process",
    ),
    Key(Where.EVERYWHERE, "Ctrl+L", N_("Draw everything anew."), ("ctrl+l",), "redraw"),
    Key(
        Where.CHAT, "Ctrl+N, Alt+A", N_("Go to the next conversation with something unread."),
        ("ctrl+n", "alt+a"), "next_unread",
    ),
    Key(
        Where.CHAT, "Alt+Up, Alt+Down", N_("Go to the conversation above or below."),
    ),
    Key(Where.CHAT, "", "", ("alt+up",), "beside(-1)"),
    Key(Where.CHAT, "", "", ("alt+down",), "beside(1)"),
    Key(Where.CHAT, "Alt+1 ... Alt+9", N_("Go to the first ... ninth conversation.")),
    *(Key(Where.CHAT, "", "", (f"alt+{digit}",), f"go_to({digit})") for digit in range(1, 10)),
    Key(
        Where.CHAT, "F2", N_("Show or hide the list of conversations."), ("f2",), "toggle_list",
    ),
    Key(Where.CHAT, "F3", N_("Do not disturb, on or off."), ("f3",), "dnd"),
    Key(Where.CHAT, "F4", N_("Dark, light, or the terminal's colours."), ("f4",), "theme"),
    Key(Where.CHAT, "Page Up, Page Down", N_("Scroll the messages.")),
    Key(Where.CHAT, "", "", ("pageup",), "page(-1)"),
    Key(Where.CHAT, "", "", ("pagedown",), "page(1)"),
    Key(Where.CHAT, "Ctrl+Home, Ctrl+End", N_("To the first message, or back to the last.")),
    Key(Where.CHAT, "", "", ("ctrl+home",), "first"),
    Key(Where.CHAT, "", "", ("ctrl+end",), "last"),
    Key(Where.CHAT, "Ctrl+Up", N_("Select a message."), ("ctrl+up",), "select", at_once=True),
    Key(Where.COMPOSER, "Enter", N_("Send; with nothing written, connect at once.")),
    Key(Where.COMPOSER, "Alt+Enter, Ctrl+J", N_("A new line.")),
    Key(Where.COMPOSER, "Tab, Shift+Tab", N_("Complete a command, a name, a room or a path.")),
    Key(
        Where.COMPOSER, "Up, Down",
        N_("What you wrote before, where nothing is written; else the line above or below."),
    ),
    Key(Where.COMPOSER, "Ctrl+U, Ctrl+K, Ctrl+W", N_("Delete to the start, to the end, a word.")),
    Key(Where.COMPOSER, "Ctrl+Left, Ctrl+Right", N_("A word to the left or to the right.")),
    Key(Where.COMPOSER, "Ctrl+Y", N_("Take back the last change."), ("ctrl+y",), "undo"),
    Key(Where.COMPOSER, "Esc", N_("Close the list of completions; cancel an answer or a change.")),
    Key(Where.MESSAGES, "Up, Down", N_("The message before or after."), ),
    Key(Where.MESSAGES, "", "", ("up", "k"), "step(-1)"),
    Key(Where.MESSAGES, "", "", ("down", "j"), "step(1)"),
    Key(Where.MESSAGES, "Enter", N_("Unfold a long one, or fold it."), ("enter", "space"), "fold"),
    Key(Where.MESSAGES, "R", N_("Answer it."), ("r",), "reply"),
    Key(Where.MESSAGES, "E", N_("Change it, if you wrote it."), ("e",), "edit"),
    Key(Where.MESSAGES, "D", N_("Take it back."), ("d",), "delete"),
    Key(Where.MESSAGES, "T", N_("Show the comments on it."), ("t",), "comments"),
    Key(Where.MESSAGES, "S", N_("Save its file."), ("s",), "save"),
    Key(Where.MESSAGES, "O", N_("Save its file and open it."), ("o",), "open"),
    Key(Where.MESSAGES, "C", N_("Copy its text."), ("c",), "copy"),
    Key(Where.MESSAGES, "Esc", N_("Back to writing."), ("escape", "tab"), "write"),
    Key(Where.SIGN_IN, "Tab, Shift+Tab", N_("The next field, or the one before.")),
    Key(Where.SIGN_IN, "Enter", N_("Connect; on a session in the list, take it.")),
    Key(Where.SIGN_IN, "Esc", N_("Stop connecting.")),
)  # fmt: skip


def bindings(where: Where, *, priority: bool = False) -> list[BindingType]:
    """Return the bindings of a part of the screen."""
    return [
        Binding(",".join(key.keys), key.action, show=False, priority=priority or key.at_once)
        for key in KEYS
        if key.where is where and key.keys
    ]


def shown_keys(where: Where) -> list[Key]:
    """Return what the help tells of a part of the screen."""
    return [key for key in KEYS if key.where is where and key.shown]
