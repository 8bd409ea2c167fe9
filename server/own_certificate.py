"""The key and the certificate that the server makes itself, where it was given none.

They are made once, beside the database file, and never overwritten: clients remember the
certificate, and a new one looks to them like somebody else's server.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from server.certificate import CertificateError, KeyFiles

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of a certificate that has none (RFC 5280, 4.1.2.5): its fingerprint is trusted."""

_CLOCKS_DIFFER = timedelta(days=1)


def own_files(database: Path) -> KeyFiles:
    """Return the server's own key and certificate, made first where there are none.

    Of two servers that make them at once, both get the same. Raises
    :class:`~server.certificate.CertificateError`.
    """
    files = KeyFiles(
        cert=database.with_name(database.name + ".cert.pem"),
        key=database.with_name(database.name + ".key.pem"),
        own=True,
    )
    try:
        # In this order: another server that makes both right now makes the key first.
        if files.cert.exists() and not files.key.exists():
            raise CertificateError(
                f"The certificate {files.cert} is here and its key {files.key} is not. Put the "
                "key back; or remove the certificate, and the server makes new ones, which "
                "clients then have to trust anew."
            )
        if not files.key.exists():
            _write_new(files.key, _new_key())
        if not files.cert.exists():
            _write_new(files.cert, _certificate_of(files.key.read_bytes(), files.key))
    except OSError as error:
        sentence = f"{error.filename or files.key} cannot be made or read: {error.strerror}. "
        raise CertificateError(
            sentence + "The server keeps its key beside the database file: use --db-name in a "
            "folder it may write to, or --tls-cert and --tls-key."
        ) from None
    return files


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    # Of the kinds that every client knows the one that signs the quickest.
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certificate_of(pem: bytes, path: Path) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise CertificateError(
            f"The key {path} is none that this server made. Put the right one back; or remove it, "
            "and the server makes a new one, which clients then have to trust anew."
        )
    return _sign(key)


def _sign(key: EllipticCurvePrivateKey) -> bytes:
    """Return a certificate for this machine's own names, signed with the key it is for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mymessenger")])
    use = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _CLOCKS_DIFFER)
        .not_valid_after(NEVER)
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(use, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _names() -> list[x509.GeneralName]:
    from cryptography import x509

    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    with suppress(ValueError):  # a name with letters that a certificate cannot have
        names.append(x509.DNSName(socket.gethostname()))
    return names


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all, unless it is there already."""
    handle, temporary = mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another server was first
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
