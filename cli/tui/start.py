"""From the command to the first picture: what takes long to load is loaded behind a word."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Never

from cli.history_file import history_path
from protocol.language import voice

if TYPE_CHECKING:
    from types import FrameType

    from cli.known_servers import KnownServers
    from cli.options import Options
    from cli.saved import SavedSessions
    from cli.tui.app import Messenger
    from cli.tui.host import Main, ScreenTask


def run_screen(options: Options, saved: SavedSessions, known: KnownServers) -> int:
    """Talk with a person on the full screen; return the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    gc.disable()  # until all is loaded: nothing that loads is garbage, and looking took a fifth
    _write(voice(options.language).say("connecting"))
    try:
        return _run(options, saved, known)
    finally:
        _write(_CLEARED)


def _run(options: Options, saved: SavedSessions, known: KnownServers) -> int:
    from cli.tui.app import Messenger
    from cli.tui.chat import first_chat
    from cli.tui.history import History
    from cli.tui.host import run_hosted
    from cli.tui.kept_state import kept_state
    from cli.tui.theme import Look, first_look

    state = kept_state(os.environ)
    kept = state.get("look")
    look = Look(kept) if kept in set(Look) else first_look(os.environ)
    server = f"{options.host}:{options.port}"
    history = History(history_path(os.environ))
    said = voice(options.language)
    app = Messenger(said, state, history, look, server)
    name = options.name or saved.last_name(options.host, options.port)
    if name is not None:
        app.show_chat(first_chat(app, name, said))
        return run_hosted(app, partial(_load, options, saved, known, app, name))

    from cli.tui.sign_in import Saved, SignIn

    app.show(SignIn(said, [Saved(*one) for one in saved.sessions()], options.host, options.port))
    return run_hosted(app, partial(_load, options, saved, known, app, None))


def _load(
    options: Options,
    saved: SavedSessions,
    known: KnownServers,
    app: Messenger,
    name: str | None,
) -> Main:
    """Load what talks with the network, which nobody sees."""
    from cli.signals import run_stoppable
    from cli.tui.full_screen import FullScreen

    async def main(task: ScreenTask) -> int:
        return await run_stoppable(FullScreen(options, saved, known, app, task, name=name).run)

    gc.freeze()  # nor is it later
    gc.enable()
    return main


_CLEARED = "\r\x1b[K"


def _write(text: str) -> None:
    with suppress(OSError):  # the terminal is gone: then nobody reads it
        sys.stdout.write(text)
        sys.stdout.flush()


def _leave(number: int, _frame: FrameType | None) -> Never:
    """End in the short time before Trio looks after signals, with the terminal restored."""
    raise SystemExit(128 + number)
