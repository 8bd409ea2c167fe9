"""The loop in which all simulated clients live, and the phases of a run."""

from __future__ import annotations

import resource
import select
import time
from collections.abc import Callable
from typing import NamedTuple

from loadtest.arguments import Options
from loadtest.checker import Ledger
from loadtest.clients import Address, Client
from loadtest.errors import SetupError
from loadtest.intake import Intake
from loadtest.processes import Usage, machine_cpu
from loadtest.progress import Progress
from loadtest.texts import Run
from loadtest.traffic import NEVER, Traffic
from protocol import PROTOCOL_VERSION, __version__
from protocol.framing import encode
from protocol.requests import Hello, Login

_NS = 1_000_000_000
_READ = 16 * 1024
_BATCH = 256  # sockets read before looking at the schedule again: about a millisecond
_CONNECTING = 64  # connections being made at once; more could overflow the server's backlog
_CONNECT_TIMEOUT = 60 * _NS
_DRAIN_LONGEST = 600 * _NS
_LINGER = _NS // 4  # after everything has arrived, for what should not
_TICK = _NS // 10  # how often progress and the end of a phase are looked at


class Snapshot(NamedTuple):
    """The state of the counters at one moment."""

    time: int
    """Nanoseconds of the monotonic clock."""
    own_cpu: float
    """Seconds of processor time of this program."""
    server: Usage | None
    machine_cpu: float | None
    """Seconds of processor time of everything."""
    delivered: int
    acknowledged: int


class Engine:
    """Connects the clients, lets them talk, and waits for what is on its way."""

    def __init__(
        self,
        options: Options,
        run: Run,
        address: Address,
        progress: Progress,
        server_usage: Callable[[], Usage | None],
    ) -> None:
        self._options = options
        self._address = address
        self._progress = progress
        self._server_usage = server_usage
        self._poll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._next_tick = 0
        reading = options.clients - options.stalled
        self.clients = [
            Client(index, run.name(index), stalled=index >= reading)
            for index in range(options.clients)
        ]
        self.receivers = self.clients[:reading]
        spread = [self.clients[n * reading // options.senders] for n in range(options.senders)]
        self.ledger = Ledger(reading)
        self.traffic = Traffic(run, spread, options.rate, options.window)
        self.intake = Intake(run, self.clients, self.ledger, self.traffic)
        self.connect_seconds = 0.0
        """From the first connection to the last login."""
        self.aborted = ""
        """Why the run ended early; empty if it did not."""
        self.before: Usage | None = None
        """The server without a client, and with all of them but before the first message."""
        self.connected: Usage | None = None
        self.begin = self.end = Snapshot(0, 0.0, None, None, 0, 0)
        """The window that is measured."""

    def run(self) -> None:
        """Do all of it; raises :class:`SetupError` if the clients cannot log in."""
        try:
            self.before = self._server_usage()
            self._connect()
            self.connected = self._server_usage()
            self._talk()
            self._drain()
        finally:
            for client in self.clients:
                client.end()
            self._poll.close()

    def _connect(self) -> None:
        begin = time.monotonic_ns()
        self.intake.logged_in = self._after_login
        waiting = iter(self.clients)
        begun = 0
        while self.intake.ready < len(self.clients):
            while begun < min(self.intake.ready + _CONNECTING, len(self.clients)):
                self._open(next(waiting))
                begun += 1
            now = self._turn(time.monotonic_ns() + _TICK)
            if now >= self._next_tick:
                self._next_tick = now + _TICK
                self._look_at_logins(now, begin)
        self.connect_seconds = (time.monotonic_ns() - begin) / _NS

    def _look_at_logins(self, now: int, begin: int) -> None:
        state = f"{self.intake.ready} of {len(self.clients)} clients"
        for client in self.clients:
            if client.farewell:
                raise SetupError(f"client {client.name} could not log in: {client.farewell}")
        if now > begin + _CONNECT_TIMEOUT:
            raise SetupError(f"only {state} are logged in after {_CONNECT_TIMEOUT // _NS} s")
        if self._progress.due(now):
            self._progress.show(now, f"connecting  {state}")

    def _open(self, client: Client) -> None:
        hello = Hello(protocol=PROTOCOL_VERSION, client=f"mymessenger-loadtest {__version__}")
        login = Login(name=client.name, history=0)
        greeting = encode(hello) + encode(login)
        client.connect(self._address, self._poll, greeting, tls=self._options.tls)
        self._by_fd[client.fd] = client

    def _after_login(self, client: Client) -> None:
        if client.stalled:
            client.stall()

    def _talk(self) -> None:
        start = time.monotonic_ns()
        measured_from = start + int(self._options.warmup * _NS)
        end = measured_from + int(self._options.duration * _NS)
        self.traffic.start(start, measured_from)
        for until in (measured_from, end):
            while not self.aborted and (now := time.monotonic_ns()) < until:
                self.traffic.send_due(end)
                now = self._turn(min(self.traffic.next_due, until, now + _TICK))
                self._look_around(now, "warming up" if until < end else "running", end)
            self.begin, self.end = self.end, self._snapshot()

    def _snapshot(self) -> Snapshot:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Snapshot(
            time.monotonic_ns(),
            used.ru_utime + used.ru_stime,
            self._server_usage(),
            machine_cpu(),
            self.intake.delivered,
            self.ledger.acknowledged,
        )

    def _drain(self) -> None:
        """Wait until everyone has everything, or nothing comes any more."""
        begin = changed = now = time.monotonic_ns()
        quiet = int(self._options.drain * _NS)
        seen = -1
        while not self.aborted and not self._complete():
            if seen != self.intake.delivered:
                seen, changed = self.intake.delivered, now
            if now > min(changed + quiet, begin + _DRAIN_LONGEST):
                break
            now = self._turn(now + _TICK)
            self._look_around(now, "waiting for the rest", NEVER)
        linger = now + _LINGER
        while now < linger:
            now = self._turn(linger)
        self._progress.clear()

    def _complete(self) -> bool:
        last = self.ledger.last_acknowledged
        return not self.traffic.outstanding and all(
            client.track.expected > last and not client.track.holes
            for client in self.receivers
            if client.ready
        )

    def _turn(self, until: int) -> int:
        """Wait for sockets until the given time at most and serve some; return the time then."""
        ready = self._poll.poll(0, _BATCH)
        if not ready:
            # epoll's own timeout counts in milliseconds, which would make every message late.
            pause = max(0, until - time.monotonic_ns()) / _NS
            select.select((self._poll,), (), (), pause)
            ready = self._poll.poll(0, _BATCH)
        by_fd = self._by_fd
        take = self.intake.take
        clock = time.monotonic_ns
        for fd, events in ready:
            client = by_fd[fd]
            if events != select.EPOLLIN:
                self._serve_other(client, events)
            elif data := client.receive(_READ):
                take(client, data, clock())
        return clock()

    def _serve_other(self, client: Client, events: int) -> None:
        if events & select.EPOLLOUT:
            client.writable()
        if client.stalled and client.ready:
            client.end("cut off by the server")
        elif events & ~select.EPOLLOUT and (data := client.receive(_READ)):
            self.intake.take(client, data, time.monotonic_ns())

    def _look_around(self, now: int, phase: str, end: int) -> None:
        """Look now and then whether to go on, and tell how it goes."""
        if now < self._next_tick:
            return
        self._next_tick = now + _TICK
        if self.intake.shutdown is not None:
            self.aborted = f"the server went down: {self.intake.shutdown}"
        elif not any(client.ready for client in self.receivers):
            self.aborted = f"all connections have ended; {self.receivers[0].farewell}"
        if self._progress.due(now):
            left = f"  {max(0, end - now) / _NS:.0f} s left" if end != NEVER else ""
            median = self.intake.latency.percentile(50)
            latency = "" if median is None else f"  p50 {median:.1f} ms"
            counts = f"{self.ledger.acknowledged} messages  {self.intake.delivered} deliveries"
            self._progress.show(now, f"{phase}{left}  {counts}{latency}")
