"""Sessions that outlive the program: who one was where, and the token in place of a password.

They are in a file below the user's configuration that only the user can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.address import address_of
from cli.private_file import alone, write_private

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_LAST = "last"  # under which a server's entry has the name that logged in last
_TOKENS = "tokens"


class SavedSessions:
    """The saved sessions of one user of this machine."""

    def __init__(self, path: Path | None) -> None:
        """Keep them in a file; None keeps none."""
        self._path = path

    def last_name(self, host: str, port: int) -> str | None:
        """Return who logged in last at a server, None where nobody did."""
        name = _server(self._read(), host, port)[_LAST]
        return name if isinstance(name, str) and name else None

    def sessions(self) -> list[tuple[str, int, str]]:
        """Return host, port and name of each session, who logged in last at a server first."""
        found: list[tuple[str, int, str]] = []
        for address, server in self._read().items():
            host, _, port = address.rpartition(":")
            tokens = server.get(_TOKENS) if isinstance(server, dict) else None
            if host and port.isdecimal() and isinstance(tokens, dict):
                last = str(server.get(_LAST) or "")
                names = {last.casefold(): last, **dict.fromkeys(tokens, "")}
                found += [(host, int(port), name or key) for key, name in names.items() if key]
        return found

    def token(self, host: str, port: int, name: str) -> str | None:
        """Return the token of a name at a server."""
        token = _server(self._read(), host, port)[_TOKENS].get(name.casefold())
        return token if isinstance(token, str) else None

    def save(self, host: str, port: int, name: str, token: str) -> None:
        """Keep a token; raises OSError where the file cannot be written."""
        with self._alone():
            file = self._read()
            server = _server(file, host, port)
            server[_LAST] = name
            server[_TOKENS][name.casefold()] = token
            self._write(file)

    def forget(self, host: str, port: int, name: str) -> None:
        """Keep a token no longer; raises OSError where the file cannot be written."""
        with self._alone():
            file = self._read()
            server = _server(file, host, port)
            if server[_TOKENS].pop(name.casefold(), None) is not None:
                if str(server[_LAST]).casefold() == name.casefold():
                    server[_LAST] = ""
                self._write(file)

    def forget_server(self, host: str, port: int) -> bool:
        """Keep nothing of a server any longer; False where there was nothing. Raises OSError."""
        with self._alone():
            file = self._read()
            ours = [key for key in file if _is_of(key, address_of(host, port))]
            for key in ours:
                del file[key]
            if ours:
                self._write(file)
            return bool(ours)

    def _alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self._path is None else alone(self._path)

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        import json  # not needed by who has no file, nor before the prompt

        try:
            file = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}  # there is none, or it is not ours: then one logs in anew
        return file if isinstance(file, dict) else {}

    def _write(self, file: dict[str, Any]) -> None:
        if self._path is None:
            return
        import json

        write_private(self._path, json.dumps(file).encode())


def _is_of(key: str, address: str) -> bool:
    """Tell whether an entry is of a server, in whatever form its host was typed."""
    host, _, port = key.rpartition(":")
    return port.isdecimal() and address_of(host, int(port)) == address


def _server(file: MutableMapping[str, Any], host: str, port: int) -> dict[str, Any]:
    """Return what the file has of a server, put in if there is nothing usable."""
    key = f"{host}:{port}"
    server = file.get(key)
    if not isinstance(server, dict) or not isinstance(server.get(_TOKENS), dict):
        server = file[key] = {_LAST: "", _TOKENS: {}}
    server.setdefault(_LAST, "")
    return server


def saved_sessions(environment: Mapping[str, str]) -> SavedSessions:
    """Return the user's; MYMESSENGER_SESSIONS names another file, and empty keeps none."""
    chosen = environment.get("MYMESSENGER_SESSIONS")
    if chosen is not None:
        return SavedSessions(Path(chosen) if chosen else None)
    from platformdirs import user_config_path  # after the choice: it takes 15 ms to load

    return SavedSessions(user_config_path("mymessenger", appauthor=False) / "sessions.json")
