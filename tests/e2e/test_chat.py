"""What people do: write, read, come back (S001-1..8, S001-20, S002-5..7, S002-13, S002-14)."""

from __future__ import annotations

from uuid import uuid4

import trio

from protocol.errors import ErrorCode
from protocol.events import Conversation, Error, HistoryPage, Message, Sent, StatusReport
from protocol.framing import encode
from protocol.requests import Chunk, Delivered, Fetch, History, Quit, Send, Status
from tests.harness import NativeClient, RunningServer, native, telnet


async def test_what_one_writes_appears_at_all_the_others(server: RunningServer) -> None:
    """S001-8, S002-13: native and telnet clients see each other's messages, in one order."""
    async with (
        native(server, "Ann") as ann,
        native(server, "Bob") as bob,
        telnet(server, "Tess") as tess,
    ):
        await ann.say("first")
        await bob.expect(Message)
        await bob.say("second, with 🦜 and кириллица")
        await tess.until("second, with 🦜 and кириллица\r\n")
        await tess.type("third")
        [heard] = [event for event in await ann.messages(2) if event.sender == "Tess"]
        assert heard.text == "third"
        assert [event.text for event in await bob.messages(1)] == ["third"]
    assert [event.seq for event in ann.seen if isinstance(event, Message)] == [2, 3]


async def test_a_newcomer_gets_the_last_messages(server: RunningServer) -> None:
    """S002-6: the last 20 of the general chat, in their order, before anything new."""
    async with native(server, "Ann") as ann:
        for number in range(25):
            await ann.say(f"message {number}")
        async with native(server, "Newcomer") as newcomer:
            history = await newcomer.messages(20)
            assert [event.text for event in history] == [f"message {n}" for n in range(5, 25)]
            await ann.say("something new")
            assert (await newcomer.messages(1))[0].seq == 26
        async with telnet(server, "Tess") as tess:
            read = await tess.until("something new")
    assert "message 5\r\n" not in read
    assert read.count("Ann: message") == 19


async def test_who_comes_back_gets_everything_unread(server: RunningServer) -> None:
    """S002-7: general and private, however much it is; what was seen does not come as unread."""
    async with native(server, "Bob") as bob, native(server, "Ann") as ann:
        await ann.say("seen")
        [seen] = await bob.messages(1)
        await bob.send(Delivered(conversation=seen.conversation, seq=seen.seq))
        await bob.ask(Status(), StatusReport)
        await bob.stream.aclose()
        for number in range(30):
            await ann.say(f"unread {number}")
        await ann.say("in private", to="bob")
        async with native(server) as again:
            logged_in = await again.login("Bob")
            unread = {
                info.name: info.last_seq - info.delivered_seq for info in logged_in.conversations
            }
            assert unread == {"general": 30, "Ann": 1}
            texts = [event.text for event in await again.messages(31)]
    assert "seen" not in texts
    assert sorted(texts) == sorted([f"unread {n}" for n in range(30)] + ["in private"])


async def test_a_private_message_reaches_only_the_two(server: RunningServer) -> None:
    """S002-14: both users on all their connections, and nobody else."""
    async with (
        native(server, "Ann") as ann,
        native(server, "Bob") as bob,
        native(server, "Eve") as eve,
        native(server, "Ann") as ann_again,
    ):
        sent = await ann.say("for your eyes", to="bob")
        opened = await bob.expect(Conversation)
        assert (opened.conversation.kind, opened.conversation.name) == ("direct", "Ann")
        for client in (bob, ann_again):
            [message] = await client.messages(1)
            assert (message.text, message.conversation) == ("for your eyes", sent.conversation)
        refused = await eve.ask(History(conversation=sent.conversation), Error)
        assert refused.code == ErrorCode.UNKNOWN_CONVERSATION
        await ann.say("for all")
        assert [event.text for event in await eve.messages(1)] == ["for all"]


async def test_addressed_text_goes_to_the_user_it_names(server: RunningServer) -> None:
    """S002-11, decision 4: /send NAME TEXT is private where NAME is a user, else for all."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        await ann.send(Send(text="Bob come here", addressed=True))
        await ann.send(Send(text="Bobby come here", addressed=True))
        private, general = await bob.messages(2)
    assert (private.text, private.conversation != general.conversation) == ("come here", True)
    assert general.text == "Bobby come here"


async def test_a_repeated_send_is_stored_once(server: RunningServer) -> None:
    """The same uuid gives the first one's number again, and nobody sees it twice."""
    uuid = uuid4()
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        first = await ann.say("once", uuid=uuid)
        again = await ann.say("once", uuid=uuid)
        assert (again.id, again.duplicate, first.duplicate) == (first.id, True, False)
        await ann.say("the end")
        assert [event.text for event in await bob.messages(2)] == ["once", "the end"]


async def test_history_comes_in_pages(server: RunningServer) -> None:
    """S003-10, decision 7: ten from a requested number, or the ones before it."""
    async with native(server, "Ann") as ann:
        for number in range(1, 36):
            await ann.say(f"message {number}")
        last = await ann.ask(History(ref=1), HistoryPage)
        assert [event.seq for event in last.messages] == list(range(26, 36))
        assert (last.ref, last.more) == (1, True)
        before = await ann.ask(History(before=11), HistoryPage)
        assert [event.seq for event in before.messages] == list(range(1, 11))
        assert before.more is False
        after = await ann.ask(History(after=30), HistoryPage)
        assert ([event.seq for event in after.messages], after.more) == (
            [31, 32, 33, 34, 35],
            False,
        )


async def test_status_tells_who_is_here(server: RunningServer) -> None:
    """S004-9: the client's own facts and the connected users, each once."""
    async with native(server, "Ann") as ann, native(server, "bob"), native(server, "BOB"):
        report = await ann.ask(Status(ref=5), StatusReport)
    assert (report.ref, report.name, report.users) == (5, "Ann", ["Ann", "bob"])
    assert report.connections == 3
    assert report.address.startswith("127.0.0.1:")


async def test_a_client_that_resumes_gets_what_it_missed_once(server: RunningServer) -> None:
    """What came while the connection was broken, no gap and no repeat."""
    async with native(server, "Ann") as ann:
        for number in range(1, 61):
            await ann.say(f"message {number}")
        async with native(server, "Bob", resume={1: 7}) as bob:
            assert [event.seq for event in await bob.messages(53)] == list(range(8, 61))
            await ann.say("live")
            assert [event.seq for event in await bob.messages(1)] == [61]


async def test_everything_asked_for_comes_before_the_end(server: RunningServer) -> None:
    """Quit, and the end of the client's stream, wait for answers: a long text and a message."""
    text = b"0123456789" * 100_000
    async with native(server, "Ann") as ann:
        for start in range(0, len(text), 200_000):
            part = text[start : start + 200_000]
            await ann.send(Chunk(stream=1, size=len(part)), part)
        sent = await ann.ask(Send(stream=1), Sent)
        for number, leave in enumerate((Quit(), None)):
            async with native(server, f"Bob{number}") as bob:
                await bob.send(Fetch(id=sent.id))
                await bob.send(Send(text="last words"))
                await (bob.send(leave) if leave else bob.stream.send_eof())
                got = b""
                while (incoming := await bob.next_frame()) is not None:
                    got += incoming.payload
                assert got == text
                assert sum(isinstance(event, Sent) for event in bob.seen) == 1


async def test_thousands_of_requests_at_once_cost_no_memory(sqlite_server: RunningServer) -> None:
    """A client that asks and never reads is answered as far as its channel goes."""
    async with native(sqlite_server, "Ann") as ann:
        await ann.send(Chunk(stream=1, size=200_000), b"x" * 200_000)
        sent = await ann.ask(Send(stream=1), Sent)
        before = sqlite_server.memory()
        async with native(sqlite_server, "Greedy") as greedy:
            with trio.move_on_after(5):
                for _ in range(50):
                    await greedy.stream.send_all(encode(Fetch(id=sent.id)) * 1000)
            for _ in range(3):  # all of it has been read as far as it will be
                await ann.ask(Status(), StatusReport)
            assert sqlite_server.memory() - before < 32 * 1024 * 1024


async def test_acknowledged_messages_survive_a_crash(server: RunningServer) -> None:
    """S004-6: after kill -9 and a restart everything acknowledged is there, in its order."""
    acknowledged: list[str] = []

    async def chatter(client: NativeClient, name: str) -> None:
        for number in range(10_000):
            try:
                await client.say(f"{name} {number}")
            except (AssertionError, trio.BrokenResourceError):
                return
            acknowledged.append(f"{name} {number}")
            if len(acknowledged) == 200:
                server.kill()

    async with trio.open_nursery() as nursery:
        for index in range(8):
            client = await nursery.start(_hold, server, f"user{index}")
            nursery.start_soon(chatter, client, f"user{index}")
        # Everyone's chatter ends with the server; the holders are not needed any more.
        nursery.start_soon(_cancel_when_dead, server, nursery)
    server.start()
    async with native(server, "Late", resume={1: 0}) as late:
        page = await late.ask(History(ref=9, limit=1), HistoryPage)
        stored = [event.text for event in await _everything(late, page.messages[0].seq)]
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    for index in range(8):
        own = [int(text.split()[1]) for text in stored if text.startswith(f"user{index} ")]
        assert own == sorted(own)


async def _hold(
    server: RunningServer, name: str, task_status: trio.TaskStatus[NativeClient]
) -> None:
    async with native(server, name) as client:
        task_status.started(client)
        await trio.sleep_forever()


async def _cancel_when_dead(server: RunningServer, nursery: trio.Nursery) -> None:
    await trio.to_thread.run_sync(server.wait)
    nursery.cancel_scope.cancel()


async def _everything(client: NativeClient, last: int) -> list[Message]:
    events = [event for event in client.seen if isinstance(event, Message)]
    while not events or events[-1].seq < last:
        events += await client.messages(1)
    assert [event.seq for event in events] == list(range(1, last + 1))
    return events
