"""The asyncio loop that Textual runs in, with Trio as its guest once the first picture stands.

Trio's main task is the master from then on: what it returns or raises is what the whole returns
or raises, and it ends the screen. Whatever goes wrong on either side, the terminal is given back
first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outcome import Outcome

    from cli.tui.app import Messenger

ScreenTask = asyncio.Task[None]
Main = Callable[[ScreenTask], Awaitable[int]]
"""Trio's main task. It is given the screen's task, and ends it."""

FLUSHED = 0.005
"""Seconds in which the thread that writes to the terminal gets its turn."""
CLOSING = 3.0
"""Seconds that a screen may take to close by itself before it is broken off."""


def run_hosted(app: Messenger, load: Callable[[], Main]) -> int:
    """Show the screen, then load what it needs and run that; return what it returns.

    ``load`` imports Trio and all that talks with the network: that takes as long as the screen
    itself took to load.
    """
    return asyncio.run(_host(app, load))


async def _host(app: Messenger, load: Callable[[], Main]) -> int:
    screen = asyncio.create_task(app.run_async())
    try:
        await _first_picture(app, screen)
        main = load()
    except BaseException:
        await _close(app, screen)
        raise
    return await _run_guest(main, screen)


async def _first_picture(app: Messenger, screen: ScreenTask) -> None:
    painted = asyncio.create_task(app.painted.wait())
    await asyncio.wait({screen, painted}, return_when=asyncio.FIRST_COMPLETED)
    painted.cancel()
    await asyncio.sleep(FLUSHED)


async def _close(app: Messenger, screen: ScreenTask) -> None:
    app.exit()
    await asyncio.wait({screen}, timeout=CLOSING)
    screen.cancel()
    await asyncio.wait({screen})


async def _run_guest(main: Main, screen: ScreenTask) -> int:
    import trio

    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome[int]] = loop.create_future()
    scope = trio.CancelScope()

    async def guest() -> int:
        with scope:
            return await main(screen)
        raise asyncio.CancelledError

    trio.lowlevel.start_guest_run(
        guest,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=done.set_result,
    )
    while not done.done():
        try:
            await asyncio.shield(done)  # a guest that nobody waits for would be left half done
        except asyncio.CancelledError:  # Ctrl+C before Trio looks after signals
            scope.cancel()
    return done.result().unwrap()
