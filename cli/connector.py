"""Opening a stream to a server, safe before a byte of ours is sent; and saying why it failed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import cast

import trio

from cli.address import address_of, bare_host, is_loopback
from cli.errors import BadCertificate, NoEncryption, OtherServer, UnknownServer
from cli.fingerprints import fingerprint_of
from cli.known_servers import CA, Trust
from cli.notices import ServerTrusted
from cli.reasons import reason_of
from cli.security import Link, Proof, Security, Wish
from protocol.language import Sentence

OpenStream = Callable[[], Awaitable[trio.abc.Stream]]
"""What makes a fresh stream to the server; raises OSError where it cannot."""

HANDSHAKE_TIMEOUT = 8.0
"""Seconds that a TLS handshake may take."""

_TlsStream = trio.SSLStream[trio.SocketStream]

_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
"""OpenSSL's numbers (x509_vfy.h) for a certificate that no authority known here has signed."""
_NOT_TLS = {
    "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL",
}  # fmt: skip
"""What OpenSSL calls an answer that is no TLS, from version to version."""
_EXPIRED, _TOO_EARLY, _OTHER_NAMES = 10, 9, {62, 64}


class Connector:
    """Opens one stream after the other to the same server, each checked before it is used."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        on_trust: Callable[[ServerTrusted], None],
    ) -> None:
        """Connect to ``host`` and ``port``; call ``on_trust`` where a server becomes known."""
        self._host = host
        self._port = port
        self._server = address_of(host, port)
        self._security = security
        self._on_trust = on_trust
        self.link: Link | None = None
        """How the stream opened last is protected."""

    async def open_stream(self) -> trio.abc.Stream:
        """Return a stream to the server that is meant; nothing has been said on it.

        Raises OSError without a connection, NoEncryption and BadCertificate (both
        ConnectionLost) where it is not safe now and may be later, UntrustedServer where a
        person has to decide. It never falls back to plain text.
        """
        self.link = None
        security = self._security
        if security.wish is Wish.PLAIN:
            return await self._open_plain(Proof.NONE)
        trust = security.known.trust(self._host, self._port)
        if security.fingerprint is not None:
            return await self._open_known(frozenset({security.fingerprint}), is_new=not trust)
        if security.wish is Wish.SAFE and not trust and is_loopback(self._host):
            return await self._open_plain(Proof.LOOPBACK)
        if trust.fingerprints:
            return await self._open_known(trust.fingerprints)
        try:
            stream = await self._shake_hands(self._verifying)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _UNKNOWN_ISSUER:
                return await self._open_unknown(trust)
            raise _bad_certificate(error, self._host) from error
        await self._know(CA, is_new=not trust)
        return self._done(stream, Proof.CA)

    async def _open_plain(self, proof: Proof) -> trio.abc.Stream:
        stream = await self._open_tcp()
        if proof is Proof.LOOPBACK and not is_loopback(stream.socket.getpeername()[0]):
            await trio.aclose_forcefully(stream)  # somebody's idea of localhost
            raise NoEncryption(
                "{host} is another machine here. --tls connects to it safely.", host=self._host
            )
        self.link = Link(proof)
        return stream

    async def _open_known(
        self, fingerprints: frozenset[str], *, is_new: bool = False
    ) -> trio.abc.Stream:
        """Accept a certificate that has one of these fingerprints, whoever signed it."""
        stream = await self._shake_hands(self._trusting)
        shown = _fingerprint(stream)
        if shown not in fingerprints:
            await _drop(stream)
            raise self._other_server(" ".join(sorted(fingerprints)), shown)
        await self._know(shown, is_new=is_new)
        return self._done(stream, Proof.FINGERPRINT)

    async def _open_unknown(self, trust: Trust) -> trio.abc.Stream:
        """Look at a certificate that no authority has signed; it is a new server's, or no good."""
        stream = await self._shake_hands(self._trusting)
        shown = _fingerprint(stream)
        if trust.by_ca:
            await _drop(stream)
            raise self._other_server(
                Sentence("a certificate signed by an authority that this machine trusts"), shown
            )
        if not self._security.trust_new:
            await _drop(stream)
            raise UnknownServer(self._server, shown)
        await self._know(shown, is_new=True)
        return self._done(stream, Proof.FINGERPRINT)

    async def _open_tcp(self) -> trio.SocketStream:
        try:
            return await trio.open_tcp_stream(self._host, self._port)
        except UnicodeError as error:
            raise socket.gaierror(socket.EAI_NONAME, "no name can be like that") from error

    async def _shake_hands(self, context: ssl.SSLContext) -> _TlsStream:
        """Return a stream on which TLS is established, and nothing said yet.

        Raises OSError, NoEncryption, and SSLCertVerificationError where the context verifies.
        """
        tcp = await self._open_tcp()
        name = bare_host(self._host).partition("%")[0]  # without the zone of a link's address
        try:
            with trio.fail_after(HANDSHAKE_TIMEOUT):
                stream = trio.SSLStream(tcp, context, server_hostname=name)
                await stream.do_handshake()
        except BaseException as error:
            await _drop(tcp)
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise error.__cause__ from None
            if isinstance(error, trio.BrokenResourceError | trio.TooSlowError):
                raise _why_no_tls(error.__cause__) from error
            raise
        return stream

    async def _know(self, mark: str, *, is_new: bool) -> None:
        """Go on with this server alone, and with later runs too where it ``is_new`` to the user."""
        known = self._security.known
        if not is_new:
            known.note(self._host, self._port, mark)
            return
        not_saved = None
        try:
            await trio.to_thread.run_sync(known.add, self._host, self._port, mark)
        except OSError as error:
            not_saved = reason_of(error)
        if mark != CA:
            self._on_trust(ServerTrusted(self._server, mark, not_saved))

    def _other_server(self, known: str | Sentence, shown: str) -> OtherServer:
        if self._security.fingerprint is not None:
            return OtherServer(
                "The server {server} shows the fingerprint {shown} , not {known} as --fingerprint "
                "or MYMESSENGER_FINGERPRINT says. Nothing was sent to it. Either that is not its "
                "fingerprint any more, or somebody is between you and the server.",
                server=self._server, shown=shown, known=known,
            )  # fmt: skip
        return OtherServer(
            "THE SERVER {server} IS NOT THE ONE IT WAS! Nothing was sent to it.\n"
            "  known until now: {known}\n"
            "  shown now:       {shown}\n"
            "Either somebody has put a machine between you and the server, to read and change\n"
            "what you write, your password too; or the server has a new certificate, because it\n"
            "was installed anew or its certificate was lost or replaced.\n"
            "Ask who runs it for the fingerprint that it printed when it started. Only if that is\n"
            "the one shown now, forget the old one and connect again:\n"
            "  mymessenger --forget-server {server}",
            server=self._server,
            known=known,
            shown=shown,
        )

    def _done(self, stream: _TlsStream, proof: Proof) -> trio.abc.Stream:
        self.link = Link(proof, cast(str, stream.version()), _fingerprint(stream))
        return stream

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        """What accepts a certificate that an authority has signed for the name."""
        return _hardened(ssl.create_default_context())

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        """What accepts any certificate: whoever uses it checks the fingerprint.

        That the other end has the certificate's private key is proven by the handshake.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return _hardened(context)


def _hardened(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # it could bring another certificate later on
    return context


def _fingerprint(stream: _TlsStream) -> str:
    return fingerprint_of(cast(bytes, stream.getpeercert(binary_form=True)))


async def _drop(stream: trio.abc.AsyncResource) -> None:
    with trio.CancelScope(shield=True):  # it only closes, and does not wait
        await trio.aclose_forcefully(stream)


def _bad_certificate(error: ssl.SSLCertVerificationError, host: str) -> BadCertificate:
    if error.verify_code == _EXPIRED:
        return BadCertificate(
            "The server's certificate has expired: who runs it has to renew it. Or this "
            "machine's clock is wrong."
        )
    if error.verify_code == _TOO_EARLY:
        return BadCertificate(
            "The server's certificate is not valid yet. Is this machine's clock right?"
        )
    if error.verify_code in _OTHER_NAMES:
        return BadCertificate(
            "The server's certificate is for another name than {host}: connect by the name that "
            "it is for.", host=host,
        )  # fmt: skip
    return BadCertificate(
        "The server's certificate is not accepted: {reason}.", reason=error.verify_message
    )


def _why_no_tls(cause: BaseException | None) -> NoEncryption:
    """Return what a handshake that came to nothing is told as; no ``cause``: it took too long."""
    if not isinstance(cause, ssl.SSLError) or isinstance(cause, ssl.SSLEOFError):
        return NoEncryption(
            "The server does not answer the beginning of an encrypted connection, so nothing was "
            "sent to it. {plain}", plain=_plain_hint(),
        )  # fmt: skip
    if cause.reason in _NOT_TLS:
        return NoEncryption(
            "The server does not speak TLS on this port, so nothing was sent to it. {plain}",
            plain=_plain_hint(),
        )
    reason = str(cause.reason or cause).replace("_", " ").lower()
    return NoEncryption("An encrypted connection is not possible: {reason}.", reason=reason)


def _plain_hint() -> Sentence:
    return Sentence(
        "If it has no TLS at all, --plaintext connects without: anybody on the way can then read "
        "and change what you write, your password too."
    )


def explain(error: Exception) -> Sentence:
    """Return a sentence for people about why connecting failed."""
    if isinstance(error, socket.gaierror):
        return Sentence("No computer of this name is known.")
    cause = error.__cause__
    if isinstance(cause, ExceptionGroup):
        error = cause.exceptions[0]
    if isinstance(error, ConnectionRefusedError):
        return Sentence("Nobody listens there. Is the server running?")
    return error if isinstance(error, Sentence) else Sentence("{reason}.", reason=reason_of(error))
