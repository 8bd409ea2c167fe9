"""A connection whose other end has vanished without a word is found (S001-7)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from protocol import PROTOCOL_VERSION
from protocol.framing import encode
from protocol.requests import Hello, Login
from tests.harness import PATIENCE, ROOT, running_server
from tests.server.network import can_have_own_network, own_network

PING_INTERVAL = 2.0  # seconds; the kernel needs about 1.5 to leave three packets unanswered


@pytest.mark.skipif(not can_have_own_network(), reason="needs user and network namespaces")
def test_the_other_end_vanishes(tmp_path: Path) -> None:
    """The network goes down under a native client, a telnet and one that did not read."""
    command = [*own_network(), sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False, timeout=3 * PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reasons = json.loads(done.stdout)
    assert len(reasons) == 3
    assert all("gone" in reason or "timed out" in reason for reason in reasons), reasons


def _in_own_network(folder: Path) -> None:
    """Run in a network of our own: connect, pull the plug, print how the connections ended."""
    flags = [
        "--ping-interval",
        str(PING_INTERVAL),
        "--idle-limit",
        "3600",
        "--login-timeout",
        "3600",
    ]
    with running_server(folder, *flags) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for index, client in enumerate(clients[:2]):
            client.sendall(encode(Hello(protocol=PROTOCOL_VERSION)))
            client.sendall(encode(Login(name=f"user{index}")))
            while b"logged_in" not in client.recv(4096):
                pass
        while b"name?" not in clients[2].recv(4096):
            pass
        subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        sys.stdout.write(json.dumps(_reasons(server.log, len(clients))))


def _reasons(log: Path, count: int) -> list[str]:
    """Wait until so many connections are closed and return the reasons."""
    import time

    for _ in range(int(PATIENCE / 0.1)):
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        closed = [str(line["reason"]) for line in lines if line["event"] == "connection.closed"]
        if len(closed) == count:
            return closed
        time.sleep(0.1)
    raise AssertionError(log.read_text())


if __name__ == "__main__":
    _in_own_network(Path(sys.argv[1]))
