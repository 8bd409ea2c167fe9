"""Everything over TLS on the same port, as on a plain connection (S000-21)."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from protocol.events import Message, Sent, Shutdown
from protocol.requests import Chunk, Fetch, Send
from tests.e2e.filing import MIB, take_parts
from tests.harness import (
    PATIENT,
    UNHURRIED,
    NativeClient,
    RunningServer,
    native,
    running_server,
    telnet,
)
from tests.tls import encrypted, logged, native_tls, telnet_tls, trusting

BUFFER = 4096  # bytes, of each kernel buffer, so that a slow reader is felt


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests that leave it standing."""
    with running_server(tmp_path_factory.mktemp("server"), *UNHURRIED) as server:
        yield server


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_are_spoken(shared: RunningServer, version: ssl.TLSVersion) -> None:
    """Whatever the client can at most."""
    context = trusting(shared.certificate)
    context.maximum_version = version
    async with encrypted(shared, context) as stream:
        await NativeClient(stream).login(f"Version{int(version)}")
        assert stream.version() == version.name.replace("_", ".")


async def test_the_newest_version_is_taken(shared: RunningServer) -> None:
    """With keys that nobody can read later, and nothing to resume by."""
    async with encrypted(shared) as stream:
        await NativeClient(stream).login("Newest")
        assert stream.version() == "TLSv1.3"
        assert not stream.session.has_ticket


async def test_an_old_version_is_refused_by_an_alert(shared: RunningServer) -> None:
    """TLS 1.1, from a client that cannot do better."""
    suites = b"\xc0\x13\x00\x2f"
    body = b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x04" + suites + b"\x01\x00"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello
    async with await trio.open_tcp_stream("127.0.0.1", shared.port) as stream:
        await stream.send_all(record)
        assert await stream.receive_some(100) == b"\x15\x03\x02\x00\x02\x02\x46"  # protocol_version
        assert await stream.receive_some(100) == b""


async def test_plain_and_encrypted_talk_to_each_other(shared: RunningServer) -> None:
    """Native and telnet, each of both kinds, in one conversation."""
    async with (
        native_tls(shared, "NativeTls", history=0) as safe,
        native(shared, "NativePlain", history=0) as plain,
        telnet_tls(shared, "TelnetTls") as safe_person,
        telnet(shared, "TelnetPlain") as person,
    ):
        await safe.say("from the safe one")
        await safe_person.until("NativeTls: from the safe one\r\n")
        await person.until("NativeTls: from the safe one\r\n")
        assert (await plain.expect(Message)).text == "from the safe one"
        await safe_person.type("from the safe person")
        assert (await safe.expect(Message)).text == "from the safe person"
        assert (await plain.expect(Message)).text == "from the safe person"


async def test_http_over_tls_is_seen_for_what_it_is(shared: RunningServer) -> None:
    """The decisions inside TLS are the same."""
    async with encrypted(shared) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 ")


async def test_a_long_text_both_ways(shared: RunningServer) -> None:
    """Larger than all buffers, and not a byte wrong."""
    text = "".join(f"{number} ä€😀\n" for number in range(100_000)).encode()
    assert len(text) > MIB
    async with native_tls(shared, "LongWriter") as writer, native_tls(shared, "Reader") as reader:
        for begin in range(0, len(text), 50_000):
            piece = text[begin : begin + 50_000]
            await writer.send(Chunk(stream=1, size=len(piece)), piece)
        sent = await writer.ask(Send(stream=1), Sent)
        await reader.send(Fetch(ref=1, id=sent.id))
        assert await take_parts(reader) == text


async def test_a_slow_reader_misses_nothing(tmp_path: Path) -> None:
    """It does not read while much more is written than there are buffers; then it has it all."""
    flags = (*PATIENT, "--send-buffer", str(BUFFER), "--channel-bytes", str(BUFFER))
    with running_server(tmp_path, *flags) as server:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        raw.setblocking(False)
        slow_sock = trio.socket.from_stdlib_socket(raw)
        await slow_sock.connect(("127.0.0.1", server.port))
        stream = trio.SSLStream(
            trio.SocketStream(slow_sock),
            trusting(server.certificate),
            server_hostname="127.0.0.1",
            https_compatible=True,
        )
        slow = NativeClient(stream)
        await slow.login("Slow")
        async with native_tls(server, "Quick") as quick, native_tls(server, "Writer") as writer:
            for number in range(1000):
                await writer.say(f"{number} " + "x" * 2000)
            quick_numbers = [one.seq for one in await quick.messages(1000)]
            assert quick_numbers == list(range(1, 1001))
            # The other one has not read yet: more was written than any buffer holds.
            messages = await slow.messages(1000)
            assert [one.seq for one in messages] == list(range(1, 1001))
            assert [one.text.split()[0] for one in messages] == list(map(str, range(1000)))
            await writer.say("and live again")
            assert (await slow.expect(Message)).seq == 1001
        await stream.aclose()


@pytest.mark.parametrize(
    "opening",
    [
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # half a ClientHello
        b"\x16\x03\x01\x00\x05hello",
        b"\x16" * 500,
        b"\x16" + b'{"type":"hello","protocol":1}\n' * 20,
    ],
    ids=["one byte", "half", "no hello", "repeated", "a frame behind it"],
)
async def test_no_handshake(shared: RunningServer, opening: bytes) -> None:
    """Garbage, or a client that vanishes in it: that connection ends, and only that."""
    before = len(await logged(shared, "connection.closed", 0))
    async with await trio.open_tcp_stream("127.0.0.1", shared.port) as stream:
        await stream.send_all(opening)
        await stream.send_eof()
        rest = b""
        while data := await stream.receive_some(4096):
            rest += data
    assert rest == b"" or rest[0] == 0x15  # nothing, or an alert: no frame, no greeting
    async with native_tls(shared, "Unharmed") as client:
        await client.say("still here")
    closed = await logged(shared, "connection.closed", before + 1)
    assert any(str(one["reason"]).startswith("no TLS: ") for one in closed[before:])


async def test_a_silent_handshake_ends_by_itself(tmp_path: Path) -> None:
    """Nothing is sent into it that is no TLS, however it ends; others come in meanwhile."""
    with running_server(
        tmp_path, *PATIENT, "--login-timeout", "1", "--ping-interval", "0.4"
    ) as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            await stream.send_all(b"\x16\x03\x01\x02\x00")
            async with native_tls(server, "Meanwhile") as client:
                await client.say("not held up")
            with trio.fail_after(20):
                assert await stream.receive_some(100) == b""


@pytest.mark.parametrize("junk", [b'{"type":"send","text":"injected"}\n', b"\r\n/quit\r\n" * 50])
async def test_plain_text_in_the_middle_of_tls(shared: RunningServer, junk: bytes) -> None:
    """What somebody on the way adds is not read, and ends the connection."""
    async with native(shared, f"Witness{len(junk)}", history=0) as witness:
        context = trusting(shared.certificate)
        raw = await trio.open_tcp_stream("127.0.0.1", shared.port)
        stream = trio.SSLStream(raw, context, server_hostname="127.0.0.1", https_compatible=True)
        client = NativeClient(stream)
        await client.login("Attacked")
        before = f"before {len(junk)}"
        await client.say(before)
        while (await witness.expect(Message)).text != before:
            pass  # of another test: they share the general chat
        seen = len(witness.seen)
        await raw.send_all(junk)
        with pytest.raises(trio.BrokenResourceError):
            await client.next()
        await raw.aclose()
        reasons = await logged(shared, "connection.closed", where=lambda reason: "TLS: " in reason)
        assert str(reasons[-1]["reason"]).startswith("connection lost: TLS: ")
        await witness.say("after")
        assert [one for one in witness.seen[seen:] if isinstance(one, Message)] == []


async def test_the_shutdown_notice_reaches_everybody(tmp_path: Path) -> None:
    """C-6, S001-18: over TLS too, and then the end, which nobody can have forged."""
    with running_server(tmp_path, *UNHURRIED) as server:
        async with (
            encrypted(server) as stream,
            telnet_tls(server, "Person") as person,
            native(server, "Plain") as plain,
        ):
            safe = NativeClient(stream)
            await safe.login("Safe")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, server.stop)
                assert "stopping" in (await safe.expect(Shutdown)).reason
                assert await stream.receive_some(10) == b""
                assert "stopping" in await person.rest()
                await plain.expect(Shutdown)


async def test_the_fingerprint_is_that_of_the_certificate(shared: RunningServer) -> None:
    """What is printed, what the file has, and what a client sees."""
    async with encrypted(shared) as stream:
        der = stream.getpeercert(binary_form=True)
    assert der == ssl.PEM_cert_to_DER_cert(shared.certificate.read_text())
    expected = b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert re.findall(r"SHA256:(\S+)", shared.printed()) == [expected]


async def test_the_certificate_is_made_once(tmp_path: Path) -> None:
    """Only the owner can read the files, and a restart finds them again."""
    files = [tmp_path / "chat.db.key.pem", tmp_path / "chat.db.cert.pem"]
    with running_server(tmp_path, *PATIENT) as server:
        contents = [file.read_bytes() for file in files]
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
        server.stop()
        server.start()
        async with native_tls(server, "Again") as client:
            await client.say("the same server")
        assert [file.read_bytes() for file in files] == contents
    assert sorted(_pem_files(tmp_path)) == sorted(files)  # and nothing beside them


def _pem_files(folder: Path) -> list[Path]:
    return list(folder.glob("*.pem*"))
