"""One that stops reading costs a bounded amount of memory, and misses nothing when it goes on."""

from __future__ import annotations

import array
import fcntl
import termios
import time
from collections.abc import Callable
from pathlib import Path

from protocol.events import Message, Sent
from protocol.requests import Send
from tests.chaos.clients import seen_of, text_of
from tests.chaos.faults import Raw, memory, record, reset_peak
from tests.harness import RunningServer, running_server

MESSAGES = 100_000
WARM_UP = 4000
"""Messages before the memory is measured: the server remembers the newest few thousand."""

BOUND = 8.0
"""MiB that the server may grow by while the reader is stuck and while it catches up."""

BUFFER = 4096  # bytes, of each kernel buffer
WINDOW = 500
"""Messages that the sender has on their way."""


def _talk(sender: Raw, first: int, count: int) -> None:
    """Write numbered messages as fast as they are acknowledged."""
    sent = acknowledged = 0
    while acknowledged < count:
        while sent < count and sent < acknowledged + WINDOW:
            sender.send(Send(ref=first + sent, text=text_of("talker", first + sent)))
            sent += 1
        acknowledged += isinstance(sender.next().frame, Sent)


def _unread(raw: Raw) -> int:
    """Return the bytes that the kernel holds for a socket."""
    answer = array.array("i", [0])
    fcntl.ioctl(raw.sock, termios.FIONREAD, answer)
    return answer[0]


def _peak_during(server: RunningServer, work: Callable[[], None]) -> float:
    """Return how many MiB the server grew at most while something was done."""
    before = reset_peak(server)
    work()
    return memory(server, "VmHWM") - before


def test_stuck_reader(seed: int, tmp_path: Path) -> None:
    """A reader takes nothing for many thousand messages, then goes on, on the same connection."""
    flags = ("--send-buffer", str(BUFFER), "--channel-bytes", "16384")
    with running_server(tmp_path, *flags) as server:
        sender = Raw(server.port, "talker")
        sender.login()
        _talk(sender, 0, WARM_UP)
        reader = Raw(server.port, "reader", resume=WARM_UP, receive_buffer=BUFFER)
        reader.login()

        begin = time.monotonic()
        stuck = _peak_during(server, lambda: _talk(sender, WARM_UP, MESSAGES))
        rate = MESSAGES / (time.monotonic() - begin)
        # It was stuck: the kernel holds less for it than a thousandth of what was written.
        assert _unread(reader) < 64 * 1024 < MESSAGES * 100 / 20

        numbers: list[int] = []

        def catch_up() -> None:
            while len(numbers) < MESSAGES:
                if isinstance(frame := reader.next().frame, Message):
                    seen = seen_of(frame)
                    assert seen.seq == seen.number + 1
                    numbers.append(seen.seq)

        begin = time.monotonic()
        catching_up = _peak_during(server, catch_up)
        seconds = time.monotonic() - begin
        assert numbers == list(range(WARM_UP + 1, WARM_UP + MESSAGES + 1))
        _talk(sender, WARM_UP + MESSAGES, 1)  # it is live again
        live = reader.next().frame
        assert isinstance(live, Message)
        assert live.seq == WARM_UP + MESSAGES + 1
        reader.close()
        sender.close()
    record(
        "stuck reader",
        messages=MESSAGES,
        grew=stuck,
        grew_catching_up=catching_up,
        catch_up_seconds=seconds,
        sent_a_second=rate,
    )
    assert stuck <= BOUND
    assert catching_up <= BOUND
