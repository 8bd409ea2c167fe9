"""Structured logs (S004-36): for people on a terminal, JSON lines elsewhere.

No message text and no password is ever an argument of a log call.
"""

from __future__ import annotations

import logging
import sys

import structlog

from protocol.text import sanitise, sanitise_line


def configure_logs(log_format: str, level: str) -> None:
    """Send the log to standard error; ``log_format`` is auto, human or json."""
    human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if human
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _sanitise,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _sanitise(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep names and other words of strangers from writing control sequences to a terminal."""
    for key, value in event.items():
        if key == "exception":
            # Several lines, which may quote a stranger's; indented, none can pass for an entry.
            event[key] = sanitise(value).replace("\n", "\n    ")
        elif isinstance(value, list | tuple):
            event[key] = [sanitise_line(str(item)) for item in value]
        elif not isinstance(value, int | float | None):
            event[key] = sanitise_line(str(value))
    return event
