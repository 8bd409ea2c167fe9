"""Random bytes at every gateway (S004-34): answered or refused, and nobody else is disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from protocol.commands import Command, Place
from protocol.errors import ProtocolError
from protocol.events import Error, Message, PongReply
from protocol.framing import encode
from protocol.requests import Chunk, Hello, Login, Ping, Quit, Send
from protocol.vocabulary import COMMANDS, REQUESTS
from protocol.vocabulary.editing import Delete, Edit
from tests.e2e.fuzzing import up_to_mark
from tests.harness import (
    PATIENCE,
    NativeClient,
    RunningServer,
    native,
    running_server,
    telnet,
)
from tests.protocol.frames import frames

IAC = b"\xff"
# An example that fails is not made smaller: it would be tried on a server that has seen it.
_BOUNDED = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests here; it makes no mistake, and stops in good order."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.stop() == 0
        lines = map(json.loads, running.log.read_text().splitlines())
        assert not [line for line in lines if line["level"] in ("error", "critical")]


async def _undisturbed(server: RunningServer, bystander: NativeClient) -> None:
    """Somebody who was there all the time can talk to somebody who comes now."""
    async with native(server, "Newcomer", history=0) as newcomer:
        sent = await newcomer.say("is all well?")
        while (await bystander.expect(Message)).id != sent.id:
            pass
        answer = await bystander.say("it is")
        assert (await newcomer.expect(Message)).id == answer.id


# ---- our own protocol


@st.composite
def _spoilt(draw: st.DrawFn) -> bytes:
    """Return right frames, raw bytes behind some, and then spoil them somewhere."""
    usual = frames(tuple(kind for kind in REQUESTS if kind is not Quit), longest=60)
    data = b"".join(encode(*pair) for pair in draw(st.lists(usual, min_size=1, max_size=5)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["cut", "insert", "change", "drop"])):
            case "cut":
                data = data[:at]
            case "insert":
                data = data[:at] + draw(st.binary(min_size=1, max_size=20)) + data[at:]
            case "change":
                data = data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]
            case "drop":
                data = data[:at] + data[at + draw(st.integers(1, 30)) :]
    return data


_GREETING = encode(Hello(protocol=1)) + encode(Login(name="Eve", history=0))
_RAW = st.binary(max_size=200).map(lambda data: encode(Chunk(stream=1, size=100)) + data)


async def test_spoilt_frames(server: RunningServer) -> None:
    """Cut, changed and filled with raw bytes, before and after the login."""
    async with native(server, "Bystander", history=0) as bystander:

        @given(greeting=st.sampled_from([b"", _GREETING[:30], _GREETING]), data=_spoilt() | _RAW)
        @settings(_BOUNDED, max_examples=100)
        def check(greeting: bytes, data: bytes) -> None:
            trio.from_thread.run(_send_all, server, greeting + data)

        await trio.to_thread.run_sync(check)
        await _undisturbed(server, bystander)


async def _send_all(server: RunningServer, data: bytes) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        with trio.fail_after(PATIENCE):
            try:
                await stream.send_all(data)
                await stream.send_eof()
                while await stream.receive_some(65536):
                    pass
            except trio.BrokenResourceError:
                pass  # it ended the connection before it had read everything


async def test_after_what_cannot_be_read_the_connection_goes_on(server: RunningServer) -> None:
    """One error a line, whatever is in it; only raw bytes of an unknown number end it."""
    async with native(server, "Bystander", history=0) as bystander:

        @given(lines=st.lists(st.binary(max_size=100).map(_no_chunk), max_size=5))
        @settings(_BOUNDED, max_examples=60)
        def check(lines: list[bytes]) -> None:
            trio.from_thread.run(_lines, bystander, lines)

        await trio.to_thread.run_sync(check)
        await _undisturbed(server, bystander)


def _no_chunk(data: bytes) -> bytes:
    return data.replace(b"\n", b"").replace(b"chunk", b"").replace(b"part", b"")


async def _lines(client: NativeClient, lines: list[bytes]) -> None:
    await client.stream.send_all(b"".join(b"\x01" + line + b"\n" for line in lines))
    await client.send(Ping(ref=1))
    events = []
    while (event := await client.next()) != PongReply(ref=1):
        events.append(event)
    codes = [event.code for event in events if isinstance(event, Error)]
    assert codes == ["bad_frame"] * len(lines)


# ---- telnet

_WORDS = st.sampled_from(
    ["1", "2", "3", "-1", "0", "99999999999999999999", "#1", "#2", "Eve", "Bystander", "Nobody",
     "room", "private", "+10m", "+9999999d", "23:59", "31.02 25:61", "@Eve", "#room", "to", "-",
     "owner", "ru", "xx", "Europe/Moscow", "'\"; --", "../../etc/passwd", ">", "%s{name}{0}"]
)  # fmt: skip
_REST = st.lists(_WORDS, max_size=4).map(" ".join) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=40
)
_LINES: list[Command] = [command for command in COMMANDS if command.name != "quit"]


async def test_every_command_with_any_arguments(server: RunningServer) -> None:
    """Each is answered by its result or by a line that says what is wrong; nobody is put out."""
    async with native(server, "Bystander", history=0) as bystander:
        guests = iter(range(1000))

        @given(rests=st.lists(_REST, min_size=len(_LINES), max_size=len(_LINES)))
        @settings(_BOUNDED, max_examples=15)
        def check(rests: list[str]) -> None:
            trio.from_thread.run(_type_all, server, f"Guest{next(guests)}", rests)

        await trio.to_thread.run_sync(check)
        await _undisturbed(server, bystander)


async def _type_all(server: RunningServer, name: str, rests: list[str]) -> None:
    async with telnet(server, name) as person:
        for number, (command, rest) in enumerate(zip(_LINES, rests, strict=True)):
            await person.type(f"/{command.name} {rest}")
            # The line that follows answers a question, and the one after it ends a file.
            await person.type("")
            await person.type("/stop")
            shown = await up_to_mark(person, f"/mark{number}")
            lines = 1 if _is_written(command, rest) else 2  # /stop has one
            assert shown.count("\n") >= lines, f"no answer to /{command.name} {rest!r}: {shown!r}"


def _is_written(command: Command, rest: str) -> bool:
    """Tell whether a line writes something; telnet shows that no second time."""
    try:
        return isinstance(command.build(rest.strip(), Place()), Send | Edit | Delete)
    except ProtocolError:
        return False


_PIECES = st.sampled_from(
    [IAC, IAC * 2, IAC + b"\xfd", IAC + b"\xfb\x01", IAC + b"\xfd\x06", IAC + b"\xfa\x18",
     IAC + b"\xf0", IAC + b"\xf4", b"\r\n", b"\r\x00", b"\n", b"\x08" * 5, b"\x7f", b"\x04",
     b"/help\r\n", b"/file x\r\n", b".\r\n", b"/register\r\n", b"\xd0", b"\xf0\x9f", b"\x1b[A",
     b"x" * 5000, b"{", b"GET / HTTP/1.1\r\n"]
)  # fmt: skip
_BYTES = st.lists(_PIECES | st.binary(max_size=20), max_size=15).map(b"".join)
_BACK_TO_NORMAL = IAC + b"\xf0\r\n\r\n.\r\n/stop\r\n"
"""What ends a negotiation, a line, a question and a file, whichever it is in."""


async def test_any_bytes_at_telnet(server: RunningServer) -> None:
    """Negotiation, editing keys and broken characters: the person stays and can go on."""
    async with native(server, "Bystander", history=0) as bystander:
        guests = iter(range(1000))

        @given(door=_BYTES, data=_BYTES)
        @settings(_BOUNDED, max_examples=25)
        def check(door: bytes, data: bytes) -> None:
            trio.from_thread.run(_type_bytes, server, f"Someone{next(guests)}", data)
            trio.from_thread.run(_send_all, server, b"\r\n" + door)

        await trio.to_thread.run_sync(check)
        await _undisturbed(server, bystander)


async def _type_bytes(server: RunningServer, name: str, data: bytes) -> None:
    async with telnet(server, name) as person:
        await person.type_bytes(data + _BACK_TO_NORMAL + b"/mark\r\n")
        await person.until_bytes(b"/mark")
        await person.type("/status")
        await person.until_bytes(name.encode())
