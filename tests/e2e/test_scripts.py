"""`mymessenger send` and `unread`: chat as Unix commands (issue 6.5)."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from protocol.events import Message, Opened
from protocol.requests import Delivered
from protocol.vocabulary.reading import MarkRead
from protocol.vocabulary.rooms import JoinRoom
from tests.cli.programs import command, environment, run
from tests.harness import PATIENCE, ROOT, NativeClient, RunningServer, native, running_server


def said(port: int, name: str, *flags: str, typed: str | bytes = b"") -> tuple[int, str, str]:
    """Run a command; return its exit code, output and what else it said."""
    result = run(port, name, *flags, typed=typed)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


@contextmanager
def sending(server: RunningServer, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let Ann send something and wait for what becomes of it."""
    with subprocess.Popen(
        command(server.port, "Ann", "send", *flags), cwd=ROOT, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a program."""
    return await trio.to_thread.run_sync(process.wait, PATIENCE)


async def told(client: NativeClient, text: str) -> Message:
    """Return the next message, which has this text."""
    message = await client.expect(Message)
    assert message.text == text
    return message


async def test_where_it_goes(server: RunningServer) -> None:
    """Issue 6.5: to everyone, into a room, to one; words or standard input, of any size."""
    port = server.port
    async with native(server, "Bob") as bob, native(server, "Ann") as ann:
        room = (await ann.ask(JoinRoom(name="dev"), Opened)).conversation.id
        await bob.ask(JoinRoom(name="dev"), Opened)
        send = trio.to_thread.run_sync
        for flags, typed, text, place in (
            (["all", "of", "you"], b"", "all of you", 1),
            (["-r", "DEV"], b"make: *** [all]\nError 2\n", "make: *** [all]\nError 2", room),
            (["--to", "bob", "-"], "тебе".encode(), "тебе", None),
            (["--to", "bob"], b"x" * 100_000 + b"\n", "x" * 1024, None),
        ):
            done = await send(partial(said, port, "Ann", "send", *flags, typed=typed))
            assert done == (0, "", "")
            message = await bob.expect(Message)
            while message.kind == "join":
                message = await bob.expect(Message)
            assert message.text[:1024] == text
            assert place in {None, message.conversation}
        assert message.size == 100_001


def test_what_is_not_sent(sqlite_server: RunningServer) -> None:
    """Issue 6.5: the exit code tells it from what is stored."""
    port = sqlite_server.port
    run(port, "Bob")
    for flags, typed, sentence in (
        (["-r", "dev", "x"], b"", "You are in no room called dev. /chats dev joins it."),
        (["-t", "Nobody", "x"], b"", "Nobody called Nobody has been here. /status lists who is."),
        ([], b"", "Standard input is empty: there is nothing to send."),
        ([" "], b"", "There is no text in this message."),
        ([], b"\xff", "Standard input is not UTF-8: the byte at 0 is wrong (invalid start byte)."),
    ):
        assert said(port, "Ann", "send", *flags, typed=typed) == (
            4, "", f"mymessenger: {sentence}\n",
        )  # fmt: skip
    code, _, error = said(1, "Ann", "send", "x")
    assert (code, "Cannot connect" in error) == (4, True)
    assert said(port, "Ann", "send", "x", "--wait", "seen:Bob")[0] == 2
    assert said(port, "Ann", "send", "x", "--timeout", "soon")[0] == 2
    assert said(port, "Ann", "--contacts", "send", "x")[0] == 2


async def test_waits_until_it_is_read(server: RunningServer) -> None:
    """Issue 6.5: delivered is not read; the end comes with the marker, not with a question."""
    async with native(server, "Bob") as bob:
        with sending(server, "hello", "--wait", "read:bob", "--timeout", "2m") as process:
            message = await told(bob, "hello")
            await bob.send(Delivered(conversation=1, seq=message.seq))
            with sending(server, "second", "--wait", "delivered:Bob") as other:
                second = await told(bob, "second")
                await bob.send(Delivered(conversation=1, seq=second.seq))
                assert await ended(other) == 0
            assert process.poll() is None
            await bob.send(MarkRead(conversation=1, seq=message.seq))
            assert await ended(process) == 0
        # what has been had already is not waited for
        for what in ("delivered:Bob", "read:Bob"):
            with sending(server, what, "--wait", what) as process:
                last = await told(bob, what)
                await bob.send(MarkRead(conversation=1, seq=last.seq))
                assert await ended(process) == 0


async def test_time_runs_out(sqlite_server: RunningServer) -> None:
    """Issue 6.5: 1 is stored and not read; it is there all the same."""
    server = sqlite_server
    async with native(server, "Bob") as bob:
        with sending(server, "hello", "--wait", "read:Bob", "--timeout", "1.5") as process:
            message = await told(bob, "hello")
            await bob.send(Delivered(conversation=1, seq=message.seq))
            assert await ended(process) == 1
            assert process.stderr is not None
            assert process.stderr.read().decode() == (
                f"mymessenger: Message {message.id} is stored, but Bob has not read it.\n"
            )
        with sending(server, "hello", "--wait", "read:Cid") as process:
            await told(bob, "hello")
            assert await ended(process) == 1
            assert process.stderr is not None
            assert b"Nobody called Cid has been here" in process.stderr.read()


async def test_waits_over_a_restart(tmp_path: Path) -> None:
    """Issue 6.5: who waits asks the server anew that is back."""
    with running_server(tmp_path) as server:
        port = server.port
        async with native(server, "Bob") as bob:
            with sending(server, "hello", "--wait", "read:Bob", "--timeout", "2m") as process:
                message = await told(bob, "hello")
                server.kill()
                server.start(port=port)
                async with native(server, "Bob", resume={1: message.seq - 1}) as again:
                    await told(again, "hello")
                    await again.send(MarkRead(conversation=1, seq=message.seq))
                    assert await ended(process) == 0


def test_a_pipeline_is_not_ended_by_a_server_that_is_away(sqlite_server: RunningServer) -> None:
    """Issue 6.5: what writes into the pipe is read to its end first, and gets no SIGPIPE."""
    writes = "head -c 300000 /dev/zero | tr '\\0' 'x' && echo done >&2"
    client = " ".join(command(1, "Ann", "send"))
    result = subprocess.run(
        ["sh", "-c", f"{{ {writes}; }} | {client}"],
        cwd=ROOT, env=environment(), capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert result.returncode == 4
    assert b"done\n" in result.stderr


def test_unread(server: RunningServer) -> None:
    """Issue 6.5: a number and an exit code, for prompts and status bars; it reads nothing."""
    port = server.port
    run(port, "Ann")
    assert said(port, "Ann", "unread") == (1, "0\n", "")
    assert said(port, "Ann", "unread", "--per") == (1, "", "")
    assert said(port, "Ann", "unread", "--json") == (1, '{"unread":0}\n', "")
    run(port, "Bob", typed="one\nsend-to Ann two\nsend-to Ann three\n")
    for _ in range(2):
        assert said(port, "Ann", "unread") == (0, "3\n", "")
    code, output, _ = said(port, "Ann", "unread", "--per")
    assert (code, output) == (0, "general - 1\nBob - 2\n")
    code, output, _ = said(port, "Ann", "unread", "--per", "--json")
    found = json.loads(output)
    assert found["unread"] == 3
    assert [(one["kind"], one["name"], one["unread"]) for one in found["conversations"]] == [
        ("general", "general", 1), ("direct", "Bob", 2),
    ]  # fmt: skip
    assert said(port, "Ann", "--chat", "Bob")[0] == 0
    assert said(port, "Ann", "unread") == (0, "1\n", "")
    assert said(1, "Ann", "unread")[:2] == (4, "")


def test_a_status_bar_never_hangs(sqlite_server: RunningServer) -> None:
    """Issue 6.5: a server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert said(port, "Ann", "unread", "--timeout", "0.3") == (
            4, "", "mymessenger: The server does not answer.\n",
        )  # fmt: skip


def test_the_saved_session(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Issue 6.5: who has logged in with a password once types none; who has not is told."""
    port = sqlite_server.port
    saved = {"MYMESSENGER_SESSIONS": str(tmp_path / "sessions.json")}
    run(port, "Ann", typed="/register open sesame now\n", **saved)
    run(port, "Ann", MYMESSENGER_PASSWORD="open sesame now", **saved)
    for flags in (["send", "hello"], ["tail"]):
        result = run(port, None, *flags, **saved)
        assert (result.returncode, result.stderr) == (0, b"")
    assert re.fullmatch(rb".* Ann: hello\n", result.stdout)
    refused = run(port, "Ann", "unread")
    assert (refused.returncode, refused.stdout) == (4, b"")
    nameless = run(port, None, "unread")
    assert (nameless.returncode, nameless.stdout) == (2, b"")
    assert b"Give your name with --name" in nameless.stderr


def test_what_a_status_bar_does_not_load() -> None:
    """Issue 6.5: it is asked every few seconds, so it may load no line editor and no screen."""
    script = "import sys, cli.main, cli.unread; print(*sys.modules)"
    loaded = subprocess.run(
        [*command(1, None)[:1], "-c", script], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode().split()  # fmt: skip
    assert "cli.client" in loaded
    assert not {"prompt_toolkit", "textual", "asyncio", "sqlalchemy"} & set(loaded)
