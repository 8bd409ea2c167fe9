"""Why a file or a socket did not do what it was asked, in the person's language."""

from __future__ import annotations

import errno
import os

import pytest

from cli.errors import LoginRefused, TextFailed
from cli.reasons import reason_of
from protocol.language import Sentence, english, voice

NOT_UTF8 = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    ("error", "in_english", "in_russian"),
    [
        (FileNotFoundError(errno.ENOENT, "?"), "No such file or directory",
         "нет такого файла или каталога"),
        (OSError(errno.ENOSPC, "?"), "No space left on device", "на диске нет места"),
        (OSError(errno.EPROTO, "Protocol error"), "Protocol error", "Protocol error"),
        (OSError("of our own"), "of our own", "of our own"),
        (NOT_UTF8, "invalid start byte", "неверный начальный байт"),
        (ValueError("embedded null byte"), "embedded null byte", "в имени есть нулевой байт"),
        (RuntimeError("Could not determine home directory."),
         "Could not determine home directory", "домашний каталог не найден"),
    ],
)  # fmt: skip
def test_a_reason_is_said_in_a_language(error: Exception, in_english: str, in_russian: str) -> None:
    """What nobody has translated is said as the system says it."""
    assert reason_of(error).said(english()) == str(reason_of(error)) == in_english
    assert reason_of(error).said(voice("ru")) == in_russian


def test_english_is_what_the_system_says() -> None:
    """The words in the table are those of the C library, so that people find them elsewhere."""
    for number in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOSPC, errno.EHOSTUNREACH):
        assert str(reason_of(OSError(number, "other words"))) == os.strerror(number)


def test_a_reason_from_elsewhere_is_cleaned() -> None:
    """S004-34: it may hold what a stranger wrote, and is no template."""
    assert str(reason_of(ValueError("\x1b[2J{0} {name}"))) == "␛[2J{0} {name}"


def test_an_error_within_an_error_is_said_in_the_same_language() -> None:
    """As when a file cannot be read, and so its text was not sent."""
    failed = TextFailed(
        "{name} cannot be read: {reason}.",
        name=Sentence("Standard input"),
        reason=reason_of(PermissionError(errno.EACCES, "?")),
    )
    assert str(failed) == "Standard input cannot be read: Permission denied."
    assert voice("ru").say("Not sent: {reason}", reason=failed) == (
        "Не отправлено. Стандартный ввод не читается: нет прав доступа."
    )


def test_the_servers_sentence_is_left_as_it_is() -> None:
    """It is in the person's language already; only what a terminal obeys is taken out of it."""
    refused = LoginRefused("bad_name", "Так {нельзя}.\x07")
    assert (refused.said(voice("ru")), refused.sentence) == ("Так {нельзя}.␇", "Так {нельзя}.\x07")
