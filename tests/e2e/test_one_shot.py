"""`--contacts`, `--chat`, `--send`, `--add`: one thing, and the end (S000-8, S000-9)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.cli.programs import command, environment, run
from tests.e2e.test_contacts import HYPHENS
from tests.harness import PATIENCE, ROOT, RunningServer

_LINE = re.compile(r"\d\d:\d\d \d\d\.\d\d\.\d\d (.*)")


def shown(port: int, name: str, *flags: str, typed: str = "") -> list[str]:
    """Run a one-shot that succeeds and says nothing beside its output; return that."""
    result = run(port, name, *flags, typed=typed)
    assert (result.returncode, result.stderr.decode()) == (0, "")
    return result.stdout.decode().splitlines()


def texts(lines: list[str]) -> list[str]:
    """Return messages without their times, each of which is there, and other lines as they are."""
    matches = [_LINE.fullmatch(line) for line in lines]
    return [match[1] if match else line for line, match in zip(lines, matches, strict=True)]


def said(port: int, name: str, *flags: str, typed: str = "") -> tuple[int, str, str]:
    """Run a one-shot; return its exit code, output and what else it said."""
    result = run(port, name, *flags, typed=typed)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def test_as_the_document_shows_it(server: RunningServer) -> None:
    """S000-8, S000-9, S000-10, S000-14, S000-16: the list, the conversation, and it is read."""
    port = server.port
    for name in ("Пупа", "Лупа", "Петя", "Ann"):
        assert run(port, name).returncode == 0
    for name in ("Петя", "Лупа", "Пупа"):
        assert said(port, "Ann", "--add", name) == (
            0, "", f"mymessenger: {name} is one of your contacts now.\n",
        )  # fmt: skip
    assert shown(port, "Лупа", "--chat", "Ann", "--send", "сколько?") == []
    assert shown(port, "Пупа", "--chat", "Ann", "--send", "Спокойной ночи") == []
    assert texts(shown(port, "Ann", "--chat", "1")) == [HYPHENS, "Пупа: Спокойной ночи"]
    assert shown(port, "Ann", "--chat", "1", "--send", "И тебе") == []
    for text in ("Привет", "Как дела", "?"):
        assert shown(port, "Пупа", "--chat", "Ann", "--send", text) == []
    assert shown(port, "Ann", "--contacts") == ["1. Пупа [3]", "2. Лупа [1]", "3. Петя [0]"]
    assert texts(shown(port, "Ann", "--chat", "1")) == [
        "Пупа: Спокойной ночи",
        "Me: И тебе",
        HYPHENS,
        "Пупа: Привет",
        "Пупа: Как дела",
        "Пупа: ?",
    ]
    assert shown(port, "Ann", "--contacts") == ["1. Пупа [0]", "2. Лупа [1]", "3. Петя [0]"]
    assert HYPHENS not in shown(port, "Ann", "--chat", "Пупа")
    assert shown(port, "Ann", "--chat", "3") == []


def test_sending_reads_nothing(server: RunningServer) -> None:
    """S000-9, S000-14: what was not printed stays unread."""
    port = server.port
    run(port, "Ann")
    run(port, "Bob", typed="send-to Ann one\n")
    assert shown(port, "Ann", "--chat", "1", "--send", "two") == []
    assert shown(port, "Ann", "--contacts") == ["1. Bob [1]"]
    assert texts(shown(port, "Ann", "--chat", "bob")) == [HYPHENS, "Bob: one", "Me: two"]


def test_a_text_from_standard_input(server: RunningServer) -> None:
    """S000-16, S001-10: of any size, as one message."""
    port = server.port
    run(port, "Ann")
    run(port, "Bob")
    assert shown(port, "Bob", "--chat", "Ann", "--send", "-", typed="one\ntwo\n") == []
    assert shown(port, "Bob", "--chat", "Ann", "--send", typed="x" * 100_000) == []
    lines = texts(shown(port, "Ann", "--chat", "1"))
    assert lines[1] == "Bob: one⏎two"
    assert "(97.7 KiB, /text" in lines[2]
    assert shown(port, "Ann", "--contacts") == ["1. Bob [0]"]


def test_what_cannot_be_done(server: RunningServer) -> None:
    """S000-8, S000-15: a sentence on standard error, and the exit code."""
    port = server.port
    assert said(port, "Ann", "--contacts") == (
        0, "", "mymessenger: You have no contacts yet. /add NAME adds one.\n",
    )  # fmt: skip
    nobody = "mymessenger: Nobody called Nobody has been here. /status lists who is.\n"
    assert said(port, "Ann", "--add", "Nobody") == (1, "", nobody)
    assert said(port, "Ann", "--chat", "Nobody") == (1, "", nobody)
    assert said(port, "Ann", "--chat", "Nobody", "--send", "x") == (1, "", nobody)
    assert said(port, "Ann", "--chat", "7") == (
        1, "", "mymessenger: There is no contact with the number 7. /contacts lists them.\n",
    )  # fmt: skip
    assert said(port, "Ann", "--chat", "5", "--send", "hi") == (
        1, "", "mymessenger: There is no contact with the number 5. /contacts lists them.\n",
    )  # fmt: skip
    run(port, "Bob")
    code, output, error = said(port, "Ann", "--chat", "Bob", "--send", " ")
    assert (code, output) == (1, "")
    assert error == "mymessenger: There is no text in this message.\n"
    code, output, error = said(port, "Ann", "--chat", "Bob", "--send", "-")
    assert (code, output) == (1, "")
    assert error == "mymessenger: Standard input is empty: there is nothing to send.\n"


def test_wrong_usage() -> None:
    """S000-8: no text without a contact, and one thing at a time; nobody is asked."""
    for flags in (["--send", "x"], ["--contacts", "--chat", "1"], ["--chat", ""]):
        result = run(1, "Ann", *flags)
        assert result.returncode == 2, flags
        assert b"usage:" in result.stderr
    result = run(1, "Ann", "--contacts")
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"mymessenger: Cannot connect to 127.0.0.1 port 1")


def test_the_saved_session_is_used(server: RunningServer, tmp_path: Path) -> None:
    """S000-8, S000-9: after one login with a password none is typed."""
    saved = {"MYMESSENGER_SESSIONS": str(tmp_path / "sessions.json")}
    assert _run(server.port, "Ann", typed="/register open sesame now\n", **saved) == ""
    assert _run(server.port, "Ann", MYMESSENGER_PASSWORD="open sesame now", **saved) == ""
    run(server.port, "Bob", typed="send-to Ann hello\n")
    assert _run(server.port, None, "--contacts", **saved) == "1. Bob [1]\n"
    assert _run(server.port, None, "--chat", "1", **saved).endswith(" Bob: hello\n")
    refused = run(server.port, "Ann", "--contacts")
    assert (refused.returncode, refused.stdout) == (1, b"")


def _run(port: int, name: str | None, *flags: str, typed: str = "", **changes: str) -> str:
    result = subprocess.run(
        command(port, name, *flags),
        cwd=ROOT,
        env=environment(**changes),
        input=typed.encode(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.decode() if flags else ""
