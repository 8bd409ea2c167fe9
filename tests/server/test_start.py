"""Starting the server: what goes wrong is one line that says what to do (issue 2, point 2)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from protocol import __version__
from server.listening import ListenError, name_of, open_listeners
from tests.harness import PATIENCE, ROOT, RunningServer, running_server


def _run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run the server to its end; return exit code, standard output and standard error."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "cmd.server", *arguments],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _sentence(arguments: list[str], code: int, **environment: str) -> str:
    """Run a server that cannot start and return the one line that it says."""
    returned, out, err = _run(*arguments, **environment)
    assert returned == code, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("mymessenger-server: ")
    assert err.endswith(".\n")
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--port", "99999"], {}, ["--port", "99999", "65535"]),
        (["--port", "x"], {}, ["--port", "a whole number"]),
        ([], {"PORT": "x"}, ["$PORT", "a whole number"]),
        ([], {"TZ": "Europe/Moskau"}, ["$TZ", "Europe/Moscow"]),
        (["--config", "/nowhere.toml"], {}, ["/nowhere.toml"]),
        (["--admin", "Ann, bad name"], {}, ["--admin", "bad name", "one word"]),
        ([], {"ADMIN": "quit"}, ["$ADMIN", "quit is a command"]),
        (["--log-level", "loud"], {}, ["--log-level", "warning"]),
    ],
    ids=str,
)
def test_a_wrong_setting_ends_with_2(
    arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    """One line that names the setting, its source and what is right."""
    sentence = _sentence(arguments, 2, **environment)
    assert all(word in sentence for word in words)


def test_an_unknown_flag_ends_with_2() -> None:
    """As every program does, with its usage."""
    code, out, err = _run("--nonsense")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == ("mymessenger-server: error: unrecognized arguments: --nonsense")


def test_the_version_is_told() -> None:
    """On standard output, for scripts."""
    assert _run("--version") == (0, f"mymessenger {__version__}\n", "")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        yield port


def test_a_port_that_is_taken(taken_port: int, tmp_path: Path) -> None:
    """The number, and two ways out."""
    arguments = ["--port", str(taken_port), "--db-name", str(tmp_path / "chat.db")]
    sentence = _sentence(arguments, 1)
    assert str(taken_port) in sentence
    assert "--port" in sentence


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "203.0.113.1", "1.2.3", "a" * 300, "..", "2001:db8::1"]
)
def test_a_host_that_is_not_this_machine(host: str, tmp_path: Path) -> None:
    """Its name, and what to use instead."""
    arguments = ["--host", host, "--port", "0", "--db-name", str(tmp_path / "chat.db")]
    sentence = _sentence(arguments, 1)
    assert host in sentence
    assert "--host" in sentence


def _no_database(folder: Path) -> list[str]:
    path = folder / "notes.txt"
    path.write_text("This is a letter and no database, and it is long enough. " * 100)
    return ["--db-name", str(path)]


def _truncated(folder: Path) -> list[str]:
    path = folder / "chat.db"
    path.write_bytes(b"SQLite format 3\x00" + b"\x00" * 10)
    return ["--db-name", str(path)]


def _unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port: int = unused.getsockname()[1]
        return port


DATABASES: dict[str, Callable[[Path], list[str]]] = {
    "a missing folder": lambda folder: ["--db-name", str(folder / "missing" / "chat.db")],
    "a folder": lambda folder: ["--db-name", str(folder)],
    "a place nobody can write to": lambda _: ["--db-name", "/proc/chat.db"],
    "a file below a file": lambda _: ["--db-name", "/etc/passwd/chat.db"],
    "no database": _no_database,
    "a broken database": _truncated,
    "a name that is too long": lambda folder: ["--db-name", str(folder / ("x" * 300))],
    "memory": lambda _: ["--db-name", ":memory:"],
    "an unknown scheme": lambda _: ["--database", "postgres://u:secret@127.0.0.1/chat"],
    "no address": lambda _: ["--database", "mysql://"],
    "an address without a name": lambda _: ["--database", "mysql://u:secret@127.0.0.1"],
    "nobody listens": lambda _: [
        "--database",
        f"mysql://u:secret@127.0.0.1:{_unused_port()}/chat",
    ],
    "no such host": lambda _: ["--database", "mysql://u:secret@no-such-host.invalid/chat"],
    "a wrong port": lambda _: ["--database", "mysql://u:secret@127.0.0.1:99999/chat"],
}


@pytest.mark.parametrize("name", ["a\\u0000b", "~nobody-of-this-name/chat.db"])
def test_a_path_that_cannot_be(name: str, tmp_path: Path) -> None:
    """Not every string is a path; that is no reason for a traceback."""
    path = tmp_path / "settings.toml"
    path.write_text(f'db_name = "{name}"\n')
    _sentence(["--config", str(path), "--port", "0"], 1)


@pytest.mark.parametrize("what", DATABASES)
def test_a_database_that_cannot_be_used(what: str, tmp_path: Path) -> None:
    """S003-8: it is told before the port is opened, and never with the password."""
    sentence = _sentence([*DATABASES[what](tmp_path), "--port", "0"], 1)
    assert "secret" not in sentence
    assert len(sentence.split()) >= 8, "that is no sentence that says what to do"


def test_a_database_server_that_never_answers(tmp_path: Path) -> None:
    """It takes the connection and says nothing: the wait has an end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        url = f"mysql://u:secret@127.0.0.1:{mute.getsockname()[1]}/chat"
        done = subprocess.run(
            [sys.executable, "-m", "cmd.server", "--port", "0", "--database", url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("mymessenger-server: ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_file_that_a_server_uses_already(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Two servers on one file could destroy it; the first one does not notice the second."""
    sentence = _sentence(["--db-name", str(tmp_path / "chat.db"), "--port", "0"], 1)
    assert "chat.db" in sentence
    assert sqlite_server.stop() == 0


def test_a_file_can_be_used_again_after_a_crash(sqlite_server: RunningServer) -> None:
    """Nothing of the dead server stays in the way."""
    sqlite_server.kill()
    sqlite_server.start()
    assert sqlite_server.stop() == 0


def test_port_0_prints_the_port_it_really_has(tmp_path: Path) -> None:
    """On standard output, together with how to connect; the log does not mix in."""
    with running_server(tmp_path, "--port", "0") as server:
        out = (tmp_path / "server.out").read_text()
        assert server.port > 0
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b'{"type":"hello","protocol":1}\n')
            assert b'"welcome"' in sock.recv(1000)
        first, *more = out.splitlines()
        assert first == f"mymessenger listening on 127.0.0.1:{server.port}"
        assert f"--host 127.0.0.1 --port {server.port}" in more[0]
        assert more[1].endswith(f"a browser at http://127.0.0.1:{server.port}/")
        assert more[2].endswith(f"telnet 127.0.0.1 {server.port}")
        assert server.stop() == 0
    assert "{" not in out


def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    """``--host ::1``, printed so that it can be copied."""
    with running_server(tmp_path, "--host", "::1") as server:
        with socket.create_connection(("::1", server.port)) as sock:
            sock.sendall(b'{"type":"hello","protocol":1}\n')
            assert b'"welcome"' in sock.recv(1000)
        out = (tmp_path / "server.out").read_text()
        assert out.startswith(f"mymessenger listening on [::1]:{server.port}\n")
        assert f"telnet ::1 {server.port}\n" in out
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port))


def test_it_tells_the_database_but_not_its_password(tmp_path: Path) -> None:
    """S004-12: where messages are kept."""
    with running_server(tmp_path):
        out = (tmp_path / "server.out").read_text()
    assert re.search(r"Messages are kept in SQLite .*chat\.db\.", out)


def test_one_free_port_serves_every_address_of_a_host() -> None:
    """``localhost`` is two addresses; port 0 picks one number for both."""
    listeners = open_listeners("localhost", 0)
    try:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
        assert not any(listener.getblocking() for listener in listeners)
    finally:
        for listener in listeners:
            listener.close()


def test_a_failure_leaves_no_listener_open(taken_port: int) -> None:
    """Whoever tries again finds the other addresses free."""
    with pytest.raises(ListenError):
        open_listeners("127.0.0.1", taken_port)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("192.0.2.1", 80), "192.0.2.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        (("fe80::1%eth0", 80, 0, 2), "[fe80::1%eth0]:80"),
    ],
)
def test_addresses_are_written_as_people_write_them(address: object, name: str) -> None:
    """S000-4."""
    assert name_of(address) == name
