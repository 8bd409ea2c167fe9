"""The client and the server over TLS, as people meet them (S000-21)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import environment, piped, run, terminal
from tests.harness import PATIENCE, PATIENT, ROOT, RunningServer, running_server
from tests.server.network import can_have_own_network, own_network

SERVER_FLAGS = PATIENT


class _Files:
    """What a user's client keeps."""

    def __init__(self, folder: Path) -> None:
        self.known = folder / "known_servers"
        self.sessions = folder / "sessions.json"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "MYMESSENGER_KNOWN_SERVERS": str(self.known),
            "MYMESSENGER_SESSIONS": str(self.sessions),
        }


@pytest.fixture
def files(tmp_path: Path) -> _Files:
    """The files of somebody who has been nowhere yet."""
    return _Files(tmp_path)


def _fingerprint(server: RunningServer) -> str:
    """Return what the server has printed for people to compare."""
    lines = server.printed().splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("Fingerprint of")]
    return lines[at + 1].strip()


def _renew(server: RunningServer) -> None:
    """Let the server come back with another certificate, as after a new installation."""
    server.stop()
    for path in server.log.parent.glob("*.pem"):
        path.unlink()
    server.start(port=server.port)


def test_a_person_is_asked_whether_to_trust_a_new_server(
    sqlite_server: RunningServer, files: _Files
) -> None:
    port, shown = sqlite_server.port, _fingerprint(sqlite_server)
    with terminal(port, "Bob", "--tls", **files.variables) as bob:
        bob.until(f"The server 127.0.0.1:{port} is not known yet. Its fingerprint is {shown} .")
        bob.until("Trust it? (yes/no)")
        bob.type("perhaps\r")
        bob.until("Type yes or no, or the fingerprint that you know.")
        bob.type("no\r")
        assert bob.wait() == 1
        assert bob.is_restored
        assert not files.known.exists()
    with terminal(port, "Bob", "--tls", **files.variables) as bob:
        bob.until("Trust it? (yes/no)")
        bob.type("yes\r")
        bob.until("Connected to mymessenger")
        bob.type("/status\r")
        bob.until(f"encrypted (TLS 1.3); the server is known by its fingerprint {shown}")
        bob.type("/quit\r")
        assert bob.wait() == 0
    assert files.known.read_text() == f"127.0.0.1:{port} {shown}\n"
    with terminal(port, "Bob", **files.variables) as bob:  # TLS without being asked for it
        bob.until("Connected to mymessenger")
        bob.type("/status\r")
        bob.until("encrypted (TLS 1.3)")


def test_another_certificate_stops_who_talks_and_who_comes(
    sqlite_server: RunningServer, files: _Files
) -> None:
    """The explanation has the command that accepts it; a saved token is not for the next one."""
    port, old = sqlite_server.port, _fingerprint(sqlite_server)
    files.known.write_text(f"127.0.0.1:{port} {old}\n")
    with terminal(port, "Bob", **files.variables) as bob:
        bob.until("Connected to mymessenger")
        bob.until_prompt("Bob>")
        bob.type("/register\r")
        for question in ("Choose a password:", "Once more:"):
            bob.until_prompt(question)
            bob.type("correct horse battery\r")
        bob.until("The name Bob is yours now")
        _renew(sqlite_server)
        new = _fingerprint(sqlite_server)
        assert bob.wait() == 3
        assert bob.is_restored
        bob.until(f"THE SERVER 127.0.0.1:{port} IS NOT THE ONE IT WAS!")
        bob.until(old)
        bob.until(new)
    assert new != old
    done = run(port, "Bob", typed="hello", **files.variables)
    assert done.returncode == 3
    command = done.stderr.decode().splitlines()[-1].split()
    assert command == ["mymessenger", "--forget-server", f"127.0.0.1:{port}"]
    assert json.loads(files.sessions.read_text())
    assert run(port, None, *command[1:], **files.variables).returncode == 0
    assert files.known.read_text() == ""
    assert json.loads(files.sessions.read_text()) == {}
    assert run(port, "Ann", "--tls", "--trust-new", **files.variables).returncode == 0
    assert files.known.read_text() == f"127.0.0.1:{port} {new}\n"


def test_a_pipe_is_refused_until_it_says_whom_to_trust(
    sqlite_server: RunningServer, files: _Files
) -> None:
    port, shown = sqlite_server.port, _fingerprint(sqlite_server)
    for flags in ((), ("--contacts",), ("--send-file", __file__)):
        done = run(port, "Bob", "--tls", *flags, typed="hello", **files.variables)
        assert (done.returncode, done.stdout) == (1, b"")
        assert "is not known yet" in done.stderr.decode()
        assert f"--fingerprint {shown} ;" in done.stderr.decode()
    assert not files.known.exists()
    other = "SHA256:" + "A" * 43
    done = run(port, "Bob", "--fingerprint", other, typed="hello", **files.variables)
    assert done.returncode == 3
    named = {"MYMESSENGER_FINGERPRINT": shown}
    assert run(port, "Bob", typed="hello", **files.variables, **named).returncode == 0
    assert files.known.read_text() == f"127.0.0.1:{port} {shown}\n"
    with piped(port, "Ann", "--history", "1", "--fingerprint", shown) as ann:
        assert ann.lines(1) == ["Bob: hello"]


def test_a_pipe_comes_back_over_tls(sqlite_server: RunningServer) -> None:
    """The server is killed, and what was written meanwhile is stored once."""
    port = sqlite_server.port
    flags = ("--fingerprint", _fingerprint(sqlite_server), "--timeout", str(PATIENCE))
    with piped(port, "Ann", *flags) as ann, piped(port, "Bob", *flags) as bob:
        bob.type("one")
        assert ann.lines(1) == ["Bob: one"]
        sqlite_server.kill()
        bob.type("two")
        sqlite_server.start(port=port)
        assert ann.lines(1) == ["Bob: two"]
        assert bob.end() == 0


# --- another machine ------------------------------------------------------------------------

FAR = "192.0.2.1"
"""An address that is not loopback, in a network of the test's own (RFC 5737)."""


@pytest.mark.skipif(not can_have_own_network(), reason="needs user and network namespaces")
def test_from_another_machine(tmp_path: Path) -> None:
    """TLS is tried unasked, and plain text only where it is asked for, with a warning."""
    command = [*own_network(), sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=6 * PATIENCE,
        env=environment(PYTHONPATH=str(ROOT), PATH=f"{os.environ['PATH']}:/usr/sbin:/sbin"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    unknown, refused, trusted, known, plain = json.loads(done.stdout)
    assert unknown[0] == 1
    assert "is not known yet" in unknown[2]
    assert refused[0] == 1
    assert f"--plaintext: anybody on the way to {FAR} can read and change" in refused[2]
    assert "takes only encrypted connections (TLS)" in refused[2]
    assert "Leave out --plaintext" in refused[2]
    assert trusted[0] == known[0] == 0
    assert "encrypted (TLS 1.3)" in known[1]
    assert "--plaintext" not in known[2]
    assert plain[0] == 0
    assert plain[2].count("--plaintext: anybody") == 1
    assert "not encrypted: anybody on the way" in plain[1]


def _on_another_machine(folder: Path) -> None:
    """Run in a network of our own; print the code, the output and the errors of each client."""
    subprocess.run(["ip", "address", "add", f"{FAR}/32", "dev", "lo"], check=True)
    told = []
    everywhere = ("--host", "0.0.0.0")  # noqa: S104 - of a network of our own
    files = _Files(folder)

    def client(port: int, *flags: str) -> None:
        done = run(port, "Bob", "--host", FAR, *flags, typed="/status\n", **files.variables)
        told.append((done.returncode, done.stdout.decode(), done.stderr.decode()))

    with running_server(folder, *everywhere) as server:
        for flags in ((), ("--plaintext",), ("--trust-new",), ()):
            client(server.port, *flags)
        server.stop()
    with running_server(folder, *everywhere, ALLOW_PLAINTEXT="true") as server:
        client(server.port, "--plaintext")
        server.stop()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _on_another_machine(Path(sys.argv[1]))
