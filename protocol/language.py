"""What the program says to people, in their language (English and Russian).

Sentences are written in English where they are used and translated where they are said:
the catalogues are in ``protocol/locale`` (``make locale`` brings them up to date).
"""

from __future__ import annotations

import gettext
from functools import cache, cached_property
from pathlib import Path

from protocol.text import sanitise_line

LANGUAGES = ("en", "ru")
"""The languages there are, English first: it is what anybody gets who has none of them."""

_LOCALES = Path(__file__).parent / "locale"


def N_(template: str) -> str:  # noqa: N802 - gettext's own name for this
    """Mark a sentence that is translated later, by :meth:`Voice.say`."""
    return template


class Voice:
    """Says sentences in one language."""

    def __init__(self, language: str) -> None:
        """Speak ``language``, one of :data:`LANGUAGES`."""
        self.language = language

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        if self.language == LANGUAGES[0]:
            return gettext.NullTranslations()
        with (_LOCALES / self.language / "LC_MESSAGES" / "mymessenger.mo").open("rb") as file:
            return gettext.GNUTranslations(file)

    def say(self, template: str, /, **values: object) -> str:
        """Return a sentence with its values; texts among them come from strangers and are cleaned.

        A value that is text ends up on one line, with nothing that a terminal might obey; one
        that is a sentence itself is said in the same language.
        """
        sentence = self._catalogue.gettext(template) if template else ""
        return sentence.format(**self._said(values)) if values else sentence

    def count(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """Return a sentence about a ``{number}`` of things in the right grammatical number."""
        sentence = self._catalogue.ngettext(singular, plural, number)
        return sentence.format(number=number, **self._said(values))

    def _said(self, values: dict[str, object]) -> dict[str, object]:
        return {key: self._value(value) for key, value in values.items()}

    def _value(self, value: object) -> object:
        if isinstance(value, Sentence):
            value = value.said(self)
        return sanitise_line(value) if isinstance(value, str) else value


class Sentence:
    """A sentence that is said later, once it is known in which language."""

    def __init__(self, template: str, /, **values: object) -> None:
        """Take a sentence in English, and its values where it has ``{places}`` for them."""
        self._template = template
        self._values = values

    def said(self, voice: Voice) -> str:
        """Return the sentence in a language."""
        return voice.say(self._template, **self._values)

    def __str__(self) -> str:
        """Return the sentence in English, for programs and logs."""
        return self.said(english())


class Count(Sentence):
    """A sentence about a ``{number}`` of things."""

    def __init__(self, singular: str, plural: str, number: int, /, **values: object) -> None:
        """Take both forms of the sentence in English, the number, and the other values."""
        super().__init__(singular, **values)
        self._plural = plural
        self._number = number

    def said(self, voice: Voice) -> str:
        """Return the sentence in a language."""
        return voice.count(self._template, self._plural, self._number, **self._values)


def size_of(count: int) -> Sentence:
    """Return a number of bytes for people, for example ``1.5 MiB``."""
    if count < _KIB:
        return bytes_of(count)
    size = count / _KIB
    for template in (N_("{size} KiB"), N_("{size} MiB")):
        if size < _KIB:
            return Sentence(template, size=decimal(size))
        size /= _KIB
    return Sentence("{size} GiB", size=decimal(size))


def bytes_of(count: int) -> Sentence:
    """Return a number of bytes to the last one."""
    return Count("{number} byte", "{number} bytes", count)


def decimal(value: float) -> Sentence:
    """Return a number with one digit behind what the language has for a point."""
    whole, _, tenth = f"{value:.1f}".partition(".")
    return Sentence("{whole}.{tenth}", whole=whole, tenth=tenth)


_KIB = 1024


@cache
def _voice(language: str) -> Voice:
    return Voice(language)


def voice(locale: str = "") -> Voice:
    """Return who speaks the language of a locale such as ``ru_RU.UTF-8``; else English."""
    language = locale.partition(".")[0].partition("_")[0].lower()
    return _voice(language if language in LANGUAGES else LANGUAGES[0])


def english() -> Voice:
    """Return who speaks English."""
    return _voice(LANGUAGES[0])
