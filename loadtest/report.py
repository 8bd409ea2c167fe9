"""What came out of a run, for people and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable

from msgspec import Struct

from loadtest.arguments import Options
from loadtest.clients import Client
from loadtest.engine import Engine
from loadtest.server_process import ServerProcess
from loadtest.statistics import Histogram

_NS = 1_000_000_000
_MIB = 1024 * 1024
_EXAMPLES = 5
_BUSY_PERCENT = 90.0  # of a core: from here on the generator itself may be what is slow
_LATE_MS = 20.0  # behind its own schedule, likewise; one message in a hundred


class Latency(Struct, frozen=True):
    """Milliseconds; None where nothing was measured."""

    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Checks(Struct, frozen=True):
    """Over the whole run, warm-up included. All zero is what a messenger owes its users."""

    lost: int
    """Messages that a receiver did not get, counted for each receiver."""
    doubled: int
    """Messages that a receiver got again, and messages that were stored twice."""
    out_of_order: int
    """Messages that came behind a later one, or under another number than at other receivers."""
    damaged: int
    """Messages whose text or sender is not what was sent, and lines that cannot be read."""
    unanswered: int
    """Messages sent that were neither acknowledged nor refused."""
    disconnected: int
    """Receivers whose connection ended."""

    @property
    def passed(self) -> bool:
        """Tell whether nothing is wrong."""
        return not any(getattr(self, name) for name in self.__struct_fields__)


class Cost(Struct, frozen=True):
    """Of the server's processes, in the measured window."""

    cpu_percent: float
    """100 is one core."""
    cpu_us_per_delivery: float | None
    memory_bytes: int
    """Resident, at the end of the window."""
    memory_bytes_per_connection: float
    """What it grew by while the clients connected."""


class Generator(Struct, frozen=True):
    """What the load test itself took, to tell whether it was the bottleneck."""

    cpu_percent: float
    cpu_us_per_delivery: float | None
    late_p99_ms: float | None
    late_max_ms: float | None
    bottleneck: bool


class Report(Struct, frozen=True):
    """One run; the JSON has these fields."""

    passed: bool
    aborted: str
    clients: int
    stalled: int
    stalled_cut_off: int
    senders: int
    rate: float
    size: int
    tls: bool
    seconds: float
    connect_seconds: float
    messages_per_second: float
    deliveries_per_second: float
    acknowledged: int
    refused: int
    errors: dict[str, int]
    latency: Latency
    acknowledgement: Latency
    checks: Checks
    examples: list[str]
    server: Cost | None
    server_exit_code: int | None
    server_output: str
    generator: Generator
    others_cpu_percent: float | None
    """Of a core, used by all other processes here, a database server among them."""
    machine: str


def build(options: Options, engine: Engine, server: ServerProcess | None) -> Report:
    """Gather the figures of a finished run."""
    begin, end = engine.begin, engine.end
    seconds = max((end.time - begin.time) / _NS, 1e-9)
    delivered = end.delivered - begin.delivered
    checks = _check(engine)
    exit_code = None if server is None else server.exit_code
    return Report(
        passed=checks.passed and not engine.aborted and not exit_code,
        aborted=engine.aborted,
        clients=options.clients,
        stalled=options.stalled,
        stalled_cut_off=sum(bool(c.farewell) for c in engine.clients if c.stalled),
        senders=options.senders,
        rate=options.rate,
        size=options.size,
        tls=options.tls,
        seconds=round(seconds, 3),
        connect_seconds=round(engine.connect_seconds, 3),
        messages_per_second=round((end.acknowledged - begin.acknowledged) / seconds, 1),
        deliveries_per_second=round(delivered / seconds, 1),
        acknowledged=engine.ledger.acknowledged,
        refused=engine.traffic.refused,
        errors=dict(engine.traffic.errors),
        latency=_latency(engine.intake.latency),
        acknowledgement=_latency(engine.traffic.acknowledging),
        checks=checks,
        examples=_examples(engine),
        server=_cost(engine, options.clients, seconds, delivered),
        server_exit_code=exit_code,
        server_output="" if server is None else server.last_words(),
        generator=_generator(engine, seconds, delivered),
        others_cpu_percent=_others(engine, seconds),
        machine=f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}",
    )


def _check(engine: Engine) -> Checks:
    last = engine.ledger.last_acknowledged
    tracks = [client.track for client in engine.receivers]
    return Checks(
        lost=sum(track.missing(last) for track in tracks),
        doubled=sum(track.doubled for track in tracks) + engine.ledger.stored_twice,
        out_of_order=sum(track.out_of_order for track in tracks)
        + engine.ledger.contradictions
        + engine.ledger.overtaken(len(engine.traffic.senders)),
        damaged=engine.intake.damaged,
        unanswered=len(engine.traffic.outstanding),
        disconnected=sum(bool(client.farewell) for client in engine.receivers),
    )


def _examples(engine: Engine) -> list[str]:
    """Return the first few receivers for which something is wrong, in words."""
    last = engine.ledger.last_acknowledged
    told = (_trouble(client, last) for client in engine.receivers)
    return [words for words in told if words][:_EXAMPLES]


def _trouble(client: Client, last: int) -> str:
    track = client.track
    gaps: Iterable[tuple[int, int]] = track.holes
    if track.expected <= last:
        gaps = [*gaps, (track.expected, last + 1)]
    words = [f"never got {first} to {behind - 1}" for first, behind in gaps][:_EXAMPLES]
    if track.doubled:
        words.append(f"got {track.doubled} twice")
    if track.out_of_order:
        words.append(f"got {track.out_of_order} late")
    if client.farewell:
        words.append(client.farewell)
    return f"{client.name}: {', '.join(words)}" if words else ""


def _latency(histogram: Histogram) -> Latency:
    figures = (histogram.percentile(50), histogram.percentile(99), histogram.largest)
    return Latency(*(_rounded(figure) for figure in figures))


def _cost(engine: Engine, clients: int, seconds: float, delivered: int) -> Cost | None:
    first, last = engine.begin.server, engine.end.server
    if first is None or last is None or engine.before is None or engine.connected is None:
        return None
    cpu = last.cpu - first.cpu
    return Cost(
        cpu_percent=round(100 * cpu / seconds, 1),
        cpu_us_per_delivery=_rounded(1e6 * cpu / delivered) if delivered else None,
        memory_bytes=last.memory,
        memory_bytes_per_connection=round(
            (engine.connected.memory - engine.before.memory) / clients
        ),
    )


def _generator(engine: Engine, seconds: float, delivered: int) -> Generator:
    cpu = engine.end.own_cpu - engine.begin.own_cpu
    percent = 100 * cpu / seconds
    late = engine.traffic.lateness.percentile(99)
    return Generator(
        cpu_percent=round(percent, 1),
        cpu_us_per_delivery=_rounded(1e6 * cpu / delivered) if delivered else None,
        late_p99_ms=_rounded(late),
        late_max_ms=_rounded(engine.traffic.lateness.largest),
        bottleneck=percent > _BUSY_PERCENT or (late or 0.0) > _LATE_MS,
    )


def _others(engine: Engine, seconds: float) -> float | None:
    begin, end = engine.begin, engine.end
    if begin.machine_cpu is None or end.machine_cpu is None:
        return None
    cpu = end.machine_cpu - begin.machine_cpu - (end.own_cpu - begin.own_cpu)
    if begin.server is not None and end.server is not None:
        cpu -= end.server.cpu - begin.server.cpu
    return max(0.0, round(100 * cpu / seconds, 1))


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 2)


def text(report: Report) -> str:
    """Return the report for people."""
    checks = report.checks
    load = f"{report.rate:g} messages/s" if report.rate else "as fast as possible"
    way = " over TLS" if report.tls else ""
    title = (
        f"{report.clients} clients{way}, {report.senders} senders, {load} of {report.size} bytes, "
        f"{report.seconds:.1f} s ({report.machine})"
    )
    messages = (
        f"{report.messages_per_second:,.1f}/s, {report.acknowledged:,} acknowledged in all, "
        f"{report.refused:,} refused"
    )
    lines = [
        title,
        _row("connect and login", f"{report.connect_seconds:.2f} s for all"),
        _row("messages", messages),
        _row("deliveries", f"{report.deliveries_per_second:,.0f}/s"),
        _row("latency", f"{_figures(report.latency)} (due to received)"),
        _row("acknowledgement", f"{_figures(report.acknowledgement)} (due to acknowledged)"),
        _row("server", _server_line(report)),
        _row("load generator", _generator_line(report.generator)),
    ]
    if report.others_cpu_percent is not None:
        percent = f"{report.others_cpu_percent:.0f} % of a core"
        others = f"{percent} (noise, and a database server if there is one)"
        lines.append(_row("other processes", others))
    if report.stalled:
        stalled = (
            f"{report.stalled} clients never read, the server cut {report.stalled_cut_off} off"
        )
        lines.append(_row("stalled", stalled))
    if report.errors:
        counts = ", ".join(f"{code} {count:,}" for code, count in sorted(report.errors.items()))
        lines.append(_row("errors", counts))
    counted = (
        f"{name.replace('_', ' ')} {getattr(checks, name):,}" for name in checks.__struct_fields__
    )
    lines.append(_row("passed" if report.passed else "FAILED", ", ".join(counted)))
    lines += [f"  {example}" for example in report.examples]
    lines += _remarks(report)
    return "\n".join(lines)


def _row(name: str, value: str) -> str:
    return f"{name:<18} {value}"


def _figures(latency: Latency) -> str:
    if latency.p50_ms is None:
        return "nothing measured"
    return f"p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms, max {latency.max_ms:.1f} ms"


def _server_line(report: Report) -> str:
    cost = report.server
    if cost is None:
        return "not on this machine, or its processes are hidden: cost unknown"
    each = (
        ""
        if cost.cpu_us_per_delivery is None
        else f" ({cost.cpu_us_per_delivery:.1f} µs a delivery)"
    )
    return (
        f"{cost.cpu_percent:.0f} % of a core{each}, {cost.memory_bytes / _MIB:.0f} MiB, "
        f"{cost.memory_bytes_per_connection / 1024:.1f} KiB a connection"
    )


def _generator_line(generator: Generator) -> str:
    each = generator.cpu_us_per_delivery
    cost = "" if each is None else f" ({each:.1f} µs a delivery)"
    late = ""
    if generator.late_p99_ms is not None:
        late = f", late p99 {generator.late_p99_ms:.1f} ms, max {generator.late_max_ms:.1f} ms"
    return f"{generator.cpu_percent:.0f} % of a core{cost}{late}"


def _remarks(report: Report) -> list[str]:
    remarks = []
    if report.aborted:
        remarks.append(f"ABORTED: {report.aborted}")
    if report.generator.bottleneck:
        remarks.append(
            "WARNING: the load generator itself could not keep up (it needs a core, or the machine "
            "was busy); latency and throughput are its own, not the server's. Use fewer clients, "
            "a lower rate, or a machine with nothing else to do."
        )
    if report.server_exit_code:
        remarks.append(f"The server ended with exit code {report.server_exit_code}.")
    if report.server_output:
        remarks.append(f"The server's last words:\n{report.server_output}")
    return remarks
