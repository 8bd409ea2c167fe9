"""The table of characters that look alike, as it is made of Unicode's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import confusables

UNICODES = """\ufeff# confusables.txt
05AD ;\t0596 ;\tMA\t# ( ֭ → ֖ ) HEBREW ACCENT DEHI → HEBREW ACCENT TIPEHA\t#

043E ;\t006F ;\tMA\t# ( о → o ) CYRILLIC SMALL LETTER O → LATIN SMALL LETTER O\t#
03BF ;\t006F ;\tMA\t# ( ο → o ) GREEK SMALL LETTER OMICRON → LATIN SMALL LETTER O\t#
1D426 ;\t0072 006E ;\tMA\t# ( 𝐦 → rn ) MATHEMATICAL BOLD SMALL M → LATIN SMALL LETTER R, N\t# →m→
# total: 4
"""


def test_each_look_alike_stands_with_what_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands at the head of the file, the licence, stays there."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text(UNICODES, encoding="utf-8")
    target.write_text("# A licence.\n0001:0002\n", encoding="utf-8")
    monkeypatch.setattr(confusables, "TARGET", target)
    confusables.main([str(source)])
    assert target.read_text(encoding="utf-8").splitlines() == [
        "# A licence.",
        "006F:03BF 043E",
        "0072 006E:1D426",
        "0596:05AD",
    ]


def test_the_table_is_as_the_tool_writes_it() -> None:
    """Nobody has changed it by hand."""
    written = confusables.TARGET.read_text(encoding="utf-8").splitlines()
    table: dict[str, str] = {}
    for line in (line for line in written if not line.startswith("#")):
        target, _, sources = line.partition(":")
        alike = "".join(chr(int(number, 16)) for number in target.split())
        table |= {chr(int(number, 16)): alike for number in sources.split()}
    assert len(table) > 6000
    assert confusables.lines(table) == [line for line in written if not line.startswith("#")]
