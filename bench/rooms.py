"""Many rooms in which everybody speaks, against one room with all of them in it (S002-9).

A delivery costs the same, but each message has fewer of them: the ratio is what it costs to
store a message, and to find out for whom it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from bench.client import Client
from bench.options import Options
from bench.programs import IN_ROOMS, Run, Server, fanout, our_server
from bench.runs import alternately, compare, cost, millions
from bench.table import Row
from protocol.vocabulary.rooms import JoinRoom, LeaveRoom

_MEMBERS = 20


def rooms(options: Options) -> Iterator[Row]:
    """Deliveries a second in rooms of 20, and in one room with everybody."""
    number = max(1, options.clients // _MEMBERS)
    runs = alternately(
        options.rounds, lambda: _measure(options, number), lambda: _measure(options, 1)
    )
    what = f"{number} rooms of {_MEMBERS} (reference: one room)"
    yield compare(f"{what}, million deliveries/s", runs, millions)
    yield compare(f"{what}, server µs a delivery", runs, cost)


def _measure(options: Options, number: int) -> Run:
    clients = str(max(1, options.clients // _MEMBERS) * _MEMBERS)
    with our_server() as server:
        first = _make_rooms(server, number)
        return fanout(
            Server(server.port, server.pid, IN_ROOMS),
            *("--clients", clients, "--senders", clients),
            *("--rooms", str(number), "--first-room", str(first)),
            *("--window", str(2 * int(clients))),  # two of each, so that nobody waits
            *("--duration", str(options.seconds)),
        )


def _make_rooms(server: Server, number: int) -> int:
    """Make rooms whose names have their numbers in them, and return the lowest number."""
    with closing(Client(server.port, "maker")) as maker:
        opened = maker.ask(JoinRoom(name="probe"))
        first = int(opened.conversation.id) + 1
        for room in range(first, first + number):
            made = maker.ask(JoinRoom(name=f"room{room}")).conversation.id
            if made != room:
                raise SystemExit(f"The room {room} has the number {made}.")
            maker.ask(LeaveRoom(conversation=room))
    return first
