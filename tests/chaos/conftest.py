"""Fixtures of the fault tests."""

from __future__ import annotations

import pytest

from tests.chaos.faults import ROUNDS, new_seed

HERE = "tests/chaos/"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each fault test as often as there are rounds."""
    if "seed" in metafunc.fixturenames and "round_number" in metafunc.fixturenames:
        metafunc.parametrize("round_number", range(ROUNDS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run them one after the other: each measures times, and needs both processors."""
    for item in items:
        if HERE in item.nodeid and "seed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("chaos"))


@pytest.fixture
def seed(round_number: int) -> int:
    """The seed of a round."""
    return new_seed()
