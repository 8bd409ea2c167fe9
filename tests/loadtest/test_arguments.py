"""The command line: what is refused is refused in one line that names the option."""

from __future__ import annotations

import pytest

from loadtest.arguments import Options, parse


def test_defaults_are_the_promised_thousand_clients() -> None:
    options = parse([])
    assert options == Options()
    assert (options.clients, options.senders, options.rate, options.size) == (1000, 10, 100.0, 100)


def test_every_option_arrives() -> None:
    words = (
        "--host h --port 1 --clients 9 --senders 2 --rate 0 --window 5 --duration 1.5 --warmup 0 "
        "--drain 2 --size 50 --stalled 3 --json"
    )
    assert parse(words.split()) == Options(
        host="h", port=1, clients=9, senders=2, rate=0.0, window=5, duration=1.5, warmup=0.0,
        drain=2.0, size=50, stalled=3, json=True,
    )  # fmt: skip
    assert parse(["--database", "mysql://x"]).database == "mysql://x"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("--clients 0", "--clients"),
        ("--clients 1e3", "--clients"),
        ("--clients 20001", "--clients"),
        ("--senders 0", "--senders"),
        ("--senders 11 --clients 10", "--senders"),
        ("--senders 10 --clients 10 --stalled 1", "--senders"),
        ("--stalled 10 --clients 10", "--stalled"),
        ("--rate -1", "--rate"),
        ("--rate nan", "--rate"),
        ("--rate fast", "--rate"),
        ("--duration 0", "--duration"),
        ("--duration inf", "--duration"),
        ("--warmup -1", "--warmup"),
        ("--window 0", "--window"),
        ("--size 10", "--size"),
        ("--size 65537", "--size"),
        ("--port 0", "--port"),
        ("--port 65536", "--port"),
        ("--host example.org", "--host"),
        ("--port 1 --database mysql://x", "--database"),
        ("--colour", "--colour"),
    ],
)
def test_nonsense_is_refused(words: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words.split())
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("loadtest: ")
    assert named in line
    assert line.count("\n") == 1


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in Options.__dataclass_fields__:
        assert f"--{name}" in text
