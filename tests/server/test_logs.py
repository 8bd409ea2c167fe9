"""The log: every action, and never a text or a password (S004-36)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trio

from protocol.events import Error, HistoryPage, Part, Sent, StatusReport
from protocol.limits import LOGIN_HEADER
from protocol.requests import Chunk, Fetch, Hello, History, Login, Send, Status
from tests.harness import ROOT, NativeClient, RunningServer, native, running_server, telnet

SECRET = "geheim-"
"""Begins everything that nobody but its reader may see."""


async def _talk(server: RunningServer) -> None:
    """Say secret things in every way there is, right ones and wrong ones."""
    async with native(server, "Ann") as ann, native(server, "Bob") as bob:
        await ann.say(f"{SECRET}general")
        await ann.say(f"{SECRET}private", to="Bob")
        await _say_long(ann)
        await ann.ask(Send(text=f"{SECRET}to-nobody", to="Nobody"), Error)
        await ann.ask(Send(text=f"{SECRET}nowhere", conversation=99), Error)
        await ann.ask(Send(text=SECRET * 20_000), Error)
        await ann.ask(Login(name="Eve"), Error)
        await ann.ask(History(limit=50), HistoryPage)
        await _say_wrong_frames(server)
        async with telnet(server, "Tess") as tess:
            await tess.type(f"{SECRET}telnet")
            await tess.type(f"/send-to Bob {SECRET}telnet-private")
            await tess.type(f"/{SECRET}command with words")
            await tess.until("! There is no command")
            await tess.type(f"/send-to {SECRET}nobody hello")
            await tess.until("! Nobody called")
            await tess.type_bytes(SECRET.encode() + b"caf\xe9 au lait\r\n")
            await tess.until("! That line was not valid UTF-8")
            await tess.type(SECRET + "x" * 100_000)
            await tess.type("/quit")
            await tess.rest()
        assert SECRET in (await bob.messages(1))[0].text
        await bob.ask(Status(), StatusReport)


async def _say_long(client: NativeClient) -> None:
    data = f"{SECRET}long ".encode() * 20_000
    await client.send(Chunk(stream=1, size=len(data)), data)
    sent = await client.ask(Send(stream=1), Sent)
    await client.ask(Fetch(id=sent.id), Part)


async def _say_wrong_frames(server: RunningServer) -> None:
    async with native(server) as eve:
        await eve.send(Hello(protocol=1, client=f"{SECRET}no, this one may be seen"[len(SECRET) :]))
        await eve.ask(Login(name=f"{SECRET}/not a name"), Error)
        for line in (
            f'{{"type":"send","text":["{SECRET}"]}}',
            f'{{"type":"{SECRET}"}}',
            f'{{"type":"send","text":"{SECRET}\\ud800"}}',
            f'{{"type":"send","{SECRET}":"{SECRET}',
            SECRET * (LOGIN_HEADER // len(SECRET) + 2),
        ):
            await eve.stream.send_all(line.encode() + b"\n")
            await eve.expect(Error)
        await eve.stream.send_all(f'{{"type":"chunk","stream":"{SECRET}"}}\n{SECRET}'.encode())
        while await eve.next() is not None:
            pass


def _entries(server: RunningServer) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]
    assert all(isinstance(entry, dict) for entry in entries)
    return entries


async def test_a_whole_session_is_logged_without_a_word_of_it(tmp_path: Path) -> None:
    """S004-36: general, private, long, refused, over telnet; at the most talkative level."""
    flags = ("--log-format", "json", "--log-level", "debug")
    with running_server(tmp_path, *flags) as server:
        await _talk(server)
        assert await trio.to_thread.run_sync(server.stop) == 0
        assert SECRET not in server.log.read_text("utf-8")
        entries = _entries(server)
    for entry in entries:
        assert {"event", "level", "timestamp"} <= entry.keys()
        when = datetime.fromisoformat(str(entry["timestamp"]))
        assert when.utcoffset() == timedelta(0)
    assert {entry["level"] for entry in entries} <= {"debug", "info"}
    events = [entry["event"] for entry in entries]
    assert events[-1] == "server.stopped"
    assert events.count("connection.opened") == events.count("connection.closed") == 4
    for action in (
        "server.started",
        "server.signal",
        "server.stopping",
        "user.logged_in",
        "conversation.opened",
        "messages.stored",
        "frame.refused",
    ):
        assert action in events
    logins = [entry["user"] for entry in entries if entry["event"] == "user.logged_in"]
    assert logins == ["Ann", "Bob", "Tess"]


async def test_the_log_for_people_has_no_text_either(tmp_path: Path) -> None:
    """One line an entry, no colours in a file."""
    flags = ("--log-format", "human", "--log-level", "debug")
    with running_server(tmp_path, *flags) as server:
        await _talk(server)
        assert await trio.to_thread.run_sync(server.stop) == 0
        log = server.log.read_text("utf-8")
    assert SECRET not in log
    assert "\x1b" not in log
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+ \[\w+ *\] \w", line) for line in log.splitlines())


@pytest.mark.parametrize(
    ("level", "expected"),
    [("error", set()), ("warning", set()), ("info", {"info"}), ("debug", {"info", "debug"})],
)
async def test_the_level_decides_what_is_logged(
    level: str, expected: set[str], tmp_path: Path
) -> None:
    """In an ordinary session nothing is worth a warning."""
    with running_server(tmp_path, "--log-level", level) as server:
        async with native(server, "Ann") as ann:
            await ann.say("hello")
        assert await trio.to_thread.run_sync(server.stop) == 0
        assert {entry["level"] for entry in _entries(server)} == expected


ATTACK = "x\x1b[2J\x1b]0;owned\x07\r\n2026 [info] forged\x9b31m\u202etxt\u2028end"


@pytest.mark.parametrize("log_format", ["json", "human"])
async def test_a_stranger_cannot_write_to_the_terminal_of_whoever_reads_the_log(
    log_format: str, tmp_path: Path
) -> None:
    """Whatever of what a client says stands in the log is shown harmlessly, on its line."""
    flags = ("--log-format", log_format, "--log-level", "debug")
    with running_server(tmp_path, *flags) as server:
        async with native(server) as eve:
            await eve.send(Hello(protocol=1, client=ATTACK))
            await eve.ask(Login(name=ATTACK), Error)
    _assert_harmless(server.log.read_text("utf-8"))


def _assert_harmless(log: str) -> None:
    assert "forged" in log, "the attack is not in the log at all"
    for line in log.split("\n"):
        dangerous = [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}]
        assert dangerous == []
        assert not line.startswith("2026 [info] forged")


_SCRIPT = """
import structlog, sys
from server.logs import configure_logs
configure_logs(sys.argv[1], "debug")
log = structlog.get_logger()
attack = sys.argv[2]
log.info("a.string", user=attack)
log.info("a.list", users=[attack, attack])
"""

_FAILURE = """
try:
    raise ValueError(attack)
except ValueError:
    log.exception("an.exception")
"""


def _log_of(script: str, log_format: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, log_format, ATTACK],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return done.stderr.decode()


@pytest.mark.parametrize("log_format", ["json", "human", "auto"])
def test_strings_and_lists_are_harmless(log_format: str) -> None:
    """All that is ever given to a log call."""
    log = _log_of(_SCRIPT, log_format)
    assert log.count("\n") == 2
    _assert_harmless(log)


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_exceptions_are_harmless(log_format: str) -> None:
    """Their sentences may quote what a stranger sent."""
    _assert_harmless(_log_of(_SCRIPT + _FAILURE, log_format).replace("\t", " "))


def test_without_a_terminal_the_log_is_json() -> None:
    """``auto``: for people where a person looks, else for programs."""
    for line in _log_of(_SCRIPT + _FAILURE, "auto").split("\n")[:-1]:
        assert json.loads(line)["event"] in {"a.string", "a.list", "an.exception"}
