"""The catalogues: every sentence is in every language, and what is compiled is what is written."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from protocol.language import LANGUAGES, voice
from tools import locale

TRANSLATED = LANGUAGES[1:]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated(language: str) -> None:
    """S000-9: no sentence of the program is missing, left over, or has other places for values."""
    assert list(locale.complaints(language, locale.extract())) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    """The program reads the one, people read the other."""
    catalog = locale.read(language)
    assert locale.path_of(language).with_suffix(".mo").read_bytes() == locale.compiled(catalog)
    speaker = voice(language)
    for message in catalog:
        if isinstance(message.id, str) and message.id:
            assert speaker.say(message.id) == message.string


@pytest.mark.parametrize("language", TRANSLATED)
def test_places_are_kept(language: str) -> None:
    """A translation that lost a value, or names another one, would break the sentence."""
    for message in locale.read(language):
        for text in locale.strings(message):
            assert locale.places(text) == locale.places(locale.first(message)), message.id


def test_russian_has_three_plurals() -> None:
    """1, 2 to 4, and 5; the teens are all like 5."""
    said = [voice("ru").count("{number} member", "{number} members", n) for n in (1, 3, 5, 11, 21)]
    assert said == ["1 участник", "3 участника", "5 участников", "11 участников", "21 участник"]


def test_sentences_are_found_in_the_code() -> None:
    """Also inside of other calls, by name, and in pairs; what is no constant is not one."""
    code = """
raise ProtocolError(CODE, "No {x}.", x=Sentence("x" "y"))
parser.add_argument("--flag", help="helps", metavar="FLAG")
view.count("{number} thing", "{number} things", 2)
view.say("one" if one else "other")
view.say(template)
view.say("{reason}", reason=1)
text.count("a")
"""
    assert set(locale.sentences_in(ast.parse(code))) == {
        "No {x}.", "xy", "one", "other", "helps", "FLAG", ("{number} thing", "{number} things"),
    }  # fmt: skip


def test_the_pages_sentences_are_in_the_one_catalogue(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those of t() and tn(); one that is put together at run time could not be translated."""
    app = tmp_path / "web" / "app"
    app.mkdir(parents=True)
    monkeypatch.setattr(locale, "ROOT", tmp_path)
    code = """t("Say \\"{x}\\"", { x }); tn("{number} byte",\n "{number} bytes", n); format(x)"""
    (app / "one.js").write_text(code)
    assert locale.page_sentences() == ['Say "{x}"', ("{number} byte", "{number} bytes")]
    (app / "two.js").write_text("t(`Hello ${name}`)")
    with pytest.raises(ValueError, match=r"two\.js"):
        locale.page_sentences()


def test_the_page_gets_every_form() -> None:
    """What the page reads has a string for a sentence, three for one that counts."""
    said = json.loads(locale.page_path("ru").read_text(encoding="utf-8"))
    assert said["Log in"] == "Войти"
    assert len(said["{number} message waits."]) == 3


def test_what_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that is new, and one that nobody says any more."""
    sentences = locale.extract()
    sentences.delete("Me")
    sentences.add("Something new.")
    found = list(locale.complaints("ru", sentences))
    assert found == ["ru: not translated: 'Something new.'", "ru: no longer said: 'Me'"]
    catalog = locale.read("ru")
    message = catalog.get("You are {name}.")
    assert message is not None
    message.string = "Вы — {nmae}."
    monkeypatch.setattr(locale, "read", lambda _language: catalog)
    assert "ru: other places than 'You are {name}.'" in locale.complaints("ru", locale.extract())
