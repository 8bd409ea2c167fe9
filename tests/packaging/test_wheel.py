"""The wheel, installed as a user would: a clean environment with only what the lock names."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.packaging import ROOT, bare_environment, project
from tools.healthcheck import greeting

PATIENCE = 20.0


def top_packages() -> set[str]:
    """Return the folders that the wheel is made of."""
    return {name.partition(".")[0] for name in project()["tool"]["setuptools"]["packages"]}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the checkout: what lies about in it from earlier builds gets into no wheel."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*top_packages(), "cmd", "tests", "tools", "docs/man"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it."""
    target = tmp_path_factory.mktemp("dist")
    command = [
        str(Path(sys.executable).parent / "pyproject-build"),
        "--wheel", "--no-isolation", "--outdir", str(target), str(source),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = target.iterdir()
    return path


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of a fresh environment."""
    folder = tmp_path_factory.mktemp("clean") / "an environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], cwd="/", check=True
    )
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]
    pip += ["--quiet", "--disable-pip-version-check"]
    requirements = str(ROOT / "requirements.txt")
    for what in (["--require-hashes", "-r", requirements], ["--no-deps", str(wheel)]):
        done = subprocess.run(  # compiling all of it would take most of the time
            [*pip, "install", "--no-compile", *what],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    subprocess.run([*pip, "check"], cwd="/", check=True)
    return folder / "bin"


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_file_of_the_packages(source: Path, wheel: Path) -> None:
    wanted = {
        str(path.relative_to(source))
        for name in top_packages()
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    assert wanted <= files(wheel)
    assert any(name.startswith("storage/migrations/versions/") for name in wanted)


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in files(wheel)}
    assert "cmd" not in tops  # installed, the standard library's would win and ours never run
    data, info = sorted(tops - top_packages())
    assert info.endswith(".dist-info")
    assert f"{info}/licenses/LICENSE" in files(wheel)
    pages = {name for name in files(wheel) if name.startswith(f"{data}/")}
    assert pages == {
        f"{data}/data/share/man/man1/{name}.1" for name in ("mymessenger", "mymessenger-server")
    }


def run(
    programs: Path, home: Path, program: str, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(programs / program), *arguments],
        cwd=home, env=bare_environment(home), input=typed,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def serving(programs: Path, home: Path) -> Iterator[int]:
    """Run the installed server on a port of its choice, and stop it in good order."""
    command = [str(programs / "mymessenger-server"), "--port", "0"]
    out = home / "out"
    with out.open("w") as written, (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=bare_environment(home), stdout=written, stderr=log
        )
    try:
        for _ in range(int(PATIENCE / 0.05)):
            found = re.search(r"listening on .*:(\d+)$", out.read_text(), re.MULTILINE)
            if found or process.poll() is not None:
                break
            time.sleep(0.05)
        assert found, (home / "log").read_text()
        yield int(found[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def first_message(port: int) -> dict[str, object]:
    """Log in and return the first message that comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b'{"type":"hello","protocol":1}\n{"type":"login","name":"Eve"}\n')
        with connection.makefile("rb") as lines:
            frames: Iterator[dict[str, object]] = map(json.loads, lines)
            return next(frame for frame in frames if frame["type"] == "message")


@pytest.mark.parametrize("program", ["mymessenger", "mymessenger-server"])
def test_programs_run_from_any_folder(programs: Path, tmp_path: Path, program: str) -> None:
    done = run(programs, tmp_path, program, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: {program} " in done.stdout
    done = run(programs, tmp_path, program, "--version")
    assert done.stdout.startswith("mymessenger "), done.stderr


def test_the_installed_program_speaks_russian(programs: Path, tmp_path: Path) -> None:
    """S000-9: the translations are in the wheel."""
    done = run(programs, tmp_path, "mymessenger", "--lang", "ru", "--help")
    assert done.stdout.startswith("запуск: mymessenger "), done.stderr


def test_a_message_from_pipe_to_database_and_back(programs: Path, tmp_path: Path) -> None:
    with serving(programs, tmp_path) as port:
        answer = greeting(port)
        assert isinstance(answer, dict)
        assert answer["type"] == "welcome"
        where = ("--host", "127.0.0.1", "--port", str(port))
        sent = run(programs, tmp_path, "mymessenger", "--name", "Bob", *where, typed="hello\n")
        assert sent.returncode == 0, sent.stderr
    assert (tmp_path / "db_chat.db").exists()
    with serving(programs, tmp_path) as port:
        message = first_message(port)
        assert (message["sender"], message["text"]) == ("Bob", "hello")


def test_installed_the_standard_cmd_is_left_alone(programs: Path, tmp_path: Path) -> None:
    done = run(programs, tmp_path, "python", "-c", "import cmd, server; print(cmd.__file__)")
    assert done.stdout.endswith("cmd.py\n"), done.stderr


def test_the_load_test_is_installed_too(programs: Path, tmp_path: Path) -> None:
    done = run(programs, tmp_path, "python", "-m", "loadtest", "--help")
    assert done.returncode == 0, done.stderr
