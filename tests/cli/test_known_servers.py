"""The file of known servers, which people edit; addresses and fingerprints in it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.address import address_of, is_loopback, parse_address
from cli.errors import UntrustedServer
from cli.fingerprints import as_fingerprint, fingerprint_of
from cli.known_servers import CA, KnownServers, Trust, known_servers

ONE = "SHA256:" + "A" * 43
TWO = "SHA256:" + "B" * 42 + "A"


def test_a_fingerprint_is_that_of_ssh() -> None:
    """``printf abc | openssl dgst -sha256 -binary | base64``, without the padding."""
    assert fingerprint_of(b"abc") == "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (ONE, ONE),
        (ONE + "=", ONE),
        (ONE.lower()[:7] + ONE[7:], ONE),
        (ONE[7:], None),
        ("", None),
        ("SHA256:", None),
        ("SHA256:" + "A" * 44, None),
        ("SHA256:" + "A" * 42 + "B", None),  # bits beyond the last byte: not as it was shown
        ("MD5:" + "A" * 43, None),
        ("SHA256:" + "é" * 43, None),
    ],
)
def test_fingerprints_as_people_type_them(typed: str, meant: str | None) -> None:
    assert as_fingerprint(typed) == meant


@given(st.text())
@example(".")
@example("..:8000")
@example(":0:")
def test_whatever_is_no_fingerprint_or_address_is_told_apart(text: str) -> None:
    fingerprint, server = as_fingerprint(text), parse_address(text, 8000)
    assert fingerprint is None or as_fingerprint(fingerprint) == fingerprint
    assert server is None or parse_address(address_of(*server)) is not None


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("chat.example.org:9000", ("chat.example.org", 9000)),
        ("chat.example.org", ("chat.example.org", 8000)),
        ("[2001:db8::1]:9000", ("2001:db8::1", 9000)),
        ("[2001:db8::1]", ("2001:db8::1", 8000)),
        ("2001:db8::1", ("2001:db8::1", 8000)),
        ("1:2:3", None),
        ("chat:0", None),
        ("chat:65536", None),
        ("chat:x", None),
        (":9000", None),
        ("two words:9000", None),
        ("", None),
    ],
)
def test_addresses(text: str, server: tuple[str, int] | None) -> None:
    assert parse_address(text, 8000) == server


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("Chat.Example.ORG.", "chat.example.org:1"),
        ("2001:0DB8::0001", "[2001:db8::1]:1"),
        ("192.0.2.1", "192.0.2.1:1"),
    ],
)
def test_one_server_has_one_address(host: str, address: str) -> None:
    assert address_of(host, 1) == address


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", "LocalHost"])
def test_this_machine_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["::", "192.0.2.1", "localhost.example.org", "127.0.0.1.example.org", ""]
)
def test_other_machines(host: str) -> None:
    """A name that leads here is one of them: who answers for it may have another lead."""
    assert not is_loopback(host)


def test_what_a_person_has_written_is_understood_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "known_servers"
    written = (
        f"# at home\n\n  Chat.example.org:8000\t{ONE}= the old laptop\r\n"
        f"chat.example.org:8000 {TWO}\n[::1]:1 CA\nrubbish\n:8000 {ONE}\nno.port {ONE}\n\xff\n"
    ).encode("latin-1") + b"a:1 CA"
    path.write_bytes(written)
    known = KnownServers(path)
    assert known.trust("CHAT.example.org", 8000) == Trust(frozenset({ONE, TWO}))
    assert known.trust("0::1", 1) == Trust(by_ca=True)
    assert not known.trust("chat.example.org", 8001)
    assert [str(one).partition(" of ")[0] for one in known.complaints()] == [
        f"Line {number}" for number in (6, 7, 8, 9)
    ]
    known.add("b", 2, CA)
    assert path.read_bytes() == written + b"\nb:2 CA\n"
    assert known.forget("chat.example.org", 8000)
    assert not known.forget("chat.example.org", 8000)
    first, last = written.index(b"  Chat"), written.index(b"[::1]")
    assert path.read_bytes() == written[:first] + written[last:] + b"\nb:2 CA\n"


@given(st.binary(max_size=200))
@example(b"\xff\x00 \x85\x1c h:1")
@example(b"h:1 CA\r")
@example(b"\n\nh:1")
def test_no_content_is_trouble(content: bytes) -> None:
    """What is not understood is told and stays, and the server that is added is known."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "known_servers"
        path.write_bytes(content)
        known = KnownServers(path)
        assert len(known.complaints()) <= content.count(b"\n") + 1
        known.add("new.example.org", 1, ONE)
        assert path.read_bytes().startswith(content)
        assert KnownServers(path).trust("new.example.org", 1) == Trust(frozenset({ONE}))
        assert known.forget("new.example.org", 1)
        assert path.read_bytes().rstrip(b"\n") == content.rstrip(b"\n")


def test_only_the_user_can_read_it_and_it_may_lie_elsewhere(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles", tmp_path / "config" / "known_servers"
    link.parent.mkdir()
    link.symlink_to(real)
    before = os.umask(0)
    try:
        KnownServers(link).add("a", 1, ONE)
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert real.read_text() == f"a:1 {ONE}\n"


def test_programs_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known_servers"

    def meet(number: int) -> None:
        for count in range(5):
            KnownServers(path).add(f"host{number}", 1 + count, ONE)
        KnownServers(path).add("all", 1, ONE)
        KnownServers(path).forget(f"host{number}", 1)

    threads = [threading.Thread(target=meet, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 41


def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path) -> None:
    known = KnownServers(tmp_path)
    with pytest.raises(UntrustedServer, match="cannot be read: Is a directory"):
        known.trust("a", 1)
    assert known.complaints() == []


def test_nothing_is_kept_where_that_is_wanted() -> None:
    known = known_servers({"MYMESSENGER_KNOWN_SERVERS": ""})
    known.add("a", 1, ONE)
    assert known.trust("A", 1) == Trust(frozenset({ONE}))
    assert not known_servers({"MYMESSENGER_KNOWN_SERVERS": ""}).trust("a", 1)
    assert known.forget("a", 1)
    assert not known.trust("a", 1)
