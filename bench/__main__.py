"""``python -m bench``: run the scenarios that were asked for and print the table."""

from __future__ import annotations

import signal

from bench import table
from bench.options import parse
from bench.programs import build
from bench.scenarios import SCENARIOS


def main() -> None:
    """Measure, and print each line of the table as soon as it is known."""
    options = parse(SCENARIOS)
    build()
    print(f"{options.clients} clients, one conversation, 100 bytes; medians of {options.rounds}\n")
    print(table.HEAD)
    for name in options.scenarios:
        for row in SCENARIOS[name].measure(options):
            print(row, flush=True)


if __name__ == "__main__":
    # As with Ctrl+C, what was started has to be stopped, and large databases removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()
