"""Keys that are done in the order in which they were pressed.

Textual does what is bound to a key only after the key has gone up to the app and come back, by
other queues than the letters: what is typed behind it overtakes it, and a quick Backspace deletes
the wrong letter. Here what is bound is done by the widget itself, at the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input


def actions_of(bindings: Iterable[BindingType]) -> dict[str, str]:
    """Return what is bound to each key."""
    return {
        key.strip(): binding.action
        for binding in bindings
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }


def passes_on(widget: Widget, event: events.Key) -> bool:
    """Hand a key on where another part of the screen has got the focus by a key before it."""
    target: Widget | Screen[Any] = widget.app.focused or widget.app.screen
    if target is widget:
        return False
    _take(event)
    target._forward_event(events.Key(event.key, event.character))  # this one is done with
    return True


async def does_bound(widget: Widget, event: events.Key, actions: Mapping[str, str]) -> bool:
    """Do what is bound to a key now; False: nothing is."""
    action = actions.get(event.key)
    if action is None:
        return False
    _take(event)
    await widget.run_action(action)
    return True


def moves_on(widget: Widget, event: events.Key) -> bool:
    """Go to the next field at Tab, or to the one before: what is typed next is for that."""
    if event.key not in {"tab", "shift+tab"}:
        return False
    _take(event)
    if event.key == "tab":
        widget.screen.focus_next()
    else:
        widget.screen.focus_previous()
    return True


def _take(event: events.Key) -> None:
    event.stop()
    event.prevent_default()


class Field(Input):
    """A line to type on whose keys are done in order."""

    _ACTIONS = actions_of(Input.BINDINGS)

    async def _on_key(self, event: events.Key) -> None:
        """Do what is bound to a key."""
        if not passes_on(self, event) and not moves_on(self, event):
            await does_bound(self, event, self._ACTIONS)
