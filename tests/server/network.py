"""A network of a test's own, in which nothing of it reaches anybody (network namespaces)."""

from __future__ import annotations

import shutil
import subprocess


def own_network() -> list[str]:
    """Return the command that runs another one in a network of its own, with a loopback."""
    return [
        "unshare",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
    ]


def can_have_own_network() -> bool:
    """Tell whether this machine lets us."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return (
        subprocess.run([*own_network(), "true"], capture_output=True, check=False).returncode == 0
    )
