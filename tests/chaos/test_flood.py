"""Two thousand connections from one address that want nothing but to be in the way (issue 5).

``make bench ARGS=flood`` measures what it costs the members; here nothing may be lost, nobody
dropped, and whoever comes from elsewhere gets in.
"""

from __future__ import annotations

from pathlib import Path

import trio

from bench.flood import flooding
from protocol.events import StatusReport
from protocol.requests import Status
from tests.harness import NativeClient, RunningServer, native, running_server

STRANGERS = 2000
MEMBERS = 20
MESSAGES = 200
FLAGS = ("--limit-exempt", "127.0.0.1", "--admin", "Ada")


async def test_a_flood_from_one_address_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """Members write and read, one more comes in; the strangers have their places and no more."""
    with running_server(tmp_path, *FLAGS) as server:
        async with native(server, "Ann") as ann, trio.open_nursery() as nursery:
            members = [
                await nursery.start(_member, server, f"member{number}") for number in range(MEMBERS)
            ]
            with flooding(server.port, STRANGERS):
                for number in range(MESSAGES):
                    await ann.say(f"message {number}")
                async with native(server, "Newcomer", history=0) as newcomer:
                    await newcomer.say("hello")
                for member in members:
                    texts = [message.text for message in await member.messages(MESSAGES + 1)]
                    assert texts == [*(f"message {number}" for number in range(MESSAGES)), "hello"]
                here = await ann.ask(Status(), StatusReport)
            nursery.cancel_scope.cancel()
        log = server.log.read_text("utf-8")
    assert {f"member{number}" for number in range(MEMBERS)} <= set(here.users)
    assert "limit.max_waiting_per_ip" in log
    assert log.count("\n") < 20_000


async def _member(
    server: RunningServer, name: str, *, task_status: trio.TaskStatus[NativeClient]
) -> None:
    async with native(server, name) as client:
        task_status.started(client)
        await trio.sleep_forever()
