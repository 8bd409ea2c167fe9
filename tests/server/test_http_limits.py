"""What an HTTP client may send, and how long it may take: nothing hangs and nobody waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from server.gateways.http.errors import HttpError
from server.gateways.http.first_bytes import FirstBytes, is_http, look_at
from server.gateways.http.hosts import Hosts
from tests.harness import PATIENCE, PATIENT, LineClient, RunningServer, running_server
from tests.http_client import API, http, raw, statuses

PING = b"GET /api/v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that waits for half a second, and takes bodies of 2 KB."""
    folder: Path = tmp_path_factory.mktemp("server")
    times = ("--http-header-timeout", "0.5", "--http-idle-timeout", "0.5")
    with running_server(folder, *PATIENT, *times, "--http-body-bytes", "2048") as running:
        yield running


@pytest.fixture(scope="module")
def patient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that hurries nobody."""
    with running_server(tmp_path_factory.mktemp("server"), *PATIENT) as running:
        yield running


# ---- the first bytes


def test_what_an_opening_is() -> None:
    """A request is HTTP, what could become one is waited for, all else is not."""
    request = b"POST /api/v1/sessions?a=b HTTP/1.1\r\n"
    for size in range(len(request) - 4):
        assert look_at(request[:size]) is FirstBytes.UNCLEAR, request[:size]
    assert look_at(request) is FirstBytes.HTTP
    assert look_at(b"\r\n" + request) is FirstBytes.HTTP
    assert look_at(b"PRI * HTTP/2.0") is FirstBytes.HTTP
    assert look_at(b"GET /" + b"a" * 10_000) is FirstBytes.HTTP
    for typed in (b"Gerald", b"GET\r\n", b"GET it\r\n", b"get / HTTP/1.1", b"{", b"\xff\xfb", b"a",
                  b"GETTY ", b"GET a b c", b"POSTER\r\n", b"DELETE me, please\r\n"):  # fmt: skip
        assert look_at(typed) is FirstBytes.OTHER, typed
        assert not is_http(typed)
    for slow, expected in {b"GET": False, b"GET ": False, b"GET it": False, b"GET /": True,
                           b"GET http://a": True, b"OPTIONS *": True}.items():  # fmt: skip
        assert look_at(slow) is FirstBytes.UNCLEAR
        assert is_http(slow) is expected


@pytest.mark.parametrize("typed", [b"G", b"GE", b"GET", b"GET the door", b"P", b"DELETE "])
async def test_a_person_who_types_like_http_is_a_person(
    typed: bytes, shared_server: RunningServer
) -> None:
    """After the patience with silence the half-typed line is a name, and nothing of it is lost."""
    stream = await trio.open_tcp_stream("127.0.0.1", shared_server.port)
    async with stream:
        person = LineClient(stream)
        await person.type_bytes(typed)
        await person.until("What is your name? ")
        await person.type("")
        answered = await person.until("? " if b" " in typed.strip() else "/quit leaves.\r\n")
        assert "HTTP" not in answered


async def test_a_request_that_comes_slowly_is_a_request(shared_server: RunningServer) -> None:
    """Byte by byte, as long as the header's time; the patience with silence is much shorter."""
    stream = await trio.open_tcp_stream("127.0.0.1", shared_server.port)
    async with stream:
        await stream.send_all(b"GET /api")
        await trio.sleep(0.5)  # longer than the patience: that is what is tested
        for index in range(len(PING) - 8):
            await stream.send_all(PING[8 + index : 9 + index])
        answered = b""
        with trio.fail_after(PATIENCE):
            while b"pong" not in answered:
                answered += await stream.receive_some(65536)
        assert statuses(answered) == [200]


async def test_a_request_after_the_greeting_is_refused_and_typed_nowhere(
    shared_server: RunningServer,
) -> None:
    """A connection that a browser opened ahead of its need is a person's by then."""
    stream = await trio.open_tcp_stream("127.0.0.1", shared_server.port)
    async with stream:
        browser = LineClient(stream)
        await browser.until("What is your name? ")
        await browser.type_bytes(PING)
        assert "HTTP/1.1 400 Bad Request" in await browser.rest()


# ---- time


async def test_a_header_that_stops_is_answered(quick_server: RunningServer) -> None:
    """408, and the end."""
    answered = await raw(quick_server, PING[:-2])
    assert statuses(answered) == [408]


async def test_a_body_that_stops_is_answered(quick_server: RunningServer) -> None:
    """408, and the end."""
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answered = await raw(quick_server, head + b'Content-Length: 20\r\n\r\n{"name":')
    assert statuses(answered) == [408]


async def test_an_unused_connection_is_closed_without_a_word(quick_server: RunningServer) -> None:
    """Never 408: the client may just be about to send, and would take it for its answer."""
    answered = await raw(quick_server, PING)
    assert statuses(answered) == [200]
    assert answered.endswith(b'{"type":"pong"}')


# ---- sizes and kinds of bodies


async def test_a_body_that_is_too_long(quick_server: RunningServer) -> None:
    """413 before it is sent, where it says how long it is, else as soon as it is too long."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"name": "a" * 4000}).encode()
    async with http(quick_server) as client:
        reply = await client.ask("POST", f"{API}/sessions", headers, body)
        assert reply.status == 413
        assert reply.json["status"] == 413
        assert (await client.api("GET", "/ping"))["type"] == "pong"  # a small rest is passed over
        reply = await client.ask(
            "POST", f"{API}/sessions", headers | {"Transfer-Encoding": "chunked"}, body
        )
        assert reply.status == 413
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answered = await raw(quick_server, head + b"Content-Length: 100000000\r\n\r\n")
    assert statuses(answered) == [413]


async def test_who_asks_before_sending_is_told(patient_server: RunningServer) -> None:
    """Expect: 100-continue gets 100 where the body is wanted, and only the error where not."""
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    body = b'{"name":"Exp"}'
    stream = await trio.open_tcp_stream("127.0.0.1", patient_server.port)
    async with stream:
        kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        await stream.send_all(head + kind)
        with trio.fail_after(PATIENCE):
            assert (await stream.receive_some(1000)) == b"HTTP/1.1 100 Continue\r\n\r\n"
            await stream.send_all(body)
            assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 201 ")
    refused = await raw(
        patient_server, head + b"Content-Type: text/html\r\nContent-Length: 9\r\n\r\n"
    )
    assert statuses(refused) == [415]


async def test_what_a_body_has_to_say_of_itself(patient_server: RunningServer) -> None:
    """400, 411, 415 and 422, each a sentence and the connection goes on."""
    async with http(patient_server) as client:
        wrong = {
            ("POST", "/sessions", "application/json", b"{"): 400,
            ("POST", "/sessions", "application/json", b'{"name":"\xff"}'): 400,
            ("POST", "/sessions", "application/json", b"[" * 100_000): 422,
            ("POST", "/sessions", "application/json", b'{"name":"A","extra":1}'): 422,
            ("POST", "/sessions", "application/json", b'{"name":5}'): 422,
            ("POST", "/sessions", "application/json", b'{"name":"' + b"a" * 300 + b'"}'): 422,
            ("POST", "/sessions", "application/json", b'{"name":"a b"}'): 422,
            ("POST", "/sessions", "application/json; charset=latin-1", b"{}"): 415,
            ("POST", "/sessions", "text/plain", b'{"name":"A"}'): 415,
            ("POST", "/sessions", "application/x-www-form-urlencoded", b"name=A"): 415,
            ("POST", "/sessions", "", b'{"name":"A"}'): 415,
        }
        for (method, path, kind, body), status in wrong.items():
            reply = await client.ask(method, API + path, {"Content-Type": kind}, body)
            assert reply.status == status, (body[:40], reply.body)
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json["status"] == status
            assert len(reply.json["detail"].split()) > 3
    bare = b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert statuses(await raw(patient_server, bare)) == [411]


# ---- hosts


def test_the_hosts_that_no_page_on_the_internet_can_have() -> None:
    """DNS rebinding: a page of evil.example whose name points here still says its name."""
    hosts = Hosts(["chat.example.org"])
    for good in (b"localhost", b"LOCALHOST:8000", b"127.0.0.1", b"[::1]:8000", b"192.168.1.5:80",
                 b"pc", b"mac.local", b"x.localhost", b"chat.example.org", b"chat.example.org.",
                 b"CHAT.example.org:443", None):  # fmt: skip
        hosts.check(good)
    for evil in (b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example:8000",
                 b"chat.example.org.evil.example", b"evilchat.example.org"):  # fmt: skip
        with pytest.raises(HttpError) as refused:
            hosts.check(evil)
        assert refused.value.status == 421
    for none in (b"", b"a b", b"a/b", b"user@localhost", b"localhost:port", b"[::1"):
        with pytest.raises(HttpError) as refused:
            hosts.check(none)
        assert refused.value.status in (400, 421)
    Hosts(["*"]).check(b"evil.example")
