"""A person at telnet (S002-3, S004-7..11, S001-18)."""

from __future__ import annotations

import re
import subprocess
from functools import partial

import pytest
import trio

from protocol import PROTOCOL_VERSION
from protocol.events import Message, StatusReport
from protocol.framing import encode
from protocol.requests import Hello, Login, Status
from protocol.vocabulary import COMMANDS
from tests.harness import LineClient, RunningServer, native, telnet


async def test_a_silent_connection_is_asked_for_a_name(sqlite_server: RunningServer) -> None:
    """S002-3, and a wrong name is asked for again."""
    async with telnet(sqlite_server) as tess:
        await tess.type("two words")
        assert "! A name is one word" in await tess.until("What is your name? ")
        await tess.type("x" * 33)
        assert "at most 32" in await tess.until("What is your name? ")
        await tess.type("")
        assert "at least one" in await tess.until("What is your name? ")
        await tess.type("Tess")
        await tess.until("You are Tess, a guest")


async def test_a_client_of_ours_on_a_slow_line_is_served(sqlite_server: RunningServer) -> None:
    """Greeted as a person because its first bytes took too long, it gets frames all the same."""
    stream = await trio.open_tcp_stream("127.0.0.1", sqlite_server.port)
    async with stream:
        await LineClient(stream).until("What is your name? ")
        await stream.send_all(encode(Hello(protocol=PROTOCOL_VERSION)) + encode(Login(name="Ann")))
        received = b""
        while b"logged_in" not in received:
            received += await stream.receive_some()
    assert received.startswith(b'\r\n{"type":"welcome"')


async def test_a_script_that_talks_http_types_nothing(sqlite_server: RunningServer) -> None:
    """What a web page makes a browser send must not be typed into the chat."""
    async with native(sqlite_server, "Bob") as bob:
        stream = await trio.open_tcp_stream("127.0.0.1", sqlite_server.port)
        async with stream:
            await stream.send_all(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEve\nspam\n")
            answered = await LineClient(stream).rest()
            assert answered.startswith("HTTP/1.1 405 ")
            assert "HTTP/1.1 400 " in answered
        assert (await bob.ask(Status(), StatusReport)).users == ["Bob"]


async def test_lines_and_commands(sqlite_server: RunningServer) -> None:
    """S004-7..11, with and without a slash."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        await tess.type("a line is a message")
        await tess.type("send this too")
        await tess.type("/send and this")
        await tess.type("//slash")
        texts = [event.text for event in await bob.messages(4)]
        assert texts == ["a line is a message", "this too", "and this", "/slash"]
        for private in ("send-to Bob one", "/send-to bob two", "/send Bob three"):
            await tess.type(private)
            [heard] = await bob.messages(1)
            assert (heard.conversation != 1, heard.text) == (True, private.split()[-1])
        await tess.type("status")
        assert "Here now (2, on 2 connections): Bob, Tess" in await tess.until("Tess\r\n")
        await tess.type("help")
        shown = await tess.until("NAME TEXT.\r\n")
        assert all(f"/{command.name}" in shown for command in COMMANDS)
        await tess.type("help me please")
        assert (await bob.messages(1))[0].text == "help me please"
        await tess.type("/nonsense")
        await tess.until("! There is no command /nonsense.")
        await tess.type("/send-to nobody hi")
        await tess.until("! Nobody called nobody has been here.")
        await tess.type("exit")
        assert (await tess.rest()).endswith("* Goodbye.\r\n")
    assert [event for event in bob.seen if isinstance(event, Message)][-1].text == "help me please"


async def test_messages_look_as_the_seed_says(sqlite_server: RunningServer) -> None:
    """S000-6: HH:MM DD.MM.YY NAME: text."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        await bob.say("hello")
        line = await tess.until("hello\r\n")
    assert re.fullmatch(r"\d\d:\d\d \d\d\.\d\d\.\d\d Bob: hello\r\n", line)


async def test_bytes_of_the_telnet_protocol_are_not_text(sqlite_server: RunningServer) -> None:
    """Negotiation is answered and left out; CR LF, CR NUL and LF end a line; backspace works."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        await tess.type_bytes(b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0one\r\n")
        await tess.type_bytes(b"two\r\x00three\nfoux\x08r\r\n")
        texts = [event.text for event in await bob.messages(4)]
    assert texts == ["one", "two", "three", "four"]


async def test_broken_utf8_is_answered_and_not_fatal(sqlite_server: RunningServer) -> None:
    """S004-34."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        await tess.type_bytes(b"caf\xe9 au lait\r\n")
        await tess.until("! That line was not valid UTF-8")
        await tess.type("café au lait")
        assert [event.text for event in await bob.messages(1)] == ["café au lait"]


@pytest.mark.parametrize(
    "attack",
    [
        "\x1b[2J\x1b]0;owned\x07",
        "\x9b31mred",
        "first\r\n12:00 01.01.26 Ann: forged",
        "abc\u202etxt.exe",
        "\x08\x08\x08hidden",
    ],
)
async def test_nobody_reaches_anothers_terminal(sqlite_server: RunningServer, attack: str) -> None:
    """What others write carries no control characters, and stays on its line."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        await bob.say(attack + "|end")
        line = await tess.until("|end\r\n")
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", line)
    assert line.count("\n") == 1


async def test_a_line_of_any_length_is_a_message(sqlite_server: RunningServer) -> None:
    """S001-10, over telnet: it is streamed, and others see its head and how to get the rest."""
    text = "".join(f"{number:07}," for number in range(40_000))
    async with telnet(sqlite_server, "Tess") as tess, telnet(sqlite_server, "Bob") as bob:
        await tess.type(text)
        head = await bob.until("shows all of it)\r\n")
        assert " … (312.5 KiB, /text 1 shows all of it)" in head
        await bob.type("/text 1")
        shown = await bob.until("--- end of message 1 ---")
        assert text in shown.replace("\r\n  ", "")  # long lines are folded and indented
        for blanks in ("", " ", "\t \u00a0"):
            await tess.type(blanks + "/send-to Bob " + "secret" * 20_000)
            await tess.until("! A command has at most 65536 bytes; nothing was sent.")
        await tess.type("short again")
        assert "secret" not in await bob.until("Tess: short again")


async def test_a_script_may_write_at_once_and_close(sqlite_server: RunningServer) -> None:
    """A pipe into netcat: name and message, without waiting for the greeting, are not lost."""
    async with native(sqlite_server, "Bob") as bob:
        stream = await trio.open_tcp_stream("127.0.0.1", sqlite_server.port)
        async with stream:
            await stream.send_all(b"Script\nfrom a script\n")
            await stream.send_eof()
            assert "You are Script" in await LineClient(stream).rest()
        assert [event.text for event in await bob.messages(1)] == ["from a script"]


async def test_the_real_telnet_program(sqlite_server: RunningServer) -> None:
    """S002-3: Debian's telnet, typed into as a person would."""
    command = ["telnet", "127.0.0.1", str(sqlite_server.port)]
    async with native(sqlite_server, "Bob") as bob, trio.open_nursery() as nursery:
        start = partial(
            trio.run_process,
            command,
            stdin=subprocess.PIPE,
            capture_stdout=False,
            stdout=subprocess.PIPE,
            check=False,
        )
        program = await nursery.start(start)
        person = LineClient(trio.StapledStream(program.stdin, program.stdout))
        await person.until("What is your name? ")
        await person.type_bytes(b"Tess\n")
        await person.until("/quit leaves.")
        await person.type_bytes(b"typed into telnet\n")
        assert [event.text for event in await bob.messages(1)] == ["typed into telnet"]
        await bob.say("hello Tess")
        await person.until("Bob: hello Tess")
        await person.type_bytes(b"quit\n")
        await person.until("* Goodbye.")
