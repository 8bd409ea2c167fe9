"""Ask the server on $PORT of this machine for its greeting; the container's health check.

Needs nothing but the standard library. Exit code 0 says that the server answered ``hello``
with ``welcome``, 1 that it did not.
"""

from __future__ import annotations

import json
import os
import socket
import sys

_PATIENCE = 5.0


def greeting(port: int) -> object:
    """Return the server's answer to ``hello``."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(b'{"type":"hello","protocol":1,"client":"healthcheck"}\n')
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline(65536))


def main() -> int:
    """Return the exit code."""
    port = int(os.environ.get("PORT") or 8000)
    try:
        answer = greeting(port)
    except (OSError, ValueError) as error:
        print(f"No greeting on port {port}: {error}", file=sys.stderr)
        return 1
    if isinstance(answer, dict) and answer.get("type") == "welcome":
        return 0
    print(f"Port {port} answered, but not with a welcome: {answer}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
