"""What goes wrong with a request, in one shape: RFC 9457, ``application/problem+json``."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from msgspec import UNSET, Struct, UnsetType

PROBLEM = b"application/problem+json"


class Problem(Struct, frozen=True, kw_only=True):
    """An error as a program gets it (RFC 9457); all other answers have another content type."""

    type: str = "about:blank"
    """Where there is nothing more to say than the status does."""
    title: str
    """The status in words."""
    status: int
    detail: str
    """A sentence for people that says what to do."""
    code: str | UnsetType = UNSET
    """The protocol's error code, one of those in docs/protocol.md."""


class HttpError(Exception):
    """A request that gets an error for an answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Take the status, a sentence that says what to do, and a code of our own protocol."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = headers

    def problem(self) -> bytes:
        """Return the body."""
        return msgspec.json.encode(
            Problem(
                title=HTTPStatus(self.status).phrase,
                status=self.status,
                detail=self.detail,
                code=UNSET if self.code is None else self.code,
            )
        )


def not_allowed(methods: tuple[str, ...]) -> HttpError:
    """Return the error for a method that a resource does not have; ``methods`` it has."""
    allow = ", ".join(methods)
    return HttpError(405, f"Use {allow} here.", headers=((b"Allow", allow.encode()),))
