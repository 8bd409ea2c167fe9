"""The prompt stands within 0.3 s because little is loaded before it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.harness import ROOT


@pytest.mark.parametrize(
    ("loaded", "not_loaded"),
    [
        ("cli.main, cli.line_mode", ["trio", "msgspec", "pygments"]),
        ("cli.main, cli.pipe_mode", ["prompt_toolkit", "asyncio", "platformdirs"]),
        ("cli.main", ["trio", "prompt_toolkit", "msgspec", "textual"]),
        ("cli.main, cli.one_shot, cli.file_mode, cli.send_task, cli.tail", ["textual", "rich"]),
        ("cli.main, cli.tui.app, cli.tui.chat", ["trio", "prompt_toolkit", "cli.client"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(loaded: str, not_loaded: list[str]) -> None:
    code = f"import sys, {loaded}; print(*(name for name in {not_loaded} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
