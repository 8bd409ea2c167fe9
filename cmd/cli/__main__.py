"""Run the terminal client."""

import sys
from cmd import needing_libraries


def run() -> int:
    """Run it, and return its exit code."""
    with needing_libraries("cmd.cli"):
        from cli.main import main

        return main()


if __name__ == "__main__":
    sys.exit(run())
