"""What people get: the wheel, the locks, the containers, the pages and the commands of make."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def project() -> dict[str, Any]:
    """Return ``pyproject.toml``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(name: str) -> str:
    """Return a file of the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def bare_environment(home: Path) -> dict[str, str]:
    """Return what a fresh login has in its environment, and nothing of ours."""
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
