"""Messages with a set time of sending (S004-25)."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import trio
from sqlalchemy import Connection, update

from protocol.events import Error, Message
from protocol.vocabulary.schedule import (
    Cancel,
    ListScheduled,
    Schedule,
    Scheduled,
    ScheduledList,
    TimeZone,
    Zone,
    ZoneChanged,
)
from storage import open_stores
from storage.schema import scheduled
from tests.cli.programs import run, terminal
from tests.harness import NativeClient, RunningServer, native, running_server, telnet
from tests.storage.helpers import run as in_database

HOUR = 3600 * 10**6  # microseconds


async def test_at_telnet(server: RunningServer) -> None:
    """S004-25: it goes out at its time; one not yet sent can be listed and cancelled."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("/schedule +1s time for tea")
        await ann.until("It goes to everyone at ")
        await ann.type("/schedule +2d @Bob psst")
        await ann.until("It goes to @Bob at ")
        await ann.type("/schedule 18:30 @@home")
        await ann.until("/cancel 3 stops it.\r\n")
        await ann.type("/scheduled")
        shown = await ann.until("to @Bob: psst\r\n")
        assert "to everyone: @home\r\n" in shown
        await ann.type("/cancel 2")
        await ann.until("* Message 2 will not be sent.")
        await bob.until("Ann: time for tea\r\n")
        await ann.until("Ann: time for tea\r\n")  # the author's devices get it like all others
        await ann.type("/scheduled")
        assert "tea" not in await ann.until("@home\r\n")
        await ann.type("/cancel 2")
        await ann.until("! You have no scheduled message 2; perhaps it has been sent.")
        await bob.type("/cancel 3")
        await bob.until("! You have no scheduled message 3")
        for wrong in ("", "+1h", "tomorrow hello", "18:30", "25:99 x", "+1h @Bob", "+400d x"):
            await ann.type(f"/schedule {wrong}")
            await ann.until("! ")
            await ann.until("\r\n")


async def test_to_a_room_and_to_a_user(server: RunningServer) -> None:
    """S004-25: with a recipient, with a room, and else to the conversation one is in."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("/chats den")
        await ann.until("You have made the room den")
        await ann.type("/schedule +1s here")
        await ann.until("It goes to #den at ")
        await bob.type("/chats den")
        await bob.until("You are in the room den")
        await bob.type("/schedule +1s #den there")
        await bob.until("It goes to #den at ")
        await bob.type("/schedule +1s @Ann in private")
        await bob.until("It goes to @Ann at ")
        await ann.until("Bob (private): in private\r\n")
        await bob.until("Ann (den): here")
        await bob.type("/schedule +1h #nowhere x")
        await bob.until("! You are in no room called nowhere.")
        await bob.type("/schedule +1h @Nobody x")
        await bob.until("! Nobody called Nobody has been here.")


async def test_from_the_line_client(server: RunningServer) -> None:
    """S004-25: the same on a terminal and in a pipe."""
    async with telnet(server, "Bob") as bob:
        await trio.to_thread.run_sync(_schedule_on_a_terminal, server.port)
        await bob.until("Ann: time for tea\r\n")
        await trio.to_thread.run_sync(_schedule_in_a_pipe, server.port)
        await bob.until("Carol (private): psst\r\n")


def _schedule_on_a_terminal(port: int) -> None:
    with terminal(port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type("/schedule +1s time for tea\r")
        ann.until("It goes to everyone at ")
        ann.until("Ann: time for tea")
        ann.type("/schedule 2026-99-99 18:30 x\r")
        ann.until("* There is no such day or time")
        ann.type("/schedule +1d @Bob psst\r")
        ann.until("It goes to @Bob at ")
        ann.type("/scheduled\r")
        ann.until("to @Bob: psst")
        ann.type("/cancel 2\r")
        ann.until("Message 2 will not be sent.")
        ann.type("/scheduled\r")
        ann.until("You have no scheduled messages.")


def _schedule_in_a_pipe(port: int) -> None:
    done = run(port, "Carol", typed="/schedule +1s @Bob psst\n/scheduled\n")
    assert re.search(r"^\d+\. .* to @Bob: psst$", done.stdout.decode(), re.MULTILINE)


async def _let_time_pass(server: RunningServer, database_url: str, micros: int) -> None:
    """Let all that is scheduled be due so much earlier, while no server runs."""

    def change(connection: Connection) -> None:
        connection.execute(update(scheduled).values(due_at=scheduled.c.due_at - micros))

    async with open_stores(database_url, keys=server.keys) as stores:
        await in_database(stores, change)


async def test_across_a_restart(tmp_path: Path, database_url: str) -> None:
    """S004-25, S004-6: what was due meanwhile goes out at the start, marked, once."""
    with running_server(tmp_path, "--database", database_url) as server:
        async with native(server, "Ann") as ann, native(server, "Bob"):
            for when, to in (("+1h", "Bob"), ("+2h", None), ("+3h", None)):
                await ann.ask(Schedule(when=when, text=f"after {when}", to=to), Scheduled)
        server.kill()
        await _let_time_pass(server, database_url, int(2.5 * HOUR))
        begun = time.time()
        server.start()
        async with native(server, "Bob") as bob:
            arrived = sorted(await bob.messages(2), key=lambda one: one.id)
            assert [one.text for one in arrived] == ["after +1h", "after +2h"]
            for message, hours in zip(arrived, (1.5, 0.5), strict=True):
                assert message.due is not None
                assert abs(begun - message.due / 1e6 - hours * 3600) < 60
        async with telnet(server, "Tess") as tess:
            await tess.until("Ann: after +2h (was due at ")
        assert server.stop() == 0
        server.start()
        async with native(server, "Ann", history=50) as ann:
            left = await ann.ask(ListScheduled(), ScheduledList)
            assert [item.text for item in left.items] == ["after +3h"]
            await ann.say("end")
        async with native(server, "New", history=50) as new:
            texts = [one.text for one in await new.messages(2)]
            assert texts == ["after +2h", "end"]


async def test_a_crash_while_they_go_out(tmp_path: Path, database_url: str) -> None:
    """S004-25: each once, whenever the server is killed."""
    with running_server(tmp_path, "--database", database_url) as server:
        async with native(server, "Ann") as ann:
            for number in range(90):
                await ann.ask(Schedule(when="+1h", text=f"{number}"), Scheduled)
        for _ in range(2):
            server.kill()
            await _let_time_pass(server, database_url, 2 * HOUR)
            server.start()
            async with native(server, "Eve", history=0):
                pass  # it is killed as soon as it lets somebody in
        server.kill()
        server.start()
        async with native(server, "Ann") as ann:
            await ann.ask(Schedule(when="+1s", text="the end"), Scheduled)
        texts = []
        async with native(server, "New", history=1000) as new:
            while (message := await new.expect(Message)).text != "the end":
                texts.append(message.text)
    assert texts == [str(number) for number in range(90)]


async def test_all_devices_show_the_users_time_zone(server: RunningServer) -> None:
    """S004-25, S004-13, S004-28: `/zone` is for all times shown and typed, and stays."""
    async with native(server, "Ann") as ann, telnet(server, "Ann") as at_telnet:
        await at_telnet.type("/zone Asia/Tokyo")
        await at_telnet.until("Your time zone is Asia/Tokyo, where it is ")
        assert await ann.expect(ZoneChanged) == ZoneChanged(name="Asia/Tokyo")
        assert (await ann.ask(TimeZone(), Zone)).name == "Asia/Tokyo"
        kept = await ann.ask(Schedule(when="03:00", text="night in Tokyo"), Scheduled)
        assert time.gmtime(kept.item.due / 1e6)[3:5] == (18, 0)
        await at_telnet.type("/scheduled")
        await at_telnet.until("1. 03:00 ")
        await at_telnet.type("/zone Atlantis")
        await at_telnet.until("! There is no time zone Atlantis.")
        await trio.to_thread.run_sync(_look_at_the_clock, server.port)
    async with telnet(server, "Ann") as again:
        await again.type("/scheduled")
        await again.until("1. 03:00 ")


def _look_at_the_clock(port: int) -> None:
    with terminal(port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type("/scheduled\r")
        ann.until("1. 03:00 ")
        ann.type("/zone Europe/London\r")
        ann.until("Your time zone is Europe/London")
        ann.type("/scheduled\r")
        ann.until("1. 1")  # 18:00 or 19:00
        ann.type("/zone Asia/Tokyo\r")
        ann.until("Your time zone is Asia/Tokyo")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Schedule(when="+1h", text=""), "empty_message"),
        (Schedule(when="+1h", text="x" * 65537), "text_too_long"),
        (Schedule(when="", text="x"), "bad_arguments"),
        (Schedule(when="+367d", text="x"), "bad_arguments"),
        (Schedule(when="+1h", text="x", conversation=2), "unknown_conversation"),
        (Cancel(id=1), "unknown_message"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_scheduled(
    sqlite_server: RunningServer, request_: Schedule | Cancel, code: str
) -> None:
    """S004-34: each wrong request has an answer, and nothing is kept."""
    async with native(sqlite_server, "Ann") as ann:
        assert (await ann.ask(request_, Error)).code == code
        assert await _kept(ann) == 0


async def _kept(client: NativeClient) -> int:
    return len((await client.ask(ListScheduled(), ScheduledList)).items)


async def test_at_most_a_hundred(sqlite_server: RunningServer) -> None:
    """S004-25: of one user; others have their own."""
    async with native(sqlite_server, "Ann") as ann, native(sqlite_server, "Bob") as bob:
        for _ in range(100):
            await ann.ask(Schedule(when="+366d", text="x"), Scheduled)
        refused = await ann.ask(Schedule(when="+1h", text="x"), Error)
        assert refused.code == "limit_reached"
        await bob.ask(Schedule(when="+1h", text="x"), Scheduled)
        assert await _kept(ann) == 100
