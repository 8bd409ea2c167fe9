"""The command ``mymessenger-server``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code: 0, 1 (it cannot run) or 2 (wrong settings)."""
    try:
        # Imported here, so that Ctrl+C while they load is no traceback either.
        from server.settings import SettingsError, load_settings

        try:
            settings = load_settings(sys.argv[1:] if arguments is None else arguments, os.environ)
        except SettingsError as error:
            return _give_up(str(error), EXIT_USAGE)
        from server.app import run

        failure = run(settings)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0 if failure is None else _give_up(failure, EXIT_FAILED)


def _give_up(sentence: str, code: int) -> int:
    print(f"mymessenger-server: {sentence}", file=sys.stderr)  # noqa: T201
    return code
