"""The line above the one that is written on: the connection, who is here, what waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cli.tui.layout import fit
from cli.tui.row_widget import RowWidget
from protocol.language import Count, Voice, size_of
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.status import ClientStatus
    from cli.tui.board import Board, Transfer
    from cli.tui.theme import Palette

SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Part:
    """A fact; the ones that matter least go first where there is no room."""

    text: str
    weight: int
    good: bool | None = None


class StatusLine(RowWidget):
    """One row of facts."""

    def __init__(self, drawn: Callable[[], None]) -> None:
        """Begin empty; call ``drawn`` each time it is drawn."""
        super().__init__()
        self._drawn = drawn
        self._parts: list[Part] = []
        self._palette: Palette | None = None

    def show(self, parts: list[Part], palette: Palette) -> None:
        """Show these facts."""
        if parts != self._parts or palette is not self._palette:
            self._parts, self._palette = parts, palette
            self.refresh()

    def row(self, y: int) -> Strip | None:
        """Return the row."""
        self._drawn()
        width = self.size.width
        if y or self._palette is None:
            return None
        segments: list[Segment] = []
        for part in fitting(self._parts, width):
            if segments:
                segments.append(Segment(SEPARATOR, self._palette.quiet))
            segments.append(Segment(fit(part.text, width), self._style(part, self._palette)))
        return Strip(segments)

    @staticmethod
    def _style(part: Part, palette: Palette) -> Style:
        if part.good is None:
            return palette.quiet
        return palette.good if part.good else palette.bad


def fitting(parts: list[Part], width: int) -> list[Part]:
    """Return the parts that fit, in their order; what matters least is left out."""
    kept = [part for part in parts if part.text]

    def used() -> int:
        return sum(cell_len(part.text) + len(SEPARATOR) for part in kept) - len(SEPARATOR)

    while len(kept) > 1 and used() > width:
        kept.remove(min(kept, key=lambda part: part.weight))
    return kept


def parts_of(board: Board, voice: Voice, now: float, *, narrow: bool) -> list[Part]:
    """Return the facts of a board; ``now`` is by the clock of ``board.retry_at``."""
    status = board.status
    parts = [_connection(status, board.retry_at, voice, now)]
    waiting = len(board.pending)
    if waiting:
        text = Count("{number} waiting", "{number} waiting", waiting).said(voice)
        parts.append(Part(text, 90, good=False))
    parts += [_transfer(one, voice) for one in board.transfers]
    if narrow and board.roster.unread:
        parts.append(Part(voice.say("{number} unread", number=board.roster.unread), 80))
    if board.quiet:
        parts.append(Part(voice.say("do not disturb"), 60))
    name = sanitise_line(board.name)
    if status is not None and status.guest:
        name = voice.say("{name} (guest)", name=board.name)
    parts.append(Part(name, 50))
    if board.people and _is_online(status):
        parts.append(Part(voice.say("{number} here", number=len(board.people)), 40))
    if board.devices > 1 and _is_online(status):
        devices = Count("{number} device", "{number} devices", board.devices)
        parts.append(Part(devices.said(voice), 30))
    if status is not None and not status.storage_available:
        parts.append(Part(voice.say("the server's database is away"), 85, good=False))
    parts.append(Part(voice.say("F1 help"), 10))
    return parts


def _connection(
    status: ClientStatus | None, retry_at: float | None, voice: Voice, now: float
) -> Part:
    state = "connecting" if status is None else status.state.value
    if _is_online(status):
        return Part(voice.say("connected"), 100, good=True)
    if status is not None and state == "offline":
        since = time.strftime("%H:%M", time.localtime(status.offline_since or status.since))
        if retry_at is not None and retry_at - now >= 1:
            text = voice.say(
                "offline since {time}, next attempt in {seconds} s (Enter: now)",
                time=since, seconds=round(retry_at - now),
            )  # fmt: skip
        else:
            text = voice.say("offline since {time}", time=since)
        return Part(text, 100, good=False)
    if status is not None and state == "connecting" and status.offline_since is not None:
        since = time.strftime("%H:%M", time.localtime(status.offline_since))
        return Part(voice.say("offline since {time}, connecting", time=since), 100, good=False)
    return Part(voice.say("connecting"), 100, good=False)


def _is_online(status: ClientStatus | None) -> bool:
    return status is not None and status.state.value == "online"


def _transfer(transfer: Transfer, voice: Voice) -> Part:
    mark = "↑" if transfer.sending else "↓"
    name = fit(sanitise_line(transfer.name), 24)
    size = size_of(transfer.size).said(voice) if transfer.size else ""
    return Part(f"{mark} {name} {transfer.percent} % {size}".rstrip(), 70)
