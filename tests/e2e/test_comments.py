"""Comments on messages (S004-24)."""

from __future__ import annotations

import re

import trio

from protocol.events import Error, HistoryPage, Sent
from protocol.requests import Fetch, History, Send
from protocol.vocabulary.editing import Comments, Delete, Thread
from tests.cli.programs import run, terminal
from tests.harness import RunningServer, native, telnet


async def test_a_comment_from_telnet_is_seen_by_all(server: RunningServer) -> None:
    """S004-24: a reply, with a short quote above it, live and in the history, and its thread."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("Who brings the cake?")
        await bob.until("Ann: Who brings the cake?")
        await bob.type("/reply 1 I do")
        shown = await ann.until("Bob: I do\r\n")
        assert shown.startswith("    > Ann: Who brings the cake?\r\n")
        await ann.type("something else")
        await ann.type("/comments 1")
        shown = await ann.until("  #2 ")
        assert shown.endswith("Ann: Who brings the cake?\r\n  #2 ")
        await ann.until("Bob: I do\r\n")
        await ann.type("/comments 2")
        await ann.until("There are no comments on it.")
    async with native(server, "New") as new:
        comment = (await new.messages(2))[1]
        assert comment.quote is not None
        assert (comment.quote.sender, comment.quote.text) == ("Ann", "Who brings the cake?")


async def test_a_comment_goes_where_its_message_is(server: RunningServer) -> None:
    """S004-24: to a private conversation and to a room, wherever one is at the moment."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("/send-to Bob psst")
        await bob.until("Ann (private): psst")
        await bob.type("/chats den")
        await bob.until("You have made the room den")
        await bob.type("in the room")
        await bob.type("/reply 1 what?")
        assert "    > Ann: psst\r\n" in await ann.until("Bob (private): what?")
        await ann.type("/chats den")
        await ann.until("Bob: in the room")
        await bob.type("/mine")
        line = (await bob.until("in the room\r\n")).splitlines()[-1]
        number = line.partition(" ")[0].removeprefix("#")
        await ann.type(f"/reply {number} I see")
        assert "    > Bob: in the room\r\n" in await bob.until("Ann (den): I see")


async def test_comments_from_the_line_client(server: RunningServer) -> None:
    """S004-24: one's own comment shows what it answers, as everybody else sees it."""
    async with telnet(server, "Bob") as bob:
        await bob.type("Who brings the cake?")
        await trio.to_thread.run_sync(_comment_on_a_terminal, server.port)
        shown = await bob.until("Ann: I do\r\n")
        assert "    > Bob: Who brings the cake?\r\n" in shown
        await trio.to_thread.run_sync(_comment_in_a_pipe, server.port)
        await bob.until("Carol: me too")


def _comment_on_a_terminal(port: int) -> None:
    with terminal(port, "Ann") as ann:
        ann.until("Bob: Who brings the cake?")
        ann.type("/reply 1 I do\r")
        ann.until("Ann: I do")
        assert "    > Bob: Who brings the cake?" in ann.lines
        ann.type("/comments #1\r")
        ann.until("  #2 ")
        ann.type("/reply 99 what?\r")
        ann.until("* Not sent: You can see no message with the number 99. (what?)")
        ann.type("/reply one what?\r")
        ann.until("* Write /reply NUMBER TEXT.")
        ann.type("/comments\r")
        ann.until("* Write /comments NUMBER.")


def _comment_in_a_pipe(port: int) -> None:
    shown = run(port, "Carol", typed="/reply 1 me too\n/comments 1\n").stdout.decode()
    assert re.search("^  #3 .* Carol: me too$", shown, re.MULTILINE)


async def test_long_comments(server: RunningServer) -> None:
    """S004-24, S001-10: a comment may be as long as any message, and so may what it answers."""
    text = ("long " * 40_000).strip()
    async with telnet(server, "Bob") as bob:
        await bob.type(text)
        await bob.type("/mine")
        await bob.until("shows all of it)\r\n")
        await trio.to_thread.run_sync(_comment_at_length, server.port, text)
        shown = await bob.until("/text 2 shows all of it)")
        assert "    > Bob: long long" in shown
    async with native(server, "New") as new:
        await new.send(Fetch(id=2))
        size = 0
        while incoming := await new.next_frame():
            size += len(incoming.payload)
            if getattr(incoming.frame, "last", False):
                break
        assert size == len(text)


def _comment_at_length(port: int, text: str) -> None:
    assert run(port, "Ann", typed=f"/reply 1 {text}\n").returncode == 0


async def test_what_one_cannot_see_cannot_be_answered(server: RunningServer) -> None:
    """S004-24: neither a number that there is not, nor what others wrote to each other."""
    async with native(server, "Ann") as ann, native(server, "Bob"), native(server, "Eve") as eve:
        secret = await ann.say("secret", to="Bob")
        for number in (secret.id, 99):
            for request in (Send(text="x", reply_to=number), Comments(id=number)):
                refused = await eve.ask(request, Error)
                assert refused.code == "unknown_message"
        deleted = await ann.say("gone")
        await ann.ask(Delete(id=deleted.id), Sent)
        refused = await eve.ask(Send(text="x", reply_to=deleted.id), Error)
        assert (refused.code, refused.message) == (
            "unknown_message", f"Message {deleted.id} has been deleted."
        )  # fmt: skip


async def test_the_quote_of_what_was_deleted_is_empty(server: RunningServer) -> None:
    """S004-24: what its author took back is nowhere any more."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        sent = await ann.say("secret")
        await bob.ask(Send(text="why?", reply_to=sent.id), Sent)
        await ann.ask(Delete(id=sent.id), Sent)
        page = await bob.ask(History(), HistoryPage)
        [comment] = [one for one in page.messages if one.kind == "text"]
        assert comment.quote is not None
        assert (comment.target, comment.quote.sender, comment.quote.text) == (sent.id, "Ann", "")
        thread = await bob.ask(Comments(id=sent.id), Thread)
        assert (thread.message.kind, thread.message.text) == ("deleted", "")
    async with telnet(server, "Tess") as tess:
        await tess.type("/comments 1")
        await tess.until("Ann: (deleted)")
        await tess.type("hello")
    async with native(server, "New") as new:
        assert "secret" not in "".join(
            one.text + (one.quote.text if one.quote else "") for one in await new.messages(4)
        )
