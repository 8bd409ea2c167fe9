"""The command line."""

from __future__ import annotations

import pytest

from cli.options import parse, parser_of
from cli.security import Wish
from protocol import __version__
from protocol.language import voice

FINGERPRINT = "SHA256:" + "A" * 43


def test_encryption() -> None:
    named = {"MYMESSENGER_FINGERPRINT": FINGERPRINT}
    assert parse([], {}).wish is Wish.SAFE
    assert parse(["--tls"], {}).wish is Wish.TLS
    assert parse([], named).fingerprint == FINGERPRINT
    other = "SHA256:" + "B" * 42 + "A"
    assert parse(["--fingerprint", other], named).fingerprint == other
    assert parse(["--trust-new"], named).trust_new
    plain = parse(["--plaintext"], named)
    assert (plain.wish, plain.fingerprint) == (Wish.PLAIN, None)
    assert parse(["--forget-server", "chat.example.org"], {}).forget_server == (
        "chat.example.org", 8000,
    )  # fmt: skip


def test_defaults() -> None:
    options = parse([], {})
    assert (options.host, options.port, options.name, options.history) == (
        "127.0.0.1", 8000, None, None,
    )  # fmt: skip
    assert not any((options.listen, options.quiet, options.plain, options.verbatim, options.retry))
    assert options.timeout == 30


def test_the_help_has_no_title_without_anything_below_it() -> None:
    told = parser_of(voice(), {}).format_help()
    assert "positional arguments" not in told
    assert "\noptions:\n  -h" in told


def test_environment_stands_in_and_flags_outrank_it() -> None:
    environment = {
        "MYMESSENGER_NAME": "Env", "MYMESSENGER_HOST": "h", "MYMESSENGER_PORT": "9",
        "HOST": "exported-by-some-shells",
    }  # fmt: skip
    options = parse([], environment)
    assert (options.name, options.host, options.port) == ("Env", "h", 9)
    options = parse(["--name", "Flag", "--host", "i", "--port", "10"], environment)
    assert (options.name, options.host, options.port) == ("Flag", "i", 10)
    assert parse(["--port", "10"], {"MYMESSENGER_PORT": "wrong"}).port == 10
    assert parse([], {"MYMESSENGER_NAME": ""}).name is None


@pytest.mark.parametrize(
    "arguments", [["--plain"], ["--whole"], ["--message-file", ""], ["--text", "1"]]
)
def test_what_is_for_a_filter(arguments: list[str]) -> None:
    assert parse(arguments, {}).is_for_a_filter
    assert not parse([], {}).is_for_a_filter


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "0"], {}, "a port is a number from 1 to 65535, not '0'"),
        (["--port", "http"], {}, "not 'http'"),
        ([], {"MYMESSENGER_PORT": "99999"}, "error: MYMESSENGER_PORT: a port is a number"),
        (["--name", ""], {}, "argument --name: a name is wanted"),
        (["--name", " "], {"MYMESSENGER_NAME": "Env"}, "argument --name: a name is wanted"),
        (["--history", "-1"], {}, "history"),
        (["--timeout", "0"], {}, "a number of seconds is wanted, not '0'"),
        (["--timeout", "nan"], {}, "not 'nan'"),
        (["--timeout", "soon"], {}, "not 'soon'"),
        (["extra"], {}, "invalid choice: 'extra'"),
        (["--whole", "--message-file", "f"], {}, "not allowed with argument"),
        (["--text", "0"], {}, "a message has a number, not '0'"),
        (["--text", "five"], {}, "a message has a number, not 'five'"),
        (["--chat", "1", "--send-file", "f"], {}, "--chat and --send-file do not go together"),
        (["--whole", "--contacts"], {}, "--contacts and --whole do not go together"),
        (["--add", "A", "--message-file", "f"], {}, "--add and --message-file do not go together"),
        (["--contacts", "--get", "1"], {}, "--contacts and --get do not go together"),
        (["--text", "1", "--chat", "1"], {}, "--chat and --text do not go together"),
        (["--contacts", "--listen"], {}, "--contacts and --listen do not go together"),
        (["--get", "1", "--verbatim"], {}, "--get and --verbatim do not go together"),
        (["--chat", "1", "--history", "0"], {}, "--chat and --history do not go together"),
        (["--chat", "1", "-q"], {}, "--chat and --quiet do not go together"),
        (["--tls", "--plaintext"], {}, "--plaintext and --tls do not go together"),
        (["--plaintext", "--trust-new"], {}, "--plaintext and --trust-new do not go together"),
        (["--trust-new", "--fingerprint", FINGERPRINT], {}, "--trust-new and --fingerprint do not"),
        (["--forget-server", "h", "--contacts"], {}, "--contacts and --forget-server do not go"),
        (["--fingerprint", "SHA256:x"], {}, "a fingerprint is SHA256: and 43 characters"),
        ([], {"MYMESSENGER_FINGERPRINT": "x"}, "error: MYMESSENGER_FINGERPRINT: a fingerprint is"),
        (["--forget-server", "h:x"], {}, "a server is given as HOST:PORT, not 'h:x'"),
        (["--send-file", "f", "--add", "A", "--lang", "ru"], {}, "--add и --send-file"),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(
    arguments: list[str],
    environment: dict[str, str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, environment)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--chat", "1", "--send", "x", "--quiet"],
        ["--contacts", "--plain", "--retry", "--timeout", "3"],
        ["--whole", "--listen", "--quiet", "--history", "0"],
        ["--send-file", "f", "--to", "Ann", "--quiet"],
        ["--get", "1", "--output", "f"],
        ["--verbatim", "--listen", "--history", "5"],
    ],
)
def test_what_goes_together(arguments: list[str]) -> None:
    assert parse(arguments, {}).timeout > 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"], {})
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"mymessenger {__version__}\n"
