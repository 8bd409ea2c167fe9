"""The command line of the load test."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from loadtest.texts import SHORTEST
from protocol.limits import MAX_TEXT

MAX_CLIENTS = 20_000
"""More would run out of local ports towards one address."""

USAGE_ERROR = 2
"""The exit code for a wrong option, and for a test that could not begin."""


@dataclass(frozen=True)
class Options:
    """What one run is to do."""

    host: str = "127.0.0.1"
    port: int | None = None
    """Of a running server; None: start one."""
    clients: int = 1000
    senders: int = 10
    """How many of the clients write, one after the other."""
    rate: float = 100.0
    """Messages a second in total; 0: as fast as ``window`` allows."""
    duration: float = 30.0
    """Seconds that are measured."""
    warmup: float = 2.0
    """Seconds of load before them."""
    drain: float = 5.0
    """Seconds without a delivery after which what has not arrived is lost."""
    size: int = 100
    """Bytes of a message's text."""
    stalled: int = 0
    """How many of the clients never read after their login."""
    window: int = 128
    """Messages on their way at once where ``rate`` is 0."""
    database: str | None = None
    """URL for the server that is started; None: a temporary SQLite file."""
    tls: bool = False
    """Everything is encrypted."""
    json: bool = False


class _OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the whole usage in front."""

    def error(self, message: str) -> NoReturn:
        """End the program with a sentence for a person."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (--help lists the options)\n")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options; ends the program with exit code 2 where they make no sense."""
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    host = values.pop("host")
    options = Options(host=host or Options.host, **values)
    if options.port is None and host is not None:
        parser.error("--host needs --port; without both the test starts a server of its own")
    if options.port is not None and options.database is not None:
        parser.error("--database is for a server that the test starts; leave out --port")
    if options.stalled >= options.clients:
        parser.error(f"--stalled must be below --clients, which is {options.clients}")
    if options.senders > options.clients - options.stalled:
        parser.error("--senders must not exceed the clients that read (--clients minus --stalled)")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="loadtest",
        description="Simulated clients in one room. Measures latency, throughput and the server's "
        "cost, and checks that every client got every message once and in order.",
        epilog="Exit code: 0 all well; 1 something was lost, doubled, reordered or damaged; "
        "2 the test could not begin.",
    )
    add = parser.add_argument
    add("--host", help=f"of a running server ({Options.host})")
    add("--port", type=_whole(1, 65535), help="of a running server; else the test starts one")
    add("--database", metavar="URL", help="for a server of its own; else a temporary SQLite file")
    for name, convert, meaning in (
        ("clients", _whole(1, MAX_CLIENTS), "connections"),
        ("senders", _whole(1, MAX_CLIENTS), "how many of the clients write"),
        ("stalled", _whole(0, MAX_CLIENTS), "how many never read after their login"),
        ("rate", _number(0, 1e6), "messages a second in total; 0: as fast as --window allows"),
        ("window", _whole(1, 1_000_000), "messages on their way at once with --rate 0"),
        ("duration", _number(0.1, 86_400), "seconds that are measured"),
        ("warmup", _number(0, 3600), "seconds of load before them"),
        ("drain", _number(0.1, 600), "seconds of silence after which the rest is lost"),
        ("size", _whole(SHORTEST, MAX_TEXT), "bytes of a message's text"),
    ):
        default = getattr(Options, name)
        add(f"--{name}", type=convert, default=default, help=f"{meaning} ({default:g})")
    add("--tls", action="store_true", help="connect over TLS, whatever the server's certificate")
    add("--json", action="store_true", help="print one JSON object instead of the report")
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {least} to {most}")
        return int(text)

    return convert


def _number(least: float, most: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # not-a-number is in no range
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {least:g} to {most:g}")
        return value

    return convert
