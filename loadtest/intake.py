"""Everything that arrives: found in the bytes, checked, timed. The busiest part of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from loadtest.checker import Entry, Ledger
from loadtest.clients import Client
from loadtest.statistics import SHIFT, Histogram
from loadtest.texts import Run
from loadtest.traffic import Traffic
from protocol.events import (
    Error,
    Event,
    Goodbye,
    LoggedIn,
    Message,
    PingEvent,
    Sent,
    Shutdown,
)
from protocol.framing import EVENT_DECODER, encode
from protocol.requests import GENERAL, Pong

_PONG = encode(Pong())
_MEMORY = 16 * 1024 * 1024  # bytes of lines that are remembered

EventT = TypeVar("EventT", bound=Event)


class Intake:
    """Takes the bytes that clients received.

    A message is the same line of bytes for every receiver, so a line is decoded and checked in
    full where it is first seen, and is afterwards known by its bytes: what is left for the other
    receivers is the sequence number and the clock. A server that writes each receiver's line
    differently is checked just as well, only more slowly.
    """

    def __init__(self, run: Run, clients: Sequence[Client], ledger: Ledger, traffic: Traffic):
        self.latency = Histogram()
        """From the time that a message was due until a receiver had it; the sender not counted."""
        self.delivered = 0
        """Messages of the run that arrived at a receiver, from the beginning."""
        self.ready = 0
        """Clients that have logged in."""
        self.damaged = 0
        """Lines that cannot be read, and texts that are not what was sent."""
        self.shutdown: str | None = None
        """The reason that the server gave for going down."""
        self.logged_in: Callable[[Client], None] = lambda _client: None
        """Called for each client once it is logged in."""
        self._run = run
        self._names = {client.name: client.index for client in clients}
        self._ledger = ledger
        self._traffic = traffic
        self._known: dict[bytes, Entry] = {}
        self._known_size = 0
        self._handlers: dict[type[Event], Callable[[Client, Event, int], None]] = {}
        self._on(LoggedIn, self._log_in)
        self._on(Sent, self._acknowledge)
        self._on(PingEvent, lambda client, _ping, _now: client.send(_PONG))
        self._on(Error, self._refuse)
        self._on(Goodbye, self._say_goodbye)
        self._on(Shutdown, self._shut_down)

    def _on(self, kind: type[EventT], handler: Callable[[Client, EventT, int], None]) -> None:
        self._handlers[kind] = handler  # type: ignore[assignment]

    def take(self, client: Client, data: bytes, now: int) -> None:
        """Take what a client received at the time ``now``, in nanoseconds."""
        if client.tail:
            data = client.tail + data
        lines = data.split(b"\n")
        client.tail = lines.pop()
        known = self._known
        track = client.track
        traffic = self._traffic
        for line in lines:
            entry = known.get(line)
            if entry is None:
                entry = self._learn(client, line, now)
                if entry is None:
                    continue
            if entry.seq == track.expected:
                track.expected += 1
            elif not track.take(entry.seq):
                continue
            self.delivered += 1
            due = entry.due
            if due >= traffic.measured_from:
                self.latency.counts[(now - due) >> SHIFT] += 1
            entry.left -= 1
            if not entry.left:
                traffic.on_their_way -= 1

    def _learn(self, client: Client, line: bytes, now: int) -> Entry | None:
        """Decode a line; return the entry of a message of this run, deal with all others."""
        try:
            event = EVENT_DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += 1
            return None
        if not isinstance(event, Message):
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(client, event, now)
            return None
        if event.conversation != GENERAL:
            return None
        entry = self._recognise(event)
        if entry is None:
            client.track.take(event.seq)
        else:
            self._remember(line, entry)
        return entry

    def _recognise(self, message: Message) -> Entry | None:
        """Return the entry of a message; None if it is somebody else's, or is not right."""
        index = self._names.get(message.sender)
        if index is None:
            return None
        stamp = self._run.read(message.text, message.size)
        if stamp is None or self._traffic.sender_of(stamp.number).index != index:
            self.damaged += 1
            return None
        return self._ledger.seen(message.seq, stamp.number, stamp.due)

    def _remember(self, line: bytes, entry: Entry) -> None:
        self._known_size += len(line)
        if self._known_size > _MEMORY:
            self._known.clear()
            self._known_size = len(line)
        self._known[line] = entry

    def _log_in(self, client: Client, event: LoggedIn, _now: int) -> None:
        general = [each for each in event.conversations if each.id == GENERAL]
        client.track.expected = general[0].last_seq + 1 if general else 1
        client.ready = True
        self.ready += 1
        self.logged_in(client)

    def _acknowledge(self, client: Client, sent: Sent, now: int) -> None:
        """The acknowledgement stands in the stream in the place of the message."""
        if not sent.duplicate:
            client.track.take(sent.seq)
        number = -1 if sent.ref is None else sent.ref
        due = self._traffic.acknowledged(number, now)
        if due is None:
            self.damaged += 1
            return
        entry = self._ledger.acknowledge(sent.seq, number, due)
        if entry is not None:
            entry.left -= 1
            if not entry.left:
                self._traffic.on_their_way -= 1

    def _refuse(self, client: Client, error: Error, _now: int) -> None:
        if not client.ready:
            client.farewell = f"{error.code}: {error.message}"
        self._traffic.error(error.code, error.ref)

    def _say_goodbye(self, client: Client, goodbye: Goodbye, _now: int) -> None:
        client.farewell = client.farewell or goodbye.reason

    def _shut_down(self, _client: Client, shutdown: Shutdown, _now: int) -> None:
        self.shutdown = shutdown.reason
