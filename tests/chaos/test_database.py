"""The database goes away under load: killed, frozen, restarted. The messenger stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from protocol.errors import ErrorCode
from protocol.events import AnyEvent, Error, HistoryPage, LoggedIn, StatusReport
from protocol.requests import GENERAL, History, Status
from tests.chaos.clients import Crowd, crowd
from tests.chaos.faults import Raw, audit, busiest_second, log_lines, record
from tests.harness import RunningServer, running_server
from tests.mariadb import MariaDB, running_mariadb

RECOVERY = 3.0
"""Seconds from the return of the database until messages are acknowledged again."""

LOG_LINES = 10
"""Lines a second."""

KILLED, FROZEN = 4.0, 5.0  # seconds


@pytest.fixture
def database() -> Iterator[MariaDB]:
    """A database server of the test's own, since it will be hurt."""
    with running_mariadb() as running:
        yield running


@contextmanager
def _running(database: MariaDB, folder: Path, seed: int) -> Iterator[tuple[RunningServer, Crowd]]:
    with (
        running_server(folder, "--database", database.url("chaos")) as server,
        crowd(server.port, seed=seed) as clients,
    ):
        time.sleep(1.0)
        yield server, clients


def test_killed(seed: int, database: MariaDB, tmp_path: Path) -> None:
    """For four seconds there is no database at all."""
    with _running(database, tmp_path, seed) as (server, clients):
        lines, since = log_lines(server), time.monotonic_ns()
        database.kill()
        try:
            probes = _probe(server, KILLED)
        finally:
            database.start()
        recovery = _recovery(clients)
        _judge(server, clients, tmp_path, since, KILLED)
        busiest = busiest_second(server, lines)
    record("database killed", recovery=recovery, log_lines=busiest, **probes)
    assert recovery <= RECOVERY
    assert busiest <= LOG_LINES


def test_frozen(seed: int, database: MariaDB, tmp_path: Path) -> None:
    """For five seconds it answers nothing, with all connections open."""
    with _running(database, tmp_path, seed) as (server, clients):
        lines, since = log_lines(server), time.monotonic_ns()
        database.freeze()
        try:
            probes = _probe(server, FROZEN)
        finally:
            database.thaw()
        recovery = _recovery(clients)
        _judge(server, clients, tmp_path, since, FROZEN)
        busiest = busiest_second(server, lines)
    record("database frozen", recovery=recovery, log_lines=busiest, **probes)
    assert recovery <= RECOVERY
    assert busiest <= LOG_LINES


def test_restarted(seed: int, database: MariaDB, tmp_path: Path) -> None:
    """Three restarts in good order, one after the other."""
    recoveries = []
    with _running(database, tmp_path, seed) as (server, clients):
        lines, since = log_lines(server), time.monotonic_ns()
        for _ in range(3):
            database.stop()
            time.sleep(0.3)
            database.start()
            recoveries.append(_recovery(clients))
            time.sleep(0.5)
        _judge(server, clients, tmp_path, since, 0.0, outages=3)
        busiest = busiest_second(server, lines)
    record("database restarted", recovery=max(recoveries), log_lines=busiest)
    assert max(recoveries) <= RECOVERY
    assert busiest <= LOG_LINES


def _probe(server: RunningServer, seconds: float) -> dict[str, float]:
    """Let a known device log in while the database is away, and return what came of it.

    It is let in, told the truth, or still waiting when the time is over; never a wrong answer.
    """
    begin = time.monotonic()
    time.sleep(0.5)
    known = Raw(server.port, "c0", patience=seconds - 0.7)
    answer: AnyEvent | None = None
    with suppress(TimeoutError):
        while not isinstance(answer, Error | LoggedIn):
            answer = known.next().frame
    waited = time.monotonic() - begin - 0.5
    if isinstance(answer, Error):
        assert answer.code == ErrorCode.STORAGE_UNAVAILABLE
    known.close()
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    return {
        "login_let_in": isinstance(answer, LoggedIn),
        "login_refused": isinstance(answer, Error),
        "login_waited": waited,
    }


def _recovery(clients: Crowd) -> float:
    """Return the seconds until somebody's message is acknowledged that was sent after now."""
    now = time.monotonic_ns()

    def answered() -> bool:
        return any(
            log.acknowledged and log.sent[log.acknowledged[-1].number] > now for log in clients.logs
        )

    return clients.wait(answered, 30.0, "an acknowledgement")


def _judge(
    server: RunningServer,
    clients: Crowd,
    folder: Path,
    since: int,
    outage: float,
    *,
    outages: int = 1,
) -> None:
    """What holds for every fault of a database."""
    time.sleep(0.5)
    clients.finish()
    assert server.process is not None
    assert server.process.poll() is None, "the server has gone down with its database"
    # The fault has happened: nobody was answered for about so long.
    times = sorted(ack.when for log in clients.logs for ack in log.acknowledged)
    longest = max(after - before for before, after in pairwise(times)) / 1e9
    assert longest >= 0.8 * outage
    assert not any(log.count("lost") for log in clients.logs), "connections were lost"
    for available in (False, True):
        told = [log.count("storage", str(available), since) for log in clients.logs]
        assert min(told) >= 1, f"{told.count(0)} were not told that storage={available}"
        assert max(told) <= outages
    audit(clients, server, folder)


def test_reading_goes_on(seed: int, database: MariaDB, tmp_path: Path) -> None:
    """Who is here is answered at once; history is refused clearly, and the log stays readable."""
    with running_server(tmp_path, "--database", database.url("chaos")) as server:
        reader = Raw(server.port, "reader")
        reader.login()
        lines = log_lines(server)
        database.kill()
        try:
            begin = time.monotonic()
            reader.send(Status(ref=1))
            assert isinstance(reader.next().frame, StatusReport)
            status = time.monotonic() - begin
            for number in range(40):
                reader.send(History(ref=number, conversation=GENERAL))
                answer = reader.next().frame
                assert isinstance(answer, Error), answer
                assert (answer.ref, answer.code) == (number, ErrorCode.STORAGE_UNAVAILABLE)
        finally:
            database.start()
        reader.send(History(ref=99))
        assert isinstance(reader.next().frame, HistoryPage)
        busiest = busiest_second(server, lines)
        reader.close()
    record("reading without database", status=status, log_lines=busiest)
    assert status < 1.0
    assert busiest <= LOG_LINES
