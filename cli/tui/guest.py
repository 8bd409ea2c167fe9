"""Trio and asyncio in one thread: Textual's loop is the host, Trio its guest.

Trio's main task is the master: it begins the screen, it ends it, and what it returns or raises
is what the whole returns or raises. Whatever goes wrong on either side, the terminal is given
back first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import trio

if TYPE_CHECKING:
    from outcome import Outcome

    from cli.tui.app import Messenger

ResultT = TypeVar("ResultT")

CLOSING = 3.0
"""Seconds that a screen may take to close by itself before it is broken off."""


def run_guest(main: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run ``main`` as Trio's main task, inside an asyncio loop of its own."""
    return asyncio.run(_host(main))


async def _host(main: Callable[[], Awaitable[ResultT]]) -> ResultT:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome[ResultT]] = loop.create_future()
    scope = trio.CancelScope()
    stopped = False

    async def guest() -> ResultT:
        with scope:
            return await main()
        raise asyncio.CancelledError

    trio.lowlevel.start_guest_run(
        guest,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=done.set_result,
    )
    while not done.done():
        try:
            await asyncio.shield(done)  # a guest that is not waited for would be left half done
        except asyncio.CancelledError:  # Ctrl+C before anybody looks after signals
            stopped = True
            scope.cancel()
    if stopped and scope.cancelled_caught:
        raise asyncio.CancelledError
    return done.result().unwrap()


async def run_screen(app: Messenger) -> None:
    """Run the screen, from Trio, until it has closed; raises what went wrong in it.

    Where this is cancelled the screen is closed first, and the terminal is as it was.
    """
    finished = trio.Event()
    task = asyncio.get_running_loop().create_task(app.run_async())
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
