"""How everything looks: dark, light, or in the sixteen colours that the terminal itself has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rich.style import Style

from cli.tui.layout import Role, Row

COLOURS_OF_A_PLAIN_TERMINAL = {"linux", "xterm", "screen", "vt220", "ansi", "rxvt"}
"""What TERM says where there are sixteen colours, unless COLORTERM knows better."""


class Look(StrEnum):
    """What a user can choose."""

    DARK = "dark"
    LIGHT = "light"
    TERMINAL = "terminal"
    """The terminal's own colours, whatever they are; sixteen are enough."""


TEXTUAL_THEMES = {
    Look.DARK: "textual-dark",
    Look.LIGHT: "textual-light",
    Look.TERMINAL: "ansi-dark",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """The styles of spans."""

    roles: Mapping[Role, Style]
    names: tuple[Style, ...]
    selected: Style
    """Of the message that is selected, over all others."""
    present: Style
    """Of the conversation that is looked at."""
    urgent: Style
    unread: Style
    quiet: Style
    good: Style
    bad: Style
    base: Style

    def style(self, role: Role, colour: int) -> Style:
        """Return the style of a span."""
        if role is Role.NAME:
            return self.names[colour % len(self.names)]
        return self.roles[role]

    def text_of(self, row: Row) -> str:
        """Return what a row says, for who does not draw it."""
        return "".join(span.text for span in row)


def _palette(
    *, dim: str, names: tuple[str, ...], accent: str, warn: str, good: str, bad: str,
    selected: str, present: str,
) -> Palette:  # fmt: skip
    parse = Style.parse
    return Palette(
        roles={
            Role.TEXT: Style(),
            Role.TIME: parse(dim),
            Role.OWN: parse(f"bold {accent}"),
            Role.QUOTE: parse(f"italic {dim}"),
            Role.EVENT: parse(f"italic {dim}"),
            Role.NOTE: parse(dim),
            Role.DAY: parse(dim),
            Role.UNREAD: parse(f"bold {warn}"),
            Role.FOLD: parse(f"{accent}"),
            Role.MENTION: parse(f"bold {warn}"),
            Role.PENDING: parse(f"italic {dim}"),
            Role.FILE: parse(f"underline {accent}"),
        },
        names=tuple(parse(f"bold {name}") for name in names),
        selected=parse(selected),
        present=parse(present),
        urgent=parse(f"bold {warn}"),
        unread=parse("bold"),
        quiet=parse(dim),
        good=parse(good),
        bad=parse(f"bold {bad}"),
        base=Style(),
    )


PALETTES: Mapping[Look, Palette] = {
    Look.DARK: _palette(
        dim="#9a9a9a",
        names=("#e5a45a", "#7fc97f", "#6fb7e8", "#d98ad0", "#58c9c0", "#d7c55a"),
        accent="#58a6ff", warn="#ffb454", good="#7fc97f", bad="#ff7b72",
        selected="on #2b3a55", present="bold on #2b3a55",
    ),
    Look.LIGHT: _palette(
        dim="#5f5f5f",
        names=("#8a4b00", "#1f6f1f", "#0b5394", "#86207a", "#0a6b64", "#6b5b00"),
        accent="#0550ae", warn="#953800", good="#1f6f1f", bad="#b3261e",
        selected="on #cfe0ff", present="bold on #cfe0ff",
    ),
    Look.TERMINAL: _palette(
        dim="dim",
        names=("yellow", "green", "cyan", "magenta", "bright_cyan", "bright_yellow"),
        accent="cyan", warn="yellow", good="green", bad="red",
        selected="reverse", present="bold reverse",
    ),
}  # fmt: skip


def first_look(environment: Mapping[str, str]) -> Look:
    """Return the look to begin with, where the user has not chosen: what the terminal can do."""
    if environment.get("NO_COLOR"):
        return Look.TERMINAL
    plain = environment.get("TERM", "") in COLOURS_OF_A_PLAIN_TERMINAL
    if plain and environment.get("COLORTERM", "") not in {"truecolor", "24bit"}:
        return Look.TERMINAL
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return Look.LIGHT if background in {"7", "15"} else Look.DARK
