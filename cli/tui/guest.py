"""The screen as Trio sees it: something that runs, and can be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cli.tui.host import CLOSING

if TYPE_CHECKING:
    from cli.tui.app import Messenger
    from cli.tui.host import ScreenTask


async def run_screen(app: Messenger, task: ScreenTask) -> None:
    """Let the screen run until it has closed; raises what went wrong in it.

    Where this is cancelled the screen is closed first, and the terminal is as it was.
    """
    finished = trio.Event()
    task.add_done_callback(lambda _: finished.set())
    try:
        await finished.wait()
    finally:
        with trio.CancelScope(shield=True):
            if not finished.is_set():
                app.exit()
                with trio.move_on_after(CLOSING):
                    await finished.wait()
            if not finished.is_set():
                task.cancel()
                await finished.wait()
    if app.failure is not None:
        raise app.failure
    if not task.cancelled():
        task.result()
