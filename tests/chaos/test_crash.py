"""The server dies or is stopped under load, and nobody loses anything."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.chaos.clients import crowd
from tests.chaos.faults import LONG, audit, in_time, record, spread
from tests.harness import PATIENT, running_server

BACK = 3.0
"""Seconds from the start of the server until it listens."""

CAUGHT_UP = 10.0
"""Seconds until all clients are back and have everything."""

EXIT = 5.0
"""Seconds from SIGTERM to the end of the process."""


def test_kill(seed: int, tmp_path: Path) -> None:
    """Kill -9 at a random moment under 400 messages a second from 200 clients."""
    draw = random.Random(seed)
    with running_server(tmp_path, *PATIENT) as server, crowd(server.port, seed=seed) as clients:
        time.sleep(draw.uniform(1.0, 3.0))
        before = clients.acknowledged
        killed = time.monotonic_ns()
        server.kill()
        begin = time.monotonic()
        server.start(port=server.port)
        back = time.monotonic() - begin
        caught_up = clients.wait_caught_up(3 * CAUGHT_UP)
        time.sleep(0.5)
        clients.finish()
        assert before > 0
        assert all(log.count("lost", since=killed) for log in clients.logs)
        assert all(log.count("ready", since=killed) for log in clients.logs)
        messages = audit(clients, server, tmp_path)
    record("kill -9", back=back, caught_up=caught_up, messages=messages)
    assert in_time(back, BACK)
    assert in_time(caught_up, CAUGHT_UP)


def test_rolling_restarts(seed: int, tmp_path: Path) -> None:
    """SIGTERM under load: everyone is told each time, nothing is lost, all come back spread out."""
    draw = random.Random(seed)
    exits, told, worst = [], [], 0.0
    with running_server(tmp_path, *PATIENT) as server, crowd(server.port, seed=seed) as clients:
        for _ in range(3 if LONG else 2):
            time.sleep(5.0 if LONG else draw.uniform(0.5, 1.5))
            begin = time.monotonic_ns()
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            exits.append((time.monotonic_ns() - begin) / 1e9)
            server.start(port=server.port)
            clients.wait_caught_up(3 * CAUGHT_UP)
            told.append(sum(log.count("shutdown", since=begin) for log in clients.logs))
            attempts = [
                happening.when
                for log in clients.logs
                for happening in log.happenings
                if happening.kind == "connecting" and happening.when >= begin
            ]
            worst = max(worst, spread(attempts))
        clients.finish()
        messages = audit(clients, server, tmp_path)
    record("SIGTERM", exit=max(exits), told=min(told), burst=worst, messages=messages)
    assert told == [200] * len(told)
    assert in_time(max(exits), EXIT)
    assert worst <= 0.5, "the clients come back in one moment"
