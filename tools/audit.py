"""Looks up the locked libraries in the list of known vulnerabilities: ``python -m tools.audit``.

``pip-audit`` ends with success where it could not ask about a single library. So what it says is
read here: found is found (exit code 1), and what could not be looked up is said to be unknown. That
is no failure where there is no network, except with ``--strict`` (exit code 2).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements-dev.txt"
"""Has everything that is in ``requirements.txt`` too."""

EXIT_FOUND, EXIT_UNKNOWN = 1, 2
_WITHIN = 300  # seconds
_NAMES = 5  # of what could not be looked up, as many as fit on a line


class _Vulnerability(msgspec.Struct):
    id: str
    fix_versions: list[str] = []


class _Library(msgspec.Struct):
    name: str
    version: str = ""
    skip_reason: str = ""
    vulns: list[_Vulnerability] = []


class _Findings(msgspec.Struct):
    dependencies: list[_Library]


def main(arguments: Sequence[str] | None = None) -> int:
    """Look them up and say what was found; return the exit code."""
    parser = argparse.ArgumentParser(prog="audit", description=__doc__, allow_abbrev=False)
    parser.add_argument("--strict", action="store_true", help="fail where something is unknown")
    options = parser.parse_args(arguments)
    found, unknown = judge(_ask())
    for line in (*found, *unknown):
        print(line)
    if found:
        return EXIT_FOUND
    if unknown:
        return EXIT_UNKNOWN if options.strict else 0
    print("No known vulnerability in any of the locked libraries.")
    return 0


def _ask() -> str:
    """Return what pip-audit found, as JSON; nothing where it came to no answer."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--requirement", LOCK]
    command += ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner=off"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def judge(output: str) -> tuple[list[str], list[str]]:
    """Return a line for each vulnerability, and what is to be said of what is unknown."""
    try:
        libraries = msgspec.json.decode(output, type=_Findings).dependencies
    except msgspec.MsgspecError:
        libraries = []
    if not libraries:
        return [], ["NOT CHECKED: the list of known vulnerabilities could not be asked."]
    found = [
        f"VULNERABLE: {library.name} {library.version}: {hole.id}; fixed in "
        f"{', '.join(hole.fix_versions) or 'no version yet'}"
        for library in libraries
        for hole in library.vulns
    ]
    skipped = [library.name for library in libraries if library.skip_reason]
    if not skipped:
        return found, []
    names = ", ".join(skipped[:_NAMES]) + (" ..." if len(skipped) > _NAMES else "")
    return found, [f"NOT CHECKED: {len(skipped)} of {len(libraries)} libraries ({names})."]


if __name__ == "__main__":
    sys.exit(main())
