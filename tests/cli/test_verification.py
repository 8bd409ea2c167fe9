"""Whom the client talks to over TLS, and whom it tells nothing at all (S000-21)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

import cli.connector
from cli.client import Client
from cli.errors import (
    CannotConnect,
    ClientClosed,
    LoginRefused,
    OtherServer,
    UnknownServer,
    UntrustedServer,
)
from cli.groups import ungrouped
from cli.known_servers import KnownServers
from cli.notices import Disconnected, Notice, ServerTrusted, TrustLost
from cli.security import Link, Proof, Security, Wish
from cli.status import State
from protocol.errors import ErrorCode
from protocol.events import Error, Goodbye
from protocol.requests import Hello, Send
from tests.cli.certificates import Made, make
from tests.cli.fake_server import Peer
from tests.cli.tls_server import TlsServer, plain_server, tls_server
from tests.harness import PATIENCE

DAY = timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """An authority that this machine trusts."""
    made = make(tmp_path, is_ca=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


@dataclass
class User:
    """Somebody with a file of known servers, who runs clients."""

    path: Path
    security: Security = field(init=False)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.security = Security(Wish.TLS, known=KnownServers(self.path))

    def later(self) -> None:
        """Forget what only a running program knows."""
        self.security = replace(self.security, known=KnownServers(self.path))

    def wants(self, **changes: object) -> None:
        """Choose otherwise from now on."""
        self.security = replace(self.security, **changes)  # type: ignore[arg-type]

    @asynccontextmanager
    async def connected(
        self, server: TlsServer, host: str = "localhost"
    ) -> AsyncIterator[tuple[Client, Peer]]:
        """Log in as Bob."""
        peers: list[Peer] = []

        async def let_in() -> None:
            peer = await server.accept()
            await peer.welcome()
            peers.append(peer)

        with trio.fail_after(PATIENCE), ungrouped():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(let_in)
                async with self.client(server.port, host) as client:
                    yield client, peers[0]
                nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def client(
        self, port: int, host: str = "localhost", *, retry: bool = False
    ) -> AsyncIterator[Client]:
        """Run a client."""
        async with Client.New(
            host, port, "Bob", security=self.security, on_notice=self.notices.append, retry=retry
        ) as client:
            yield client

    async def meet(self, server: TlsServer, host: str = "localhost") -> Link | None:
        """Log in, and return how the connection was protected."""
        async with self.connected(server, host) as (client, _peer):
            return client.CheckStatus().link

    async def try_to_connect(self, port: int, host: str = "localhost") -> None:
        """Connect, which is to fail."""
        with trio.fail_after(PATIENCE):
            async with self.client(port, host):
                raise AssertionError("it has connected")


@pytest.fixture
def user(tmp_path: Path) -> User:
    """Somebody who knows no server yet."""
    return User(tmp_path / "config" / "known_servers")


# --- authorities ----------------------------------------------------------------------------


async def test_a_certificate_of_an_authority_is_accepted(
    tmp_path: Path, authority: Made, user: User
) -> None:
    made = make(tmp_path, issuer=authority)
    async with tls_server(made) as server:
        assert await user.meet(server) == Link(Proof.CA, "TLSv1.3", made.fingerprint)
        assert user.path.read_text() == f"localhost:{server.port} CA\n"
        server.context = make(tmp_path, issuer=authority).context  # renewed
        user.later()
        assert (await user.meet(server)) is not None
        assert user.path.read_text() == f"localhost:{server.port} CA\n"


@pytest.mark.parametrize(
    ("begins", "ends", "host", "sentence"),
    [
        (-2, -1, "localhost", "certificate has expired: who runs it has to renew"),
        (1, 2, "localhost", "is not valid yet. Is this machine's clock right"),
        (-1, 1, "elsewhere.example", "is for another name than localhost: connect by the name"),
    ],
)
async def test_one_that_is_not_in_order_is_not(  # noqa: PLR0917 - a table
    authority: Made, user: User, begins: int, ends: int, host: str, sentence: str
) -> None:
    """An authority's certificate is no new one to trust, whatever is wrong with it."""
    made = make(authority.path.parent, host, issuer=authority, begins=begins * DAY, ends=ends * DAY)
    user.wants(trust_new=True)
    async with tls_server(made) as server:
        with pytest.raises(CannotConnect, match=sentence):
            await user.try_to_connect(server.port)
        assert server.attempts == 1
        assert not user.path.exists()


async def test_a_server_of_an_authority_does_not_become_self_made(
    tmp_path: Path, authority: Made, user: User
) -> None:
    async with tls_server(make(tmp_path, issuer=authority)) as server:
        await user.meet(server)
        user.later()
        user.wants(trust_new=True)
        own = make(tmp_path)
        server.context = own.context
        with pytest.raises(OtherServer, match="a certificate signed by an authority") as other:
            await user.try_to_connect(server.port)
        assert own.fingerprint in str(other.value)
        await server.expect_silence()


# --- fingerprints ---------------------------------------------------------------------------


async def test_a_self_made_certificate_is_told_nothing(tmp_path: Path, user: User) -> None:
    made = make(tmp_path)
    async with tls_server(made) as server:
        with pytest.raises(UnknownServer) as unknown:
            await user.try_to_connect(server.port)
        assert unknown.value.fingerprint == made.fingerprint
        assert unknown.value.server == f"localhost:{server.port}"
        assert f"--fingerprint {made.fingerprint} ;" in str(unknown.value)
        await server.expect_silence()
        assert not user.path.exists()


async def test_a_new_server_may_be_accepted_beforehand_and_is_known_then(
    tmp_path: Path, user: User
) -> None:
    made = make(tmp_path)
    async with tls_server(made) as server:
        user.wants(trust_new=True)
        link = Link(Proof.FINGERPRINT, "TLSv1.3", made.fingerprint)
        assert await user.meet(server) == link
        line = f"localhost:{server.port} {made.fingerprint}\n"
        assert user.path.read_text() == line
        trusted = ServerTrusted(f"localhost:{server.port}", made.fingerprint, None)
        assert user.notices[0] == trusted
        user.later()
        user.wants(trust_new=False)
        assert await user.meet(server, "LOCALHOST") == link
        assert user.path.read_text() == line
        assert user.notices.count(trusted) == 1


async def test_another_fingerprint_is_told_nothing(tmp_path: Path, user: User) -> None:
    first, second = make(tmp_path), make(tmp_path)
    async with tls_server(second) as server:
        user.security.known.add("localhost", server.port, first.fingerprint)
        user.later()
        user.wants(trust_new=True)
        with pytest.raises(OtherServer) as other:
            await user.try_to_connect(server.port)
        told = str(other.value)
        assert told.startswith(f"THE SERVER localhost:{server.port} IS NOT THE ONE IT WAS!")
        assert first.fingerprint in told
        assert second.fingerprint in told
        assert told.endswith(f"mymessenger --forget-server localhost:{server.port}")
        await server.expect_silence()
        assert server.attempts == 1
        user.security.known.forget("localhost", server.port)
        assert await user.meet(server) is not None


async def test_a_known_certificate_needs_nothing_else(tmp_path: Path, user: User) -> None:
    """S000-21: one's own server's may be old and for any name."""
    made = make(tmp_path, "elsewhere.example", begins=-2 * DAY, ends=-DAY)
    async with tls_server(made) as server:
        user.security.known.add("127.0.0.1", server.port, made.fingerprint)
        assert await user.meet(server, "127.0.0.1") is not None


async def test_several_fingerprints_may_be_known(tmp_path: Path, user: User) -> None:
    """As where who runs the server tells beforehand what the next certificate is."""
    first, second = make(tmp_path), make(tmp_path)
    async with tls_server(second) as server:
        for made in (first, second):
            user.security.known.add("localhost", server.port, made.fingerprint)
        user.later()
        assert await user.meet(server) is not None


async def test_a_fingerprint_may_be_named(tmp_path: Path, user: User) -> None:
    first, second = make(tmp_path), make(tmp_path)
    user.wants(fingerprint=first.fingerprint, wish=Wish.SAFE)
    async with tls_server(first) as server:
        assert await user.meet(server) is not None
        assert user.path.read_text() == f"localhost:{server.port} {first.fingerprint}\n"
        server.context = second.context
        with pytest.raises(OtherServer, match="as --fingerprint or MYMESSENGER_FINGERPRINT says"):
            await user.try_to_connect(server.port)
        await server.expect_silence()


async def test_a_named_fingerprint_outranks_authorities_and_what_is_known(
    tmp_path: Path, authority: Made, user: User
) -> None:
    signed, own = make(tmp_path, issuer=authority), make(tmp_path)
    async with tls_server(signed) as server:
        user.wants(fingerprint=own.fingerprint)
        with pytest.raises(OtherServer):
            await user.try_to_connect(server.port)
        await server.expect_silence()
        server.context = own.context
        user.security.known.add("localhost", server.port, signed.fingerprint)
        before = user.path.read_text()
        user.later()
        assert await user.meet(server) is not None
        assert user.path.read_text() == before


async def test_what_cannot_be_saved_holds_for_the_run(tmp_path: Path, user: User) -> None:
    user.path.parent.write_text("a file where a folder is needed")
    user.path = user.path.parent / "known_servers"
    first, second = make(tmp_path), make(tmp_path)
    user.wants(trust_new=True)
    async with tls_server(first) as server:
        with pytest.raises(UntrustedServer, match="cannot be read: Not a directory"):
            await user.try_to_connect(server.port)
        known = KnownServers(tmp_path / "folder")
        (tmp_path / "folder.lock").mkdir()
        user.wants(known=known)
        assert await user.meet(server) is not None
        [trusted] = [notice for notice in user.notices if isinstance(notice, ServerTrusted)]
        assert str(trusted.not_saved) == "Is a directory"
        server.context = second.context
        with pytest.raises(OtherServer):
            await user.try_to_connect(server.port)


@pytest.mark.parametrize("rest", ["", "SHA256:short", "ca", "SHA1:x"])
async def test_a_spoilt_line_does_not_make_a_server_new(
    tmp_path: Path, user: User, rest: str
) -> None:
    user.wants(trust_new=True)
    async with tls_server(make(tmp_path)) as server:
        user.path.parent.mkdir()
        user.path.write_text(f"# mine\nlocalhost:{server.port} {rest}\n")
        with pytest.raises(UntrustedServer, match=r"Line 2 of .* Correct the line or delete it\."):
            await user.try_to_connect(server.port)
        assert server.attempts == 0


# --- no TLS ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"type":"welcome","protocol":1}\n', r"does not speak TLS on this port.* --plaintext"),
        (b"What is your name? ", r"does not speak TLS on this port.* --plaintext"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"does not speak TLS on this port.* --plaintext"),
        (b"", r"does not answer the beginning of an encrypted connection.* --plaintext"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "is not possible: .*handshake failure"),
    ],
)
async def test_a_server_without_tls_is_told_nothing_ever(
    user: User, data: bytes, sentence: str
) -> None:
    """Nor is who strips TLS off on the way and takes what comes in its place."""
    heard: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        heard.append(await stream.receive_some())
        await stream.send_all(data)

    async with plain_server(serve) as port:
        with pytest.raises(CannotConnect, match=sentence):
            await user.try_to_connect(port)
        with trio.fail_after(PATIENCE):
            async with user.client(port, retry=True) as client:
                status = client.CheckStatus()
                while len(heard) < 5:
                    status = await client.wait_status_change(status)
    assert all(said.startswith(b"\x16\x03") for said in heard)
    assert all(b"Bob" not in said for said in heard)


async def test_a_server_that_says_nothing_is_given_up(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.connector, "HANDSHAKE_TIMEOUT", 0.2)
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with pytest.raises(CannotConnect, match="does not answer the beginning"):
            await user.try_to_connect(listener.socket.getsockname()[1])


async def test_a_server_that_wants_tls_is_told_of(user: User) -> None:
    """The sentence says how to get it."""
    user.wants(wish=Wish.PLAIN)

    async def serve(stream: trio.SocketStream) -> None:
        peer = Peer(stream)
        await peer.expect(Hello)
        refusal = Error(code=ErrorCode.TLS_REQUIRED, message="Only TLS here.")
        await peer.send(refusal, Goodbye(reason="Only TLS here."))

    async with plain_server(serve) as port:
        with pytest.raises(LoginRefused, match=r"^Only TLS here\. Leave out --plaintext;"):
            await user.try_to_connect(port)


async def test_plain_text_is_for_this_machine_or_for_who_asks_for_it(user: User) -> None:
    """A server of ours without TLS, on loopback."""

    async def serve(stream: trio.SocketStream) -> None:
        await Peer(stream).welcome()
        await trio.sleep_forever()

    async with plain_server(serve) as port:
        for wish, proof in ((Wish.SAFE, Proof.LOOPBACK), (Wish.PLAIN, Proof.NONE)):
            user.wants(wish=wish)
            async with user.client(port) as client:
                assert client.CheckStatus().link == Link(proof)


async def test_a_known_server_on_this_machine_is_spoken_to_over_tls(
    tmp_path: Path, user: User
) -> None:
    made = make(tmp_path)
    user.wants(wish=Wish.SAFE)
    async with tls_server(made) as server:
        user.security.known.add("127.0.0.1", server.port, made.fingerprint)
        assert await user.meet(server, "127.0.0.1") is not None


async def test_localhost_that_is_another_machine_is_told_nothing(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever whoever answers for the name says."""
    closed = trio.Event()

    async def open_far(_host: str, _port: int) -> object:
        async def aclose() -> None:
            closed.set()

        sock = SimpleNamespace(getpeername=lambda: ("192.0.2.1", 8000))
        return SimpleNamespace(socket=sock, aclose=aclose)

    monkeypatch.setattr(trio, "open_tcp_stream", open_far)
    user.wants(wish=Wish.SAFE)
    with pytest.raises(CannotConnect, match=r"localhost is another machine here\. --tls"):
        await user.try_to_connect(8000)
    assert closed.is_set()


async def test_a_name_that_cannot_be_is_told_of(user: User) -> None:
    with pytest.raises(CannotConnect, match="No computer of this name is known"):
        await user.try_to_connect(8000, "chat..example.org")


# --- later ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by_authority", [False, True])
async def test_comes_back_over_tls(
    tmp_path: Path, authority: Made, user: User, by_authority: bool
) -> None:
    """To the same certificate, or to any that an authority has signed for the name."""
    issuer = authority if by_authority else None
    user.wants(trust_new=True)
    async with (
        tls_server(make(tmp_path, issuer=issuer)) as server,
        user.connected(server) as (client, peer),
    ):
        if by_authority:
            server.context = make(tmp_path, issuer=issuer).context
        outgoing = await client.begin_send("hello")
        await peer.lose()
        second = await server.accept()
        await second.welcome()
        assert (await second.store(1)).text == "hello"
        assert (await outgoing.receipt()).seq == 1
        assert client.CheckStatus().link is not None


@pytest.mark.parametrize("by_authority", [False, True])
async def test_another_certificate_is_the_end_of_a_client_that_runs(
    tmp_path: Path, authority: Made, user: User, by_authority: bool
) -> None:
    """What waits is not sent to it, and nobody tries again."""
    other = make(tmp_path)
    user.wants(trust_new=True)
    async with tls_server(make(tmp_path, issuer=authority if by_authority else None)) as server:
        await user.meet(server)
        user.later()
        with pytest.raises(OtherServer, match="IS NOT THE ONE IT WAS"):
            await _meet_another(user, server, other)
        await server.expect_silence()
        assert server.attempts == 4  # one of them before, or to look at the certificate


async def _meet_another(user: User, server: TlsServer, other: Made) -> None:
    async with user.connected(server) as (client, peer):
        user.path.unlink()  # what a running client has met, it knows
        server.context = other.context
        outgoing = await client.begin_send("a secret")
        assert (await peer.expect(Send)).text == "a secret"
        await peer.lose()
        with pytest.raises(ClientClosed, match="it is not certain whom"):
            await client.ReadMsg()
        with pytest.raises(ClientClosed):
            await outgoing.receipt()
        client.retry_now()
        assert client.CheckStatus().state is State.CLOSED
        assert user.notices[-1] == TrustLost()


async def test_waits_for_a_certificate_that_is_renewed(
    tmp_path: Path, authority: Made, user: User
) -> None:
    """An expired one, or that of somebody else's network, may be gone at the next attempt."""
    async with (
        tls_server(make(tmp_path, issuer=authority)) as server,
        user.connected(server) as (client, peer),
    ):
        server.context = make(tmp_path, issuer=authority, begins=-2 * DAY, ends=-DAY).context
        await peer.lose()
        status = client.CheckStatus()
        while "expired" not in status.last_error:
            status = await client.wait_status_change(status)
        server.context = make(tmp_path, issuer=authority).context
        await (await server.accept()).welcome()
        while status.state is not State.ONLINE:
            status = await client.wait_status_change(status)
    reasons = [notice.reason for notice in user.notices if isinstance(notice, Disconnected)]
    assert any("expired" in reason for reason in reasons)
