"""Names: which there can be, which are one, and which look alike (S001-3, decision 3)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_NAME, MAX_TYPED
from protocol.vocabulary import COMMANDS

_FORBIDDEN_CATEGORIES = ("C", "Z")  # controls, formats, surrogates, unassigned; separators
_FORBIDDEN_CHARACTERS = frozenset('/:@,"<>')
_COMMAND_WORDS = frozenset(
    word
    for command in COMMANDS
    if command.bare or command.bare_alone
    for word in ("send", *command.words)
)
_UNSEEN = re.compile(
    # What Unicode calls default-ignorable, and the blank pattern of Braille.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)

_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_SMALL_CAPITALS = {
    ord(small): letter
    for small, letter in zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)
}
# What stands for з, к, м and ь in Unicode's table, and ю: the looks of their capitals.
_OF_CAPITALS = {ord("ɜ"): "3", ord("ĸ"): "k", ord("ʍ"): "rn", ord("ƅ"): "b", ord("ю"): "lo"}
_SKELETON_SIZE = 512  # bytes, which is what the database keeps; some Hangul names have more


def check_name(name: str) -> str:
    """Return the name as it will be shown; raises :class:`ProtocolError` with the reason."""
    # What is far too long is not even normalised: that would take too long.
    shown = unicodedata.normalize("NFKC", name).strip() if len(name) <= MAX_TYPED else name
    if not shown:
        raise ProtocolError(ErrorCode.BAD_NAME, "A name needs at least one character.")
    if len(shown) > MAX_NAME:
        raise ProtocolError(
            ErrorCode.BAD_NAME,
            "A name has at most {limit} characters; this one has {length}.",
            limit=MAX_NAME,
            length=len(shown),
        )
    if _UNSEEN.search(shown) or not all(map(_may_stand, shown)):
        raise ProtocolError(
            ErrorCode.BAD_NAME,
            "A name is one word of letters, digits and signs, without spaces, control "
            "characters or any of {signs}",
            signs=" ".join(sorted(_FORBIDDEN_CHARACTERS)),
        )
    if shown.casefold() in _COMMAND_WORDS:
        raise ProtocolError(
            ErrorCode.BAD_NAME, "{name} is a command here, so it cannot be a name.", name=shown
        )
    return shown


def _may_stand(character: str) -> bool:
    kind = unicodedata.category(character)[0]
    return character not in _FORBIDDEN_CHARACTERS and kind not in _FORBIDDEN_CATEGORIES


def name_key(name: str) -> str:
    """Return the form in which names are compared: ``BOB`` and ``bob`` are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())


def skeleton(name: str) -> str:
    """Return what a name looks like; two names with one skeleton cannot be told apart.

    It is the skeleton of Unicode Technical Standard 39, with more in it:

    - Accents do not count: in a terminal one hardly sees a dot below a letter.
    - Capitals do not count, and what is alike in capitals is alike: ``Вera`` with a Cyrillic
      ``В``, and ``вера``, which is ``BEPA`` in capitals. The form that is shown is what is
      looked at first: the Greek ``Ν`` is an ``N``, but the small ``ν`` a ``v``.
    - ``i`` is ``l``, for ``lvan`` looks like the ``Ivan`` that ``ivan`` is. So ``Neil`` and
      ``Nell`` are too much alike as well; the second one chooses another name.

    The order stays, so that ``user01`` and ``user10`` are two.
    """
    text = _decomposed(unicodedata.normalize("NFKC", name.strip()))
    text = (_ACCENTS.sub("", text) or text).translate(_look_alikes().latin)
    before = ""
    while text != before:
        before = text
        text = _decomposed(text.casefold().translate(_look_alikes().all))
    return text.encode()[:_SKELETON_SIZE].decode(errors="ignore")


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


class _LookAlikes(NamedTuple):
    """What stands for each character."""

    latin: dict[int, str]
    """Where that is Latin letters: even a capital may be one of them."""
    all: dict[int, str]


@cache
def _look_alikes() -> _LookAlikes:
    """Return Unicode's table, and what else is alike to us; reading it takes 7 ms, once."""
    table: dict[int, str] = {}
    text = Path(__file__).with_name("confusables.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            target, _, sources = line.partition(":")
            shown = "".join(chr(int(number, 16)) for number in target.split())
            table |= {int(number, 16): shown for number in sources.split()}
    latin = {source: target for source, target in table.items() if target.isascii()}
    return _LookAlikes(latin, table | _SMALL_CAPITALS | _OF_CAPITALS | {ord("i"): "l"})
