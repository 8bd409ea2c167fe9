"""Whom the terminal's bell and the desktop tell of what (no input or output).

At most one notification in a few seconds, none of what another device has read, and none of what
is being looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.language import Voice
from protocol.text import sanitise_line

GROUP = 5.0
"""Seconds within which there is one notification."""
OTHER_DEVICE = 120.0
"""Seconds for which a device that has read something is taken to be looked at."""
GRACE = 3.0
"""Seconds that another device has to tell that it was read there."""
LONGEST = 120
"""Characters of a message in a notification."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A message that the user may want to know of."""

    conversation: int
    seq: int
    place: str
    """Where it was said; empty in a conversation of two."""
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Notification:
    """What to show, safe for a terminal and on one line each."""

    title: str
    body: str


class Notifier:
    """Collects what happens and says when to tell of it. Times are seconds of any clock."""

    def __init__(self, voice: Voice) -> None:
        """Speak with ``voice``."""
        self.voice = voice
        self._waiting: list[Happening] = []
        self._due: float | None = None
        self._last = float("-inf")
        self._read_elsewhere = float("-inf")

    def came(self, happening: Happening, now: float) -> None:
        """Note that something was said."""
        self._waiting.append(happening)
        if self._due is None:
            busy = now - self._read_elsewhere < OTHER_DEVICE
            self._due = max(now + (GRACE if busy else 0.0), self._last + GROUP)

    def was_read(self, conversation: int, seq: int, now: float | None = None) -> None:
        """Note that all up to ``seq`` is read; with a time, on another device."""
        if now is not None:
            self._read_elsewhere = now
        self._waiting = [
            one for one in self._waiting if one.conversation != conversation or one.seq > seq
        ]
        if not self._waiting:
            self._due = None

    @property
    def due(self) -> float | None:
        """When there is something to tell; None: nothing waits."""
        return self._due

    def take(self, now: float) -> Notification | None:
        """Return what there is to tell now, once."""
        if self._due is None or now < self._due:
            return None
        waiting, self._waiting, self._due = self._waiting, [], None
        self._last = now
        return self._told(waiting)

    def _told(self, waiting: list[Happening]) -> Notification:
        say = self.voice.say
        first = waiting[0]
        if len(waiting) == 1:
            title = first.sender
            if first.place:
                title = say("{name} in {place}", name=first.sender, place=first.place)
            return Notification(sanitise_line(title), _short(first.text))
        senders = list(dict.fromkeys(one.sender for one in waiting))
        title = self.voice.count("{number} new message", "{number} new messages", len(waiting))
        return Notification(title, _short(", ".join(senders)))


def _short(text: str) -> str:
    line = sanitise_line(text[: LONGEST * 2])
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def sequences(notification: Notification, environment: Mapping[str, str]) -> str:
    """Return what makes a terminal tell of it: the bell, and the sequence it understands.

    OSC 777 is understood by rxvt, foot, ghostty and the terminals of GNOME, OSC 9 by iTerm2,
    kitty, WezTerm and Windows Terminal; one that knows neither ignores it. tmux hands it on where
    ``allow-passthrough`` is on.
    """
    title = notification.title.replace(";", ",")
    body = notification.body.replace(";", ",")
    if _knows_777(environment):
        told = f"\x1b]777;notify;{title};{body}\x1b\\"
    else:
        told = f"\x1b]9;{title}: {body}\x1b\\"
    if environment.get("TMUX"):
        told = "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return "\a" + told


def _knows_777(environment: Mapping[str, str]) -> bool:
    term = environment.get("TERM", "")
    return "VTE_VERSION" in environment or term.startswith(("rxvt", "foot", "xterm-ghostty"))
