"""Names of files from strangers (S003-14, S003-15)."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.filenames import MAX_FILE_NAME, numbered_file_name, safe_file_name
from protocol.text import sanitise_line
from tests.protocol.attacks import ATTACKS

_TRICKS = st.sampled_from(
    ["/", "\\", ".", "..", " ", "\x00", "\x1b[2J", "\u202e", "\u2066", "\n", "\t", "con", "NUL",
     "COM1", "lpt¹", ":", "*", "?", "-", "~", "\ud800", "é", "e\u0301", "日" * 90, ".tar.gz",
     ".pdf", "\u200b", "\u200d", "\xa0", "a" * 250, "\u29f8", "\ufe0f", "☺", "\u0301" * 9,
     *ATTACKS]
)  # fmt: skip
_NAMES = st.one_of(st.text(), st.lists(_TRICKS, max_size=8).map("".join))
_DEVICE = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(\.|$)", re.IGNORECASE
)


def _is_safe(name: str) -> bool:
    return (
        0 < len(name.encode()) <= MAX_FILE_NAME
        and not re.search(r'[/\\<>:"|?*]', name)
        and not name.startswith((".", " "))
        and not name.endswith((".", " "))
        and not _DEVICE.match(name)
        and sanitise_line(name) == name
        and all(unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp") for one in name)
    )


@given(name=_NAMES)
@example(name="")
@example(name="..")
@example(name="0 \x08 0")
@example(name="a" * 254 + ".b")
@example(name="con" + "." * 300 + "txt")
def test_any_name_becomes_a_safe_one(name: str) -> None:
    """S003-15: no separators, controls, hidden names or devices; at most 255 bytes, never none."""
    safe = safe_file_name(name)
    assert _is_safe(safe), safe
    assert safe_file_name(safe) == safe, "the other end cleans it again"


@given(name=_NAMES, number=st.integers(2, 999))
def test_a_numbered_name_is_another_safe_one(name: str, number: int) -> None:
    safe = safe_file_name(name)
    numbered = numbered_file_name(safe, number)
    assert _is_safe(numbered)
    assert numbered != safe
    assert f" ({number})" in numbered


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Отчёт за год.pdf", "Отчёт за год.pdf"),
        ("👩\u200d🚀.png", "👩\u200d🚀.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Bob\\report.pdf", "report.pdf"),
        (".bashrc", "bashrc"),
        ("..\u2215..\uff0fetc\u29f8passwd", "_.._etc_passwd"),
        ("a\u0301\u200d\u0301" + "\u0301" * 100, "á" + "\u0301" * 5),
        ("...", "file"),
        ("", "file"),
        ("/", "file"),
        ("folder/", "folder"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("a\x1b[2Jb\r\nc", "a[2Jb c"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("console.log", "console.log"),
        ("file.txt:stream", "file.txt_stream"),
        ("name. ", "name"),
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
        ("я" * 200 + ".tar", "я" * 125 + ".tar"),
        ("a" * 300, "a" * 255),
    ],
)
def test_names_as_they_come(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_the_ending_of_a_numbered_name_stays() -> None:
    assert numbered_file_name("report.pdf", 2) == "report (2).pdf"
    assert numbered_file_name("README", 3) == "README (3)"
    assert numbered_file_name("a" * 251 + ".pdf", 12) == "a" * 246 + " (12).pdf"
