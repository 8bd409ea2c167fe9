"""The programs: ``python -m cmd.server`` and ``python -m cmd.cli``.

In this folder the package hides Python's own module ``cmd``, which pdb, and through it pytest
and doctest, need. So it hands on that module's names.
"""

# ruff: noqa: A005 - the name is a requirement (C-7)
from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_spec = PathFinder.find_spec("cmd", [sysconfig.get_path("stdlib")])
assert _spec is not None  # noqa: S101 - there is no Python without it
assert _spec.loader is not None  # noqa: S101
_standard = module_from_spec(_spec)
_spec.loader.exec_module(_standard)

__all__ = list(_standard.__all__)
globals().update((name, value) for name, value in vars(_standard).items() if name[:2] != "__")


@contextmanager
def needing_libraries(program: str) -> Iterator[None]:
    """Say what to do where a program is started by a Python that has none of its libraries."""
    try:
        yield
    except ModuleNotFoundError as error:
        sentence = f"This Python has no {error.name}. Run: make install, then: .venv/bin/python"
        raise SystemExit(f"{sentence} -m {program}") from None
