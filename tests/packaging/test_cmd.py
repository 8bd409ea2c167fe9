"""The package ``cmd`` stands in the way of the standard module of that name, and nobody notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging import ROOT


def python(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout, where ``import cmd`` finds ours."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, input=typed, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_cmd_is_ours_and_has_all_that_the_standard_one_has() -> None:
    done = python(
        "-c", "import cmd, sys; print(cmd.__path__[0]); print(cmd.Cmd.__doc__, cmd.PROMPT)"
    )
    assert done.returncode == 0, done.stderr
    folder, *rest = done.stdout.splitlines()
    assert Path(folder) == ROOT / "cmd"
    assert "(Cmd)" in "".join(rest)


@pytest.mark.parametrize("module", ["pdb", "cmd.server", "cmd.cli", "doctest", "code"])
def test_import(module: str) -> None:
    done = python("-W", "error", "-c", f"import {module}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["cmd.server", "cmd.cli"])
def test_a_python_without_the_libraries_is_told(module: str) -> None:
    done = python("-S", "-m", module, "--name", "Bob")
    assert done.returncode == 1
    assert done.stderr.startswith("This Python has no ")
    assert done.stderr.endswith(f".venv/bin/python -m {module}\n")


def test_debugging_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("answer = 6 * 7\nprint('done')\n")
    done = python("-m", "pdb", str(script), typed="next\np answer\nquit\n")
    assert done.returncode == 0, done.stderr
    assert "(Pdb) 42" in done.stdout


def test_debugging_a_failed_test(tmp_path: Path) -> None:
    test = tmp_path / "test_failing.py"
    test.write_text("def test_it():\n    answer = 6 * 7\n    assert answer == 43\n")
    done = python(
        "-m", "pytest", "--pdb", "-c", "/dev/null", "--rootdir", str(tmp_path), str(test),
        "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly",
        typed="p answer\nquit\n",
    )  # fmt: skip
    assert done.returncode != 0
    assert "(Pdb) 42" in done.stdout, done.stdout + done.stderr


def test_doctest(tmp_path: Path) -> None:
    module = tmp_path / "counted.py"
    module.write_text('"""\n>>> 6 * 7\n43\n"""\n')
    done = python("-m", "doctest", str(module))
    assert done.returncode == 1, done.stderr
    assert "Expected:\n    43\nGot:\n    42" in done.stdout


def test_type_checking(tmp_path: Path) -> None:
    program = "import cmd, pdb\nreveal_type(pdb.post_mortem)\nreveal_type(6 * 7)\n"
    done = python(
        "-m", "mypy", "--config-file", "/dev/null", "--cache-dir", str(tmp_path), "-c", program
    )
    assert done.returncode == 0, done.stdout
    assert 'Revealed type is "int"' in done.stdout.replace("builtins.", "")
