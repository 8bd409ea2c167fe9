"""The database goes away under load: killed, frozen, restarted. The messenger stays."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from protocol.errors import ErrorCode
from protocol.events import (
    Error,
    Event,
    HistoryPage,
    LoggedIn,
    Message,
    Shutdown,
    StatusReport,
)
from protocol.requests import GENERAL, Delivered, History, Status
from tests.chaos.clients import Crowd, crowd
from tests.chaos.faults import Raw, audit, busiest_second, in_time, log_lines, record
from tests.harness import PATIENT, RunningServer, running_server
from tests.mariadb import MariaDB, running_mariadb

RECOVERY = 3.0
"""Seconds from the return of the database until messages are acknowledged again."""

LOG_LINES = 10
"""Lines a second."""

ANSWER = 1.0
"""Seconds to any answer, from the moment on that everyone was told."""

EXIT = 5.0
"""Seconds from SIGTERM to the end of the process."""

EventT = TypeVar("EventT", bound=Event)


class Device(Raw):
    """A connection that keeps the numbers of the messages that pass by."""

    def __init__(self, port: int, name: str, *, resume: int = 0) -> None:
        super().__init__(port, name, resume=resume)
        self.seqs: list[int] = []

    def read_until(self, *kinds: type[EventT]) -> EventT:
        """Read until an event of one of the kinds comes, and return it."""
        while True:
            frame = self.next().frame
            if isinstance(frame, Message):
                self.seqs.append(frame.seq)
            if isinstance(frame, kinds):
                return frame

    def read_to(self, seq: int) -> list[int]:
        """Read until the message with that number has come; return the numbers of all."""
        while seq and seq not in self.seqs[-1:]:
            self.read_until(Message)
        return self.seqs


@pytest.fixture
def database() -> Iterator[MariaDB]:
    """A database server of the test's own, since it will be hurt."""
    with running_mariadb() as running:
        yield running


@contextmanager
def _running(
    database: MariaDB, folder: Path, seed: int, *, rate: float = 400
) -> Iterator[tuple[RunningServer, Crowd]]:
    with (
        running_server(folder, *PATIENT, "--database", database.url("chaos")) as server,
        crowd(server.port, rate=rate, seed=seed) as clients,
    ):
        time.sleep(1.0)
        yield server, clients


class Fault(NamedTuple):
    """One way of having no database."""

    begin: Callable[[MariaDB], None]
    end: Callable[[MariaDB], None]
    seconds: float


FAULTS = {
    "killed": Fault(MariaDB.kill, MariaDB.start, 4.0),  # there is none at all
    "frozen": Fault(MariaDB.freeze, MariaDB.thaw, 5.0),  # all connections open, and no answer
}


@contextmanager
def _away(database: MariaDB, fault: Fault) -> Iterator[None]:
    """Take the database away for as long as the fault lasts, or longer."""
    begin = time.monotonic()
    fault.begin(database)
    try:
        yield
        time.sleep(max(0.0, begin + fault.seconds - time.monotonic()))
    finally:
        fault.end(database)


@pytest.mark.parametrize("name", FAULTS)
def test_away(seed: int, name: str, database: MariaDB, tmp_path: Path) -> None:
    """Messages wait, all are told, known people come in and are given what is in memory."""
    fault = FAULTS[name]
    with _running(database, tmp_path, seed) as (server, clients):
        had = _visit(server, "traveller")
        time.sleep(0.5)
        lines, since = log_lines(server), time.monotonic_ns()
        with _away(database, fault):
            announced = _announcement(clients, since)
            known, waited = _return(server, "traveller", had)
            refused = _refusal(server, "stranger")
            asked = _ask_history(known)
        recovery = _recovery(clients)
        last = _judge(server, clients, tmp_path, since, fault.seconds)
        assert known.read_to(last) == list(range(had + 1, last + 1))
        known.close()
        busiest = busiest_second(server, lines)
    record(
        f"database {name}",
        announced=announced,
        login=waited,
        refusal=refused,
        history=asked,
        recovery=recovery,
        log_lines=busiest,
    )
    assert max(waited, refused, asked) <= ANSWER
    assert in_time(recovery, RECOVERY)
    assert busiest <= LOG_LINES


@pytest.mark.parametrize("name", FAULTS)
def test_stopped(seed: int, name: str, database: MariaDB, tmp_path: Path) -> None:
    """SIGTERM while the database is away: everyone is told, and what was acknowledged is there."""
    fault = FAULTS[name]
    with _running(database, tmp_path, seed, rate=100) as (server, clients):
        had = _visit(server, "traveller")
        since = time.monotonic_ns()
        with _away(database, fault):
            _announcement(clients, since)
            late, _ = _return(server, "traveller", had)
            late.send(Delivered(conversation=GENERAL, seq=had))  # a marker that cannot be written
            acknowledged = clients.acknowledged
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            late.read_until(Shutdown)
            late.close()
            code = server.wait()
            took = time.monotonic() - begin
        told = sum(log.count("shutdown", since=since) for log in clients.logs)
        server.start(port=server.port)
        clients.wait_caught_up(30.0)
        clients.finish()
        messages = audit(clients, server, tmp_path)
    record(f"SIGTERM, database {name}", exit=took, told=told, messages=messages)
    assert code == 0
    assert told == len(clients.logs)
    assert in_time(took, EXIT)
    assert messages >= acknowledged > 0


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
    assert in_time(max(recoveries), RECOVERY)
    assert busiest <= LOG_LINES


def _visit(server: RunningServer, name: str) -> int:
    """Log in, follow for a while, leave, and return the number of the last message had."""
    visitor = Device(server.port, name)
    last = visitor.login().conversations[0].last_seq + 40
    visitor.read_to(last)
    visitor.close()
    return last


def _announcement(clients: Crowd, since: int) -> float:
    """Wait until everyone was told that the database is away."""
    return clients.wait(
        lambda: all(log.count("storage", "False", since) for log in clients.logs), 5.0, "the news"
    )


def _return(server: RunningServer, name: str, had: int) -> tuple[Device, float]:
    """Log in somebody who was here before; return the seconds that took."""
    begin = time.monotonic()
    device = Device(server.port, name, resume=had)
    device.read_until(LoggedIn)
    return device, time.monotonic() - begin


def _refusal(server: RunningServer, name: str) -> float:
    """Let somebody knock whom the server does not know, and return the seconds to the answer."""
    begin = time.monotonic()
    stranger = Device(server.port, name)
    assert stranger.read_until(Error).code == ErrorCode.STORAGE_UNAVAILABLE
    stranger.close()
    return time.monotonic() - begin


def _ask_history(device: Device) -> float:
    """Ask for a page, and return the seconds to the page or the refusal."""
    begin = time.monotonic()
    device.send(History(ref=1))
    answer = device.read_until(HistoryPage, Error)
    if isinstance(answer, Error):
        assert answer.code == ErrorCode.STORAGE_UNAVAILABLE
    return time.monotonic() - begin


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
) -> int:
    """What holds for every fault of a database; return how many messages there are."""
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
    return audit(clients, server, folder)


def test_reading_goes_on(seed: int, database: MariaDB, tmp_path: Path) -> None:
    """Who is here is answered at once; history is refused clearly, and the log stays readable."""
    with running_server(tmp_path, *PATIENT, "--database", database.url("chaos")) as server:
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
