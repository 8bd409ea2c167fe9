"""The command ``mymessenger-server``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.settings import Settings

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


REKEY = "rekey"
"""The first argument that asks for another master key instead of a running server."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code: 0, 1 (it cannot run) or 2 (wrong settings)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    changing = bool(arguments) and arguments[0] == REKEY
    try:
        # Imported here, so that Ctrl+C while they load is no traceback either.
        from server.settings_sources import SettingsError, load_settings

        try:
            settings = load_settings(arguments[1:] if changing else arguments, os.environ)
        except SettingsError as error:
            return _give_up(str(error), EXIT_USAGE)
        if changing:
            return _rekey(settings)
        from server.app import run

        failure = run(settings)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0 if failure is None else _give_up(failure, EXIT_FAILED)


def _rekey(settings: Settings) -> int:
    from server.logs import configure_logs
    from server.master_key import rekey
    from storage.errors import StorageError

    configure_logs(settings.log_format, settings.log_level)
    try:
        print(rekey(settings, os.environ))  # noqa: T201
    except StorageError as error:
        return _give_up(str(error), EXIT_FAILED)
    return 0


def _give_up(sentence: str, code: int) -> int:
    print(f"mymessenger-server: {sentence}", file=sys.stderr)  # noqa: T201
    return code
