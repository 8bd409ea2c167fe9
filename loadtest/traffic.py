"""What is sent and when, and what became of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID, uuid4

from loadtest.clients import Client
from loadtest.statistics import Histogram
from loadtest.texts import Run, Stamp
from protocol.framing import encode
from protocol.requests import Send

NEVER = 2**63
"""Nanoseconds of the monotonic clock at which nothing is due any more."""

_BURST = 32
"""Messages sent at most before the sockets are read again."""

_NS = 1_000_000_000


class Traffic:
    """Sends messages, the senders taking turns: message ``n`` is sender ``n % senders``'s.

    With a rate the schedule is fixed (an open loop): a message is due when it is due, however
    late the server or this program may be, and latency counts from then. Without one there are
    at most ``window`` messages on their way, each of them until the last receiver has it.
    """

    def __init__(self, run: Run, senders: Sequence[Client], rate: float, window: int) -> None:
        self.outstanding: dict[int, int] = {}
        """Messages that were not answered yet: number to due time in nanoseconds."""
        self.on_their_way = 0
        """Messages that have not reached everybody."""
        self.acknowledging = Histogram()
        """From the time that a message was due to its acknowledgement."""
        self.lateness = Histogram()
        """From the time that a message was due until it was sent."""
        self.measured_from = NEVER
        """Messages due earlier are not in the statistics; nanoseconds."""
        self.errors: Counter[str] = Counter()
        """How often each code of error came."""
        self.refused = 0
        """Messages that were answered with an error."""
        self._run = run
        self.senders = senders
        self._rate = rate
        self._window = window
        self._begin = NEVER
        self._sent = 0
        self._ids = uuid4().int  # a message's own id is this one plus its number

    def start(self, now: int, measured_from: int) -> None:
        """Begin the schedule; both times in nanoseconds."""
        self._begin = now
        self.measured_from = measured_from

    @property
    def next_due(self) -> int:
        """Return when the next message is to be sent, in nanoseconds; may be in the past."""
        if self._rate:
            return self._begin + int(self._sent * _NS / self._rate)
        return self._begin if self.on_their_way < self._window else NEVER

    def send_due(self, end: int) -> None:
        """Send what is due by now, but nothing that is due at ``end`` or later."""
        for _ in range(_BURST):
            now = time.monotonic_ns()
            due = self.next_due
            if due > now or due >= end:
                return
            self._send(due if self._rate else now, now)

    def sender_of(self, number: int) -> Client:
        """Return who writes a message."""
        return self.senders[number % len(self.senders)]

    def _send(self, due: int, now: int) -> None:
        number = self._sent
        self._sent += 1
        sender = self.sender_of(number)
        if not sender.ready:
            return  # the report tells that its connection ended
        self.outstanding[number] = due
        self.on_their_way += 1
        text = self._run.write(Stamp(number, due))
        uuid = UUID(int=(self._ids + number) % 2**128)
        sender.send(encode(Send(ref=number, text=text, uuid=uuid)))
        if due >= self.measured_from:
            self.lateness.add(now - due)

    def acknowledged(self, number: int, now: int) -> int | None:
        """Note an acknowledgement; return when the message was due, None if none was waited for."""
        due = self.outstanding.pop(number, None)
        if due is not None and due >= self.measured_from:
            self.acknowledging.add(now - due)
        return due

    def error(self, code: str, ref: int | None) -> None:
        """Note an error, and that the message it answers is not going to arrive."""
        self.errors[code] += 1
        if ref is not None and self.outstanding.pop(ref, None) is not None:
            self.refused += 1
            self.on_their_way -= 1
