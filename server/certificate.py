"""The certificate that is shown to whoever connects over TLS, and its key.

It is the one that ``--tls-cert`` and ``--tls-key`` name, or one that the server has made
itself (:mod:`server.own_certificate`). Clients tell a self-made one by its fingerprint.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import stat
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import structlog
from msgspec import Struct

log = structlog.get_logger()

WARN_DAYS = 14
"""Days before the end of a certificate from which each start and reload warns."""

_CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 only what keeps past traffic secret when the key is stolen, and is authenticated."""


_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class CertificateError(Exception):
    """Certificate and key cannot be used; the text says why and what to do."""


class KeyFiles(Struct, frozen=True):
    """Where certificate and key are, in PEM."""

    cert: Path
    key: Path
    own: bool = False
    """Made by the server itself."""


class Shown(NamedTuple):
    """What new connections get."""

    context: ssl.SSLContext
    fingerprint: str


class Certificate:
    """A certificate with its key, as the files had them when they were last read."""

    def __init__(self, files: KeyFiles) -> None:
        """Read the files; raises :class:`CertificateError`."""
        self.files = files
        self._shown = _read(files)

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections are made with."""
        return self._shown.context

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as OpenSSH writes such: ``SHA256:...``."""
        return self._shown.fingerprint

    def reload(self) -> None:
        """Read the files anew; connections that there are keep theirs.

        Where the files cannot be used, the old certificate stays, and the log tells.
        """
        try:
            self._shown = _read(self.files)
        except CertificateError as error:
            advice = "the old certificate is still shown"
            log.warning("tls.not_reloaded", reason=str(error), advice=advice)
        else:
            log.info("tls.reloaded", cert=str(self.files.cert), fingerprint=self.fingerprint)


def fingerprint(der: bytes) -> str:
    """Return the fingerprint of a certificate as people compare it."""
    return "SHA256:" + b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _read(files: KeyFiles) -> Shown:
    try:
        text = files.cert.read_text("ascii", "replace")
        context = _context(files)
        if files.key.stat().st_mode & stat.S_IROTH:
            advice = f"everybody on this machine can read it: chmod o-r {files.key}"
            log.warning("tls.key_readable", key=str(files.key), advice=advice)
    except OSError as error:
        if isinstance(error, ssl.SSLError):
            raise CertificateError(_explain(files, error)) from None
        sentence = f"{error.filename or files.key} cannot be read: {error.strerror}. "
        raise CertificateError(sentence + _ADVICE) from None
    der = _first(files, text)
    _warn_of_the_end(files, der)
    return Shown(context, fingerprint(der))


_ADVICE = "Check --tls-cert and --tls-key, or leave both out: the server then makes its own."


def _context(files: KeyFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS_1_2)
    # No tickets to resume by: a handshake is cheap, a connection lasts for hours, and the tickets'
    # key would open what others have recorded for as long as the server runs.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    # OpenSSL would ask at the terminal for the password of a key that has one.
    context.load_cert_chain(files.cert, files.key, password=lambda: b"")
    return context


def _explain(files: KeyFiles, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"The key {files.key} is not that of the certificate {files.cert}. {_ADVICE}"
    words = files.key.read_text("ascii", "replace")
    if "ENCRYPTED" in words:
        return (
            f"The key {files.key} has a password, and nobody is there to type it. Save it without "
            f"one: openssl pkey -in {files.key} -out NEW."
        )
    reason = (error.reason or "not in PEM").replace("_", " ").lower()
    return f"{files.cert} and {files.key} are no certificate and key in PEM: {reason}. {_ADVICE}"


def _first(files: KeyFiles, pem: str) -> bytes:
    """Return the server's own certificate of a chain, in DER."""
    found = _CERTIFICATE.search(pem)
    if found is None:  # OpenSSL knows older headings too
        raise CertificateError(f"{files.cert} has no 'BEGIN CERTIFICATE' in it. {_ADVICE}")
    return ssl.PEM_cert_to_DER_cert(found[0])


def _warn_of_the_end(files: KeyFiles, der: bytes) -> None:
    if files.own:
        return  # it has none
    from datetime import UTC, datetime

    from cryptography import x509  # takes a while to import

    ends = x509.load_der_x509_certificate(der).not_valid_after_utc
    days = (ends - datetime.now(UTC)).days
    if days < WARN_DAYS:
        advice = "renew it, put it in its place and send this process SIGHUP"
        log.warning("tls.expires", cert=str(files.cert), days=days, advice=advice)
