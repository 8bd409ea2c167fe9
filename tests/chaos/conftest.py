"""Fixtures of the fault tests."""

from __future__ import annotations

import pytest

from tests.chaos.faults import ROUNDS, new_seed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each fault test as often as there are rounds."""
    if "seed" in metafunc.fixturenames and "round_number" in metafunc.fixturenames:
        metafunc.parametrize("round_number", range(ROUNDS))


@pytest.fixture
def seed(round_number: int) -> int:
    """The seed of a round."""
    return new_seed()
