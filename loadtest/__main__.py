"""``python -m loadtest``."""

from __future__ import annotations

import signal
import sys

from loadtest.main import main

if __name__ == "__main__":
    # As with Ctrl+C, the server that was started has to be stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
