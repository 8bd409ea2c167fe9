"""One user on two clients of the library at once (S002-17, decision 10)."""

from __future__ import annotations

import trio

from cli.client import Client
from tests.harness import PATIENCE, RunningServer


async def test_two_devices_see_what_the_other_writes(sqlite_server: RunningServer) -> None:
    """Also where both write the same words at the same time; neither sees its own again."""
    each = 100
    address = ("127.0.0.1", sqlite_server.port)
    async with (
        Client.New(*address, "Ann", history=0) as phone,
        Client.New(*address, "Ann", history=0) as laptop,
    ):
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for device in (phone, laptop):
                    nursery.start_soon(_write, device, each)
                    nursery.start_soon(_read, device, each)
        for device in (phone, laptop):
            with trio.move_on_after(0.1) as patience:
                await device.ReadMsg()
            assert patience.cancelled_caught, "there is one message too many"


async def _read(client: Client, count: int) -> None:
    for _ in range(count):
        message = await client.ReadMsg()
        assert (message.sender, message.text, message.own) == ("Ann", "ok", False)


async def _write(client: Client, count: int) -> None:
    for _ in range(count):
        await client.SendMsg("ok")
