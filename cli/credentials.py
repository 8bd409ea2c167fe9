"""What proves to a server who the user is, from one connection to the next."""

from __future__ import annotations

import platform
from collections.abc import Callable

MAX_LABEL = 100


class Credentials:
    """A password, or the token that a server gave this device in its place."""

    def __init__(
        self,
        password: str | None = None,
        token: str | None = None,
        *,
        keep: Callable[[str, str], None] | None = None,
    ) -> None:
        """Begin with a password, a token or, as a guest, neither.

        With ``keep`` the server is asked for a token, and what it gives is handed over: the
        user's name and the token.
        """
        self.password = None if token is not None else password
        self.token = token
        self._keep = keep

    @property
    def wants_token(self) -> bool:
        """True: the server is asked for a token where it is given a password."""
        return self._keep is not None

    @property
    def prove_something(self) -> bool:
        """True: the name is an account by now, also where it was registered after the login."""
        return self.password is not None or self.token is not None

    def take_token(self, name: str, token: str | None) -> None:
        """Log in with this token from now on; None is no news."""
        if token is None:
            return
        self.token, self.password = token, None
        if self._keep is not None:
            self._keep(name, token)

    def take_password(self, password: str) -> None:
        """Note a new password; a device with a token does not need it."""
        if self.token is None:
            self.password = password


def device_label() -> str:
    """Return what this device is called in the list of the user's sessions."""
    return platform.node()[:MAX_LABEL]
