"""What every simulated client writes down, for the checker to judge when all is over."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec


class Seen(NamedTuple):
    """A message as somebody saw it; ``number`` is its sender's own count."""

    seq: int
    id: int
    sender: str
    number: int


class Ack(NamedTuple):
    """An acknowledgement; ``when`` in nanoseconds of the monotonic clock, as everywhere."""

    number: int
    seq: int
    id: int
    when: int


class Happening(NamedTuple):
    """Something else that happened to a client, such as ``lost`` or ``shutdown``."""

    when: int
    kind: str
    detail: str = ""


@dataclass
class ClientLog:
    """Everything about one client."""

    name: str
    sent: dict[int, int] = field(default_factory=dict)
    """The number of each message handed to the outbox, to the time of that."""
    acknowledged: list[Ack] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    """Messages that the server said it would not store, to the code of the refusal."""
    received: list[Seen] = field(default_factory=list)
    """The general chat as it came, acknowledgements in the places of the client's own."""
    read_counts: array[int] = field(default_factory=lambda: array("q"))
    read_times: array[int] = field(default_factory=lambda: array("q"))
    """How many there were in :attr:`received` at which times."""
    happenings: list[Happening] = field(default_factory=list)
    caught_up: bool = False
    """True: at the end the client had been promised everything that is stored."""

    def note(self, when: int, kind: str, detail: str = "") -> None:
        """Write down a happening."""
        self.happenings.append(Happening(when, kind, detail))

    def count(self, kind: str, detail: str | None = None, since: int = 0) -> int:
        """Return how often something has happened."""
        return sum(
            each.kind == kind and each.when >= since and detail in (None, each.detail)
            for each in self.happenings
        )


def dump(logs: list[ClientLog], path: Path) -> None:
    """Write the logs as JSON lines, one a client."""
    with path.open("wb") as file:
        for log in logs:
            whole = {**vars(log), "read_counts": list(log.read_counts)}
            whole["read_times"] = list(log.read_times)
            file.write(msgspec.json.encode(whole) + b"\n")
