"""How messages, notices and facts look on a terminal or in a file."""

from __future__ import annotations

import time

from cli.messages import Age, ChatMessage
from cli.notices import (
    Connected,
    Disconnected,
    LoginLost,
    Notice,
    Remark,
    ServerError,
    ServerStops,
    StorageChanged,
)
from cli.status import ClientStatus
from protocol.events import StatusReport
from protocol.text import UNREAD_LINE, format_message, format_size, format_time, sanitise_line


def message_line(message: ChatMessage, me: str) -> str:
    """Return a message as a line in local time (S000-6).

    ``HH:MM DD.MM.YY Bob: text`` in the general chat, ``... Bob (private): text`` where Bob wrote
    to oneself alone, ``... Bob (private to Alice): text`` where oneself, Bob, wrote to Alice.
    """
    text = message.text
    if message.size is not None:
        text += f" … ({format_size(message.size)}, /text {message.id} shows all of it)"
    sender = message.sender
    if message.private_with is not None:
        to = f" to {message.private_with}" if sender == me != message.private_with else ""
        sender += f" (private{to})"
    return format_message(message.time, sender, text, zone=None)


class UnreadMark:
    """Decides where the line stands that divides what is new from what was read (S000-10)."""

    def __init__(self) -> None:
        self._something_seen = False
        self._drawn = False

    def before(self, message: ChatMessage, me: str) -> list[str]:
        """Return the line if it belongs before ``message``, else nothing."""
        if message.age is Age.SEEN:
            self._something_seen = True
        if self._drawn or message.age is not Age.MISSED or message.sender == me:
            return []
        self._drawn = True
        return [UNREAD_LINE] if self._something_seen else []


class NoticeLines:
    """Makes sentences of notices, and none of an attempt that failed like the one before."""

    def __init__(self) -> None:
        self._failure = ""

    def line(self, notice: Notice) -> str | None:
        """Return a notice as a sentence; None where it tells nothing new."""
        before, self._failure = self._failure, ""
        if isinstance(notice, Disconnected) and notice.attempt > 0:
            self._failure = notice.reason
            if notice.reason == before:
                return None
        return _notice_line(notice)


def guest_line(name: str) -> str:
    """Return what somebody should know whose name has no password."""
    name = sanitise_line(name)
    return f"You are {name}, a guest: this name has no password, and anybody can use it."


def _notice_line(notice: Notice) -> str:  # noqa: C901, PLR0911 - one a kind
    match notice:
        case Connected(again=False):
            return f"Connected to {sanitise_line(notice.server)}. /help lists the commands."
        case Connected():
            return f"Connected again{_caught_up(notice.missed)}."
        case Disconnected(attempt=0):
            return f"Connection lost: {_and_then(notice)}"
        case Disconnected():
            return f"Still no connection: {_and_then(notice)}"
        case ServerStops():
            return f"The server is shutting down: {sanitise_line(notice.reason)}"
        case StorageChanged(available=False):
            return "The server's database is away. Messages wait until it is back."
        case StorageChanged():
            return "The server's database is back."
        case ServerError():
            return f"The server reports: {sanitise_line(notice.sentence)}"
        case Remark():
            return sanitise_line(notice.sentence)
        case LoginLost():
            return f"The login was refused: {sanitise_line(notice.sentence)}"


def _and_then(notice: Disconnected) -> str:
    when = f" in {notice.retry_in:.0f} s" if notice.retry_in >= 1 else ""
    return f"{sanitise_line(notice.reason)} Retrying{when}."


def _caught_up(missed: int) -> str:
    if missed == 0:
        return ", nothing was missed"
    return f", {_count(missed, 'message')} caught up"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def status_lines(report: StatusReport, status: ClientStatus) -> list[str]:
    """Return what `/status` shows (S004-9)."""
    since = format_time(report.connected_at, None)
    facts = [
        f"{report.name} at {report.address}, connected since {since}",
        f"server: {report.server} at {status.host} port {status.port}",
    ]
    if status.round_trip is not None:
        facts.append(f"round trip: {status.round_trip * 1000:.1f} ms")
    if status.reconnects:
        facts.append(f"connection lost and found again: {_count(status.reconnects, 'time')}")
    if status.unacknowledged:
        facts.append(f"waiting to be stored: {status.unacknowledged}")
    users, connections = (
        _count(len(report.users), "user"),
        _count(report.connections, "connection"),
    )
    facts.append(f"here ({users}, {connections}): {', '.join(report.users)}")
    return [sanitise_line(fact) for fact in facts]


def offline_lines(status: ClientStatus) -> list[str]:
    """Return what `/status` shows while the server cannot be asked."""
    since = time.strftime("%H:%M:%S", time.localtime(status.since))
    reason = sanitise_line(status.last_error) or "no connection yet"
    return [
        f"{sanitise_line(status.name)}, {status.state} since {since}: {reason}",
        f"server: {status.host} port {status.port}",
        f"waiting to be sent: {status.unacknowledged}",
    ]
