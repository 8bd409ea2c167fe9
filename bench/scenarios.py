"""Which scenarios there are; the first word on the command line picks from here."""

from __future__ import annotations

from bench import broadcast
from bench.encryption import tls
from bench.expiry import expiry
from bench.flood import flood
from bench.history import history
from bench.http import http
from bench.idle import idle
from bench.long_text import long_text
from bench.options import Scenario
from bench.rooms import rooms
from bench.sealing import sealing
from bench.stuck import stuck
from bench.terminal import terminal
from bench.websocket import websocket

SCENARIOS = {
    "saturated": Scenario(broadcast.saturated, "as fast as it goes; connecting and logging in"),
    "rate-100": Scenario(broadcast.rate_100, "latency and server CPU at 100 messages/s"),
    "rate-10": Scenario(broadcast.rate_10, "latency and server CPU at 10 messages/s"),
    "rooms": Scenario(rooms, "as fast as it goes in rooms of 20, against all in one room"),
    "stuck": Scenario(stuck, "latency at 100 messages/s while a tenth of the clients never read"),
    "flood": Scenario(flood, "latency while 2000 strangers flood from one address"),
    "idle": Scenario(idle, "10,000 idle connections: memory, and the login of one more"),
    "websocket": Scenario(websocket, "server CPU at 100 messages/s: WebSockets against plain"),
    "http": Scenario(http, "requests a second of the API, against a bare h11 on Trio"),
    "long-text": Scenario(long_text, "latency of the others while a long text passes", quick=False),
    "tls": Scenario(tls, "saturated and at 100 messages/s, over TLS against without", quick=False),
    "mysql": Scenario(broadcast.mysql, "saturated, on MySQL against SQLite", quick=False),
    "sealing": Scenario(sealing, "what sealing costs, against nothing sealed", quick=False),
    "expiry": Scenario(expiry, "latency while a long history is deleted", quick=False),
    "terminal": Scenario(terminal, "the full-screen client: start, CPU, memory", quick=False),
    "history": Scenario(history, "a page of 20 of a short and of a long history", quick=False),
}
