"""What everything else stands on: addresses, storage, the kinds of request."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from protocol.events import HistoryPage, Message, Opened, Part, PongReply, Sent
from protocol.requests import GENERAL, Chunk, Fetch, History, Ping, Send
from protocol.vocabulary.identity import Register, Registered
from protocol.vocabulary.rooms import JoinRoom
from storage import open_stores
from tests.cli.programs import environment
from tests.harness import ROOT, RunningServer, native, telnet


def test_programs_meet_at_port_8000_of_this_machine() -> None:
    """S002-8: by default; any other address can be set, by flags as in all other tests here."""
    for program in ("cmd.server", "cmd.cli"):
        done = subprocess.run(
            [sys.executable, "-m", program, "--help"],
            cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        shown = " ".join(done.stdout.split())
        assert "default 127.0.0.1" in shown
        assert "default 8000" in shown


def test_the_port_opens_after_the_database(tmp_path: Path) -> None:
    """S003-8: a server without its database never listens, and says why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    url = f"mysql://nobody:secret@127.0.0.1:{free}/chat"
    done = subprocess.run(
        [sys.executable, "-m", "cmd.server", "--port", str(free), "--database", url],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "listening" not in done.stdout
    assert "secret" not in done.stderr


async def test_messages_are_stored_with_sender_and_time(
    server: RunningServer, database_url: str
) -> None:
    """S000-5, S000-11, S000-18, S003-5: apart from the accounts, by the id of the conversation."""
    async with native(server, "Bob"), native(server, "Ann") as ann:
        first = await ann.say("for all")
        second = await ann.say("for Bob", to="Bob")
        third = await ann.say("for Bob too", to="Bob")
    server.stop()
    async with open_stores(database_url, keys=server.keys) as stores:
        [public] = await stores.messages.GetAll(GENERAL)
        private = await stores.messages.GetAll(second.conversation)
    assert second.conversation == third.conversation != GENERAL
    assert (public.sender_name, public.sent_at, public.body) == ("Ann", first.time, b"for all")
    assert [one.body for one in private] == [b"for Bob", b"for Bob too"]
    assert [one.id for one in private] == [second.id, third.id]


async def test_eight_kinds_of_request(server: RunningServer) -> None:
    """S003-9: registration, authorization, text, history, file both ways, ping, new messages."""
    async with native(server, "Ann") as ann:
        await ann.ask(Register(password="correct-horse"), Registered)
        async with native(server) as other:
            await other.login("Bob")  # a login is the subscription to what is new
            sent = await ann.say("a text")
            assert (await other.expect(Message)).id == sent.id
            page = await other.ask(History(), HistoryPage)
            assert [one.text for one in page.messages] == ["a text"]
            await other.send(Chunk(stream=1, size=3), b"all")
            long = await other.ask(Send(stream=1), Sent)
            assert (await ann.ask(Fetch(id=long.id), Part)).size == 3
            await other.ask(Ping(), PongReply)
            opened = await other.ask(JoinRoom(name="dev"), Opened)
            assert opened.conversation.name == "dev"


async def test_a_console_is_enough(sqlite_server: RunningServer) -> None:
    """S003-4, S004-19, S004-20, S004-21: all and one are written to from telnet."""
    async with telnet(sqlite_server, "Tess") as tess, telnet(sqlite_server, "Bob") as bob:
        await tess.type("hello all")
        await bob.until("Tess: hello all")
        await tess.type("/send-to Bob only you")
        await bob.until("Tess (private): only you")
