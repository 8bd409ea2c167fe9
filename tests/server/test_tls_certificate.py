"""The certificate: made once, read anew at SIGHUP, and clear words where it cannot be used."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import ssl
import stat
import subprocess
import sys
import termios
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from server.certificate import Certificate, CertificateError, KeyFiles
from server.own_certificate import NEVER, own_files
from server.settings import Settings
from tests.harness import (
    PATIENCE,
    PATIENT,
    ROOT,
    NativeClient,
    RunningServer,
    native,
    running_server,
)
from tests.tls import encrypted, logged, trusting


def _issue(folder: Path, *, days: float = 90, password: bytes | None = None) -> KeyFiles:
    """Write a new certificate, and a key with it, as an authority would have made them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, SHA256())
    )
    files = KeyFiles(folder / "cert.pem", folder / "key.pem")
    files.cert.write_bytes(certificate.public_bytes(Encoding.PEM))
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    files.key.write_bytes(pem)
    files.key.chmod(0o600)
    return files


def _refusal(action: Callable[[], object]) -> str:
    """Return the one sentence of a failure."""
    with pytest.raises(CertificateError) as told:
        action()
    sentence = str(told.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# ---- the server's own


def test_its_own_can_be_verified_by_the_strictest_client(tmp_path: Path) -> None:
    """For its names it is valid for good."""
    files = own_files(tmp_path / "chat.db")
    trusting(files.cert)  # reads it
    made = x509.load_pem_x509_certificate(files.cert.read_bytes())
    assert made.not_valid_after_utc == NEVER
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    assert set(addresses) == {"127.0.0.1", "::1"}


def test_its_own_are_private_whatever_the_umask_says(tmp_path: Path) -> None:
    """Both, from the first moment."""
    before = os.umask(0)
    try:
        files = own_files(tmp_path / "chat.db")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (files.key, files.cert)] == [0o600] * 2


def test_its_own_are_never_overwritten(tmp_path: Path) -> None:
    """Neither both, nor the key where a crash left no certificate."""
    files = own_files(tmp_path / "chat.db")
    before = (files.key.read_bytes(), files.cert.read_bytes())
    assert own_files(tmp_path / "chat.db") == files
    assert (files.key.read_bytes(), files.cert.read_bytes()) == before
    files.cert.unlink()
    Certificate(own_files(tmp_path / "chat.db"))
    assert files.key.read_bytes() == before[0]


def test_servers_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    """Whoever is second takes what the first has made, and nothing is left over."""
    with ThreadPoolExecutor(8) as pool:
        for round_number in range(10):
            database = tmp_path / f"chat{round_number}.db"
            made = list(pool.map(lambda path: Certificate(own_files(path)), [database] * 8))
            final = Certificate(own_files(database))
            assert {one.fingerprint for one in made} == {final.fingerprint}
    assert len(list(tmp_path.iterdir())) == 20


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    """Clients would take the server for another one; so somebody has to decide that."""
    files = own_files(tmp_path / "chat.db")
    certificate = files.cert.read_bytes()
    files.key.unlink()
    sentence = _refusal(lambda: own_files(tmp_path / "chat.db"))
    assert str(files.key) in sentence
    assert "Put the key back" in sentence
    assert not files.key.exists()
    assert files.cert.read_bytes() == certificate


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    """With the certificate and without it."""
    files = own_files(tmp_path / "chat.db")
    files.key.write_bytes(content)
    assert str(files.key) in _refusal(lambda: Certificate(own_files(tmp_path / "chat.db")))
    files.cert.unlink()
    assert str(files.key) in _refusal(lambda: own_files(tmp_path / "chat.db"))
    assert files.key.read_bytes() == content


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """One sentence, with the way out."""
    sentence = _refusal(lambda: own_files(tmp_path / "nowhere" / "chat.db"))
    assert "nowhere" in sentence
    assert "--tls-cert" in sentence


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), "db_chat.db"),
        (Settings(db_name="/a/b.db"), "/a/b.db"),
        (Settings(database="sqlite:////a/c.db", db_name="x"), "/a/c.db"),
        (Settings(database="sqlite:///c.db"), "c.db"),
        (Settings(database="mysql://u:p@h/name", db_name="/data/x.db"), "/data/x.db"),
    ],
    ids=str,
)
def test_where_it_is_kept(settings: Settings, expected: str) -> None:
    """Beside the database file; with MySQL beside where that would be."""
    assert settings.database_file == Path(expected)


# ---- one that was given


def test_a_given_one_may_have_its_key_with_it(tmp_path: Path) -> None:
    """One file with both, and the chain behind: the first certificate is the server's."""
    files = _issue(tmp_path)
    expected = Certificate(files).fingerprint
    other = own_files(tmp_path / "chat.db")
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.cert.read_bytes() + other.cert.read_bytes())
    assert Certificate(KeyFiles(both, both)).fingerprint == expected


def _missing(files: KeyFiles) -> None:
    files.cert.unlink()


def _folder(files: KeyFiles) -> None:
    files.key.unlink()
    files.key.mkdir()


def _mismatch(files: KeyFiles) -> None:
    files.key.write_bytes(own_files(files.key.with_name("chat.db")).key.read_bytes())


def _no_pem(files: KeyFiles) -> None:
    files.cert.write_text("a letter")


def _swapped(files: KeyFiles) -> None:
    cert = files.cert.read_bytes()
    files.cert.write_bytes(files.key.read_bytes())
    files.key.write_bytes(cert)


def _protected(files: KeyFiles) -> None:
    _issue(files.key.parent, password=b"secret")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_missing, ["cert.pem", "No such file", "--tls-cert"]),
        (_folder, ["key.pem", "Is a directory"]),
        (_mismatch, ["key.pem", "is not that of the certificate"]),
        (_no_pem, ["cert.pem", "PEM"]),
        (_swapped, ["cert.pem", "PEM"]),
        (_protected, ["key.pem", "password", "openssl pkey"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_files_that_cannot_be_used(
    tmp_path: Path, damage: Callable[[KeyFiles], None], words: list[str]
) -> None:
    """At the start one clear sentence; at a reload a line in the log, and the old one stays."""
    files = _issue(tmp_path)
    certificate = Certificate(files)
    before = (certificate.context, certificate.fingerprint)
    damage(files)
    sentence = _refusal(lambda: Certificate(files))
    assert all(word in sentence for word in words), sentence
    with capture_logs() as logs:
        certificate.reload()
    assert [(one["event"], one["reason"]) for one in logs] == [("tls.not_reloaded", sentence)]
    assert (certificate.context, certificate.fingerprint) == before


@pytest.mark.parametrize(("days", "warned"), [(-1, True), (13, True), (15, False), (90, False)])
def test_the_end_of_a_certificate_is_told_before(tmp_path: Path, days: float, warned: bool) -> None:
    """Two weeks before, at each start and reload; an expired one is shown all the same."""
    files = _issue(tmp_path, days=days + 0.5)
    with capture_logs() as logs:
        Certificate(files).reload()
    told = [one["days"] for one in logs if one["event"] == "tls.expires"]
    assert told == ([days] * 2 if warned else [])


def test_a_key_that_all_can_read_is_told(tmp_path: Path) -> None:
    """It works, but should not be so."""
    files = _issue(tmp_path)
    files.key.chmod(0o644)
    with capture_logs() as logs:
        Certificate(files)
    assert [one["event"] for one in logs] == ["tls.key_readable"]


def _start(folder: Path, *flags: str) -> str:
    """Start a server that cannot, and return what it says."""
    command = [sys.executable, "-m", "cmd.server", "--port", "0", *flags]
    command += ["--db-name", str(folder / "chat.db")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_server_that_cannot_use_its_certificate_says_so(tmp_path: Path) -> None:
    """One line, exit code 1, and no question for a password that nobody could answer."""
    files = _issue(tmp_path, password=b"secret")
    said = _start(tmp_path, "--tls-cert", str(files.cert), "--tls-key", str(files.key))
    assert said.startswith("mymessenger-server: The key ")
    assert said.count("\n") == 1
    assert "--tls-cert" in _start(tmp_path, "--tls-key", str(files.key))


# ---- SIGHUP


async def _seen_by(server: RunningServer, files: KeyFiles) -> NativeClient:
    """Come in over TLS, trusting nothing but these files."""
    context = trusting(files.cert)
    context.check_hostname = False
    async with encrypted(server, context) as stream:
        client = NativeClient(stream)
        await client.login("Visitor")
        return client


async def test_a_new_certificate_without_dropping_anybody(tmp_path: Path) -> None:
    """Who is there stays, who comes sees the new one; a bad one changes nothing."""
    files = _issue(tmp_path)
    flags = (*PATIENT, "--tls-cert", str(files.cert), "--tls-key", str(files.key))
    with running_server(tmp_path, *flags) as server:
        context = trusting(files.cert)
        context.check_hostname = False
        async with encrypted(server, context) as stream, native(server, "Plain") as plain:
            old = NativeClient(stream)
            await old.login("Old")
            _issue(tmp_path)
            server.signal(signal.SIGHUP)
            [reloaded] = await logged(server, "tls.reloaded")
            assert reloaded["fingerprint"] == Certificate(files).fingerprint
            await _seen_by(server, files)
            with pytest.raises(trio.BrokenResourceError) as told:
                await encrypted(server, context).__aenter__()
            assert isinstance(told.value.__cause__, ssl.SSLCertVerificationError)

            kept = files.cert.read_bytes()
            files.cert.write_text("not this")
            server.signal(signal.SIGHUP)
            [refused] = await logged(server, "tls.not_reloaded")
            assert "cert.pem" in str(refused["reason"])
            files.cert.write_bytes(kept)
            await _seen_by(server, files)
            await old.say("still here")
            await plain.say("I too")
        assert server.stop() == 0


def test_a_closed_terminal_stops_it_in_good_order(tmp_path: Path) -> None:
    """The same signal, but nobody is there any more who could mean a reload."""
    master, slave = pty.openpty()
    log = tmp_path / "log"
    command = [sys.executable, "-m", "cmd.server", "--port", "0", "--log-format", "json"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--db-name", str(tmp_path / "chat.db")],
            cwd=ROOT, stdin=slave, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
        )  # fmt: skip
    os.close(slave)
    try:
        assert process.stdout is not None
        assert b"listening" in process.stdout.readline()
        os.close(master)
        assert process.wait(PATIENCE) == 0
        process.stdout.close()
    finally:
        process.kill()
    assert "the terminal was closed" in log.read_text()
