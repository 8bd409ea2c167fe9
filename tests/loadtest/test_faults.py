"""The load test against a server that does wrong on purpose: each wrong is found and counted."""

from __future__ import annotations

import pytest

from loadtest.report import Checks
from tests.loadtest.conftest import Measure
from tests.loadtest.fake_server import FakeServer, Faults

NOTHING_WRONG = Checks(
    lost=0, doubled=0, out_of_order=0, damaged=0, unanswered=0, disconnected=0
)  # fmt: skip
MESSAGES = 40  # 200 a second for 0.2 s; receivers 0 and 4 are the senders


@pytest.mark.parametrize(
    ("faults", "wrong"),
    [
        (Faults(), {}),
        (Faults(lose={(1, 10), (1, 11), (3, 20)}), {"lost": 3}),
        (Faults(lose={(1, MESSAGES), (2, MESSAGES)}), {"lost": 2}),  # the last one of all
        (Faults(double={(1, 10), (7, MESSAGES)}), {"doubled": 2}),
        (Faults(swap={(2, 10), (5, 12)}), {"out_of_order": 2}),
        (Faults(hold={10}), {"out_of_order": 1}),
        (Faults(damage={(1, 10), (3, 10), (1, 11)}), {"damaged": 3}),
        (Faults(store_twice={10}), {"doubled": 1}),
        (Faults(ignore={4, 5, 6}), {"unanswered": 3}),
        (Faults(lose={(1, 10)}, double={(1, 20)}, swap={(3, 30)}, individual=True),
         {"lost": 1, "doubled": 1, "out_of_order": 1}),
    ],
)  # fmt: skip
def test_every_wrong_is_counted(faults: Faults, wrong: dict[str, int], measure: Measure) -> None:
    with FakeServer(faults) as server:
        # One sender where a message overtakes another of the same sender.
        code, report = measure(server, "--senders 1" if faults.hold else "")
    expected = {name: wrong.get(name, 0) for name in Checks.__struct_fields__}
    assert report.checks == Checks(**expected)
    assert code == bool(wrong)
    assert report.passed == (not wrong)


def test_two_truths_under_one_number(measure: Measure) -> None:
    """How many are wrong depends on whom one believes, so it is not counted here."""
    with FakeServer(Faults(exchange={(2, 10)})) as server:
        code, report = measure(server)
    assert code == 1
    assert report.checks.out_of_order > 0


def test_refused_messages_are_not_lost(measure: Measure) -> None:
    with FakeServer(Faults(refuse={3, 4, MESSAGES - 1})) as server:
        code, report = measure(server)
    assert code == 0
    assert report.checks == NOTHING_WRONG
    assert report.errors == {"storage_unavailable": 3}
    assert (report.refused, report.acknowledged) == (3, MESSAGES - 3)


def test_a_used_server_with_strangers_on_it(measure: Measure) -> None:
    """Earlier messages, and those of others, are neither lost nor counted."""
    with FakeServer(Faults(strangers=True), first_seq=1000) as server:
        for _ in range(2):
            code, report = measure(server)
            assert code == 0
            assert report.checks == NOTHING_WRONG
            assert report.acknowledged == MESSAGES


def test_a_closed_connection_is_told(measure: Measure) -> None:
    with FakeServer(Faults(hang_up={(1, 10)})) as server:
        code, report = measure(server)
    assert code == 1
    assert report.checks.disconnected == 1
    assert report.checks.lost == MESSAGES - 9
    assert "closed by the server" in report.examples[0]


def test_a_shutdown_ends_the_run(measure: Measure) -> None:
    with FakeServer(Faults(shut_down_at=10)) as server:
        code, report = measure(server, "--duration 60")
    assert code == 1
    assert report.aborted == "the server went down: maintenance"


def test_pings_are_answered(measure: Measure) -> None:
    with FakeServer(Faults(ping=True)) as server:
        code, _ = measure(server)
    assert code == 0
    assert server.pongs > 0


def test_as_fast_as_the_window_allows(measure: Measure) -> None:
    with FakeServer(Faults(refuse={5, 6, 7, 8, 9})) as server:
        code, report = measure(server, "--rate 0 --window 2")
    assert code == 0  # and the refused ones have left the window, or it would have stopped there
    assert report.acknowledged > 5
    assert report.checks == NOTHING_WRONG


def test_stalled_clients_do_not_count_as_receivers(measure: Measure) -> None:
    with FakeServer() as server:
        code, report = measure(server, "--stalled 3 --size 60000")
    assert code == 0
    assert report.checks == NOTHING_WRONG
    assert (report.stalled, report.stalled_cut_off) == (3, 0)
    assert report.acknowledged == MESSAGES


def test_big_messages_arrive_whole(measure: Measure) -> None:
    with FakeServer() as server:
        code, report = measure(server, "--size 65536 --clients 3")
    assert code == 0
    assert report.checks == NOTHING_WRONG
    assert report.latency.p50_ms is not None
