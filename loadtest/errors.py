"""What keeps a load test from starting."""

from __future__ import annotations


class SetupError(Exception):
    """The test could not begin; the sentence tells a person why and what to do."""
