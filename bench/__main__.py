"""``python -m bench``: run the scenarios and print the table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median
from typing import Any

from bench.programs import Server, build, fanout, our_server, reference_server

SCENARIOS = {
    "saturated": ("--rate", "0"),
    "100 msg/s": ("--rate", "100"),
    "10 msg/s": ("--rate", "10"),
}


def main() -> None:
    """Measure ours and the reference alternately and print medians and ratios."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--seconds", type=int, default=5, help="measured seconds of each run")
    parser.add_argument("--database", help="MySQL to use instead of SQLite, mysql://...")
    options = parser.parse_args()
    build()
    flags = ("--database", options.database) if options.database else ()
    print(f"{options.clients} clients, one conversation, 100 bytes; medians of {options.rounds}\n")
    print("| | ours | C reference | ratio |\n|---|---|---|---|")
    for name, load in SCENARIOS.items():
        ours, reference = [], []
        size = ("--clients", str(options.clients), "--duration", str(options.seconds))
        for _ in range(options.rounds):
            ours.append(_measure(our_server(*flags), *size, *load))
            reference.append(_measure(reference_server(), *size, *load))
        _print_rows(name, ours, reference)


def _measure(context: AbstractContextManager[Server], *arguments: str) -> dict[str, Any]:
    with context as server:
        return fanout(server, *arguments)


def _print_rows(name: str, ours: list[dict[str, Any]], reference: list[dict[str, Any]]) -> None:
    if name == "saturated":
        _print_row(f"{name}, million deliveries/s", ours, reference, _millions)
        _print_row("connect and log in, s", ours, reference, lambda run: float(run["connect_s"]))
        _print_row("KiB a connection", ours, reference, lambda run: float(run["rss_per_conn_kb"]))
        return
    _print_row(f"{name}, p50 ms", ours, reference, lambda run: float(run["lat_ms"]["p50"]))
    _print_row(f"{name}, p99 ms", ours, reference, lambda run: float(run["lat_ms"]["p99"]))
    _print_row(f"{name}, server µs a delivery", ours, reference, _microseconds)


def _millions(run: dict[str, Any]) -> float:
    return float(run["deliveries_per_s"]) / 1e6


def _microseconds(run: dict[str, Any]) -> float:
    return float(run["server_us_per_delivery"])


def _print_row(
    title: str,
    ours: list[dict[str, Any]],
    reference: list[dict[str, Any]],
    value: Callable[[dict[str, Any]], float],
) -> None:
    mine, theirs = median(map(value, ours)), median(map(value, reference))
    ratio = f"{mine / theirs:.2f}" if theirs else ""
    print(f"| {title} | {mine:.2f} | {theirs:.2f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
