"""The table: a bar is met by what it speaks of, the ratio or our own figure, and says so."""

from __future__ import annotations

import pytest

from bench.runs import alternately, compare, p99
from bench.table import HEAD, Bar, Row


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (Row("p50", 3.0, 2.0), "| p50 | 3.00 | 2.00 | 1.50 |  |  |"),
        (Row("p99", 3.0, 2.0, Bar(1.5)), "| p99 | 3.00 | 2.00 | 1.50 | ≤ 1.5 × | yes |"),
        (Row("p99", 3.1, 2.0, Bar(1.5)), "| p99 | 3.10 | 2.00 | 1.55 | ≤ 1.5 × | **no** |"),
        (
            Row("rate", 3.0, 5.0, Bar(0.6, least=True)),
            "| rate | 3.00 | 5.00 | 0.60 | ≥ 0.6 × | yes |",
        ),
        (
            Row("rate", 2.9, 5.0, Bar(0.6, least=True)),
            "| rate | 2.90 | 5.00 | 0.58 | ≥ 0.6 × | **no** |",
        ),
        (Row("login", 9.0, bar=Bar(10, unit="ms")), "| login | 9.00 |  |  | ≤ 10 ms | yes |"),
        (
            Row("login", 1.0, 0.1, Bar(0.5, unit="s")),
            "| login | 1.00 | 0.10 | 10.00 | ≤ 0.5 s | **no** |",
        ),
        (Row("p99", 3.0, 0.0, Bar(2)), "| p99 | 3.00 | 0.00 |  | ≤ 2 × | **no** |"),
    ],
)
def test_a_line(row: Row, line: str) -> None:
    assert str(row) == line
    assert line.count("|") == HEAD.splitlines()[0].count("|")


def test_ours_and_the_reference_take_turns_and_medians_are_compared() -> None:
    order = []
    figures = iter([9.0, 5.0, 1.0, 2.0, 3.0, 4.0])

    def run(name: str) -> dict[str, dict[str, float]]:
        order.append(name)
        return {"lat_ms": {"p99": next(figures)}}

    runs = alternately(3, lambda: run("ours"), lambda: run("reference"))
    assert order == ["ours", "reference"] * 3
    assert compare("p99", runs, p99) == Row("p99", 3.0, 4.0)
