"""The last moments with a person: what they wrote is stored, or they are told that it is not."""

from __future__ import annotations

from collections.abc import Callable

import trio

from cli.answers import Answers
from cli.client import Client
from cli.pending import as_typed
from cli.typist import Typist
from protocol.language import Voice

PATIENCE = 1.0
"""Seconds after which a message without its acknowledgement is said to be waiting."""
LAST_ACKNOWLEDGEMENTS = 3.0
"""Seconds to wait, on leaving, for what has not been acknowledged."""


async def await_last(
    client: Client, answers: Answers, voice: Voice, tell: Callable[[str], None]
) -> None:
    """Wait a little for the last answers and acknowledgements."""
    with trio.move_on_after(PATIENCE):
        await answers.finish()
    with trio.move_on_after(PATIENCE):
        await client.drain()
        return
    tell(voice.say("Waiting for the server to store what you wrote. Ctrl+C leaves at once."))
    with trio.move_on_after(LAST_ACKNOWLEDGEMENTS):
        await client.drain()


def tell_rest(typist: Typist, client: Client, voice: Voice, tell: Callable[[str], None]) -> bool:
    """Show what was never acknowledged, so that it is not lost; True: there was something."""
    rest = typist.take_rest()
    for outgoing in rest:
        text = as_typed(outgoing, client)
        if outgoing.kept:
            tell(voice.say("Kept, and sent when you come back: {text}", text=text))
        else:
            tell(voice.say("Not acknowledged: {text}", text=text))
    return bool(rest)
