"""What teaches shells the flags: run by the shells themselves, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.completion import completion, subparsers
from cli.options import parser_of
from cli.subcommands import SHELLS
from protocol.language import english

ASKED = [
    (["mymessenger", "comp"], {"completion"}),
    (["mymessenger", ""], {"send", "tail", "unread", "completion"}),
    (["mymessenger", "--con"], {"--contacts"}),
    (["mymessenger", "completion", ""], {"bash", "zsh", "fish"}),
    (["mymessenger", "--name", "Bob", "tail", "--cur"], {"--cursor-file"}),
    (["mymessenger", "send", "--w"], {"--wait"}),
    (["mymessenger", "send", "--lang", "r"], {"ru"}),
    (["mymessenger", "send", "--contacts"], set()),
]
"""What stands on the line, and what its last word can become."""


def script(shell: str, folder: Path) -> Path:
    """Return the file of a shell's script."""
    path = folder / f"completion.{shell}"
    path.write_text(completion(parser_of(english(), {}), shell))
    return path


def asked(shell: str, code: str) -> set[str]:
    """Return the words that a shell prints."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    result = subprocess.run(
        [shell, *quiet, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    return {line.split("\t")[0] for line in result.stdout.splitlines() if line}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_it(shell: str, tmp_path: Path) -> None:
    assert asked(shell, f"{shell} -n '{script(shell, tmp_path)}'") == set()


@pytest.mark.parametrize(("words", "expected"), ASKED)
def test_bash_completes(words: list[str], expected: set[str], tmp_path: Path) -> None:
    line = " ".join(f"'{word}'" for word in words)
    code = (
        f"source '{script('bash', tmp_path)}'; COMP_WORDS=({line}); "
        f"COMP_CWORD={len(words) - 1}; _mymessenger; "
        'for one in "${COMPREPLY[@]}"; do echo "$one"; done; :'
    )
    found = asked("bash", code)
    flags = {word for word in found if word.startswith("-")}
    assert found - (flags if not words[-1].startswith("-") else set()) == expected


@pytest.mark.parametrize(("words", "expected"), ASKED)
def test_fish_completes(words: list[str], expected: set[str], tmp_path: Path) -> None:
    code = f"source '{script('fish', tmp_path)}'; complete -C '{' '.join(words)}'"
    found = {word for word in asked("fish", code) if not word.startswith("completion.")}
    assert found == expected


def test_zsh_takes_it(tmp_path: Path) -> None:
    """Its widgets work on a terminal only, so what it is told is looked at instead."""
    code = (
        f"autoload -U compinit; compinit -u -d '{tmp_path}/dump'; "
        f"source '{script('zsh', tmp_path)}'; print $_comps[mymessenger]; "
        "_arguments() { for one in $@; do print -r -- ${${one%%\\[*}%%:*}; done }; "
        "words=(mymessenger --name Bob tail --cur); CURRENT=5; _mymessenger; "
        "print $words[1] $CURRENT"
    )
    found = asked("zsh", code)
    assert {"_mymessenger", "--cursor-file", "--follow", "--name", "tail 2"} <= found
    assert "--contacts" not in found


@pytest.mark.parametrize("shell", SHELLS)
def test_every_flag_is_in_it(shell: str) -> None:
    """Made from the parser, so that none is forgotten."""
    parser = parser_of(english(), {})
    text = completion(parser, shell)
    for one in (parser, *subparsers(parser).values()):
        for action in one._actions:
            for name in action.option_strings:
                assert (name if shell != "fish" else name.lstrip("-")) in text, name
