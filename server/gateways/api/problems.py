"""The protocol's errors as responses: a status and a problem (RFC 9457) for each code."""

from __future__ import annotations

from protocol.errors import ErrorCode
from protocol.events import Error
from server.gateways.http.errors import HttpError

STATUS: dict[ErrorCode, int] = {
    ErrorCode.BAD_FRAME: 422,
    ErrorCode.FRAME_TOO_LONG: 413,
    ErrorCode.UNSUPPORTED_VERSION: 400,
    ErrorCode.NOT_LOGGED_IN: 401,
    ErrorCode.ALREADY_LOGGED_IN: 409,
    ErrorCode.BAD_NAME: 422,
    ErrorCode.EMPTY_MESSAGE: 422,
    ErrorCode.TEXT_TOO_LONG: 413,
    ErrorCode.BAD_STREAM: 422,
    ErrorCode.UNKNOWN_USER: 404,
    ErrorCode.UNKNOWN_CONVERSATION: 404,
    ErrorCode.UNKNOWN_MESSAGE: 404,
    ErrorCode.UNKNOWN_COMMAND: 404,
    ErrorCode.BAD_ARGUMENTS: 422,
    ErrorCode.BAD_PASSWORD: 422,
    ErrorCode.SESSION_ENDED: 401,
    ErrorCode.BAD_CREDENTIALS: 401,
    ErrorCode.PASSWORD_NEEDED: 401,
    ErrorCode.TOO_MANY_ATTEMPTS: 429,
    ErrorCode.NAME_TAKEN: 409,
    ErrorCode.NEEDS_ACCOUNT: 403,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.BLOCKED: 403,
    ErrorCode.LIMIT_REACHED: 429,
    ErrorCode.UNKNOWN_ROOM: 404,
    ErrorCode.UNKNOWN_FILE: 404,
    ErrorCode.TOO_LATE: 409,
    ErrorCode.TOO_BIG: 413,
    ErrorCode.STORAGE_UNAVAILABLE: 503,
    ErrorCode.SHUTTING_DOWN: 503,
    ErrorCode.TLS_REQUIRED: 403,
    ErrorCode.INTERNAL: 500,
}

CHALLENGE = (b"WWW-Authenticate", b'Bearer realm="mymessenger"')
RETRY = (b"Retry-After", b"5")


def problem_of(error: Error) -> HttpError:
    """Return an error of the protocol as one of HTTP."""
    return problem(ErrorCode(error.code), error.message)


def problem(code: ErrorCode, sentence: str) -> HttpError:
    """Return the error for a code, with a sentence for people."""
    status = STATUS[code]
    extra = {401: (CHALLENGE,), 503: (RETRY,)}.get(status, ())
    return HttpError(status, sentence, code=code, headers=extra)
