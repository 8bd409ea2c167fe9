"""From the command line to the exit code, with a server of its own and without."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from loadtest import main as program
from loadtest import processes
from loadtest.progress import Progress
from tests.loadtest.fake_server import FakeServer, Faults

FAKE = (sys.executable, "-m", "tests.loadtest.fake_server")
FEW = ["--clients=4", "--senders=2", "--rate=100", "--duration=0.2", "--warmup=0.1"]


def test_a_server_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([*FEW, "--json"], FAKE) == 0
    output = capsys.readouterr()
    report = json.loads(output.out)
    assert report["passed"]
    assert report["server_exit_code"] == 0
    assert report["server"]["memory_bytes"] > 0
    assert output.err == ""  # no progress between the JSON and whoever reads it


def test_the_report_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(FEW, FAKE) == 0
    text = capsys.readouterr().out
    for words in ("4 clients, 2 senders", "connect and login", "p50", "p99", "max", "lost 0"):
        assert words in text
    assert re.search(r"other processes +\d+ % of a core", text)
    assert re.search(r"server +\d+ % of a core", text)


def test_over_tls(capsys: pytest.CaptureFixture[str]) -> None:
    """Against our own server, which also tells that it was really TLS: see the next test."""
    assert program.main([*FEW, "--tls", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["passed"], result["tls"]) == (True, True)
    assert result["checks"]["lost"] == 0


def test_over_tls_to_a_server_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is sent as plain text instead."""
    assert program.main([*FEW, "--tls"], FAKE) == 2
    assert "could not log in" in capsys.readouterr().err


def test_a_server_that_ends_badly_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(FEW, (*FAKE, "--exit-code", "3")) == 1
    assert "exit code 3" in capsys.readouterr().out


def test_a_server_that_does_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(FEW, (*FAKE, "--do-not-start")) == 2
    line = capsys.readouterr().err
    assert line == "loadtest: the server ended with 1: the disk is full\n"


def test_nobody_at_the_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert program.main([*FEW, "--port", str(port)]) == 2
    assert f"no server at 127.0.0.1 port {port}" in capsys.readouterr().err


def test_a_refused_login(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeServer(Faults(refuse_logins=True)) as server:
        assert program.main([*FEW, "--port", str(server.port)]) == 2
    assert "bad_name: This name is not nice." in capsys.readouterr().err


def test_a_failed_run_shows_who_missed_what(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeServer(Faults(lose={(1, 3), (1, 4)})) as server:
        assert program.main([*FEW, "--drain", "1", "--port", str(server.port)]) == 1
    text = capsys.readouterr().out
    assert "FAILED" in text
    assert "lost 2," in text
    assert re.search(r"load[0-9a-f]{6}-0001: never got 3 to 4", text)


def test_too_many_clients_for_the_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (64, 64))
    assert program.main(["--clients", "1000", "--port", "1"]) == 2
    assert "open files" in capsys.readouterr().err


def test_the_soft_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (64, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: raised.append(limits))
    with FakeServer() as server:
        assert program.main([*FEW, "--port", str(server.port)]) == 0
    assert raised == [(104, 4096)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals) -> None:
    """Ctrl+C ends it at once, without a traceback."""
    with FakeServer() as server:
        command = [sys.executable, "-m", "loadtest", "--port", str(server.port), "--clients", "4"]
        process = subprocess.Popen([*command, "--senders", "1"], stderr=subprocess.PIPE)
        while server.logged_in < 4:
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == b"loadtest: interrupted\n"


def test_the_cost_of_a_process_and_its_children() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with child:
        own = processes.usage(os.getpid())
        childs = processes.usage(child.pid)
        assert own is not None
        assert childs is not None
        assert own.memory >= childs.memory > 0
        child.communicate(b"\n")
    assert processes.usage(child.pid) is None


def test_the_process_behind_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert processes.listener(port) == os.getpid()
    assert processes.listener(port) is None


class Terminal:
    """Remembers what is written to it."""

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> int:
        """Take a text."""
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Do nothing."""

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


def test_progress_is_one_line_on_a_terminal() -> None:
    terminal = Terminal()
    progress = Progress(terminal, quiet=True)
    assert progress.due(0)
    progress.show(0, "a long line")
    assert not progress.due(1)
    progress.show(10**9, "short")
    progress.clear()
    assert "\n" not in terminal.written
    assert terminal.written.split("\r")[1:] == ["a long line", "short      ", " " * 5, ""]
