"""Messages live for a while behind their delivery, and are deleted then (decision 2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from protocol.errors import ErrorCode
from protocol.events import Error, HistoryPage, LoggedIn, Message
from protocol.ids import new_uuid
from protocol.requests import GENERAL, Delivered, Fetch, History, Send
from protocol.text import UNREAD_LINE
from storage import open_stores
from tests.cli.programs import run, terminal
from tests.harness import PATIENCE, NativeClient, RunningServer, native, running_server, telnet

Start = Callable[..., AbstractContextManager[RunningServer]]
LIFETIME = 2.0
FLAGS = ("--lifetime-messages", str(LIFETIME / 60))


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Start:
    """Run a server with flags, on each of the two databases."""
    return partial(running_server, tmp_path, "--database", database_url)


async def shown(client: NativeClient, conversation: int = GENERAL, **place: Any) -> list[str]:
    """Return what a page of a conversation's history shows."""
    request = History(conversation=conversation, limit=100, **place)
    return [one.text for one in (await client.ask(request, HistoryPage)).messages]


async def has_seen(seq: int, *clients: NativeClient, conversation: int = GENERAL) -> None:
    """Let clients say that they have shown everything up to a number."""
    for client in clients:
        await client.send(Delivered(conversation=conversation, seq=seq))


async def until_hidden(client: NativeClient, text: str, conversation: int = GENERAL) -> None:
    """Wait until a text has expired for somebody."""
    with trio.fail_after(PATIENCE):
        while text in await shown(client, conversation):  # noqa: ASYNC110 - there is no event
            await trio.sleep(0.1)


async def first_after(server: RunningServer, name: str, seq: int) -> Message:
    """Resume, again and again until what is old has been deleted; return what comes first."""
    with trio.fail_after(PATIENCE):
        while True:
            async with native(server, name, resume={GENERAL: seq}) as client:
                [first] = await client.messages(1)
                if first.text == "new":
                    return first
            await trio.sleep(0.2)


def deleted(server: RunningServer) -> int:
    """Return how many messages of the general chat are gone for good, by the server's word."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    ours = [line for line in lines if line["event"] == "messages.expired"]
    return sum(line["count"] for line in ours if line["conversation"] == GENERAL)


async def until_deleted(server: RunningServer, url: str, gone: int, *, left: int = 0) -> None:
    """Wait until so many are deleted, look for what is left in the database, and start again."""
    with trio.fail_after(PATIENCE):
        while deleted(server) < gone:  # noqa: ASYNC110 - a file tells of no event
            await trio.sleep(0.1)
    server.stop()
    async with open_stores(url, keys=server.keys) as stores:
        messages = await stores.messages.GetAll(GENERAL)
    server.start(port=server.port)
    assert len(messages) == left


async def test_what_was_delivered_lives_for_a_while(start: Start, database_url: str) -> None:
    """S002-15, S004-16, S004-22: then it is in no history, no fetch, at no login, and deleted."""
    with start(*FLAGS) as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            sent = [await ann.say(f"old {number}") for number in range(3)]
            await has_seen(sent[-1].seq, ann, bob)
            assert await shown(bob) == ["old 0", "old 1", "old 2"]
            await until_hidden(bob, "old 2")
            await until_hidden(ann, "old 2")
            fetched = await bob.ask(Fetch(id=sent[1].id), Error)
            assert fetched.code == ErrorCode.UNKNOWN_MESSAGE
            answered = await bob.ask(Send(text="so what", reply_to=sent[1].id), Error)
            assert answered.code == ErrorCode.UNKNOWN_MESSAGE
            new = await ann.say("new")
            assert new.seq == sent[-1].seq + 1
            async with native(server, "Bob", history=20) as tablet:
                [first] = await tablet.messages(1)
                assert (first.text, first.prev) == ("new", None)
            async with telnet(server, "Cid") as cid:
                assert "old" not in await cid.until("Ann: new\r\n")
            assert (await first_after(server, "Bob", 0)).prev == 0
            await has_seen(new.seq, ann, bob)
        await until_deleted(server, database_url, 4)
        async with native(server, "Ann") as ann:
            assert (await ann.say("and on")).seq > new.seq


async def test_what_was_not_delivered_is_kept(start: Start, database_url: str) -> None:
    """Decision 2: who was away gets it however old it is, and only then it goes for good."""
    with start(*FLAGS) as server:
        async with native(server, "Cid"):
            pass
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            sent = [await ann.say(f"old {number}") for number in range(3)]
            await has_seen(sent[-1].seq, ann, bob)
            await until_hidden(bob, "old 2")
            await trio.sleep(LIFETIME / 2)
            async with native(server, "Cid", history=1) as cid:
                got = await cid.messages(3)
                assert [one.text for one in got] == ["old 0", "old 1", "old 2"]
                assert await shown(cid) == ["old 0", "old 1", "old 2"]
                assert await shown(bob) == []
                await has_seen(sent[0].seq, cid)
                await until_hidden(cid, "old 0")
                assert await shown(cid) == ["old 1", "old 2"]
                assert await shown(cid, after=0) == ["old 1", "old 2"]
        await until_deleted(server, database_url, 1, left=2)
        async with telnet(server, "Cid") as cid_at_telnet:
            seen = await cid_at_telnet.until("Ann: old 2\r\n")
            assert "old 1" in seen
            assert "old 0" not in seen
            assert UNREAD_LINE not in seen  # there is nothing before the unread ones
        async with native(server, "Cid") as cid:
            await has_seen(sent[-1].seq, cid)
            await until_hidden(cid, "old 2")
        await until_deleted(server, database_url, 3)


async def test_who_has_long_been_away_does_not_count(start: Start, database_url: str) -> None:
    """Decision 2: accounts unseen for 30 days, or what the setting says, hold up nothing."""
    with start(*FLAGS, "--away-days", str(3 / 86400)) as server:
        async with native(server, "Cid"):
            pass
        async with native(server, "Ann") as ann:
            sent = await ann.say("old")
            await has_seen(sent.seq, ann)
            await trio.sleep(LIFETIME)
        server.stop()  # who has been here, and when, is written now
        server.start()
        async with native(server, "Ann") as ann:
            await until_hidden(ann, "old")
            await trio.sleep(2)
        await until_deleted(server, database_url, 1)


async def test_resuming_behind_a_number_that_has_expired(start: Start, database_url: str) -> None:
    """S001-20, S004-16: the rest comes, without a stall or a repeat; the gap is told by `prev`."""
    with start(*FLAGS) as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            sent = [await ann.say(f"old {number}") for number in range(60)]
            await has_seen(sent[-1].seq, ann, bob)
        await until_deleted(server, database_url, 60)
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            resuming = [
                await enter(native(server, "Bob", resume={GENERAL: seq})) for seq in (5, 60)
            ]
            ann = await enter(native(server, "Ann", resume={GENERAL: 60}))
            new = [await ann.say(f"new {number}") for number in range(3)]
            late = [await enter(native(server, "Bob", resume={GENERAL: seq})) for seq in (0, 5, 61)]
            for client in (*resuming, *late[:2]):
                got = await client.messages(3)
                assert [one.seq for one in got] == [one.seq for one in new]
            assert [one.text for one in await late[2].messages(2)] == ["new 1", "new 2"]
            first = next(event for event in late[1].seen if isinstance(event, Message))
            assert first.prev == 5


async def test_the_line_client_goes_on_behind_what_has_expired(
    start: Start, database_url: str
) -> None:
    """S004-16, S002-7: over a restart in which all that it had is deleted."""
    with start(*FLAGS) as server, terminal(server.port, "Bob") as bob:
        bob.until("/help lists the commands")
        async with native(server, "Ann") as ann:
            sent = [await ann.say(f"old {number}") for number in range(5)]
            bob.until("Ann: old 4")
            await has_seen(sent[-1].seq, ann)
            await until_hidden(ann, "old 4")
        await until_deleted(server, database_url, 5)
        async with native(server, "Ann", history=0) as ann:
            await ann.say("new 0")
            bob.until("Ann: new 0")
            await ann.say("new 1")
            lines = bob.until("Ann: new 1")
    said = [line.partition("Ann: ")[2] for line in lines if "Ann: " in line]
    assert said == [*(f"old {number}" for number in range(5)), "new 0", "new 1"]


async def test_a_quote_ends_with_what_it_quotes(start: Start) -> None:
    """S004-24: in a history, and in what is fed to those who come."""
    lifetime = 6.0
    with start("--lifetime-messages", str(lifetime / 60)) as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            asked = await ann.say("a question")
            await trio.sleep(lifetime * 0.6)
            answer = await bob.ask(Send(text="an answer", reply_to=asked.id), type(asked))
            live = (await ann.expect(Message)).quote
            assert live is not None
            assert live.text == "a question"
            async with native(server, "Cid", history=20) as cid:
                await cid.expect(Message)
                assert (await cid.expect(Message)).quote is not None
            await has_seen(answer.seq - 1, ann, bob)
            await until_hidden(ann, "a question")
            page = await ann.ask(History(), HistoryPage)
            [left] = page.messages
            assert (left.text, left.target, left.quote) == ("an answer", asked.id, None)
            async with native(server, "Ann", history=20) as tablet:
                got = await tablet.expect(Message)
                assert (got.text, got.quote) == ("an answer", None)


async def test_rooms_have_a_lifetime_of_their_own(start: Start) -> None:
    """Decision 1: private messages stay for good, unless a setting says how long they live."""
    with start(*FLAGS) as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            sent = await ann.say("psst", to="Bob")
            await has_seen(sent.seq, ann, bob, conversation=sent.conversation)
            general = await ann.say("to all")
            await has_seen(general.seq, ann, bob)
            await until_hidden(ann, "to all")
            assert await shown(bob, sent.conversation) == ["psst"]
    with start("--lifetime-messages", "0", "--lifetime-rooms", str(LIFETIME / 60)) as server:
        async with native(server, "Ann") as ann, native(server, "Bob") as bob:
            await until_hidden(ann, "psst", sent.conversation)
            general = await ann.say("for good")
            await has_seen(general.seq, ann, bob)
            again = await ann.say("psst again", to="Bob")
            await has_seen(again.seq, ann, conversation=sent.conversation)
            await until_hidden(ann, "psst again", sent.conversation)
            assert await shown(bob, sent.conversation) == ["psst again"]
            assert "for good" in await shown(ann)


async def test_what_is_sent_again_while_its_sender_has_not_had_it(start: Start) -> None:
    """S001-20: the row waits for its sender, so that the message is not stored twice."""
    uuid = new_uuid()
    with start(*FLAGS) as server:
        async with native(server, "Bob") as bob:
            async with native(server, "Ann") as ann:
                sent = await ann.say("once", uuid=uuid)  # the answer is lost
            await has_seen(sent.seq, bob)
            await until_hidden(bob, "once")
            await trio.sleep(LIFETIME)
            async with native(server, "Ann") as ann:
                again = await ann.say("once", uuid=uuid)
                assert (again.duplicate, again.id) == (True, sent.id)


async def test_what_is_sent_again_when_it_is_deleted(start: Start, database_url: str) -> None:
    """S001-20: another device of the sender has had it; nobody is shown it a second time."""
    uuid = new_uuid()
    with start(*FLAGS) as server:
        async with native(server, "Bob") as bob, native(server, "Ann") as desk:
            async with native(server, "Ann") as phone:
                sent = await phone.say("once", uuid=uuid)  # the answer is lost
            await has_seen(sent.seq, bob, desk)
            await until_hidden(bob, "once")
        await until_deleted(server, database_url, 1)
        async with native(server, "Bob") as bob, native(server, "Ann") as phone:
            again = await phone.say("once", uuid=uuid)
            assert (again.duplicate, again.id, again.seq) == (True, sent.id, sent.seq)
            new = await phone.say("new")
            assert new.seq == sent.seq + 1
            [first] = await bob.messages(1)
            assert first.text == "new"
            assert await shown(bob) == ["new"]


async def test_who_comes_back_when_all_is_deleted(start: Start, database_url: str) -> None:
    """Decision 2: the client waits for nothing, and holds up nothing."""
    with start(*FLAGS, "--away-days", str(3 / 86400)) as server:
        async with native(server, "Cid"):
            pass
        async with native(server, "Ann") as ann:
            sent = await ann.say("old")
            await has_seen(sent.seq, ann)
        await until_deleted(server, database_url, 1)
        came = partial(run, server.port, "Cid", "--history", "5")
        begun = trio.current_time()
        done = await trio.to_thread.run_sync(came)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert trio.current_time() - begun < PATIENCE / 3
        async with native(server, "Cid") as cid:
            login = next(event for event in cid.seen if isinstance(event, LoggedIn))
            general = login.conversations[0]
            assert general.delivered_seq == general.last_seq == sent.seq
