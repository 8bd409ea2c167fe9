"""So many messages to the general chat in a period, and then the count starts anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trio

from chat.limits import WRITE_EVERY
from protocol.errors import ErrorCode
from protocol.events import Error, Notice, Sent
from protocol.ids import new_uuid
from protocol.requests import Send
from protocol.vocabulary.schedule import Schedule, Scheduled, ScheduledRefused
from server.settings_sources import load_settings
from tests.cli.programs import terminal
from tests.harness import NativeClient, RunningServer, native, running_server, telnet

Start = Callable[..., AbstractContextManager[RunningServer]]
MINUTE = 60_000_000


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Start:
    """Run a server with flags, on each of the two databases."""
    return partial(running_server, tmp_path, "--database", database_url)


async def refused(client: NativeClient, text: str = "too many") -> str:
    """Send what is too many; return what is said about it."""
    error = await client.ask(Send(text=text), Error)
    assert error.code == ErrorCode.LIMIT_REACHED
    return error.message


async def send(client: NativeClient, count: int) -> list[Sent]:
    """Send so many messages to the general chat."""
    return [await client.say(f"message {number}") for number in range(count)]


async def test_the_limit_and_the_period_are_settings(start: Start) -> None:
    """S004-17, S004-18: LIMIT_MESSAGES and UPDATE_PERIOD; then the count starts anew.

    S002-15: private messages are not counted, and one user is not another.
    """
    with start("--limit-messages", "3", "--update-period", "0.06") as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            sent = await send(ann, 3)
            assert [one.left for one in sent] == [2, 1, 0]
            renews_at = sent[0].renews_at
            assert renews_at is not None
            assert sent[0].time <= renews_at <= sent[0].time + 0.07 * MINUTE
            await refused(ann)
            assert (await ann.say("psst", to="Bob")).left is None
            assert (await bob.say("hello")).left == 2
            await trio.sleep(3.7)
            [again] = await send(ann, 1)
            assert again.left == 2
            assert again.renews_at is not None
            assert again.renews_at > renews_at


async def test_twenty_an_hour_by_default(start: Start) -> None:
    """S004-23: 20 messages in an hour, counted from a user's first one.

    The twentieth, sent again because its acknowledgement was lost, is not the twenty-first.
    """
    with start("--limit-messages", "20") as server:
        async with native(server, "Ann") as ann, native(server, "Bob", history=0) as bob:
            first = await ann.say("message 0")
            assert first.renews_at is not None
            assert 59 * MINUTE < first.renews_at - first.time < 61 * MINUTE
            await send(ann, 18)
            uuid = new_uuid()
            last = await ann.say("the last", uuid=uuid)
            assert (last.left, last.duplicate) == (0, False)
            again = await ann.say("the last", uuid=uuid)
            assert (again.left, again.duplicate, again.id) == (0, True, last.id)
            await refused(ann)
            told = [event.message for event in ann.seen if isinstance(event, Notice)]
            assert [words.split()[3] for words in told[:-1]] == ["5", "3", "2", "1"]
            assert told[-1].startswith("That was the last message")
            assert [one.text for one in await bob.messages(20)][-1] == "the last"


def test_the_defaults() -> None:
    """S004-16, S004-17, S004-18: without any setting it is 20 messages, 60 minutes, 60 minutes."""
    settings = load_settings([], {})
    assert (settings.limit_messages, settings.update_period) == (20, 60)
    assert (settings.lifetime_messages, settings.lifetime_rooms) == (60, 0)
    names = ("LIMIT_MESSAGES", "UPDATE_PERIOD", "LIFETIME_MESSAGES")
    settings = load_settings([], dict.fromkeys(names, "7"))
    assert (settings.limit_messages, settings.update_period, settings.lifetime_messages) == (7,) * 3


async def test_zero_is_no_limit(start: Start) -> None:
    """S004-17, decision 1: every setting of it can be turned off with 0."""
    with start("--limit-messages", "0") as server:
        async with native(server, "Ann") as ann:
            assert {one.left for one in await send(ann, 40)} == {None}


async def test_all_devices_of_a_user_are_counted_together(start: Start) -> None:
    """S004-17, S004-28: and a restart, or a crash, gives nobody a new period.

    What was stored before the restart may be sent again all the same.
    """
    uuid = new_uuid()
    with start("--limit-messages", "3") as server:
        async with native(server, "Ann") as phone, native(server, "ann") as laptop:
            assert (await phone.say("one")).left == 2
            assert (await laptop.say("two", uuid=uuid)).left == 1
        server.stop()
        server.start()
        async with native(server, "Ann") as ann:
            assert (await ann.say("three")).left == 0
            await trio.sleep(2 * WRITE_EVERY)
        server.kill()
        server.start()
        async with native(server, "Ann") as ann:
            await refused(ann)
            assert (await ann.say("two", uuid=uuid)).duplicate
            await refused(ann)


async def test_no_file_is_begun_that_could_not_be_sent(start: Start) -> None:
    """S004-23: at telnet too one is told before the file is pasted; privately it goes."""
    with start("--limit-messages", "1") as server:
        async with telnet(server, "Bob"), telnet(server, "Ann") as ann:
            await ann.type("the only one")
            await ann.until("That was the last message")
            await ann.type("/file a.txt")
            await ann.until("! You have sent the 1 messages that you can send")
            await ann.type("/file a.txt to Bob")
            await ann.until("Paste the file as base64")


async def test_a_person_at_telnet_is_told(start: Start) -> None:
    """S004-23: how many are left, and, in the zone of the server, when it starts anew."""
    with start("--limit-messages", "6", "--tz", "Asia/Tokyo") as server:
        async with telnet(server, "Ann") as ann:
            begun = datetime.now(ZoneInfo("Asia/Tokyo"))
            for number in range(7):
                await ann.type(f"message {number}")
            shown = await ann.until("! You have sent the 6 messages")
            renewed = (await ann.until("\r\n")).split("starts anew at ")[1].strip(". \r\n")
    for left in (5, 3, 2):
        assert f"* You can send {left} more messages to the general chat; " in shown
    assert "* You can send 4 more" not in shown
    assert "* You can send 1 more message to" in shown
    assert "* That was the last message that you can send" in shown
    renews = datetime.strptime(renewed, "%H:%M %d.%m.%y").replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert 3600 <= (renews - begun).total_seconds() <= 3600 + 120


async def test_a_person_at_the_line_client_is_told(start: Start) -> None:
    """S004-23: the same; and what was refused is not said to have been sent."""
    with start("--limit-messages", "2") as server, terminal(server.port, "Ann") as ann:
        ann.until("/help lists the commands")
        ann.type("one\r")
        ann.until("You can send 1 more message to the general chat")
        ann.type("two\r")
        ann.until("That was the last message that you can send")
        ann.type("three\r")
        ann.until("You have sent the 2 messages")
        async with native(server, "Bob", history=10) as bob:
            assert [one.text for one in await bob.messages(2)] == ["one", "two"]


async def test_comments_and_scheduled_messages_are_counted(start: Start) -> None:
    """S004-17, S004-24, S004-25: what goes to the general chat counts, however it gets there."""
    with start("--limit-messages", "3") as server:
        async with native(server, "Ann") as ann, native(server, "Bob", history=0) as bob:
            first = await ann.say("a question")
            comment = await ann.ask(Send(text="an answer", reply_to=first.id), Sent)
            assert comment.left == 1
            kept = [
                (await ann.ask(Schedule(when="+1s", text=f"later {number}"), Scheduled)).item
                for number in range(2)
            ]
            refused_one = (await ann.expect(ScheduledRefused)).item
            assert (refused_one.id, refused_one.failure) == (kept[1].id, ErrorCode.LIMIT_REACHED)
            got = [one.text for one in await bob.messages(3)]
            assert got == ["a question", "an answer", "later 0"]
            await refused(ann)
