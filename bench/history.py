"""A page of a history: it must not take longer because the history is a thousand times as long.

Two servers, one with a short and one with a long history, are asked in turn. The long one has
just been written, so it lies in the system's page cache as far as the memory goes.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from bench.client import Client
from bench.filling import check_space, fill
from bench.options import Options
from bench.programs import our_server
from bench.table import Bar, Row
from protocol.requests import History

_SHORT = 10_000
_PAGE = 20
_REQUESTS = 200  # of each kind, to each server, in each round


def history(options: Options) -> Iterator[Row]:
    """Ask for pages somewhere in the middle half and at the end."""
    check_space(options.messages + _SHORT)
    with _served(options.messages) as ours, _served(_SHORT) as reference:
        what = f"history page of {_PAGE}, {options.messages} messages (reference: {_SHORT})"
        for name, place in (("in the middle", _middle), ("at the end", _end)):
            times = [
                (_page(ours, place(options.messages)), _page(reference, place(_SHORT)))
                for _ in range(options.rounds * _REQUESTS)
            ]
            long, short = (median(side) * 1000 for side in zip(*times, strict=True))
            yield Row(f"{what}, {name}, ms", long, short, Bar(2))


@contextmanager
def _served(size: int) -> Iterator[Client]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "chat.db"
        fill(path, size)
        with our_server(path=path) as server, closing(Client(server.port, "reader")) as client:
            yield client


def _middle(size: int) -> int:
    """Return the number that a page of a history of this size ends in front of."""
    return random.randrange(size // 4, size * 3 // 4)  # noqa: S311


def _end(size: int) -> int:
    return size + 1


def _page(client: Client, before: int) -> float:
    """Return the seconds that a page took; it has to be the right one."""
    begun = time.perf_counter()
    page = client.ask(History(before=before, limit=_PAGE))
    seconds = time.perf_counter() - begun
    if [message.seq for message in page.messages] != list(range(before - _PAGE, before)):
        raise SystemExit(f"The page in front of message {before} has other messages.")
    return seconds
