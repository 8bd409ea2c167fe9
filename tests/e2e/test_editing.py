"""Edits and deletions: everyone's screen follows, at once and later."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from protocol.events import Error, HistoryPage, Message, Opened, Sent, StatusReport
from protocol.requests import Delivered, Fetch, History, Send, Status
from protocol.vocabulary.editing import Delete, Edit
from protocol.vocabulary.identity import Register, Registered
from protocol.vocabulary.rooms import JoinRoom
from storage.records import QUOTED
from tests.cli.programs import run, terminal
from tests.harness import NativeClient, RunningServer, native, running_server, telnet

END = "the end"


async def test_an_edit_and_a_deletion_from_telnet(server: RunningServer) -> None:
    """S004-24: the author learns the number, changes, takes back; others see it at once."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("helo")
        await ann.type("/mine")
        await ann.until("#1 ")
        await ann.type("/edit 1 hello")
        await ann.until("Message 1 is changed.\r\n")
        await bob.until("* Ann changed message 1: hello\r\n")
        await bob.type("/history")
        await bob.until("Ann: hello (edited)\r\n")
        await bob.type("/edit 1 bye")
        await bob.until("! Message 1 is Ann's; only who wrote it can do that.")
        await bob.type("/delete 1")
        await bob.until("! Message 1 is Ann's")
        await ann.type("/delete 1")
        await ann.until("Message 1 is deleted.\r\n")
        await bob.until("* Ann deleted message 1.\r\n")
        await bob.type("/history")
        await bob.until("Ann: (deleted)\r\n")
        await ann.type("/delete 1")
        await ann.until("* Message 1 is deleted.\r\n")
        await ann.type("/edit 1 again")
        await ann.until("! Message 1 has been deleted.")
        for wrong in ("/edit", "/edit x y", "/edit 1", "/delete", "/delete x"):
            await ann.type(wrong)
            await ann.until(f"! Write {wrong.split()[0]} NUMBER")


async def test_an_edit_and_a_deletion_from_the_line_client(server: RunningServer) -> None:
    """S004-24: the same on a terminal, and in a pipe."""
    async with telnet(server, "Bob") as bob:
        await trio.to_thread.run_sync(_edit_on_a_terminal, server.port)
        await bob.until("* Ann changed message 1: hello")
        await bob.until("* Ann deleted message 1.")
        await bob.type("/history")
        await bob.until("Ann: still here")
        lines = "/edit 1 too late\nlast words\n"
        done = await trio.to_thread.run_sync(partial(run, server.port, "Ann", typed=lines))
        assert b"Message 1 has been deleted." in done.stderr
        await bob.until("Ann: last words")
        much = f"/edit 1 {'x' * 300_000}\n"
        done = await trio.to_thread.run_sync(partial(run, server.port, "Ann", typed=much))
        assert b"A command has at most 65536 bytes; nothing was sent." in done.stderr


def _edit_on_a_terminal(port: int) -> None:
    with terminal(port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type("helo\r")
        ann.until("Ann: helo")
        ann.type("/mine\r")
        ann.until("#1 ")
        ann.type("/edit 1 hello\r")
        ann.until("Message 1 is changed.")
        ann.type("/delete #1\r")
        ann.until("Message 1 is deleted.")
        ann.type("still here\r")
        ann.until("Ann: still here")
        ann.type("/edit 77 x\r")
        ann.until("You can see no message with the number 77.")
        # What one has done oneself is told once, and leaves no hole in what comes.
        assert not [line for line in ann.look() if "* Ann " in line]


async def test_who_looks_after_a_room_may_delete_there(server: RunningServer) -> None:
    """S004-24: owners and moderators, whenever it was written; they change nothing."""
    async with telnet(server, "Ann") as ann, telnet(server, "Eve") as eve:
        await ann.type("/chats den")
        await ann.until("You have made the room den")
        await eve.type("/chats den")
        await eve.until("You are in the room den")
        await eve.type("spam")
        await ann.until("Eve (den): spam")
        await eve.type("/mine")
        line = (await eve.until("Eve: spam\r\n")).splitlines()[-1]
        number = line.partition(" ")[0].removeprefix("#")
        await ann.type(f"/edit {number} ham")
        await ann.until(f"! Message {number} is Eve's")
        await ann.type(f"/delete {number}")
        await ann.until(f"Message {number} is deleted.")
        await eve.until(f"Ann (den) deleted message {number}.")


async def test_administrators_delete_everywhere_but_in_private(
    tmp_path: Path, database_url: str
) -> None:
    """S004-24: also in rooms that they are not in; direct conversations are the two's alone."""
    flags = ("--database", database_url, "--admin", "Root")
    with running_server(tmp_path, *flags) as server:
        async with native(server, "Root") as root, native(server, "Eve") as eve:
            await root.ask(Register(password="a long password"), Registered)
            room = (await eve.ask(JoinRoom(name="den"), Opened)).conversation.id
            spam = await eve.ask(Send(text="spam", conversation=room), Sent)
            assert (await root.ask(Delete(id=spam.id), Sent)).target == spam.id
            private = await eve.say("between us", to="Root")
            refused = await root.ask(Delete(id=private.id), Error)
            assert refused.code == "not_allowed"


async def test_who_was_away_gets_it_in_its_place(server: RunningServer) -> None:
    """S004-24, S002-7: what was read before is changed on the screen after a return."""
    async with native(server, "Bob") as bob, native(server, "Ann") as ann:
        first, second = await ann.say("one"), await ann.say("two")
        await bob.messages(2)
        await bob.send(Delivered(conversation=1, seq=2))
        await bob.ask(Status(), StatusReport)
        await bob.stream.aclose()
        await ann.ask(Edit(id=first.id, text="uno"), Sent)
        await ann.ask(Delete(id=second.id), Sent)
        await ann.say("three")
        async with native(server, "Bob", resume={1: 2}) as back:
            missed = await back.messages(3)
        async with telnet(server, "Bob") as at_telnet:
            shown = await at_telnet.until("Ann: three")
    told = [(one.kind, one.target, one.text) for one in missed]
    assert told == [("edit", first.id, "uno"), ("delete", second.id, ""), ("text", None, "three")]
    assert "* Ann changed message 1: uno" in shown
    assert "Ann: (deleted)" in shown


async def test_the_window_can_be_set(tmp_path: Path) -> None:
    """S004-24: within a settable time; 0 is never."""
    with running_server(tmp_path, "--edit-minutes", "0") as server:
        async with native(server, "Ann") as ann:
            sent = await ann.say("hello")
            for request in (Edit(id=sent.id, text="x"), Delete(id=sent.id)):
                refused = await ann.ask(request, Error)
                assert (refused.code, refused.message) == (
                    "too_late", "On this server messages cannot be changed once they are sent."
                )  # fmt: skip


async def test_a_long_text_that_is_changed_or_deleted_is_gone(server: RunningServer) -> None:
    """S004-24, S001-10: neither its head nor its rest is to be had any more."""
    async with native(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await bob.type("secret " * 30_000)
        [first] = await ann.messages(1)
        await bob.type("secret " * 30_000)
        [second] = await ann.messages(1)
        await bob.type(f"/edit {first.id} short")
        await bob.type(f"/delete {second.id}")
        await ann.messages(2)
        for number, left in ((first.id, b"short"), (second.id, b"")):
            await ann.send(Fetch(id=number))
            got = b""
            while incoming := await ann.next_frame():
                got += incoming.payload
                if getattr(incoming.frame, "last", False):
                    break
            assert got == left
        page = await ann.ask(History(), HistoryPage)
        assert "secret" not in str(page.messages)


class Screen:
    """What a client has made of all it was told, in the order of the numbers."""

    def __init__(self) -> None:
        self.last = 0
        self.ended = trio.Event()
        self._shown: dict[int, tuple[str, str, bool]] = {}
        self._quotes: dict[int, tuple[int, str]] = {}

    def take(self, message: Message) -> None:
        """Show a message, or change one that is shown."""
        assert message.seq > self.last
        self.last = message.seq
        if message.kind in ("text", "deleted"):
            edited = message.edited is not None and message.kind == "text"
            self._shown[message.id] = (message.kind, message.text, edited)
            if message.quote is not None:
                self._quotes[message.id] = (message.quote.id, message.quote.text)
        elif message.target is not None:
            self._change(message.kind, message.target, message.text)
        if message.text == END:
            self.ended.set()

    def _change(self, kind: str, target: int, text: str) -> None:
        if self._shown[target][0] == "deleted" or (kind == "edit" and not text):
            return  # it came too late
        self._shown[target] = ("text", text, True) if kind == "edit" else ("deleted", "", False)
        for comment, (quoted, _) in self._quotes.items():
            if quoted == target:
                self._quotes[comment] = (target, text[:QUOTED])

    async def follow(self, client: NativeClient) -> None:
        """Show what comes, to the end."""
        while not self.ended.is_set():
            self.take(await client.expect(Message))

    @property
    def all(self) -> dict[int, tuple[object, ...]]:
        """Everything as it stands now."""
        return {
            number: (*state, self._quotes.get(number))
            for number, state in self._shown.items()
            if state[0] == "text"
        }


async def _everything(client: NativeClient) -> Screen:
    """Read the whole history, page by page."""
    screen, more = Screen(), True
    while more:
        page = await client.ask(History(after=screen.last, limit=200), HistoryPage)
        for message in page.messages:
            screen.take(message)
        more = page.more
    return screen


async def _write_at_random(
    client: NativeClient, rng: random.Random, mine: Sequence[int], count: int
) -> None:
    """Write, comment, edit and delete what the user has written, on this device or another."""
    own = list(mine)
    for _ in range(count):
        act, target, text = rng.random(), rng.choice(own), f"{rng.random()} " * 60
        if act < 0.25:
            own.append((await client.say(text)).id)
        elif act < 0.5:
            await client.send(Send(text=text, reply_to=target))
        elif act < 0.9:
            await client.send(Edit(id=target, text=text))
        else:
            await client.send(Delete(id=target))
        if rng.random() < 0.5:
            await client.ask(Status(), StatusReport)
    await client.ask(Status(), StatusReport)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_screen_ends_like_the_database(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    """S004-24, S002-17, S001-17: random edits and deletions of two devices and another user.

    Those who follow live, who read nothing for long, who come in the middle and who come back
    end with what the database has; the last change in the order of all entries holds.
    """
    rng = random.Random(seed)
    live, late, slow, back = Screen(), Screen(), Screen(), Screen()
    flags = ("--database", database_url, "--channel-bytes", "4096", "--send-buffer", "4096")
    with running_server(tmp_path, *flags) as server:
        async with AsyncExitStack() as stack, trio.open_nursery() as following:

            async def enter(name: str, **how: Any) -> NativeClient:
                return await stack.enter_async_context(native(server, name, **how))

            phone, desk, bob = [await enter(name) for name in ("Ann", "Ann", "Bob")]
            sluggish = await enter("Slow")
            following.start_soon(live.follow, await enter("Reader"))
            shared = [(await phone.say(f"shared {number}")).id for number in range(5)]
            bobs = [(await bob.say("Bob's")).id]
            async with trio.open_nursery() as writing:
                for client, mine in ((phone, shared), (desk, shared), (bob, bobs)):
                    own = random.Random(rng.random())
                    writing.start_soon(_write_at_random, client, own, mine, 60)
                leaving = await enter("Back", history=10_000)
                for _ in range(10):
                    back.take(await leaving.expect(Message))
                await leaving.stream.aclose()
                following.start_soon(late.follow, await enter("Late", history=10_000))
            await bob.say(END)
            await slow.follow(sluggish)
            await back.follow(await enter("Back", resume={1: back.last}))
            truth = await _everything(await enter("Judge"))
    assert len(truth.all) > 20
    for screen in (live, late, slow, back):
        assert screen.all == truth.all
