"""What is written while the server is away survives the client, and is sent once (issue 6.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.programs import Terminal, run, terminal
from tests.harness import RunningServer, running_server


@contextmanager
def person(server: RunningServer, name: str, folder: Path, *flags: str) -> Iterator[Terminal]:
    """Run a client on a terminal whose messages are kept."""
    with terminal(server.port, name, *flags, MYMESSENGER_OUTBOX=str(folder)) as client:
        yield client


def offline(client: Terminal, server: RunningServer) -> None:
    """Take the server away from under a client."""
    client.until("* Connected to mymessenger")
    server.kill()
    client.until("* Connection lost")


def write(client: Terminal, *texts: str) -> None:
    """Write messages, and wait until each is said to wait: then it is on the disk."""
    for text in texts:
        client.type(f"{text}\r")
    client.until(f"* Waiting to be stored: {texts[0]}")
    client.until(f"{len(texts)} waiting)>")


def history(server: RunningServer) -> list[str]:
    """Return what stands in the general chat."""
    shown = run(server.port, "Reader", "--history", "50").stdout.decode().splitlines()
    return [line.split(" ", 2)[2] for line in shown]


def test_killed_while_offline(server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.2: once, in order, and only by who wrote it."""
    folder, port = tmp_path / "outbox", server.port
    with person(server, "Bob", folder) as bob:
        offline(bob, server)
        write(bob, "one", "two", "three")
        bob.type("/withdraw 2\r")
        bob.until("Withdrawn: two")
        bob.process.kill()
    server.start(port=port)
    with person(server, "Alice", folder) as alice:
        alice.until("* Connected to mymessenger")
        alice.type("/outbox\r")
        alice.until("Nothing waits")
    with person(server, "Bob", folder) as bob:
        bob.until("* 2 messages from last time are being sent.")
        bob.until("Bob: three")
        bob.type("four\r")
        bob.until("Bob: four")
        bob.type("/outbox\r")
        bob.until("Nothing waits")
        bob.process.kill()
    with person(server, "Bob", folder) as bob:
        bob.until("* Connected to mymessenger")
        bob.type("five\r")
        bob.until("Bob: five")
    assert history(server) == ["Bob: one", "Bob: three", "Bob: four", "Bob: five"]


def test_killed_before_the_acknowledgement(tmp_path: Path) -> None:
    """Issue 6.2: the server stores it and is killed before its answer: it is there once."""
    folder = tmp_path / "outbox"
    with running_server(tmp_path) as server:
        port = server.port
        with person(server, "Bob", folder) as bob:
            bob.until("* Connected to mymessenger")
            bob.type("first\r")
            bob.until("Bob: first")
            [file] = folder.rglob("*.outbox")
            offline(bob, server)
            write(bob, "second")
            before = file.read_bytes()
            server.start(port=port)
            bob.type("\r")
            bob.until("Bob: second")
            bob.process.kill()
        file.write_bytes(before)  # as if the answer had never come
        with person(server, "Bob", folder) as bob:
            bob.until("* 1 message from last time is being sent.")
            bob.type("third\r")
            bob.until("Bob: third")
        assert history(server) == ["Bob: first", "Bob: second", "Bob: third"]


def test_two_clients_of_one_user(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.2: neither sends what the other has written, and nothing is lost with one of them."""
    folder, server = tmp_path / "outbox", sqlite_server
    port = server.port
    with person(server, "Bob", folder) as one, person(server, "Bob", folder) as other:
        other.until("* Connected to mymessenger")
        offline(one, server)
        other.until("* Connection lost")
        write(one, "1a", "1b")
        write(other, "2a", "2b")
        one.process.kill()
        one.process.wait()
        server.start(port=port)
        other.type("\r")
        other.until("Bob: 2b")
        assert history(server) == ["Bob: 2a", "Bob: 2b"]
        with person(server, "Bob", folder) as third:
            third.until("* 2 messages from last time are being sent.")
            third.until("Bob: 1b")
    assert history(server) == ["Bob: 2a", "Bob: 2b", "Bob: 1a", "Bob: 1b"]


def test_leaving_offline_says_that_it_is_kept(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.2: and the exit code still says that not everything is stored."""
    folder, server = tmp_path / "outbox", sqlite_server
    with person(server, "Bob", folder) as bob:
        offline(bob, server)
        write(bob, "later")
        bob.type("/quit\r")
        bob.until("Kept, and sent when you come back: later")
        assert bob.wait() == 1
    [file] = folder.rglob("*.outbox")
    file.write_bytes(file.read_bytes() + b'0000 {"is":"writ')
    server.start(port=server.port)
    with person(server, "Bob", folder) as bob:
        bob.until("1 message from last time is being sent. 1 more cannot be read")
        bob.until("Bob: later")
