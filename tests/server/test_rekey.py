"""The master key as who runs a server meets it: made, lost, changed, off (S000-20)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.events import HistoryPage
from protocol.requests import History
from tests.harness import ROOT, RunningServer, native, running_server


def server_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the server's command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cmd.server", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def history(server: RunningServer) -> list[str]:
    """Return the texts of the general chat."""
    async with native(server, "Reader") as reader:
        return [one.text for one in (await reader.ask(History(), HistoryPage)).messages]


def printed(folder: Path) -> str:
    """Return what a server said when it started."""
    return (folder / "server.out").read_text()


async def test_the_key_is_changed_while_the_server_runs(tmp_path: Path, database_url: str) -> None:
    """Nobody who is connected notices; the server starts with the new key, and not with the old."""
    with running_server(tmp_path, "--database", database_url) as server:
        assert f"encrypted there with the master key in the file {server.keys.path}" in printed(
            tmp_path
        )
        old = server.keys.path.read_bytes()
        async with native(server, "Ann") as ann, native(server, "Bob"):
            await ann.say("before")
            where = ("--database", database_url, "--master-key-file", str(server.keys.path))
            done = server_command("rekey", *where)
            assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
            assert "The master key is changed." in done.stdout
            assert "keep a copy" in done.stdout
            await ann.say("after")
            await ann.say("in a new conversation", to="Bob")
        server.stop()
        server.start()
        assert await history(server) == ["before", "after"]
        server.stop()
    new = server.keys.path.read_bytes()
    assert new != old
    server.keys.path.write_bytes(old)
    refused = server_command("--port", "0", *where)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert "sealed with another master key" in refused.stderr


async def test_a_key_that_somebody_else_keeps(tmp_path: Path) -> None:
    """In a variable: it has to be given, and so has the new one; no file is made."""
    one, other = "11" * 32, "22" * 32
    with running_server(tmp_path, MYMESSENGER_MASTER_KEY=one) as server:
        assert "the master key in $MYMESSENGER_MASTER_KEY" in printed(tmp_path)
        async with native(server, "Ann") as ann:
            await ann.say("hello")
        where = ("rekey", "--db-name", str(tmp_path / "chat.db"))
        refused = server_command(*where, MYMESSENGER_MASTER_KEY=one)
        assert refused.returncode == 1
        assert "MYMESSENGER_NEW_MASTER_KEY" in refused.stderr
        done = server_command(*where, MYMESSENGER_MASTER_KEY=one, MYMESSENGER_NEW_MASTER_KEY=other)
        assert (done.returncode, done.stderr) == (0, "")
        server.stop()
    assert not server.keys.path.exists()
    with running_server(tmp_path, MYMESSENGER_MASTER_KEY=other) as server:
        assert await history(server) == ["hello"]
    assert one not in server.log.read_text() + printed(tmp_path)
    assert other not in server.log.read_text() + printed(tmp_path)


def test_one_place_only(tmp_path: Path) -> None:
    where = ("--db-name", str(tmp_path / "chat.db"), "--master-key-command", "echo")
    refused = server_command("--port", "0", *where, MYMESSENGER_MASTER_KEY="11" * 32)
    assert refused.returncode == 1
    assert "name only one of" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["rekey", "--port=0"])
def test_a_key_that_is_lost(tmp_path: Path, command: str) -> None:
    with running_server(tmp_path) as server:
        server.stop()
    server.keys.path.unlink()
    refused = server_command(command, "--db-name", str(tmp_path / "chat.db"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "its master key is missing" in refused.stderr
    assert not server.keys.path.exists()


async def test_without_encryption_the_server_says_so(tmp_path: Path) -> None:
    """A database that is sealed is refused then; one that is not is sealed when it is on again."""
    with running_server(tmp_path, "--encryption", "off") as server:
        assert "NOT encrypted" in printed(tmp_path)
        async with native(server, "Ann") as ann:
            await ann.say("hello")
        server.stop()
    assert "server.not_sealed" in server.log.read_text()
    assert not server.keys.path.exists()
    with running_server(tmp_path) as server:
        assert await history(server) == ["hello"]
        server.stop()
    refused = server_command("--db-name", str(tmp_path / "chat.db"), "--encryption", "off")
    assert refused.returncode == 1
    assert "cannot be used with --encryption off" in refused.stderr
