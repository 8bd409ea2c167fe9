"""One that stops reading costs a bounded amount of memory, and misses nothing when it goes on."""

from __future__ import annotations

import array
import fcntl
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.events import Message, Sent
from protocol.requests import Send
from tests.chaos.clients import seen_of, text_of
from tests.chaos.faults import LONG, Raw, memory, record, reset_peak
from tests.harness import PATIENT, RunningServer, running_server

MESSAGES = 100_000
WARM_UP = 4000
"""Messages before the memory is measured: the server remembers the newest few thousand."""

BOUND = 8.0
"""MiB that the server may grow by while the reader is stuck and while it catches up."""

SLOW = 10_000  # bytes a second
SECONDS, RATE = (600, 2000) if LONG else (3, 10_000)
"""How long the slow line is tried, and how many messages a second others write meanwhile."""

PACE = 0.05  # seconds from one reading of the slow line to the next

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


def _read_all(reader: Raw, expected: Iterable[int]) -> None:
    """Read messages, each once and in order, whole as they were written."""
    for seq in expected:
        while not isinstance(frame := reader.next().frame, Message):
            pass
        seen = seen_of(frame)
        assert (seen.seq, seen.number) == (seq, seq - 1)


def _peak_during(server: RunningServer, work: Callable[[], None]) -> float:
    """Return how many MiB the server grew at most while something was done."""
    before = reset_peak(server)
    work()
    return memory(server, "VmHWM") - before


@contextmanager
def _talker_and_reader(folder: Path) -> Iterator[tuple[RunningServer, Raw, Raw]]:
    """Run a server, one who has written enough to warm it up, and a reader with small buffers."""
    flags = ("--send-buffer", str(BUFFER), "--channel-bytes", "16384")
    with running_server(folder, *PATIENT, *flags) as server:
        sender = Raw(server.port, "talker")
        sender.login()
        _talk(sender, 0, WARM_UP)
        reader = Raw(server.port, "reader", resume=WARM_UP, receive_buffer=BUFFER)
        reader.login()
        yield server, sender, reader
        reader.close()
        sender.close()


def _catch_up(server: RunningServer, sender: Raw, reader: Raw, messages: int) -> float:
    """Let the reader get everything, then one message live; return how many MiB that took."""
    everything = range(WARM_UP + 1, WARM_UP + messages + 1)
    grew = _peak_during(server, lambda: _read_all(reader, everything))
    _talk(sender, WARM_UP + messages, 1)
    _read_all(reader, [WARM_UP + messages + 1])
    return grew


def test_stuck_reader(seed: int, tmp_path: Path) -> None:
    """A reader takes nothing for many thousand messages, then goes on, on the same connection."""
    with _talker_and_reader(tmp_path) as (server, sender, reader):
        begin = time.monotonic()
        stuck = _peak_during(server, lambda: _talk(sender, WARM_UP, MESSAGES))
        rate = MESSAGES / (time.monotonic() - begin)
        # It was stuck: the kernel holds less for it than a thousandth of what was written.
        assert _unread(reader) < 64 * 1024 < MESSAGES * 100 / 20

        begin = time.monotonic()
        catching_up = _catch_up(server, sender, reader, MESSAGES)
        seconds = time.monotonic() - begin
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


def test_slow_line(seed: int, round_number: int, tmp_path: Path) -> None:
    """A reader takes 10 KB a second while others write far more, then its line gets better."""
    turns = round((SECONDS if round_number == 0 else 3) / PACE)
    with _talker_and_reader(tmp_path) as (server, sender, reader):
        each = round(RATE * PACE)
        messages = turns * each

        def talk_and_trickle() -> None:
            begin = time.monotonic()
            for turn in range(turns):
                _talk(sender, WARM_UP + turn * each, each)
                reader.read(round(SLOW * PACE))
                time.sleep(max(0.0, begin + (turn + 1) * PACE - time.monotonic()))

        begin = time.monotonic()
        slow = _peak_during(server, talk_and_trickle)
        seconds = time.monotonic() - begin
        # It was slow: what it has not read yet is most of what was written.
        assert turns * SLOW * PACE < messages * 100 / 5

        catching_up = _catch_up(server, sender, reader, messages)
    record(
        "slow line",
        messages=messages,
        seconds=seconds,
        grew=slow,
        grew_catching_up=catching_up,
    )
    assert slow <= BOUND
    assert catching_up <= BOUND
