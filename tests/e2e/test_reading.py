"""Conversations, their history, and what of them is read (S000-7, S000-14, S003-10, S003-17)."""

from __future__ import annotations

import re
from pathlib import Path

import trio

from protocol.errors import ErrorCode
from protocol.events import Error, Opened, Sent
from protocol.limits import MAX_PAGE
from protocol.requests import GENERAL, Delivered, Send
from protocol.vocabulary.contacts import ContactList, ListContacts
from protocol.vocabulary.reading import HistoryFrom, MarkedRead, MarkRead, Open, ReadAll
from tests.cli.programs import run, terminal
from tests.e2e.test_contacts import HYPHENS, answer, contacts
from tests.harness import NativeClient, RunningServer, native, running_server, telnet


async def unread(server: RunningServer, name: str) -> dict[str, int]:
    """Return what is unread for somebody, as a login tells it."""
    async with native(server) as client:
        login = await client.login(name)
        return {one.name: one.unread for one in login.conversations}


async def until_unread(server: RunningServer, name: str, expected: dict[str, int]) -> None:
    """Wait until a login tells this."""
    with trio.fail_after(20):
        while await unread(server, name) != expected:  # noqa: ASYNC110 - in another process
            await trio.sleep(0.1)


async def say(client: NativeClient, count: int, *, to: str | None = None) -> None:
    """Send ``count`` messages, 1 to ``count``."""
    for number in range(1, count + 1):
        await client.say(str(number), to=to)


async def pour(client: NativeClient, count: int, *, to: str) -> None:
    """Send messages all at once."""
    for number in range(count):
        await client.send(Send(text=str(number), to=to))
    for _ in range(count):
        await client.expect(Sent)


def numbered(lines: list[str]) -> list[tuple[int, str]]:
    """Return number and text of messages shown with their numbers."""
    found = [re.fullmatch(r"#(\d+) (?:\d\d:\d\d [\d.]+ )?\w+: (.*)", line) for line in lines]
    return [(int(match[1]), match[2]) for match in found if match]


async def test_pages_of_history_at_telnet(server: RunningServer) -> None:
    """S000-7, S003-10, S003-17: 10 from an index, the last 10, and on from any message."""
    async with native(server, "Bob") as bob, telnet(server, "Ann") as ann:
        await say(bob, 25)
        await ann.until("Bob: 25\r\n")
        last = await answer(ann, "/history")
        assert [text for _, text in numbered(last)] == [str(n) for n in range(16, 26)]
        first_id = numbered(last)[0][0]
        assert last[-1] == f"There is more: /before {first_id} goes back."
        older = await answer(ann, f"/before #{first_id}")
        assert [text for _, text in numbered(older)] == [str(n) for n in range(6, 16)]
        oldest = await answer(ann, f"/before {numbered(older)[0][0]}")
        assert [text for _, text in numbered(oldest)] == [str(n) for n in range(1, 6)]
        assert len(oldest) == 5, "and it says nothing of more"
        begin = await answer(ann, "/history 1")
        assert [text for _, text in numbered(begin)] == [str(n) for n in range(1, 11)]
        tenth = numbered(begin)[-1][0]
        assert begin[-1] == f"There is more: /after {tenth} goes on."
        newer = await answer(ann, f"/after {tenth}")
        assert [text for _, text in numbered(newer)] == [str(n) for n in range(11, 21)]
        assert await answer(ann, f"/after {numbered(last)[-1][0]}") == [
            "There are no messages there."
        ]
        assert await answer(ann, "/history x") == ["! Write /history or /history NUMBER."]
        assert await answer(ann, "/before") == ["! Write /before NUMBER."]
        assert await answer(ann, "/after 4711") == [
            "! You can see no message with the number 4711."
        ]


async def test_history_of_what_one_is_not_in(server: RunningServer) -> None:
    """S003-10: by a message's number nobody reads what others write to each other."""
    async with (
        native(server, "Ann") as ann,
        native(server, "Bob") as bob,
        native(server, "Eve") as eve,
    ):
        sent = await ann.say("secret", to="Bob")
        error = await eve.ask(HistoryFrom(message=sent.id, older=False), Error)
        assert error.code == ErrorCode.UNKNOWN_MESSAGE
        for request in (
            Open(conversation=sent.conversation),
            ReadAll(conversation=sent.conversation),
        ):
            error = await eve.ask(request, Error)
            assert error.code == ErrorCode.UNKNOWN_CONVERSATION
        await eve.send(MarkRead(conversation=sent.conversation, seq=1))
        assert await contacts(bob) == [("Ann", 1)]


def test_history_in_the_line_client(server: RunningServer) -> None:
    """S000-7, S003-10, S003-17: from the client on a terminal."""
    typed = "".join(f"send {number}\n" for number in range(1, 16))
    assert run(server.port, "Bob", typed=typed).returncode == 0
    with terminal(server.port, "Ann", "--history", "0") as ann:
        ann.until_prompt("Ann>")
        ann.type("/history 2\r")
        lines = ann.until("There is more: /after ")
        assert [text for _, text in numbered(lines)] == [str(n) for n in range(2, 12)]
        number = numbered(lines)[0][0]
        ann.type(f"/before {number}\r")
        ann.until(f"#{number - 1} ")
        ann.type(f"/after {number + 9}\r")
        ann.until(f"#{number + 13} ")
        ann.type("/quit\r")
        assert ann.wait() == 0


async def test_what_is_unread_is_told_at_the_login(server: RunningServer) -> None:
    """S002-7, S000-14: general and private; what one said oneself is never unread."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        await say(bob, 3)
        await say(bob, 2, to="Ann")
        await ann.say("mine")
        await ann.say("mine too", to="Bob")
    assert await unread(server, "Ann") == {"general": 3, "Bob": 2}
    async with telnet(server) as person:
        await person.type("Ann")
        shown = await person.until("You have unread messages: 3 in the general chat, 2 in Bob.\r\n")
        assert "You are Ann" in shown
        assert HYPHENS not in shown
        await person.until("Ann (private): mine too")
    await until_unread(server, "Ann", {"general": 0, "Bob": 2})


async def test_markers_move_forward_only(server: RunningServer) -> None:
    """S002-7: not back, and not beyond what there is; what is delivered is not yet read."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        await say(bob, 5)
        await ann.messages(5)
        await ann.send(Delivered(conversation=GENERAL, seq=4))
        await ann.send(MarkRead(conversation=GENERAL, seq=3))
        await ann.send(MarkRead(conversation=GENERAL, seq=2))
        await ann.send(MarkRead(conversation=77, seq=2))
        await ann.ask(ListContacts(), ContactList)
        async with native(server) as again:
            [general] = (await again.login("Ann")).conversations
            assert (general.delivered_seq, general.read_seq, general.unread) == (4, 3, 2)
        await ann.send(MarkRead(conversation=GENERAL, seq=2**53))
        await ann.ask(ListContacts(), ContactList)
        async with native(server) as again:
            [general] = (await again.login("Ann")).conversations
            assert (general.delivered_seq, general.read_seq, general.unread) == (5, 5, 0)
        await bob.say("6")
        assert await unread(server, "Ann") == {"general": 1}
    server.stop()
    server.start()
    assert await unread(server, "Ann") == {"general": 1}


async def test_opening_and_reading_at_telnet(server: RunningServer) -> None:
    """S000-14, S000-9: where one is it is read, elsewhere it is only delivered; `/read` reads."""
    async with native(server, "Bob") as bob:
        async with telnet(server, "Ann") as ann:
            await bob.say("to all")
            await bob.say("to you", to="Ann")
            await ann.until("Bob (private): to you\r\n")
        await until_unread(server, "Ann", {"general": 0, "Bob": 1})
        async with telnet(server, "Ann") as ann:
            assert (await answer(ann, "/chat bob"))[-2:] == [HYPHENS, "Bob: to you"]
            assert await unread(server, "Ann") == {"general": 0, "Bob": 0}
            await bob.say("here", to="Ann")
            await bob.say("there")
            await ann.until("Bob: there\r\n")
        await until_unread(server, "Ann", {"general": 1, "Bob": 0})
        async with telnet(server, "Ann") as ann:
            await answer(ann, "/chat Bob")
            assert "You are in the general chat; what you type goes to everyone." in (
                await answer(ann, "/general")
            )
            assert await unread(server, "Ann") == {"general": 0, "Bob": 0}
            await bob.say("once more", to="Ann")
            await ann.until("once more\r\n")
            number = (await bob.ask(Open(to="Ann"), Opened)).conversation.id
            assert await unread(server, "Ann") == {"general": 0, "Bob": 1}
            async with native(server, "Ann") as other:
                read = await other.ask(ReadAll(conversation=number), MarkedRead)
                assert read.read == 3
            assert await unread(server, "Ann") == {"general": 0, "Bob": 0}
            assert await answer(ann, "/read") == ["All of this conversation is read."]


async def test_writing_reads_at_telnet(server: RunningServer) -> None:
    """S000-14: who answers has read what stands above the answer."""
    async with native(server, "Bob") as bob, telnet(server, "Ann") as ann:
        await say(bob, 2, to="Ann")
        await ann.until("Bob (private): 2\r\n")
        assert await unread(server, "Ann") == {"general": 0, "Bob": 2}
        await ann.type("/send-to Bob yes")
        await bob.messages(1)
        assert await unread(server, "Ann") == {"general": 0, "Bob": 0}


def test_reading_in_the_line_client(server: RunningServer) -> None:
    """S000-14, S002-7: where one is it is read, elsewhere it is only delivered."""
    assert run(server.port, "Ann").returncode == 0
    with terminal(server.port, "Ann") as ann:
        ann.until_prompt("Ann>")
        run(server.port, "Bob", typed="send to all\nsend-to Ann to you\n")
        ann.until("Bob (private): to you")
        ann.type("/quit\r")
        assert ann.wait() == 0
    shown = run(server.port, "Ann", "--history", "0", typed="/contacts\n").stdout.decode()
    assert shown == "1. Bob [1]\n"
    with terminal(server.port, "Ann") as ann:
        ann.until("You have unread messages: 1 in Bob.")
        ann.until_prompt("Ann>")
        ann.type("/send-to Bob yes\r")
        ann.until("Ann (private to Bob): yes")
        ann.type("/read\r")
        ann.until("All of this conversation is read.")
        ann.type("/quit\r")
        assert ann.wait() == 0
    shown = run(server.port, "Ann", "--history", "0", typed="/contacts\n").stdout.decode()
    assert shown == "1. Bob [0]\n", "the answer stands behind it"


async def test_more_than_a_page_is_unread(server: RunningServer) -> None:
    """S000-9: at most 200 are shown, the newest, and how to see the rest."""
    async with native(server, "Ann"), native(server, "Bob") as bob:
        await pour(bob, 220, to="Ann")
        await bob.say("end", to="Ann")
    async with native(server, "Ann") as ann:
        opened = await ann.ask(Open(to="Bob"), Opened)
        assert opened.more
        assert len(opened.messages) == MAX_PAGE
        assert opened.messages[-1].text == "end"
        assert opened.conversation.unread == 221
        with trio.fail_after(20):  # the others come as well, and then they are read, too
            while opened.conversation.unread:
                opened = await ann.ask(Open(to="Bob"), Opened)
        assert (opened.more, len(opened.messages)) == (False, 10)
    async with native(server, "Bob") as bob:
        assert not (await bob.ask(Open(to="Ann"), Opened)).more, "they are Bob's own"


async def test_no_more_than_a_thousand_are_counted(sqlite_server: RunningServer) -> None:
    """S000-8: who is further behind is told 1000+."""
    async with native(sqlite_server, "Ann"), native(sqlite_server, "Bob") as bob:
        await pour(bob, 1005, to="Ann")
        await bob.say("end", to="Ann")
    async with telnet(sqlite_server, "Ann") as ann:
        await ann.until("end\r\n")
        assert await answer(ann, "/contacts") == ["1. Bob [1000+]"]


def test_what_is_typed_after_a_move_goes_where_it_leads(sqlite_server: RunningServer) -> None:
    """However fast it is typed: a line meant for one must never reach everybody."""
    port = sqlite_server.port
    with terminal(port, "Ann") as ann, terminal(port, "Bob") as bob:
        ann.until_prompt("Ann>")
        bob.until_prompt("Bob>")
        bob.type(
            "/chat Ann\rto Ann 1\r/chats dev\rto dev 2\r/general\rto all 3\r/chat Ann\rto Ann 4\r"
        )
        ann.until("Bob (private): to Ann 4")
        shown = ann.until("Bob: to all 3")
        heard = [line[15:] for line in shown if " to " in line and "Bob" in line]
        assert sorted(heard) == [
            "Bob (private): to Ann 1",
            "Bob (private): to Ann 4",
            "Bob: to all 3",
        ]
        bob.until("Bob (dev): to dev 2")


def test_nobody_is_moved_without_a_connection(tmp_path: Path) -> None:
    """It would not be known where the next line goes."""
    with running_server(tmp_path) as server, terminal(server.port, "Bob") as bob:
        bob.until_prompt("Bob>")
        server.kill()
        bob.until("* Connection lost")
        bob.type("/chats dev\r")
        bob.until("There is no connection now, so you are still where you were.")


def test_a_pipe_that_cannot_open_a_conversation_tells_nobody_else(
    sqlite_server: RunningServer,
) -> None:
    """What was for one is not for all; what names somebody goes on."""
    port = sqlite_server.port
    run(port, "Ann", typed="here\n")
    lines = "/chat Nobody\nsecret\n/send-to Ann for you\n/general\nfor all\n"
    done = run(port, "Bob", "-q", typed=lines)
    assert done.returncode == 1
    assert b"Not sent: the conversation before it could not be opened." in done.stderr
    shown = run(port, "Ann").stdout.decode()
    assert "for you" in shown
    assert "for all" in shown
    assert "secret" not in shown
