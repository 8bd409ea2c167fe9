"""A bare ``make`` says what there is, and every target does what its line says."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.packaging import ROOT, read

TARGETS = [
    "install", "run", "test", "lint", "format", "audit", "loadtest", "bench", "chaos", "lock",
    "locale", "docs",
]  # fmt: skip


def make(*arguments: str) -> str:
    # What an outer make has put into the environment would change what this one prints.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("M")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_bare_make_lists_every_target_with_a_description() -> None:
    listed = dict(re.findall(r"^  make (\w+) +(\S.*)$", make(), re.MULTILINE))
    assert list(listed) == ["help", *TARGETS]
    assert all(len(line) < 80 for line in make().splitlines())


def test_every_target_of_the_file_is_listed() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert targets == {"help", *TARGETS}


@pytest.mark.parametrize(
    ("target", "command"),
    [("run", "-m cmd.server --port 9"), ("loadtest", "-m loadtest --port 9"), ("test", "--port 9")],
)
def test_flags_are_handed_on(target: str, command: str) -> None:
    assert command in make("--dry-run", target, "ARGS=--port 9")


@pytest.mark.parametrize("script", [".ci/run", "tools/venv.sh", "tools/programs.sh"])
def test_scripts_are_written_correctly(script: str) -> None:
    shell = read(script).splitlines()[0].rpartition("/")[2].split()[-1]
    subprocess.run([shell, "-n", script], cwd=ROOT, check=True)


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_programs_that_are_there_are_not_installed() -> None:
    command = ["sh", "tools/programs.sh", "sh", "make"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
