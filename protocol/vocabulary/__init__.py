"""All that can be asked for and told: the core of ``requests`` and ``events``, and the areas here.

An area is a module with ``TITLE``, ``REQUESTS``, ``EVENTS`` and ``COMMANDS``. It is found by
itself, so that a new command needs its definition here and its handler in ``chat/handlers``,
and nothing else.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from protocol import core_commands, events, requests
from protocol.commands import Command
from protocol.events import Event
from protocol.requests import Request

_HELP_ORDER = (
    "reading", "receipts", "contacts", "rooms", "admission", "editing", "schedule", "files",
    "outbox", "identity",
)  # fmt: skip
"""How the help tells of them; those that are not here come last."""


def _place(area: str) -> int:
    return _HELP_ORDER.index(area) if area in _HELP_ORDER else len(_HELP_ORDER)


_AREAS = [
    import_module(f"{__name__}.{module.name}")
    for module in sorted(
        pkgutil.iter_modules(__path__), key=lambda module: (_place(module.name), module.name)
    )
]

REQUESTS: tuple[type[Request], ...] = (
    *requests.REQUESTS,
    *(request for area in _AREAS for request in area.REQUESTS),
)
EVENTS: tuple[type[Event], ...] = (
    *events.EVENTS,
    *(event for area in _AREAS for event in area.EVENTS),
)
CHAPTERS: tuple[tuple[str, tuple[Command, ...]], ...] = tuple(
    (area.TITLE, area.COMMANDS) for area in (core_commands, *_AREAS) if area.COMMANDS
)
"""The commands as the help shows them, under the titles of their areas."""

COMMANDS: tuple[Command, ...] = tuple(command for _, commands in CHAPTERS for command in commands)
