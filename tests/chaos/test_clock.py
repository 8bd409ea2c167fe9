"""The wall clock jumps by an hour, forth and back: order and timeouts do not care."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

from protocol.events import Message
from tests.chaos.clients import crowd
from tests.chaos.faults import Raw, audit, log_lines, record
from tests.harness import PATIENT, running_server

HOUR = 3600

# Python imports a module of this name before the program. The machine's own clock is not moved:
# that would hurt other programs. All of the server's code asks the time module.
_SITE = """
import time
_real, _real_ns = time.time, time.time_ns
def _offset():
    try:
        with open({path!r}) as file:
            return int(file.read() or 0)
    except OSError:
        return 0
time.time = lambda: _real() + _offset()
time.time_ns = lambda: _real_ns() + _offset() * 1_000_000_000
"""


def test_jumps(seed: int, tmp_path: Path) -> None:
    """One hour ahead, two back, one ahead; timeouts are short, so a wrong one would strike."""
    offset = tmp_path / "offset"
    (tmp_path / "sitecustomize.py").write_text(_SITE.format(path=str(offset)))
    flags = ("--ping-interval", "5", "--idle-limit", "20", "--login-timeout", "20")
    with (
        running_server(tmp_path, *PATIENT, *flags, PYTHONPATH=str(tmp_path)) as server,
        crowd(server.port, seed=seed) as clients,
    ):
        lines = log_lines(server)
        for hours in (0, 1, -1, 0):
            ready = tmp_path / "offset.new"
            ready.write_text(str(hours * HOUR))
            ready.replace(offset)
            time.sleep(1.0)
        clients.finish()
        assert not any(log.count("lost") for log in clients.logs), "a timeout struck"
        assert log_lines(server) == lines, "the server noticed something"
        messages = audit(clients, server, tmp_path)
        jumps = _jumps(server.port, messages)
    record("clock jumps", messages=messages, forth=max(jumps), back=min(jumps))
    # The fault has happened: the times of the messages jump, their order does not.
    assert max(jumps) > 0.9 * HOUR
    assert min(jumps) < -1.9 * HOUR


def _jumps(port: int, last: int) -> list[float]:
    """Return the seconds between the times of neighbouring messages."""
    reader = Raw(port, "historian")
    times: list[int] = []
    while len(times) < last:
        if isinstance(frame := reader.next().frame, Message):
            times.append(frame.time)
    reader.close()
    return [(after - before) / 1e6 for before, after in pairwise(times)]
