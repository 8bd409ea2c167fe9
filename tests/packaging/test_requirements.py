"""Each requirement is quoted by a test that uses the program as a person would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
AS_USED = ("e2e", "web", "tui")
"""Folders of tests that use the programs as people do."""

_NOT_GIVEN = {"S003-11"}  # the seed's numbers leave it out


def _ids(seed: str, first: int, last: int) -> list[str]:
    return [f"{seed}-{number}" for number in range(first, last + 1)]


REQUIREMENTS = [
    one
    for one in (
        *_ids("S000", 3, 21),
        *_ids("S002", 5, 17),
        *_ids("S003", 2, 20),
        *_ids("S004", 16, 30),
    )
    if one not in _NOT_GIVEN
]


def _quoted() -> set[str]:
    paths = (path for folder in AS_USED for path in (TESTS / folder).glob("test_*.py"))
    texts = (path.read_text() for path in paths)
    return {found for text in texts for found in re.findall(r"\bS00\d-\d+\b", text)}


@pytest.fixture(scope="module")
def quoted() -> set[str]:
    return _quoted()


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_an_end_to_end_test_quotes(requirement: str, quoted: set[str]) -> None:
    assert requirement in quoted, f"no test in {AS_USED} says what shows {requirement}"
