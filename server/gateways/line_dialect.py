"""What a person at telnet sees: plain lines that no stranger's text can break out of."""

from __future__ import annotations

from datetime import tzinfo
from functools import singledispatchmethod

from chat.messenger import as_event
from protocol.events import (
    ConversationInfo,
    Error,
    Event,
    Goodbye,
    HistoryPage,
    LoggedIn,
    Notice,
    Sent,
    Shutdown,
    StatusReport,
    StorageState,
)
from protocol.events import Message as MessageEvent
from protocol.requests import GENERAL
from protocol.text import UNREAD_LINE, format_message, format_size, format_time, sanitise_line
from storage.records import Message


def text_lines(*lines: str) -> bytes:
    """Return lines as telnet wants them, with CR LF (RFC 854)."""
    return "".join(f"{line}\r\n" for line in lines).encode()


class LineDialect:
    """Events as lines; one instance serves all lines of one time zone."""

    def __init__(self, zone: tzinfo | None) -> None:
        """Show times in ``zone``; None is the machine's own."""
        self._zone = zone

    @property
    def divider(self) -> bytes:
        """The line of hyphens before the unread messages (S000-10)."""
        return text_lines(UNREAD_LINE)

    def message(self, message: Message, prev: int) -> bytes:
        """Return a message as a line, ``HH:MM DD.MM.YY NAME: text`` (S000-6)."""
        return self.event(as_event(message, prev))

    @singledispatchmethod
    def event(self, event: Event) -> bytes:
        """Return the event's lines; most replies mean nothing to a person."""
        del event
        return b""

    @event.register
    def _(self, event: MessageEvent) -> bytes:
        private = "" if event.conversation == GENERAL else " (private)"
        line = format_message(event.time, event.sender + private, event.text, self._zone)
        if event.size is None:
            return text_lines(line)
        more = f"[{format_size(event.size)} in all; /text {event.id} shows them]"
        return text_lines(f"{line}… {more}")

    @event.register
    def _(self, event: LoggedIn) -> bytes:
        unread = [info for info in event.conversations if info.last_seq > info.delivered_seq]
        name = sanitise_line(event.name)
        lines = [
            f"You are {name}, a guest: this name has no password, and anybody can use it.",
            "What you type goes to everyone. /help lists the commands, /quit leaves.",
        ]
        if unread:
            lines.append(f"You have unread messages: {', '.join(map(_unread, unread))}.")
        return text_lines(*lines)

    @event.register
    def _(self, event: HistoryPage) -> bytes:
        return b"".join(self.event(message) for message in event.messages)

    @event.register
    def _(self, event: StatusReport) -> bytes:
        names = ", ".join(map(sanitise_line, event.users))
        return text_lines(
            f"You are {sanitise_line(event.name)}, connected from {event.address} "
            f"since {format_time(event.connected_at, self._zone)} to {event.server}.",
            f"Here now ({len(event.users)}, on {event.connections} connections): {names}",
        )

    @event.register
    def _(self, event: Sent) -> bytes:
        del event  # what one has typed is on the screen already
        return b""

    @event.register
    def _(self, event: Error) -> bytes:
        return text_lines(f"! {sanitise_line(event.message)}")

    @event.register
    def _(self, event: Goodbye) -> bytes:
        return text_lines(f"* {sanitise_line(event.reason)}")

    @event.register
    def _(self, event: Notice) -> bytes:
        return text_lines(f"* {sanitise_line(event.message)}")

    @event.register
    def _(self, event: Shutdown) -> bytes:
        return text_lines(f"* {sanitise_line(event.reason)}")

    @event.register
    def _(self, event: StorageState) -> bytes:
        if event.available:
            return text_lines("* The database is back; what you wrote meanwhile is stored now.")
        return text_lines("* The database does not answer; what you write now is stored later.")


def _unread(info: ConversationInfo) -> str:
    where = "the general chat" if info.id == GENERAL else sanitise_line(info.name)
    return f"{info.last_seq - info.delivered_seq} in {where}"
