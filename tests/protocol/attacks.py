"""What strangers have tried elsewhere with terminals, logs and readers, one string each."""

from __future__ import annotations

import unicodedata

from protocol.text import MARKS

ATTACKS = (
    "\x1b[2J\x1b[H",  # an empty screen
    "\x1b]0;title\x07",
    "\x1b]52;c;ZXZpbA==\x07",  # the clipboard
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",  # a link that says something else
    "\x1bP$q\x1b\\",  # DCS: a terminal answers as if it had been typed
    "\x1b[6n\x1b[c\x1b[21t",  # so do these reports
    "\x1bc\x1b#8\x1b(0",  # a reset, a screen of E, line drawing
    "\x1b[?1049h\x1b[?1003h",  # the other screen, reports of the mouse
    "\x1b_evil\x1b\\\x1b^evil\x1b\\\x1bXevil\x1b\\",  # APC, PM, SOS
    "\x9b2J",  # the same in eight bits
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\x85forged",
    "good\rbad",  # written over
    "evil\x08\x08\x08\x08good\x7f",
    "a\x0bb\x0cc\x1cd\x1ee",
    "a\nb\r\n12:34 23.09.20 Ann: forged",
    "\x00\x07\x0e\x0f",
    "abc\u202etxt.exe",  # reversed
    "access = \u2066\u2067user\u2069\u2068\u2069",  # Trojan Source
    "\u200e\u200f\u061c",
    "Ann\u200bBob\ufeff\u2060",  # nothing to be seen
    "\u2061\u2062\u2063\u2064\u206a",
    "A\u200dn\u200cn" + "\u200d" * 500,
    "A\u034fn\u115f\u1160n\u3164\uffa0",
    "a\ufe0f\ufe00" + "".join(chr(0xE0100 + byte) for byte in b"smuggled"),
    "a\u180eb\u17b4\u17b5",
    "Ann\u2028forged\u2029forged",
    "\ufff9a\ufffab\ufffb",
    "\U000e0041\U000e0042\U000e007f",  # tags, which nobody sees and machines read
    "\U0001d173\U0001d17a",
    "e" + "\u0301\u0489\u20dd" * 100,  # marks up to the ceiling
    "\u0e01" + "\u0e49" * 200,
    "a" + "\u0300\u200d" * 100,
)
"""All of them can be said in UTF-8."""

SURROGATE = "\ud800"

NOT_UTF8 = (b"caf\xe9", b"\xc0\xaf..", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x9b2J")
"""A letter of Latin-1, a slash said too long, a surrogate, beyond Unicode, and eight-bit C1."""

FILE_NAMES = (
    "../../etc/passwd",
    "..\u2215..\uff0fetc\u29f8passwd",
    "report\u202efdp.exe",
    "CON",
    "nul.txt",
    "LPT1 .txt",
    "a\x00b.png",
    "file.txt:stream",
    ".bashrc",
    "-rf",
    "\x1b]0;owned\x07.txt",
)

_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_UNSEEN = "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060\u3164\ufeff\uffa0"
# Format characters that are seen, or that words of living languages need: the joiners, the soft
# hyphen, signs that stand before numbers in Arabic, Syriac and Kaithi, and Egyptian layout.
_HARMLESS_FORMATS = {
    *"\u00ad\u200c\u200d\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd",
    *map(chr, range(0x0600, 0x0606)),
    *map(chr, range(0x13430, 0x13440)),
}


def is_dangerous(character: str) -> bool:
    """Tell whether a character may never reach a terminal; said in Unicode's words, not ours."""
    if character in "\n\t" or character in _HARMLESS_FORMATS:
        return False
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in _TURNS
        or character in _UNSEEN
    )


def check_harmless(shown: str) -> None:
    """Check that what is on a screen, in a pipe or in a log does nothing but be read."""
    assert [hex(ord(one)) for one in shown if is_dangerous(one)] == []
    marks = unseen = 0
    for character in shown:
        mark = unicodedata.category(character) in {"Mn", "Me"}
        joiner = character in "\u200c\u200d"
        marks = marks + mark if mark or joiner else 0
        unseen = unseen + 1 if joiner or "\ufe00" <= character <= "\ufe0f" else 0
        assert marks <= MARKS, "a pile of marks"
        assert unseen <= 2, "more is there than can be seen"  # an emoji's look, and a joiner
