"""Who may come without encryption: from other machines nobody, and they are told (decision 5)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol import PROTOCOL_VERSION
from protocol.framing import encode
from protocol.requests import Hello
from server.listening import is_loopback
from tests.harness import PATIENCE, ROOT, RunningServer, running_server
from tests.server.network import can_have_own_network, own_network
from tests.tls import trusting

ADDRESS = "10.99.0.1"
"""Of a network of the test's own that ends in this machine."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 - in that network

HELLO = encode(Hello(protocol=PROTOCOL_VERSION))
HTTP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        (EVERYWHERE, False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_what_loopback_is(host: str, expected: bool) -> None:
    """Addresses that no network reaches, also in IPv6's writing; no names."""
    assert is_loopback(host) == expected


@pytest.mark.skipif(not can_have_own_network(), reason="needs user and network namespaces")
def test_clients_from_other_machines(tmp_path: Path) -> None:
    """Each kind without encryption is told why in its own words; with it, or allowed, it is in."""
    command = [*own_network(), sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False, timeout=3 * PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)

    error, goodbye = map(json.loads, said["native"].splitlines())
    assert (error["type"], error["code"]) == ("error", "tls_required")
    assert (goodbye["type"], goodbye["reason"]) == ("goodbye", error["message"])
    assert "TLS" in error["message"]
    head, _, body = said["http"].partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 403 ")
    assert f"Content-Length: {len(body.encode())}\r\n" in head + "\r\n"
    assert "https://" in body
    for person in ("typing", "silent"):
        assert said[person].count("\r\n") == 1
        assert said[person].endswith("\r\n")
        assert "openssl s_client" in said[person]
    assert "welcome" in said["tls"]
    assert "welcome" in said["loopback"]
    assert "welcome" in said["allowed"]
    # What the operator was told.
    assert f"Elsewhere, over TLS: mymessenger --name YOU --host {ADDRESS}" in said["printed"]
    assert "openssl s_client" in said["printed"]
    assert f"a browser at https://{socket.gethostname()}:" in said["printed_everywhere"]
    assert "telnet" in said["printed_allowed"]
    assert "server.plain_text" not in said["log"]
    assert "server.plain_text" in said["log_allowed"]


def _answer(server: RunningServer, first: bytes, host: str = ADDRESS) -> str:
    """Connect, say something, and return everything up to the end or the greeting."""
    with socket.create_connection((host, server.port), timeout=PATIENCE) as sock:
        return _exchange(sock, first)


def _exchange(sock: socket.socket, first: bytes) -> str:
    sock.sendall(first)
    answer = b""
    while b"welcome" not in answer and (data := sock.recv(4096)):
        answer += data
    return answer.decode()


def _tls_answer(server: RunningServer) -> str:
    context = trusting(server.certificate)
    context.check_hostname = False
    with (
        socket.create_connection((ADDRESS, server.port), timeout=PATIENCE) as raw,
        context.wrap_socket(raw) as sock,
    ):
        return _exchange(sock, HELLO)


def _in_own_network(folder: Path) -> None:
    """Run in a network of our own, with an address that is not loopback's."""
    subprocess.run(["ip", "addr", "add", ADDRESS, "dev", "lo"], check=True)
    said: dict[str, str] = {}
    (folder / "strict").mkdir()
    with running_server(folder / "strict", "--host", ADDRESS) as server:
        asks: dict[str, Callable[[], str]] = {
            "native": lambda: _answer(server, HELLO),
            "http": lambda: _answer(server, HTTP),
            "typing": lambda: _answer(server, b"Ann\r\n"),
            "silent": lambda: _answer(server, b""),
            "tls": lambda: _tls_answer(server),
        }
        said |= {name: ask() for name, ask in asks.items()}
        said |= {"printed": server.printed(), "log": server.log.read_text()}
    (folder / "open").mkdir()
    with running_server(folder / "open", "--host", EVERYWHERE, "--allow-plaintext") as server:
        said["allowed"] = _answer(server, HELLO)
        said |= {"printed_allowed": server.printed(), "log_allowed": server.log.read_text()}
    (folder / "both").mkdir()
    with running_server(folder / "both", "--host", EVERYWHERE) as server:
        said["loopback"] = _answer(server, HELLO, "127.0.0.1")
        assert "tls_required" in _answer(server, HELLO)
        said["printed_everywhere"] = server.printed()
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    _in_own_network(Path(sys.argv[1]))
