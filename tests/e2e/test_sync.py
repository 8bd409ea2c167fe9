"""Several devices of one user in sync (S002-17, S003-6, S004-28)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from cli.client import Client
from protocol.events import Message, Sent
from protocol.requests import GENERAL, Delivered, Send
from protocol.vocabulary.contacts import (
    AddContact,
    ContactAdded,
    ContactList,
    ContactNews,
    ListContacts,
)
from protocol.vocabulary.reading import Marked, MarkRead, Open, Synced
from tests.harness import PATIENCE, NativeClient, RunningServer, native, running_server, telnet


async def test_what_one_device_reads_the_others_hear_of(server: RunningServer) -> None:
    """S002-17, S003-6, S004-28: at once, with what is left; not the device that did it."""
    async with (
        native(server, "Ann") as phone,
        native(server, "Ann") as desk,
        native(server, "Bob") as bob,
    ):
        sent = [await bob.say(str(number), to="Ann") for number in range(3)]
        place = sent[0].conversation
        for device in (phone, desk):
            await device.messages(3)
        await phone.send(MarkRead(conversation=place, seq=2))
        marked = await desk.expect(Marked)
        assert marked == Marked(conversation=place, delivered=2, read=2, last_seq=3, unread=1)
        await desk.send(Delivered(conversation=place, seq=3))
        marked = await phone.expect(Marked)
        assert marked == Marked(conversation=place, delivered=3, read=2, last_seq=3, unread=1)
        await desk.send(Open(to="Bob"))
        marked = await phone.expect(Marked)
        assert marked == Marked(conversation=place, delivered=3, read=3, last_seq=3, unread=0)
        await bob.ask(ListContacts(), ContactList)
        assert not [event for event in bob.seen if isinstance(event, Marked)]
        assert len([event for event in desk.seen if isinstance(event, Marked)]) == 1


async def test_a_person_reads_and_the_program_hears_of_it(server: RunningServer) -> None:
    """S002-17: telnet beside the client library, which keeps what it was told."""
    async with telnet(server, "Ann") as person, native(server, "Bob") as bob:
        async with Client.New("127.0.0.1", server.port, "Ann") as program:
            sent = await bob.say("hello", to="Ann")
            assert (await program.ReadMsg()).text == "hello"
            await person.type("/chat Bob")
            await person.until("Bob: hello")
            await _until(lambda: program.conversations[sent.conversation].read_seq == 1)
            assert program.conversations[sent.conversation].unread == 0
            sent = await bob.say("again", to="Ann")
            assert (await program.ReadMsg()).text == "again"
            program.mark_read(sent.conversation, sent.seq)
            async with native(server) as third:
                await _until_read(third, sent)
        async with Client.New("127.0.0.1", server.port, "Ann") as program:
            info = program.conversations[sent.conversation]
            assert (info.delivered_seq, info.read_seq, info.unread) == (2, 2, 0)


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - in another process
            await trio.sleep(0.01)


async def _until_read(client: NativeClient, sent: Sent) -> None:
    login = await client.login("Ann")
    [info] = [one for one in login.conversations if one.id == sent.conversation]
    if info.read_seq < sent.seq:
        assert (await client.expect(Marked)).read == sent.seq


async def test_what_one_device_writes_the_others_show(server: RunningServer) -> None:
    """S002-17, S003-6: general and private, and the conversation it began."""
    async with (
        native(server, "Ann") as phone,
        native(server, "Ann") as desk,
        native(server, "Bob") as bob,
    ):
        await phone.say("to all")
        await phone.say("to Bob", to="Bob")
        assert [message.text for message in await desk.messages(2)] == ["to all", "to Bob"]
        assert [message.text for message in await bob.messages(2)] == ["to all", "to Bob"]


async def test_a_device_that_was_too_slow_gets_a_snapshot(tmp_path: Path) -> None:
    """S002-17, S004-28: of all it missed, as soon as it takes something again."""
    with running_server(tmp_path, "--channel-bytes", "16384", "--send-buffer", "8192") as server:
        async with (
            native(server, "Ann") as phone,
            native(server, "Bob") as bob,
            _narrow(server) as desk,
        ):
            await desk.login("Ann")
            for _ in range(10):  # more than all buffers on the way hold
                await bob.say("x" * 60_000)
            await phone.messages(10)
            await phone.send(MarkRead(conversation=GENERAL, seq=10))
            await phone.ask(AddContact(name="Bob"), ContactAdded)
            synced = await desk.expect(Synced)
            assert [contact.name for contact in synced.contacts] == ["Bob"]
            [general] = synced.conversations
            assert (general.read_seq, general.unread) == (10, 0)
            assert not [event for event in desk.seen if isinstance(event, ContactNews)]
            await bob.send(Send(text="end"))
            while (await desk.expect(Message)).text != "end":
                pass


@asynccontextmanager
async def _narrow(server: RunningServer) -> AsyncIterator[NativeClient]:
    """Connect over a socket that takes little before it is read from."""
    sock = trio.socket.socket()
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 8192)
    await sock.connect(("127.0.0.1", server.port))
    async with trio.SocketStream(sock) as stream:
        yield NativeClient(stream)
