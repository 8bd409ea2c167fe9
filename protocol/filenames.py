"""Names of files from strangers, made such that saving one does nothing but that (S003-14).

Both ends clean them: the server what a sender offers, the client what it is told to save.
"""

from __future__ import annotations

import re
import unicodedata

from protocol.text import without_unsafe

MAX_FILE_NAME = 255
"""Bytes of a name in UTF-8; more than that no common file system takes."""

NAMELESS = "file"
"""The name of a file of whose own name nothing was left."""

_SEPARATORS = re.compile(r"[/\\]")
# On Windows some name streams, pipes and patterns; the last ones look like separators.
_SPECIAL = re.compile(r'[<>:"|?*\u2044\u2215\u29f5\u29f8\ufe68\uff0f\uff3c]')
_DEVICES = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(\.|$)", re.IGNORECASE
)
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji need them
_EXTENSION = 32
"""Bytes of the longest ending that is kept when a name is cut."""
_LOOKED_AT = 1024
"""Characters of a name that are looked at: to normalise it takes a time that grows with the
square of them."""


def safe_file_name(name: str) -> str:
    """Return a name under which a file can be saved in any folder, on any system.

    It has no separators, controls or turns of direction, is not hidden, names no device of
    Windows, and has 1 to 255 bytes. A safe name stays as it is.
    """
    parts = [part for part in _SEPARATORS.split(name) if part.strip(". ")]
    # The end of a name that is far too long would be cut away below; its ending stays.
    last = parts[-1] if parts else ""
    last = last if len(last) <= _LOOKED_AT else last[:-_EXTENSION][:_LOOKED_AT] + last[-_EXTENSION:]
    shown = _SPECIAL.sub("_", "".join(filter(_may_stand, _on_one_line(last))))
    shown = unicodedata.normalize("NFC", without_unsafe(shown))
    shown = _on_one_line(shown).strip(". ")  # blanks on both sides of what was left out are one
    if _DEVICES.match(shown):
        shown = f"_{shown}"
    return _shortened(shown, "") or NAMELESS


def numbered_file_name(name: str, number: int) -> str:
    """Return another safe name for a file where there is one of its name: ``report (2).pdf``."""
    return _shortened(name, f" ({number})")


def _on_one_line(name: str) -> str:
    return " ".join(name.split())


def _may_stand(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN or character in _JOINERS


def _shortened(name: str, addition: str) -> str:
    """Return a name with something added before its ending, cut before that if it is too long."""
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending
    if not stem or len(ending.encode()) > _EXTENSION:
        stem, ending = name, ""
    room = MAX_FILE_NAME - len((addition + ending).encode())
    if len(stem.encode()) > room:
        stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return stem + addition + ending
