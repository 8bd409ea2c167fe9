"""`mymessenger tail`: the messages as lines, from wherever one left off (issue 6.5)."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from protocol.events import Opened, Sent
from protocol.requests import Send
from protocol.vocabulary.rooms import JoinRoom
from tests.cli.programs import command, environment, run
from tests.harness import PATIENCE, ROOT, NativeClient, RunningServer, native, telnet

SEED = 6_5
KILLS = 10


def lines_of(output: bytes) -> list[dict[str, Any]]:
    """Return what was printed, each line of which is whole."""
    return [json.loads(line) for line in output.splitlines()]


def printed(server: RunningServer, *flags: str, name: str = "Ann") -> list[dict[str, Any]]:
    """Run a tail that ends by itself and return what it prints."""
    result = run(server.port, name, "tail", "--json", *flags)
    assert (result.returncode, result.stderr) == (0, b"")
    return lines_of(result.stdout)


def texts(lines: list[dict[str, Any]]) -> list[str]:
    """Return what people said."""
    return [line["text"] for line in lines if line["kind"] == "text"]


async def test_the_last_ones_and_what_a_line_has(server: RunningServer) -> None:
    """Issue 6.5: fields as docs/scripts.md tells, in one order over all conversations."""
    async with native(server, "Ann"), native(server, "Bob") as bob:
        sent = await bob.say("one")
        await bob.say("zwei\n\x1b[31m", to="Ann")
        await bob.say("three")
    lines = await trio.to_thread.run_sync(printed, server)
    assert texts(lines) == ["one", "zwei\n\x1b[31m", "three"]
    first = lines[0]
    assert first.pop("time").startswith("20")
    assert first == {
        "cursor": first["cursor"], "conversation": {"id": 1, "kind": "general", "name": "general"},
        "id": sent.id, "seq": sent.seq, "kind": "text", "sender": "Bob", "text": "one",
    }  # fmt: skip
    assert lines[1]["conversation"]["kind"] == "direct"
    assert lines[1]["conversation"]["name"] == "Bob"
    assert texts(printed(server, "-n", "1")) == ["three"]
    assert texts(printed(server, "-n", "0")) == []
    assert texts(printed(server, "-t", "bob")) == ["zwei\n\x1b[31m"]
    for number in range(3):
        rest = texts(printed(server, "--since", lines[number]["cursor"]))
        assert rest == ["one", "zwei\n\x1b[31m", "three"][number + 1 :]
    human = run(server.port, "Ann", "tail", "-n", "2").stdout.decode().splitlines()
    assert [line.split(" ", 2)[2] for line in human] == ["Bob (private): zwei⏎␛[31m", "Bob: three"]
    unread = run(server.port, "Ann", "unread")
    assert unread.stdout == b"3\n", "it marks nothing"


async def test_nothing_is_cut_off_by_pages(sqlite_server: RunningServer) -> None:
    """Issue 6.5: more than a page of history holds, forward and backward."""
    server = sqlite_server
    async with native(server, "Ann"), native(server, "Bob") as bob:
        for number in range(450):
            await bob.say(str(number))
    assert texts(printed(server, "-n", "420")) == [str(n) for n in range(30, 450)]
    assert texts(printed(server, "--since", "1:10")) == [str(n) for n in range(10, 450)]


async def test_what_the_cursor_does_not_know(sqlite_server: RunningServer) -> None:
    """Issue 6.5: a new conversation comes from its beginning, a room from where one came in."""
    server = sqlite_server
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        made = await bob.ask(JoinRoom(name="dev"), Opened)
        await bob.ask(Send(text="before Ann", conversation=made.conversation.id), Sent)
        opened = await ann.ask(JoinRoom(name="dev"), Opened)
        await bob.say("private", to="Ann")
        await bob.say("to all")
        await ann.messages(1)
    lines = printed(server, "--since", "1:0")
    assert {line["conversation"]["name"] for line in lines} == {"general", "dev", "Bob"}
    room = [line for line in lines if line["conversation"]["id"] == opened.conversation.id]
    assert [(line["kind"], line["sender"]) for line in room] == [("join", "Ann")]


@contextmanager
def tail(server: RunningServer, output: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a tail that follows, and adds what it prints to a file."""
    with output.open("ab") as out, output.with_suffix(".errors").open("ab") as errors:
        process = subprocess.Popen(
            command(server.port, "Ann", "tail", "--json", "--follow", *flags),
            cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class Load:
    """Several people who write all the time, and what they wrote by conversation."""

    def __init__(self) -> None:
        self.written: dict[str, list[str]] = {}
        self._stop = False

    def stop(self) -> None:
        """Let all of them finish what they are at."""
        self._stop = True

    async def talk(self, client: NativeClient, where: str, to: str | None) -> None:
        """Write numbered messages until told to stop."""
        mine = self.written.setdefault(where, [])
        while not self._stop:
            text = f"{where} {len(mine)}"
            mine.append(text)
            await client.say(text, to=to)
            await trio.sleep(0.004)


def count_of(output: Path) -> int:
    """Return how many lines stand in a file."""
    return output.read_bytes().count(b"\n")


async def grown(output: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until so many lines more stand in a file."""
    begin = count_of(output)
    with trio.fail_after(PATIENCE):
        while count_of(output) < begin + count:
            assert process.poll() is None, output.with_suffix(".errors").read_text()
            await trio.sleep(0.005)


@pytest.mark.parametrize("keeps", ["the last line", "a cursor file"])
async def test_killed_at_any_moment(
    sqlite_server: RunningServer, tmp_path: Path, keeps: str
) -> None:
    """Issue 6.5: killed ten times under load and begun again; nothing lost, nothing twice.

    From the cursor of its last whole line that is exact. A cursor file is written behind the
    line, so a kill between the two brings that one line again.
    """
    server, output, file = sqlite_server, tmp_path / "out", tmp_path / "cursor"
    chance, load = random.Random(SEED), Load()
    output.touch()
    run(server.port, "Ann")
    run(server.port, "Bob", typed="first\n")
    flags = ["--since", "1:0"]
    people = [("general", "Bob", None), ("Bob", "Bob", "Ann"), ("Cid", "Cid", "Ann")]
    async with native(server, "Bob"), trio.open_nursery() as nursery:
        for number in range(KILLS):
            if number in {0, 2, 5}:  # two of the conversations begin while nobody looks
                where, name, to = people.pop(0)
                client = await nursery.start(_connected, server, name)
                nursery.start_soon(load.talk, client, where, to)
            begin = [*flags, "--cursor-file", str(file)] if "file" in keeps else flags
            with tail(server, output, *begin) as process:
                await grown(output, chance.randrange(1, 120), process)
                await trio.sleep(chance.random() / 50)
            whole = output.read_bytes().rpartition(b"\n")[0] + b"\n"
            output.write_bytes(whole)  # what is torn is none
            if "file" not in keeps:
                flags = ["--since", lines_of(whole)[-1]["cursor"]]
        load.stop()
        await _silence(server)
        nursery.cancel_scope.cancel()
    begin = [*flags, "--cursor-file", str(file)] if "file" in keeps else flags
    lines = lines_of(output.read_bytes()) + printed(server, *begin)
    assert output.with_suffix(".errors").read_text() == ""
    repeats = _check(lines, load)
    assert repeats <= (KILLS if "file" in keeps else 0)


async def _connected(
    server: RunningServer, name: str, task_status: trio.TaskStatus[NativeClient]
) -> None:
    async with native(server, name) as client:
        task_status.started(client)
        await trio.sleep_forever()


async def _silence(server: RunningServer) -> None:
    """Wait until nothing more is on its way."""
    async with native(server, "Last") as last:
        await trio.sleep(0.05)  # those who write see that they are to stop
        await last.say("end")


def _check(lines: list[dict[str, Any]], load: Load) -> int:
    """Hold lines against what was written; return how many came twice, one behind the other."""
    at: dict[int, dict[str, Any]] = {}
    found: dict[str, list[str]] = {}
    repeats = 0
    for line in lines:
        place = line["conversation"]["id"]
        before = at.get(place)
        if before is not None and before["seq"] == line["seq"]:
            assert before | {"cursor": ""} == line | {"cursor": ""}
            repeats += 1
            continue
        assert line["seq"] == (before["seq"] + 1 if before else 1), (before, line)
        at[place] = line
        if line["kind"] == "text":
            found.setdefault(line["conversation"]["name"], []).append(line["text"])
    assert found.pop("general")[1:-1] == load.written.pop("general")
    for where, written in load.written.items():
        assert found[where][: len(written)] == written
    return repeats


async def test_follows_over_a_restart_of_the_server(
    sqlite_server: RunningServer, tmp_path: Path
) -> None:
    """Issue 6.5: what is written while the connection is away comes in its place."""
    server, output = sqlite_server, tmp_path / "out"
    output.touch()
    run(server.port, "Bob", typed="one\n")
    with tail(server, output, "--since", "1:0") as process:
        await grown(output, 1, process)
        server.kill()
        server.start(port=server.port)
        async with telnet(server, "Bob") as bob:
            await bob.type("two")
            await bob.type("three")
            await grown(output, 2, process)
        process.send_signal(signal.SIGTERM)
        assert await trio.to_thread.run_sync(process.wait) == 128 + signal.SIGTERM
    assert texts(lines_of(output.read_bytes())) == ["one", "two", "three"]


def test_who_has_had_enough(sqlite_server: RunningServer) -> None:
    """Issue 6.5: `| head -1` ends it without a word."""
    run(sqlite_server.port, "Bob", typed="x\n" * 300)
    tail = command(sqlite_server.port, "Bob", "tail", "--json", "--since", "1:0", "--follow")
    with (
        subprocess.Popen(
            tail, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        process.stdout.close()
        run(sqlite_server.port, "Bob", typed="y\n" * 2)
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_what_cannot_be_begun(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.5: a sentence, and a code that is not that of an answer."""
    port, file = sqlite_server.port, tmp_path / "cursor"
    result = run(port, "Ann", "tail", "-r", "nowhere")
    assert result.returncode == 4
    assert b"You are in no room called nowhere." in result.stderr
    file.write_text("not mine")
    result = run(port, "Ann", "tail", "--cursor-file", str(file))
    assert result.returncode == 4
    assert b"holds no cursor. Delete it" in result.stderr
    assert file.read_text() == "not mine"
    result = run(port, "Ann", "tail", "--cursor-file", str(tmp_path / "no" / "cursor"))
    assert result.returncode == 4
    assert b"cannot be written" in result.stderr
    assert run(port, "Ann", "tail", "--since", "x").returncode == 2


def test_the_cursor_file_begins_at_once(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.5: also where nothing was printed yet, so that the next run misses nothing."""
    port, file = sqlite_server.port, tmp_path / "cursor"
    run(port, "Ann", typed="before\n")
    keep = ("--cursor-file", str(file))
    assert texts(printed(sqlite_server, "-n", "0", *keep)) == []
    run(port, "Bob", typed="one\ntwo\n")
    assert texts(printed(sqlite_server, *keep)) == ["one", "two"]
    assert texts(printed(sqlite_server, *keep)) == []
    assert [path.name for path in tmp_path.glob("cursor*")] == ["cursor"]
