"""The catalogues of translated sentences: ``python -m tools.locale [--check]``.

Collects the sentences from the code, the page's too, brings ``protocol/locale`` up to date (new
ones are left for a person to translate) and compiles it; the page gets its own from the same
catalogue, as ``web/locale/ru.json``. With ``--check`` it changes nothing and tells what is missing,
wrong or out of date.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from protocol.language import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("protocol", "chat", "server", "cli")
READ_BY_ADMINISTRATORS = {"server/settings_sources.py"}
"""What stays English: the help of the server's program."""
KEYWORDS: dict[str, tuple[int | str, ...]] = {
    "N_": (0,),
    "say": (0,),
    "_say": (0,),
    "tell": (0,),
    "end": (0,),
    "Sentence": (0,),
    "ProtocolError": (1,),
    "Command": (1,),
    "usage_error": (0,),
    "number_in": (1,),
    "text_in": (1,),
    "ArgumentParser": ("description",),
    "add_argument": ("help", "metavar"),
    "add_argument_group": (0, 1),
    "Withdrawn": (0,),
    "ClientError": (0,),
    "CannotConnect": (0,),
    "TextFailed": (0,),
    "FileFailed": (0,),
    "ClientClosed": (0,),
    "ConnectionLost": (0,),
    "NoWelcome": (0,),
    "NoEncryption": (0,),
    "BadCertificate": (0,),
    "UntrustedServer": (0,),
    "OtherServer": (0,),
    "OutputFailed": (0,),
    "Wrong": (0,),
}
"""Who says sentences, and which of their arguments these are, by place or by name."""
COUNTED = {"count", "Count"}
"""Who says sentences about a number of things: the first two arguments are both forms."""

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = "# The sentences of mymessenger. New ones come in by `make locale`.\n#"


def extract() -> Catalog:
    """Return all sentences in the code."""
    catalog = Catalog(charset="utf-8")
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name in READ_BY_ADMINISTRATORS:
                continue
            for sentence in sentences_in(ast.parse(path.read_text(encoding="utf-8"))):
                catalog.add(sentence, locations=[(name, 0)])
    for sentence in page_sentences():
        catalog.add(sentence)
    return catalog


def page_sentences() -> list[str | tuple[str, str]]:
    """Return the sentences of the page: the first arguments of its ``t()``, both of ``tn()``.

    Raises :class:`ValueError` for a call whose sentence is not written in it.
    """
    found: dict[str | tuple[str, str], None] = {}
    for path in sorted((ROOT / "web" / "app").rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        if path.name == "i18n.js":  # where they are defined
            continue
        one, many = _ONE.findall(text), _MANY.findall(text)
        if len(one) + len(many) != len(_CALL.findall(text)):
            raise ValueError(f"{path.name}: t() and tn() need their sentences as plain strings")
        found |= dict.fromkeys(json.loads(sentence) for sentence in one)
        found |= dict.fromkeys((json.loads(first), json.loads(other)) for first, other in many)
    return list(found)


_STRING = r'("(?:[^"\\\n]|\\.)*")'
_CALL = re.compile(r"\btn?\(")
_ONE = re.compile(rf"\bt\(\s*{_STRING}")
_MANY = re.compile(rf"\btn\(\s*{_STRING}\s*,\s*{_STRING}")


def page_path(language: str) -> Path:
    """Return the file that the page gets its translations from."""
    return ROOT / "web" / "locale" / f"{language}.json"


def for_page(catalog: Catalog) -> str:
    """Return the page's sentences and their translations; several forms of counted ones."""
    said: dict[str, str | list[str]] = {}
    for sentence in page_sentences():
        key = sentence if isinstance(sentence, str) else sentence[0]
        translated = catalog.get(key)
        if translated is not None and all(forms := strings(translated)):
            said[key] = forms[0] if len(forms) == 1 else list(forms)
    return json.dumps(dict(sorted(said.items())), ensure_ascii=False, indent=0) + "\n"


def sentences_in(tree: ast.Module) -> Iterator[str | tuple[str, str]]:
    """Yield the sentences in a module, both forms of one about a number of things."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
        if name in COUNTED:
            forms = [text for argument in call.args[:2] for text in _texts(argument)]
            if len(forms) == 2:  # noqa: PLR2004
                yield forms[0], forms[1]
        for place in KEYWORDS.get(name, ()):
            for text in _texts(_argument(call, place)):
                if text and not _A_PLACE.fullmatch(text):
                    yield text


def _argument(call: ast.Call, place: int | str) -> ast.expr | None:
    if isinstance(place, int):
        return call.args[place] if place < len(call.args) else None
    return next((keyword.value for keyword in call.keywords if keyword.arg == place), None)


def _texts(argument: ast.expr | None) -> Iterator[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from _texts(argument.body)
        yield from _texts(argument.orelse)


_A_PLACE = re.compile(r"\{\w+\}")
"""Nothing that could be translated: a sentence from elsewhere stands in it as it is."""


def path_of(language: str) -> Path:
    """Return the file with the translations into a language."""
    return ROOT / "protocol" / "locale" / language / "LC_MESSAGES" / "mymessenger.po"


def compiled(catalog: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def read(language: str) -> Catalog:
    """Return the translations there are."""
    path = path_of(language)
    if not path.exists():
        return _new(language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _new(language: str) -> Catalog:
    return Catalog(
        locale=language,
        project="mymessenger",
        version="1",
        msgid_bugs_address="mymessenger",
        creation_date=_SOME_DAY,
        revision_date=_SOME_DAY,
        last_translator="mymessenger",
        language_team="mymessenger",
        charset="utf-8",
        fuzzy=False,
    )


def update(language: str, sentences: Catalog) -> None:
    """Bring a catalogue up to date and compile it."""
    catalog = read(language)
    sentences.creation_date = catalog.creation_date  # nothing changes where no sentence has
    catalog.update(sentences, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.header_comment = _HEADER
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=96, omit_header=False, no_location=True, sort_output=True)
    path.with_suffix(".mo").write_bytes(compiled(read(language)))
    page_path(language).write_text(for_page(read(language)), encoding="utf-8")


def complaints(language: str, sentences: Catalog) -> Iterator[str]:
    """Yield what is wrong with the translations into a language."""
    catalog = read(language)
    for sentence in sentences:
        if not sentence.id:
            continue
        translated = catalog.get(sentence.id, sentence.context)
        if translated is None or not all(strings(translated)):
            yield f"{language}: not translated: {first(sentence)!r}"
        elif translated.fuzzy:
            yield f"{language}: only guessed: {first(sentence)!r}"
        elif any(places(text) != places(first(sentence)) for text in strings(translated)):
            yield f"{language}: other places than {first(sentence)!r}"
    for sentence in catalog:
        if sentence.id and sentences.get(sentence.id, sentence.context) is None:
            yield f"{language}: no longer said: {first(sentence)!r}"
    path = path_of(language).with_suffix(".mo")
    if not path.exists() or path.read_bytes() != compiled(catalog):
        yield f"{language}: {path.relative_to(ROOT)} is not what the .po file says"
    page = page_path(language)
    if not page.exists() or page.read_text(encoding="utf-8") != for_page(catalog):
        yield f"{language}: {page.relative_to(ROOT)} is not what the .po file says"


def first(message: Message) -> str:
    """Return a sentence in English, of one about a number of things the singular."""
    return message.id if isinstance(message.id, str) else message.id[0]


def strings(message: Message) -> tuple[str, ...]:
    """Return the translations of a sentence, one for each grammatical number; empty ones too."""
    found = message.string
    return (found,) if isinstance(found, str) else tuple(found or ("",))


def places(text: str) -> list[str]:
    """Return the places for values; also those of argparse, which are ``%`` and a letter."""
    named = {f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(text) if name}
    return sorted(named | set(_PERCENT.findall(text)))


_PERCENT = re.compile(r"%(?:\(\w+\))?[rsd]")


def main() -> int:
    """Update, or check; return the exit code."""
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, tell what is wrong")
    check = parser.parse_args().check
    sentences = extract()
    found: list[str] = []
    for language in LANGUAGES[1:]:
        if not check:
            update(language, sentences)
        found += complaints(language, sentences)
    for complaint in found:
        print(complaint)
    if found:
        print("make locale brings the files up to date; what is not translated is for you to do.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
