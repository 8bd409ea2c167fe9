"""Strangers who take all they can get: what they are refused, and that nobody else notices."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from protocol.errors import ErrorCode
from protocol.events import Error, Goodbye, LoggedIn, PongReply, Reply, StatusReport, Welcome
from protocol.framing import encode
from protocol.limits import LOGIN_HEADER, MAX_HEADER
from protocol.requests import Hello, Login, Ping, Send, Status
from protocol.vocabulary.identity import Register, Registered
from tests.harness import PATIENCE, NativeClient, RunningServer, native, running_server, telnet

FLAGS = (
    *("--limit-exempt", "127.0.0.1", "--admin", "Ada"),
    *("--max-connections-per-ip", "6", "--max-waiting-per-ip", "4"),
    *("--max-login-bytes", "100000", "--logins-per-minute-per-ip", "60"),
    *("--frames-per-second", "100"),
)
IMPATIENT = ("--ping-interval", "0.4", "--login-timeout", "3")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that bounds everybody except 127.0.0.1, tightly."""
    with running_server(tmp_path_factory.mktemp("server"), *FLAGS) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A guarded server that does not wait long either: not for tests that may take their time."""
    with running_server(tmp_path_factory.mktemp("server"), *FLAGS, *IMPATIENT) as server:
        yield server


@asynccontextmanager
async def stranger(server: RunningServer, host: str) -> AsyncIterator[NativeClient]:
    """Connect from an address of this machine that counts as a stranger's."""
    sock = trio.socket.socket()
    await sock.bind((host, 0))
    await sock.connect(("127.0.0.1", server.port))
    async with trio.SocketStream(sock) as stream:
        yield NativeClient(stream)


async def is_refused(client: NativeClient) -> bool:
    """Tell whether it is closed at once and not answered."""
    try:
        await client.send(Hello(protocol=1))
        return await client.next() is None
    except (trio.BrokenResourceError, OSError):
        return True


async def limits_of(server: RunningServer) -> dict[str, int]:
    """Return what an administrator is told of the limits that were met."""
    async with native(server) as ada:
        await ada.ask(Hello(protocol=1), Welcome)
        answer = await ada.ask(Login(name="Ada", password=PASSWORD), Reply)
        if isinstance(answer, Error):
            await ada.ask(Login(name="Ada"), LoggedIn)
            await ada.ask(Register(password=PASSWORD), Registered)
        return (await ada.ask(Status(), StatusReport)).limits


async def test_strangers_of_one_address_take_no_more_places_than_theirs(
    guarded: RunningServer,
) -> None:
    """Those who wait are bounded, and all from there; members and others notice nothing."""
    async with native(guarded, "Ann") as ann, trio.open_nursery() as nursery:
        waiting = [await _enter(nursery, guarded, "127.0.0.2") for _ in range(4)]
        assert not await is_refused(waiting[-1])
        assert await is_refused(await _enter(nursery, guarded, "127.0.0.2"))
        for number, client in enumerate(waiting):
            await client.login(f"member{number}", history=0)  # other tests write, too
        more = [await _enter(nursery, guarded, "127.0.0.2") for _ in range(2)]
        assert not await is_refused(more[-1])
        assert await is_refused(await _enter(nursery, guarded, "127.0.0.2"))
        other = await _enter(nursery, guarded, "127.0.0.3")
        await other.login("Bob")
        await ann.say("undisturbed")
        assert (await waiting[0].messages(1))[0].text == "undisturbed"
        nursery.cancel_scope.cancel()
    met = await limits_of(guarded)
    assert met["max_waiting_per_ip"] >= 1
    assert met["max_connections_per_ip"] >= 1


async def _enter(nursery: trio.Nursery, server: RunningServer, host: str) -> NativeClient:
    """Hold a connection as long as the nursery lives."""

    async def hold(*, task_status: trio.TaskStatus[NativeClient]) -> None:
        async with stranger(server, host) as client:
            task_status.started(client)
            await trio.sleep_forever()

    client: NativeClient = await nursery.start(hold)
    return client


async def test_places_are_given_back(guarded: RunningServer) -> None:
    """However often somebody comes and goes, or breaks off."""
    for number in range(15):
        async with stranger(guarded, "127.0.0.4") as client:
            await client.send(Hello(protocol=1))
            while not isinstance(await client.next(), Welcome):
                pass
            if number % 2:
                client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await _until_gone(guarded, number + 1)


async def _until_gone(server: RunningServer, count: int) -> None:
    """Wait until the server has noticed that so many have gone from 127.0.0.4."""
    with trio.fail_after(PATIENCE):
        while _gone(server) < count:  # noqa: ASYNC110 - another process
            await trio.sleep(0.01)


def _gone(server: RunningServer) -> int:
    lines = server.log.read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    came = {
        entry["connection"]
        for entry in entries
        if entry["event"] == "connection.opened" and entry["address"].startswith("127.0.0.4:")
    }
    return sum(
        entry["event"] == "connection.closed" and entry["connection"] in came for entry in entries
    )


@pytest.mark.parametrize("begun", [b"", b'{"type":"hel', b"An"], ids=ascii)
async def test_who_dribbles_is_cut_off(begun: bytes, impatient: RunningServer) -> None:
    """Slowloris: a byte now and then is no login, nor is nothing at all."""
    async with stranger(impatient, "127.0.0.5") as client:
        stream = client.stream
        with trio.fail_after(PATIENCE):
            if begun:
                await stream.send_all(begun)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_dribble, stream, b"x" if begun else b"")
                ending = b""
                while data := await stream.receive_some():
                    ending += data
                nursery.cancel_scope.cancel()
    assert b"did not log in in time" in ending
    assert (await limits_of(impatient))["login_timeout"] >= 1


async def _dribble(stream: trio.abc.SendStream, byte: bytes) -> None:
    while True:
        await trio.sleep(0.1)
        try:
            await stream.send_all(byte)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


async def test_a_long_header_is_refused_before_the_login_sooner(guarded: RunningServer) -> None:
    """What it costs to hold for a stranger is an eighth of what it is for a member."""
    assert LOGIN_HEADER * 8 == MAX_HEADER
    async with stranger(guarded, "127.0.0.6") as client:
        await client.send(Hello(protocol=1))
        await client.stream.send_all(b'{"type":"login","name":"' + b"x" * LOGIN_HEADER)
        error = await client.expect(Error)
        assert error.code == ErrorCode.FRAME_TOO_LONG
        await client.stream.send_all(b'"}\n')
        await client.login("Eve", history=0)
        text = "\u0001" * 60_000  # six times as long in JSON
        assert len(encode(Send(text=text))) > 5 * LOGIN_HEADER
        await client.say(text)


async def test_who_only_talks_is_told_and_closed(guarded: RunningServer) -> None:
    """In our protocol and at telnet; who has logged in may talk as long as they like."""
    async with stranger(guarded, "127.0.0.7") as client:
        await client.send(Hello(protocol=1))
        await client.stream.send_all((b"x" * 5000 + b"\n") * 40)
        assert "without logging in" in (await client.expect(Goodbye)).reason
    async with telnet(guarded) as tess:
        await tess.type("x" * 200_000)
        assert "without logging in" in await tess.rest()
    assert (await limits_of(guarded))["max_login_bytes"] >= 2


async def test_who_is_too_fast_is_slowed_and_loses_nothing(impatient: RunningServer) -> None:
    """All is answered, in order; meanwhile nobody else waits, and no ping ends it."""
    count = 1200  # a thousand at once, and two seconds' worth of the rest
    async with native(impatient, "Fast") as fast, native(impatient, "Ann") as ann:
        begun = trio.current_time()
        await fast.stream.send_all(b"".join(encode(Ping(ref=ref)) for ref in range(count)))
        await ann.ask(Ping(ref=1), PongReply)
        assert trio.current_time() - begun < PATIENCE
        for ref in range(count):
            assert (await fast.expect(PongReply)).ref == ref
        # What came in one read was answered; what comes next is read when it is its turn.
        await fast.ask(Ping(ref=count), PongReply)
        assert trio.current_time() - begun > 1
    async with telnet(impatient, "Typist") as typist:
        await typist.type("\r\n".join(["/lang en"] * 1200))
        for _ in range(1200):
            await typist.until("This is English.")
        await typist.type("/quit")
        assert "Goodbye" in await typist.rest()
    assert (await limits_of(impatient))["frames_per_second"] >= 2


async def test_too_many_logins_wait_for_their_turn(guarded: RunningServer) -> None:
    """They come in all the same, a little later."""
    begun = trio.current_time()
    for number in range(62):
        async with stranger(guarded, "127.0.0.8") as client:
            await client.login(f"visitor{number}", history=0)
    assert trio.current_time() - begun > 1
    assert (await limits_of(guarded))["logins_per_minute_per_ip"] >= 1


async def test_only_administrators_are_told_of_limits(guarded: RunningServer) -> None:
    """Whoever tries the limits need not see how near they are."""
    async with native(guarded, "Nosy") as nosy:
        assert (await nosy.ask(Status(), StatusReport)).limits == {}
    async with telnet(guarded, "Tom") as tom:
        await tom.type("/status")
        assert "Limits" not in await tom.until("Here now")


async def test_a_flood_is_counted_and_not_written_out(tmp_path: Path) -> None:
    """Each refusal is counted, a line a second is written, and the sum stands at the end."""
    flags = ("--limit-exempt", "none", "--max-waiting-per-ip", "2")
    with running_server(tmp_path, *flags) as server:
        async with stranger(server, "127.0.0.2"), stranger(server, "127.0.0.2"):
            for _ in range(500):
                _knock(server)
            async with native(server, "Ann") as ann:  # behind them in the kernel's queue
                await ann.say("still there")
        assert await trio.to_thread.run_sync(server.stop) == 0
        entries = [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]
    events = [entry["event"] for entry in entries]
    assert 1 <= events.count("limit.max_waiting_per_ip") < 50
    [met] = [entry for entry in entries if entry["event"] == "limits.met"]
    assert met["max_waiting_per_ip"] == 500


def _knock(server: RunningServer) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.2", 0))
        sock.connect(("127.0.0.1", server.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
