"""Who has had a message and who has read it (issue 6.5)."""

from __future__ import annotations

import trio

from protocol.errors import ErrorCode
from protocol.events import Error
from protocol.requests import Delivered, Ping
from protocol.vocabulary.reading import MarkRead
from protocol.vocabulary.receipts import Receipt, ReceiptList, Receipts, Seen
from tests.e2e.test_contacts import answer
from tests.harness import NativeClient, RunningServer, native, telnet


def state(reply: ReceiptList) -> list[tuple[str, bool, bool]]:
    """Return what a reply tells."""
    return [(one.name, one.delivered, one.read) for one in reply.receipts]


async def barrier(client: NativeClient) -> None:
    """Return once the server has done all that was asked before."""
    from protocol.events import PongReply

    await client.ask(Ping(), PongReply)


async def test_how_far_a_message_has_got(server: RunningServer) -> None:
    """Issue 6.5: what is delivered and what is read, at once and not after some seconds."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        async with native(server, "Cid"):
            sent = await ann.say("hello")
        ask = Receipts(message=sent.id)
        assert state(await ann.ask(ask, ReceiptList)) == [
            ("Bob", False, False), ("Cid", False, False),
        ]  # fmt: skip
        await bob.messages(1)
        await bob.send(Delivered(conversation=1, seq=sent.seq))
        await barrier(bob)
        assert state(await bob.ask(ask, ReceiptList))[0] == ("Bob", True, False)
        await bob.send(MarkRead(conversation=1, seq=sent.seq))
        await barrier(bob)
        only = await ann.ask(Receipts(message=sent.id, who="bob"), ReceiptList)
        assert state(only) == [("Bob", True, True)]
        async with native(server, "Late") as late:
            later = await late.ask(Receipts(message=sent.id), ReceiptList)
            assert "Late" not in [one.name for one in later.receipts]
        refused = await ann.ask(Receipts(message=sent.id, who="Late"), Error)
        assert (refused.code, refused.message) == (
            ErrorCode.UNKNOWN_USER, "Late wrote that, or was not here when it was sent.",
        )  # fmt: skip


async def test_who_waits_is_told_of_each_step_once(server: RunningServer) -> None:
    """Issue 6.5: nobody has to ask again and again; another device of the reader counts."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        sent = await ann.say("secret", to="Bob")
        watch = Receipts(message=sent.id, who="Bob", watch=True)
        for _ in range(2):  # twice is once
            reply = await ann.ask(watch, ReceiptList)
            assert reply.receipts == [Receipt(name="Bob", delivered=False, read=False)]
        await bob.messages(1)
        async with native(server, "Bob") as phone:
            await phone.send(Delivered(conversation=sent.conversation, seq=sent.seq))
            steps = [await ann.expect(Seen)]
            await phone.send(MarkRead(conversation=sent.conversation, seq=sent.seq))
            steps.append(await ann.expect(Seen))
        await bob.send(MarkRead(conversation=sent.conversation, seq=sent.seq))
        await barrier(bob)
        await barrier(ann)
        assert [event for event in ann.seen if isinstance(event, Seen)] == steps  # no third
        place = sent.conversation
        assert steps == [
            Seen(message=sent.id, conversation=place, name="Bob", read=read)
            for read in (False, True)
        ]
        at_once = await ann.ask(watch, ReceiptList)
        assert state(at_once) == [("Bob", True, True)]


async def test_only_one_s_own_and_so_many(sqlite_server: RunningServer) -> None:
    """Issue 6.5: others' messages are not watched, and one connection watches no more than 100."""
    server = sqlite_server
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        theirs = await bob.say("mine")
        refused = await ann.ask(Receipts(message=theirs.id, who="Bob", watch=True), Error)
        assert refused.code == ErrorCode.UNKNOWN_USER  # who sent it is not told of
        nameless = await ann.ask(Receipts(message=theirs.id, watch=True), Error)
        assert nameless.code == ErrorCode.BAD_ARGUMENTS
        for number in range(101):
            sent = await ann.say(str(number), to="Bob")
            await ann.send(Receipts(message=sent.id, who="Bob", watch=True))
            if number < 100:
                await ann.expect(ReceiptList)
        assert (await ann.expect(Error)).code == ErrorCode.LIMIT_REACHED
        await bob.send(MarkRead(conversation=sent.conversation, seq=sent.seq - 1))
        with trio.fail_after(20):
            for _ in range(100):
                await ann.expect(Seen)
        # those are done with, so there is room again
        await ann.ask(Receipts(message=sent.id, who="Bob", watch=True), ReceiptList)


async def test_people_ask_with_seen(server: RunningServer) -> None:
    """Issue 6.5: at telnet and in the line client alike."""
    async with native(server, "Ann") as ann, native(server, "Bob"), telnet(server, "Cid") as cid:
        await answer(cid, "/general")
        sent = await ann.say("hello")
        await cid.until("Ann: hello\r\n")
        with trio.fail_after(20):
            while (lines := await answer(cid, f"/seen {sent.id}")) != [
                "Read by Cid", "Not yet delivered to Bob",
            ]:  # fmt: skip
                assert lines == ["Not yet delivered to Bob, Cid"]
        assert await answer(cid, "/seen 4711") == ["! You can see no message with the number 4711."]
        assert await answer(cid, "/seen x") == ["! Write /seen NUMBER."]
