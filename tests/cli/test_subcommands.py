"""The command lines of the subcommands, and cursors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cursor import CursorFile, format_cursor, parse_cursor
from cli.options import parse
from cli.tasks import Aim, CompletionTask, SendTask, TailTask, UnreadTask, Wait


def test_what_was_said_before_the_command_holds_and_what_comes_later_outranks_it() -> None:
    options = parse(
        ["--name", "Bob", "--port", "1", "send", "--port", "2", "-r", "dev", "a", "b"], {}
    )
    assert (options.name, options.port) == ("Bob", 2)
    assert options.task == SendTask(Aim(room="dev"), Wait(), 30.0, ("a", "b"))
    assert parse(["send"], {"MYMESSENGER_NAME": "Env"}).name == "Env"
    assert parse(["--retry", "send"], {}).retry
    assert options.is_one_shot
    assert not options.is_for_a_filter


def test_what_each_can_be_asked() -> None:
    assert parse([], {}).task is None
    assert parse(["send", "-"], {}).task == SendTask(Aim(), Wait(), 30.0, ())
    sent = parse(["send", "-t", "Bob", "--wait", "read:Ann", "--timeout", "5m"], {}).task
    assert sent == SendTask(Aim(user="Bob"), Wait("Ann", read=True), 300.0)
    assert parse(["send", "--wait", "delivered: Ann "], {}).task == SendTask(
        Aim(), Wait("Ann"), 30.0
    )
    assert parse(["tail", "all"], {}).task == TailTask(None, False, None, None, False, 10, 30.0)
    assert parse(["tail", "--since", "7:33,1:204", "-f", "--json"], {}).task == TailTask(
        None, True, {1: 204, 7: 33}, None, True, 10, 30.0
    )
    assert parse(["unread", "--per"], {}).task == UnreadTask(False, True, 2.0)
    assert parse(["completion", "zsh"], {}).task == CompletionTask("zsh")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sned"], "invalid choice: 'sned'"),
        (["send", "--wait", "seen"], "it is stored, delivered:NAME or read:NAME, not 'seen'"),
        (["send", "--wait", "read:"], "not 'read:'"),
        (["send", "--timeout", "5d"], "a time is wanted, such as 90, 90s, 5m or 2h, not '5d'"),
        (["send", "--timeout", "0"], "not '0'"),
        (["send", "--timeout", "99999999h"], "a time is wanted"),
        (["send", "-r", "dev", "-t", "Bob", "x"], "not allowed with argument"),
        (["send", "--history", "3", "x"], "unrecognized arguments: --history"),
        (["tail", "--since", "1:2,"], "a cursor is what --json prints"),
        (["tail", "-n", "-1"], "-n"),
        (["tail", "everything"], "invalid choice: 'everything'"),
        (["completion", "sh"], "invalid choice: 'sh'"),
        (["--quiet", "send", "x"], "--quiet and send do not go together"),
        (["--contacts", "unread"], "--contacts and unread do not go together"),
        (["--history", "3", "tail"], "--history and tail do not go together"),
    ],
)
def test_mistakes_end_with_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments, {})
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_in_russian(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--lang", "ru", "send", "--help"], {})
    assert "отправить одно сообщение" in capsys.readouterr().out


@given(st.dictionaries(st.integers(1, 2**53), st.integers(0, 2**49), max_size=20))
def test_a_cursor_says_what_it_was_told(positions: dict[int, int]) -> None:
    assert parse_cursor(format_cursor(positions)) == positions


@pytest.mark.parametrize(
    "text", ["1", "1:", ":1", "1:1,1:2", "0:1", "-1:1", "1:1 ", "1:1,,2:2", "١:١"]
)
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_cursor(text)


def test_a_cursor_file_is_whole_or_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CursorFile(str(tmp_path / "cursor"))
    assert file.read() is None
    file.write("1:2")
    assert file.read() == {1: 2}

    def full(_path: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            file.write("1:3")
    assert file.read() == {1: 2}
    assert len(list(tmp_path.iterdir())) == 1
