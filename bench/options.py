"""The command line, kept apart from the scenarios that it lists and that are handed it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.table import Row

ALL = "all"


@dataclass(frozen=True)
class Options:
    """What is measured, and how long."""

    scenarios: tuple[str, ...] = ()
    clients: int = 1000
    rounds: int = 3
    """Runs of each side; medians are shown."""
    seconds: int = 5
    """Measured seconds of each run under load."""
    idle_clients: int = 10_000
    messages: int = 1_000_000
    """In the larger of the two histories."""
    database: str | None = None
    """MySQL to measure on; None: a private MariaDB."""


@dataclass(frozen=True)
class Scenario:
    """Something to measure, one or more lines of the table."""

    measure: Callable[[Options], Iterator[Row]]
    about: str
    quick: bool = True
    """Whether it is measured where none is named."""


def parse(offered: Mapping[str, Scenario], arguments: Sequence[str] | None = None) -> Options:
    """Return the options; ends the program with exit code 2 where they make no sense."""
    parser = _parser(offered)
    values = vars(parser.parse_args(arguments))
    names = values.pop("scenarios")
    unknown = [name for name in names if name not in offered and name != ALL]
    if unknown:
        parser.error(f"there is no scenario {unknown[0]!r}, only {', '.join(offered)} and {ALL}")
    if ALL in names:
        names = offered
    quick = [name for name, scenario in offered.items() if scenario.quick]
    return Options(scenarios=tuple(names or quick), **values)


def _parser(offered: Mapping[str, Scenario]) -> argparse.ArgumentParser:
    width = max(map(len, offered))
    lines = [f"  {name:{width}}  {scenario.about}" for name, scenario in offered.items()]
    quick = [name for name, scenario in offered.items() if scenario.quick]
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure each bar of speed and print a table.",
        epilog="\n".join(["scenarios:", *lines, f"  {ALL:{width}}  every one of them"]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("scenarios", nargs="*", metavar="SCENARIO", help=f"see below ({' '.join(quick)})")
    for name, meaning in (
        ("clients", "connections under load"),
        ("rounds", "runs of each side; medians are shown"),
        ("seconds", "measured seconds of each run under load"),
        ("idle-clients", "connections held in idle"),
        ("messages", "in the larger database of history; the bar's size is 10000000"),
    ):
        default = getattr(Options, name.replace("-", "_"))
        add(f"--{name}", type=_count, metavar="N", default=default, help=f"{meaning} ({default})")
    add("--database", metavar="URL", help="mysql://... for mysql, instead of a private MariaDB")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
