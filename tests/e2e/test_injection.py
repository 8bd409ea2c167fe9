"""What strangers say is read and never obeyed, whoever shows it (issue 5, point 5).

Texts, topics, names of files, quotes and what is wrong with somebody's request, each with every
known attack in it: at telnet, on a terminal, in a pipe, from a one-shot command, and in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import trio

from protocol.events import Error, HistoryPage, Opened, Sent
from protocol.requests import Hello, History, Login, Send
from protocol.text import sanitise_line
from protocol.vocabulary.rooms import JoinRoom, RoomTopic, SetTopic
from tests.cli.programs import run, terminal
from tests.e2e.filing import send_file
from tests.harness import RunningServer, native, running_server, telnet
from tests.protocol.attacks import ATTACKS, FILE_NAMES, NOT_UTF8, check_harmless

MARK = "seen "
"""Stands before each attack, so that a test finds it."""


@pytest.fixture(scope="module", params=["json", "human"])
def evil(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server on which Eve has said it all; once with each kind of log."""
    flags = ("--log-format", request.param, "--log-level", "debug", "--limit-show-messages", "500")
    with running_server(tmp_path_factory.mktemp("server"), *flags) as server:
        trio.run(_say_it_all, server)
        yield server


async def _say_it_all(server: RunningServer) -> None:
    async with native(server, "Olga"), native(server, "Eve", history=0) as eve:
        for attack in ATTACKS:
            await eve.say(f"{MARK}{attack}")
            await eve.say(f"{MARK}{attack}", to="Olga")
            await eve.ask(Send(text="x", to=attack), Error)
        page = await eve.ask(History(limit=len(ATTACKS)), HistoryPage)
        await eve.ask(Send(text=f"{MARK}answer", reply_to=page.messages[0].id), Sent)
        for name in FILE_NAMES:
            await send_file(eve, b"x", name=name, conversation=1)
        room = (await eve.ask(JoinRoom(name="den"), Opened)).conversation.id
        for attack in ATTACKS:
            topic = f"{MARK}{attack[:100]}"
            await eve.ask(SetTopic(conversation=room, topic=topic), RoomTopic)
    for attack in ATTACKS:
        async with native(server) as nobody:
            await nobody.send(Hello(protocol=1, client=attack))
            await nobody.ask(Login(name=f"a {attack}", device=attack), Error)


def check_shown(output: str) -> None:
    """Check each line of what was shown, and that the attacks are there to be read."""
    lines = output.replace("\r\n", "\n").split("\n")
    for line in lines:
        check_harmless(line)
        assert not line.startswith("12:34 23.09.20 Ann: forged")
    for attack in ATTACKS:
        assert f"{MARK}{sanitise_line(attack).rstrip()[:40]}" in output, ascii(attack)


async def test_at_telnet(evil: RunningServer) -> None:
    """History, topics, rooms, files, a private conversation, and Tess's own mistakes."""
    async with telnet(evil, "Tess") as tess:
        for command in (
            "/before 100000",
            "/chats den",
            "/chats",
            "/files",
            "/status",
            "/help \x1b[",
        ):
            await tess.type(command)
        for wrong in NOT_UTF8:
            await tess.type_bytes(wrong + b"\r\n")
        for attack in ATTACKS[:12]:
            await tess.type(f"/{attack}")
            await tess.type(f"/send-to {attack} x")
        await tess.type("/history")
        await tess.type("/quit")
        shown = await tess.rest()
    for line in shown.split("\r\n"):
        check_harmless(line)


async def test_at_telnet_as_they_come(evil: RunningServer) -> None:
    """The general chat at login, every text of it."""
    async with telnet(evil) as tess:
        await tess.type("Ted")
        shown = await tess.until(f"{MARK}answer\r\n")
    check_shown(shown)


def test_in_a_pipe_and_from_a_one_shot(evil: RunningServer) -> None:
    """Programs read this, and people by way of less."""
    piped = run(evil.port, "Pia", "--history", "500", typed="")
    one_shot = run(evil.port, "Olga", "--chat", "Eve")
    listed = run(evil.port, "Olga", "--contacts")
    assert (piped.returncode, one_shot.returncode, listed.returncode) == (0, 0, 0)
    for done in (piped, one_shot, listed):
        for line in (done.stdout + done.stderr).decode().split("\n"):
            check_harmless(line)
    check_shown(piped.stdout.decode())
    check_shown(one_shot.stdout.decode())


def test_on_a_terminal(evil: RunningServer) -> None:
    """The screen shows the signs themselves, and what they would have done has not been done."""
    with terminal(evil.port, "Tom", "--history", "500") as tom:
        lines = tom.until(f"{MARK}answer")
        screen = "".join(lines)
        for attack in ATTACKS:
            head = sanitise_line(attack)[:8]
            if max(head) < "\u0300":  # what marks look like is the terminal's business
                assert f"{MARK}{head}" in screen, ascii(attack)
        assert any("Tom" in line for line in lines)
        tom.type("/quit\r")
        assert tom.wait() == 0


def test_in_the_log(evil: RunningServer) -> None:
    """One line an entry, in either form."""
    log = evil.log.read_text("utf-8")
    assert "owned" not in log, "names of files are nobody's business"
    assert "␛]0;title␇" in log
    for line in log.split("\n"):
        check_harmless(line)
        if line.startswith("{"):
            json.loads(line)
