"""HTTP connections that do not log in: none keeps a place among those who wait for ever."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from uuid import uuid4

import h11
import pytest
import trio

from tests.harness import PATIENCE, PATIENT, RunningServer, running_server
from tests.http_client import API, HttpClient, http, statuses

LOGIN_TIMEOUT, IDLE_TIMEOUT = 1.0, 2.0
FLAGS = (
    *PATIENT,
    *("--login-timeout", str(LOGIN_TIMEOUT), "--http-idle-timeout", str(IDLE_TIMEOUT)),
)
MEGABYTE = 1024 * 1024
STYLES = "/style.css"


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that gives a second to log in, and two for a body."""
    with running_server(tmp_path_factory.mktemp("server"), *FLAGS) as running:
        yield running


async def test_who_asks_again_and_again_is_let_go_behind_an_answer(hurried: RunningServer) -> None:
    """The answer is whole and says that it is the last; whoever comes again is answered."""
    begun = trio.current_time()
    async with http(hurried) as client:
        answers = 0
        with trio.fail_after(PATIENCE):
            while True:
                reply = await client.ask("GET", f"{API}/ping")
                assert (reply.status, reply.json) == (200, {"type": "pong"})
                answers += 1
                if reply.headers.get("connection") == "close":
                    break
                await trio.sleep(0.05)
            assert await client.stream.receive_some(1) == b""
        assert answers > 1
        assert trio.current_time() - begun >= LOGIN_TIMEOUT
    async with http(hurried) as again:
        reply = await again.ask("GET", f"{API}/ping")
        assert "connection" not in reply.headers


async def test_a_body_may_dribble_for_members_only(hurried: RunningServer) -> None:
    """A byte now and then holds a stranger's place for a while, and a member's as long as it takes.

    Both have the same time, and the member's body ends when the stranger has been refused.
    """
    data = b"x" * 100_000
    digest = hashlib.sha256(data).hexdigest()
    place = f"{API}/conversations/1/files/{uuid4()}?name=f&sha256={digest}"
    async with http(hurried, "Ann") as ann, http(hurried) as stranger:
        await ann.stream.send_all(_head("PUT", place, len(data), ann.token))
        login = _head("POST", f"{API}/sessions", len(data), None)
        await stranger.stream.send_all(login)
        sent = 0
        refused = b""

        async def dribble() -> None:
            nonlocal sent
            while True:
                await ann.stream.send_all(data[sent : sent + 1])
                sent += 1
                await stranger.stream.send_all(b" ")
                await trio.sleep(0.1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(dribble)
            with trio.fail_after(PATIENCE):
                refused = bytes(await stranger.stream.receive_some(65536))
            nursery.cancel_scope.cancel()
        assert statuses(refused) == [408], refused
        await ann.stream.send_all(data[sent:])
        assert (await _answer(ann)).status_code == 201


def _head(method: str, target: str, length: int, token: str | None) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    if token is None:
        return f"{head}Content-Type: application/json\r\n\r\n".encode()
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


async def _answer(client: HttpClient) -> h11.Response:
    """Return the head of the response to a request that was sent as bytes."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
    parser.send(h11.EndOfMessage())
    with trio.fail_after(PATIENCE):
        while (event := parser.next_event()) is h11.NEED_DATA:
            parser.receive_data(bytes(await client.stream.receive_some(65536)))
    assert isinstance(event, h11.Response), event
    return event


async def test_a_member_is_not_hurried(hurried: RunningServer) -> None:
    """Whose connection has shown a token keeps it, however old it is."""
    async with http(hurried, "Ann") as ann:
        await ann.api("GET", "/status")
        begun = trio.current_time()
        while trio.current_time() - begun < 2 * LOGIN_TIMEOUT:
            reply = await ann.ask("GET", f"{API}/ping")
            assert "connection" not in reply.headers
            await trio.sleep(0.2)


async def test_answers_that_are_not_taken_cost_no_memory(hurried: RunningServer) -> None:
    """Requests that arrive in one read are answered as far as their answers are taken.

    Who takes nothing of them loses its place.
    """
    async with http(hurried) as warm:
        await warm.ask("GET", STYLES)
    before = hurried.memory()
    request = f"GET {STYLES} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    async with http(hurried) as client, http(hurried) as other:
        assert isinstance(client.stream, trio.SocketStream)
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await client.stream.send_all(request * 1300)  # 64 KB, and 16 MB of answers
        for _ in range(20):  # that many times the first had a turn
            await other.ask("GET", f"{API}/ping")
        assert hurried.memory() - before < 6 * MEGABYTE
        host, port, *_ = client.stream.socket.getsockname()
        with trio.fail_after(PATIENCE):
            while not _closed(hurried, f"{host}:{port}"):  # noqa: ASYNC110 - another process
                await trio.sleep(0.05)


def _closed(server: RunningServer, address: str) -> bool:
    lines = server.log.read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    [number] = [one["connection"] for one in entries if one.get("address") == address
                and one["event"] == "connection.opened"]  # fmt: skip
    return any(
        one["event"] == "connection.closed" and one["connection"] == number for one in entries
    )
