"""Ten thousand who say nothing: what they cost, and how long one more waits to get in."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import closing
from statistics import median

from bench.client import Client
from bench.options import Options
from bench.programs import holding, our_server
from bench.runs import connecting, memory
from bench.table import Bar, Row

_LOGINS = 20
_REST = 1.0  # seconds; what ten thousand logins leave to be done is not the newcomer's wait
_OTHER_FILES = 100  # descriptors that are not clients


def idle(options: Options) -> Iterator[Row]:
    """Absolute bars: there is no reference that knows users."""
    size = options.idle_clients
    _check_open_files(size + _OTHER_FILES)
    login, kib, all_in = zip(*(_measure(size) for _ in range(options.rounds)), strict=True)
    yield Row(f"{size} idle, login of one more, ms", median(login), bar=Bar(100, unit="ms"))
    yield Row(f"{size} idle, KiB a connection", median(kib), bar=Bar(12, unit="KiB"))
    yield Row(f"{size} idle, connect and log in all, s", median(all_in))


def _measure(size: int) -> tuple[float, float, float]:
    with our_server() as server, holding(server, size) as finish:
        time.sleep(_REST)
        login = median(_login(server.port, f"newcomer{number}") for number in range(_LOGINS))
        run = finish()
    return login * 1000, memory(run), connecting(run)


def _login(port: int, name: str) -> float:
    """Return the seconds from connecting until a user the server has never seen is logged in."""
    begun = time.perf_counter()
    with closing(Client(port, name)):
        return time.perf_counter() - begun


def _check_open_files(needed: int) -> None:
    """Server and load generator raise their own soft limits, but only up to the hard one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(
            f"{needed} open files are needed and the limit is {hard}: use fewer --idle-clients,"
            " or raise the limit (ulimit -Hn)."
        )
