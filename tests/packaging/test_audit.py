"""``make audit``: a vulnerability fails, and what could not be looked up never passes for safe."""

from __future__ import annotations

import json

import pytest

from tools import audit

SAFE = {"name": "trio", "version": "1", "vulns": []}
HOLE = {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "bad"}
VULNERABLE = {"name": "h11", "version": "2", "vulns": [HOLE]}
SKIPPED = {"name": "tzdata", "skip_reason": "Dependency not found on PyPI"}


def _output(*libraries: object) -> str:
    return json.dumps({"dependencies": libraries, "fixes": []})


@pytest.mark.parametrize(
    ("output", "codes", "said"),
    [
        (_output(SAFE), (0, 0), "No known vulnerability"),
        (_output(SAFE, VULNERABLE), (1, 1), "VULNERABLE: h11 2: PYSEC-1; fixed in 2.1"),
        (_output(VULNERABLE, SKIPPED), (1, 1), "NOT CHECKED: 1 of 2 libraries (tzdata)."),
        (_output(SAFE, SKIPPED), (0, 2), "NOT CHECKED: 1 of 2 libraries (tzdata)."),
        (_output(*[SKIPPED] * 9), (0, 2), "NOT CHECKED: 9 of 9 libraries (tzdata, "),
        (_output(), (0, 2), "NOT CHECKED: the list"),
        ("", (0, 2), "NOT CHECKED: the list"),
        ("Traceback", (0, 2), "NOT CHECKED: the list"),
        ('{"dependencies": 5}', (0, 2), "NOT CHECKED: the list"),
    ],
)
def test_what_is_said(
    output: str,
    codes: tuple[int, int],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Offline it does not fail, and does not say that all is well."""
    monkeypatch.setattr(audit, "_ask", lambda: output)
    assert audit.main([]) == codes[0]
    assert said in (shown := capsys.readouterr().out)
    assert ("No known vulnerability" in shown) == ("NOT CHECKED" not in shown and not codes[0])
    assert audit.main(["--strict"]) == codes[1]
