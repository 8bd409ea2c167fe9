"""What a person types, and what it means (S004-7..11, S002-11, decision 4)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.commands import Built, Help, Local, Place, SaveText
from protocol.errors import ErrorCode, ProtocolError
from protocol.language import english
from protocol.requests import Fetch, Language, Quit, Request, Send, Status
from protocol.typed import help_lines, parse_line
from protocol.vocabulary import CHAPTERS, COMMANDS

WORDS = [word for command in COMMANDS for word in command.words]
HERE = Place()


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        # A line is a message to the general chat.
        ("hello", Send(text="hello")),
        ("  hello  you ", Send(text="hello  you")),
        ("hello\n", Send(text="hello")),
        ("привет 👩‍🚀", Send(text="привет 👩‍🚀")),
        ("a/b", Send(text="a/b")),
        ("", None),
        ("   ", None),
        ("\r\n", None),
        # Two slashes send a text that begins with one.
        ("//quit", Send(text="/quit")),
        ("//", Send(text="/")),
        ("///", Send(text="//")),
        # S004-7, S002-11: without a slash to everyone, with it to a user if there is one.
        ("send hello", Send(text="hello")),
        ("send Bob hello", Send(text="Bob hello")),
        ("send   hello", Send(text="hello")),
        ("/send hello", Send(text="hello", addressed=True)),
        ("/send Bob hello", Send(text="Bob hello", addressed=True)),
        ("/send  Bob  hello", Send(text="Bob  hello", addressed=True)),
        # S004-8: always names a user.
        ("send-to Bob hello", Send(text="hello", to="Bob")),
        ("/send-to Bob hello", Send(text="hello", to="Bob")),
        ("/send-to  Боб   hello  you", Send(text="hello  you", to="Боб")),
        # Alone on the line they are commands, with anything behind them a message.
        ("help", Help()),
        ("/help", Help()),
        (" help ", Help()),
        ("help me", Send(text="help me")),
        ("status", Status()),
        ("/status", Status()),
        ("status quo", Send(text="status quo")),
        ("quit", Quit()),
        ("exit", Quit()),
        ("/quit", Quit()),
        ("/exit", Quit()),
        ("quit smoking", Send(text="quit smoking")),
        ("exit only", Send(text="exit only")),
        ("send", Send(text="send")),
        ("send-to", Send(text="send-to")),
        ("sending hello", Send(text="sending hello")),
        # What a person writes at the beginning of a sentence is no command.
        ("Help", Send(text="Help")),
        ("Send Bob hello", Send(text="Send Bob hello")),
        # Without a slash there is no other command.
        ("text 5", Send(text="text 5")),
        ("/text 5", Fetch(id=5)),
        ("/text #5", Fetch(id=5)),
        ("/text 9007199254740992", Fetch(id=2**53)),
        ("/text 5 6", SaveText(Fetch(id=5), "6")),
        ("/text 5  > my file.txt", SaveText(Fetch(id=5), "my file.txt")),
        ("/help  send", Help("send")),
        ("/lang ru", Language(language="ru")),
        ("/HELP", Help()),
        ("/Send-To Bob hi", Send(text="hi", to="Bob")),
    ],
)
def test_a_line_means(line: str, meaning: Request | Local | None) -> None:
    """Decision 4, and S004-7..11 with and without a slash."""
    assert parse_line(line, HERE) == meaning


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/", ErrorCode.UNKNOWN_COMMAND),
        ("/ help", ErrorCode.UNKNOWN_COMMAND),
        ("/nonsense", ErrorCode.UNKNOWN_COMMAND),
        ("/nonsense with words", ErrorCode.UNKNOWN_COMMAND),
        ("/helpme", ErrorCode.UNKNOWN_COMMAND),
        ("/" + "x" * 100_000, ErrorCode.UNKNOWN_COMMAND),
        ("/send", ErrorCode.BAD_ARGUMENTS),
        ("/send  ", ErrorCode.BAD_ARGUMENTS),
        ("/send-to", ErrorCode.BAD_ARGUMENTS),
        ("/send-to Bob", ErrorCode.BAD_ARGUMENTS),
        ("send-to Bob", ErrorCode.BAD_ARGUMENTS),
        ("/text", ErrorCode.BAD_ARGUMENTS),
        ("/text 0", ErrorCode.BAD_ARGUMENTS),
        ("/text -1", ErrorCode.BAD_ARGUMENTS),
        ("/text five", ErrorCode.BAD_ARGUMENTS),
        ("/text 0 file", ErrorCode.BAD_ARGUMENTS),
        ("/text ##5", ErrorCode.BAD_ARGUMENTS),
        ("/lang", ErrorCode.BAD_ARGUMENTS),
        ("/text ²", ErrorCode.BAD_ARGUMENTS),
        ("/text 9007199254740993", ErrorCode.BAD_ARGUMENTS),
        ("/text " + "9" * 100_000, ErrorCode.BAD_ARGUMENTS),
    ],
)
def test_a_wrong_command_is_told_in_a_sentence(line: str, code: ErrorCode) -> None:
    """A mistyped command is never sent to everyone as a text."""
    with pytest.raises(ProtocolError) as told:
        parse_line(line, HERE)
    assert told.value.code == code
    assert told.value.sentence.endswith(".")
    assert len(told.value.sentence) < 200


def test_a_number_with_zeros_before_it_is_that_number_or_refused() -> None:
    """It is never another message's number."""
    for zeros in range(30):
        meaning = _understand(f"/text {'0' * zeros}123")
        assert isinstance(meaning, ProtocolError) or meaning == Fetch(id=123)


def _understand(line: str) -> Built | ProtocolError | None:
    try:
        return parse_line(line, HERE)
    except ProtocolError as error:
        return error


_ANYTHING = st.text(max_size=80)
_LIKE_COMMANDS = st.lists(
    st.sampled_from([*WORDS, "/", "//", " ", "  ", "Bob", "5", "-", "\t", "\x00", "x" * 40])
    | st.text(max_size=5),
    max_size=8,
).map("".join)


@given(line=_ANYTHING | _LIKE_COMMANDS)
@settings(deadline=None, max_examples=500)
def test_any_text_is_understood_or_refused_with_a_sentence(line: str) -> None:
    """S004-34: nothing but :class:`ProtocolError`, and no message without a text."""
    meaning = _understand(line)
    if isinstance(meaning, ProtocolError):
        assert line.strip().startswith(("/", "send-to "))  # what has no slash is a message
        assert meaning.sentence.endswith(".")
    if meaning is None:
        assert not line.strip()
    if isinstance(meaning, Send):
        assert meaning.text
        assert meaning.text.strip() == meaning.text
        assert meaning.text in line
        assert meaning.to is None or meaning.to.split() == [meaning.to]


def entries(lines: list[str]) -> list[str]:
    """Return what the help says of each command, on one line again."""
    text = "\n".join(line for line in lines if line.startswith("  "))
    return [" ".join(entry.split()) for entry in re.split(r"\n(?=  /)", text)]


def test_the_help_names_every_command() -> None:
    """S004-10: each word with its slash, its arguments and what it does, for 80 columns."""
    lines = help_lines(english())
    assert max(map(len, lines)) < 80
    told = entries(lines)
    for command in COMMANDS:
        [entry] = [entry for entry in told if entry.split()[0] == f"/{command.name}"]
        assert all(f"/{alias}" in entry for alias in command.aliases)
        assert command.usage in entry
        assert command.help in entry
    for word in ("help", "status", "quit", "exit", "send", "send-to"):
        assert any(word in line.split("/")[0] for line in lines[-2:]), word


def test_the_help_stands_in_chapters() -> None:
    """Each area's commands under its title, none of them twice."""
    lines = help_lines(english())
    assert lines[0] == "Everything you type is a message to the conversation you are in, except:"
    titles = [line for line in lines[1:-2] if not line.startswith("  ")]
    assert titles == [title for title, _ in CHAPTERS]
    assert len(set(WORDS)) == len(WORDS)


@pytest.mark.parametrize("word", ["text", "/text", "TEXT", "long message"])
def test_the_help_on_a_word_is_what_has_it(word: str) -> None:
    """S004-10: in a command's name, in its arguments, in what it does."""
    told = entries(help_lines(english(), word))
    assert any(entry.startswith("/text NUMBER") for entry in told)
    wanted = word.lower().removeprefix("/")
    assert all(wanted in entry.lower() for entry in told)
    assert len(told) < len(COMMANDS)


def test_the_help_on_a_word_that_is_nowhere_says_so() -> None:
    """And shows of it only what is safe on one line."""
    [line] = help_lines(english(), "\x1b[2J\n" + "x" * 1000)
    assert line.startswith("No command has ␛[2J⏎xxx")
    assert line.endswith("; /help lists all.")
    assert len(line) < 100


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("hello", 7),
        ("//slash", 7),
        ("/send hello", 7),
        ("/send Bob hello", 7),
        ("help me", 7),
        ("send hello", 1),  # to everyone, wherever one is (decision 4)
        ("send Bob hello", 1),
    ],
)
def test_a_line_goes_to_where_the_person_is(line: str, where: int) -> None:
    """S000-9: the conversation that was opened, not the general chat."""
    meaning = parse_line(line, Place(7))
    assert isinstance(meaning, Send)
    assert (meaning.conversation, meaning.to) == (where, None)


@pytest.mark.parametrize("word", WORDS)
def test_every_command_of_the_help_exists(word: str) -> None:
    """None of them is unknown."""
    meaning = _understand(f"/{word}")
    assert not isinstance(meaning, ProtocolError) or meaning.code == ErrorCode.BAD_ARGUMENTS
