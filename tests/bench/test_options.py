"""The command line: which scenarios are measured, and what is refused."""

from __future__ import annotations

import pytest

from bench.options import Options, parse
from bench.scenarios import SCENARIOS

QUICK = ("saturated", "rate-100", "rate-10", "rooms", "stuck", "flood", "idle", "websocket", "http")


def test_what_is_quick_is_measured_where_nothing_is_named() -> None:
    assert parse(SCENARIOS, []) == Options(scenarios=QUICK)


def test_all_is_every_scenario() -> None:
    assert parse(SCENARIOS, ["all"]).scenarios == (
        *QUICK, "long-text", "tls", "mysql", "sealing", "expiry", "terminal", "history",
    )  # fmt: skip


def test_every_option_arrives() -> None:
    words = (
        "history mysql --clients 9 --rounds 2 --seconds 1 --idle-clients 7 --messages 5 "
        "--database mysql://x"
    )
    assert parse(SCENARIOS, words.split()) == Options(
        scenarios=("history", "mysql"), clients=9, rounds=2, seconds=1, idle_clients=7,
        messages=5, database="mysql://x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "named"),
    [("idel", "idel"), ("--rounds 0", "--rounds"), ("--clients few", "--clients")],
)
def test_nonsense_is_refused(words: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(SCENARIOS, words.split())
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_help_lists_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(SCENARIOS, ["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, scenario in SCENARIOS.items():
        assert f"  {name} " in shown
        assert scenario.about in shown
