"""The manual pages: up to date with the programs (tools.docs), and good groff."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from cli.completion import subparsers
from cli.options import parser_of
from protocol.language import english
from server.settings_sources import server_parser
from tests.packaging import ROOT
from tools import man

PAGES = ("mymessenger", "mymessenger-server")


def test_every_flag_is_told_of() -> None:
    client = parser_of(english(), {})
    for page, parsers in (
        (man.client_page(), (client, *subparsers(client).values())),
        (man.server_page(), (server_parser(),)),
    ):
        shown = page.replace("\\-", "-")
        for parser in parsers:
            for action in parser._actions:
                for name in action.option_strings:
                    assert f"\\fB{name}\\fR" in shown, name


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_nothing(name: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    result = subprocess.run(
        ["mandoc", "-Tlint", f"docs/man/{name}.1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("name", PAGES)
def test_groff_warns_of_nothing(name: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    result = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", f"docs/man/{name}.1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
