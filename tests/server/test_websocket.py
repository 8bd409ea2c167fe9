"""The WebSocket: our protocol through it, and everything that a client can do wrong (RFC 6455)."""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator

import pytest
import trio
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from protocol import PROTOCOL_VERSION
from protocol.events import (
    Error,
    Goodbye,
    LoggedIn,
    Message,
    Part,
    PongReply,
    Sent,
    Shutdown,
    Welcome,
)
from protocol.framing import encode
from protocol.limits import MAX_HEADER, MAX_TEXT
from protocol.requests import Chunk, Fetch, Hello, Login, Quit, Send
from protocol.requests import Ping as PingRequest
from server.gateways.websocket import framed
from tests.harness import (
    PATIENT,
    UNHURRIED,
    NativeClient,
    RunningServer,
    native,
    running_server,
    telnet,
)
from tests.server.websockets import browser, handshake, websocket

MASK = b"\x01\x02\x03\x04"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all that does not stop it."""
    with running_server(tmp_path_factory.mktemp("websocket"), *UNHURRIED) as running:
        yield running


def masked(head: bytes, payload: bytes = b"") -> bytes:
    """Return a client's frame; ``head`` is all before the mask."""
    return head + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


async def hear(client: NativeClient, text: str) -> Message:
    """Return the message with this text; others, also older ones, may come before it."""
    while (message := await client.expect(Message)).text != text:
        pass
    return message


# ---- the protocol through it


async def test_people_at_every_door_hear_each_other(server: RunningServer) -> None:
    """A browser, our own protocol and telnet are in one chat."""
    async with (
        browser(server, "Web") as (web, _),
        native(server, "Nat") as nat,
        telnet(server, "Tel") as tel,
    ):
        await web.say("from the browser")
        await hear(nat, "from the browser")
        await tel.until("Web: from the browser")
        await tel.type("from telnet")
        await hear(web, "from telnet")
        await hear(nat, "from telnet")


async def test_a_break_is_resumed_without_gap_or_repeat(server: RunningServer) -> None:
    """Resume goes on behind the last number, as in the plain protocol."""
    async with browser(server, "Ann") as (ann, _), native(server, "Bob") as bob:
        first = await bob.say("one")
        assert (await hear(ann, "one")).seq == first.seq
    async with native(server, "Bob") as bob:
        missed = [(await bob.say(text)).seq for text in ("two", "three")]
    async with browser(server, "Ann", resume={1: first.seq}) as (ann, _):
        assert [message.seq for message in await ann.messages(2)] == missed


async def test_a_text_of_any_size_travels_both_ways(server: RunningServer) -> None:
    """Chunks and parts carry raw bytes; one frame may be longer than a read of the socket."""
    text = "Tolstoy " * 40_000
    data = text.encode()
    async with browser(server, "Lev") as (lev, _):
        for start in range(0, len(data), 200_000):
            piece = data[start : start + 200_000]
            await lev.send(Chunk(stream=1, size=len(piece)), piece)
        sent = await lev.ask(Send(stream=1), Sent)
        await lev.send(Fetch(id=sent.id))
        got = b""
        while True:
            incoming = await lev.next_frame()
            assert incoming is not None
            assert isinstance(incoming.frame, Part)
            got += incoming.payload
            if incoming.frame.last:
                break
        assert got == data


async def test_messages_may_be_cut_anywhere_and_be_text(server: RunningServer) -> None:
    """The payloads are one stream: three frames in one message, one in three, in both kinds."""
    hello = encode(Hello(protocol=PROTOCOL_VERSION))
    login = encode(Login(name="Юля"))
    async with websocket(server) as socket:
        await socket.send(TextMessage(data=(hello + login + encode(PingRequest(ref=7))).decode()))
        frames = b"".join([await socket.next_payload() for _ in range(3)])
        assert b'"welcome"' in frames
        assert b'"logged_in"' in frames
        while b'"pong"' not in frames:
            frames += await socket.next_payload()
        await socket.send(BytesMessage(data=b'{"type":"pi', message_finished=False))
        await socket.send(Ping(payload=b"in between"))
        await socket.send(BytesMessage(data=b'ng","re', message_finished=False))
        await socket.send(BytesMessage(data=b'f":8}', message_finished=True))
        await socket.send(BytesMessage(data=b"\n"))
        while b'"ref":8' not in frames:
            frames += await socket.next_payload()
        assert socket.pongs == [b"in between"]


async def test_one_message_is_one_frame(server: RunningServer) -> None:
    """What the server sends can be read a message at a time, also out of the fan-out's blobs."""
    async with browser(server, "Ida") as (ida, socket), native(server, "Max") as other:
        for number in range(20):
            await other.send(Send(text=f"quick {number}"))
        seen = 0
        while seen < 20:
            payload = await socket.next_payload()
            assert payload.count(b"\n") == 1
            assert payload.endswith(b"\n")
            seen += b'"quick ' in payload
    del ida


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_the_header_tells_the_size(size: int) -> None:
    """RFC 6455, 5.2: seven bits, sixteen or sixty-four."""
    data = framed(b"x" * size)
    assert data[0] == 0x82
    short = data[1]
    if size < 126:
        assert (short, len(data)) == (size, 2 + size)
    elif size < 65536:
        assert (short, struct.unpack("!H", data[2:4])[0]) == (126, size)
    else:
        assert (short, struct.unpack("!Q", data[2:10])[0]) == (127, size)


# ---- how it ends


async def test_quit_says_goodbye_and_closes(server: RunningServer) -> None:
    """Last words first, then the close frame (1000)."""
    async with browser(server, "Eva") as (eva, socket):
        await eva.ask(Quit(), Goodbye)
        assert (await socket.until_closed()).code == 1000


async def test_a_client_that_closes_gets_its_answers_and_its_code_back(
    server: RunningServer,
) -> None:
    """What it asked before is done; the acknowledgement stands before the close frame."""
    async with browser(server, "Udo") as (udo, socket):
        data = encode(Send(text="last words"))
        close = socket.ws.send(BytesMessage(data=data)) + socket.ws.send(
            CloseConnection(code=1001, reason="navigated away")
        )
        await socket.send_raw(close)
        await udo.expect(Sent)
        assert (await socket.until_closed()).code == 1001


async def test_the_end_of_the_stream_is_an_end(server: RunningServer) -> None:
    """A half-closed connection is answered, and closed in good order."""
    async with browser(server, "Ali") as (ali, socket):
        data = socket.ws.send(BytesMessage(data=encode(Send(text="half"))))
        await socket.send_raw(data)
        assert isinstance(socket.stream, trio.SocketStream)
        await socket.stream.send_eof()
        await ali.expect(Sent)
        assert (await socket.until_closed()).code == 1000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x02{}", 1002),  # no mask
        (masked(b"\x83\x81", b"x"), 1002),  # an opcode that there is not
        (masked(b"\xc2\x81", b"x"), 1002),  # compressed, which was not agreed upon
        (masked(b"\x80\x81", b"x"), 1002),  # goes on with nothing
        (masked(b"\x02\x81", b"{") + masked(b"\x82\x81", b"}"), 1002),  # begins in the middle
        (masked(b"\x09\x80"), 1002),  # a ping in pieces
        (masked(b"\x89\xfe\x00\x7e", b"x" * 126), 1002),  # a ping too long
        (masked(b"\x81\x82", b"\xc3\x28"), 1007),  # text that is not UTF-8
        (masked(b"\x81\x81", b"\xd0"), 1007),  # text that ends in the middle of a letter
        (masked(b"\x88\x81", b"x"), 1002),  # half a close code
        (masked(b"\x88\x82", b"\x03\xed"), 1002),  # 1005, which is never sent
        (masked(b"\x88\x84", b"\x03\xe8\xc3\x28"), 1007),  # a reason that is not UTF-8
        (masked(b"\x82\xff" + (2**63).to_bytes(8)), 1002),  # a size that there is not
        (masked(b"\x82\xfe\x00\x01", b"x"), 1002),  # a size in more bytes than it takes
    ],
)  # fmt: skip
async def test_broken_rules_close_with_the_right_code(
    server: RunningServer, data: bytes, code: int
) -> None:
    """The server tells which kind of rule it was, and what was asked before is answered."""
    async with browser(server) as (client, socket):
        await client.ask(Hello(protocol=PROTOCOL_VERSION), Welcome)
        await socket.send_raw(data)
        assert (await socket.until_closed()).code == code


async def test_oversized_frames_are_refused_by_their_headers_length(
    server: RunningServer,
) -> None:
    """A message is passed on as it comes; a header line without an end is refused and forgotten."""
    async with browser(server, "Big") as (big, socket):
        line = b"x" * (MAX_HEADER + 10)
        await socket.send(BytesMessage(data=line, message_finished=False))
        assert "at most" in (await big.expect(Error)).message
        await socket.send(BytesMessage(data=b"x\n", message_finished=True))
        assert (await big.say("x" * MAX_TEXT)).seq


async def test_a_promised_terabyte_costs_nothing(server: RunningServer) -> None:
    """A frame that announces more than there is memory takes none of it."""
    async with browser(server, "Tera") as (tera, socket):
        before = server.memory()
        await socket.send_raw(masked(b"\x82\xff" + (2**40).to_bytes(8), b""))
        for _ in range(64):
            await socket.send_raw(b"x" * 65536)
        async with native(server, "Min") as other:
            await other.say("still here")
        assert server.memory() - before < 16 * 1024 * 1024
    del tera


async def test_a_flood_of_pings_leaves_others_their_turn(server: RunningServer) -> None:
    """Each is answered, in order, and somebody else is served meanwhile."""
    flood = 20_000
    async with browser(server, "Ping") as (pinging, socket), trio.open_nursery() as nursery:
        pings = b"".join(socket.ws.send(Ping(payload=b"%d" % n)) for n in range(flood))
        behind = socket.ws.send(BytesMessage(data=encode(PingRequest(ref=1))))
        nursery.start_soon(socket.send_raw, pings + behind)
        nursery.start_soon(_chat, server)
        await pinging.expect(PongReply)
        assert socket.pongs == [b"%d" % n for n in range(flood)]


async def _chat(server: RunningServer) -> None:
    async with native(server, "Bystander") as other:
        await other.say("I am served")


async def test_the_shutdown_notice_arrives_and_then_1001(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """S001-18 in a browser: the notice, then the close code of a server that goes away."""
    with running_server(tmp_path_factory.mktemp("down"), *PATIENT) as running:
        async with browser(running, "Ann") as (ann, socket):
            await ann.say("before")
            running.signal(signal.SIGTERM)
            assert "stopping" in (await ann.expect(Shutdown)).reason
            assert (await socket.until_closed()).code == 1001
        assert await trio.to_thread.run_sync(running.wait) == 0


async def test_who_does_not_log_in_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A WebSocket has to log in in time, as every client."""
    folder = tmp_path_factory.mktemp("late")
    with running_server(
        folder, *PATIENT, "--login-timeout", "1", "--ping-interval", "1"
    ) as running:
        async with browser(running) as (client, socket):
            await client.ask(Hello(protocol=PROTOCOL_VERSION), Welcome)
            assert "log in" in (await client.expect(Goodbye)).reason
            assert (await socket.until_closed()).code == 1000


async def test_a_slow_browser_becomes_a_cursor(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is fed from storage at its own pace, whole, while others chat on (S001-16)."""
    folder = tmp_path_factory.mktemp("slow")
    flags = (*PATIENT, "--send-buffer", "4096", "--channel-bytes", "65536")
    with running_server(folder, *flags) as running:
        async with browser(running, "Slow") as (slow, _), native(running, "Fast") as fast:
            for number in range(300):
                await fast.say(f"{number} " + "x" * 8000)
            texts = [message.text.partition(" ")[0] for message in await slow.messages(300)]
            assert texts == [str(number) for number in range(300)]


# ---- the handshake


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),  # DNS rebinding
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Upgrade": None, "Connection": None}, 426),
        ({"Upgrade": "h2c"}, 426),
    ],
)
async def test_a_handshake_that_is_none_of_ours(
    server: RunningServer, changed: dict[str, str | None], status: int
) -> None:
    """A page of another host, and everything that is no handshake, gets an HTTP error."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        await stream.send_all(handshake(server.port, **changed))
        with trio.fail_after(10):
            answer = await stream.receive_some(4096)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer


async def test_frames_right_behind_the_handshake_count(server: RunningServer) -> None:
    """What arrives with the handshake in one packet is not lost."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        hello = encode(Hello(protocol=PROTOCOL_VERSION, ref=5))
        frame = masked(b"\x82" + bytes([0x80 | len(hello)]), hello)
        await stream.send_all(handshake(server.port) + frame)
        answer = b""
        with trio.fail_after(10):
            while b'"welcome"' not in answer:
                answer += await stream.receive_some(4096)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"\r\n\r\n\x82" in answer


async def test_the_login_is_the_protocols_own(server: RunningServer) -> None:
    """Nothing can be asked before it."""
    async with browser(server) as (client, _):
        assert isinstance(client, NativeClient)
        await client.ask(Hello(protocol=PROTOCOL_VERSION), Welcome)
        assert (await client.ask(Send(text="x"), Error)).code == "not_logged_in"
        assert (await client.ask(Login(name="Zoe"), LoggedIn)).guest
