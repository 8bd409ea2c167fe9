"""Names: which there are, and which of them are one (S001-3, decision 3)."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.names import check_name, name_key, skeleton
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_NAME
from protocol.text import sanitise_line
from tests.chat.house import house


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Bob", "Bob"),
        ("  Bob \r\n", "Bob"),
        ("Ёжик", "Ёжик"),
        ("Ｂｏｂ", "Bob"),
        ("ﬁsh", "fish"),
        ("e\u0301", "é"),
        ("①", "1"),
        ("🦜", "🦜"),
        ("日本語", "日本語"),
        ("a-b_c.d!", "a-b_c.d!"),
        ("x" * MAX_NAME, "x" * MAX_NAME),
        ("🦜" * MAX_NAME, "🦜" * MAX_NAME),
        ("x" * MAX_NAME + " " * 100, "x" * MAX_NAME),
    ],
)
def test_a_name_is_shown_in_its_normal_form(name: str, shown: str) -> None:
    """NFKC, and no space around it."""
    assert check_name(name) == shown


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "at least one"),
        (" \t\r\n\u3000", "at least one"),
        ("x" * (MAX_NAME + 1), "at most 32"),
        ("ﬃ" * 11, "this one has 33"),
        ("x" * 1_000_000, "at most 32"),
        *(
            (f"Bob{bad}", "one word")
            for bad in (
                *(f"{space}x" for space in " \t\n\r\x0b\x85\u00a0\u1680\u2003\u2028\u2029\u3000"),
                *'/:@,"<>：＠／＜',
                *"\x00\x1b\x7f\x9b\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202e",
                *"\u2060\u2066\ufeff\ufff9\ue000\uffff\u0378\ud800\U000e0041\U0010ffff",
            )
        ),
    ],
    ids=ascii,
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(name: str, word: str) -> None:
    """S003-14: empty, too long, several words, controls, formats, and what lines are made of."""
    with pytest.raises(ProtocolError) as told:
        check_name(name)
    assert told.value.code == ErrorCode.BAD_NAME
    assert word in told.value.sentence


@pytest.mark.parametrize("unseen", "\u3164\uffa0\u115f\u1160\u2800\u034f\u17b4\ufe0f\U000e0100")
def test_a_name_has_no_character_that_is_not_seen(unseen: str) -> None:
    """``Bob`` and ``Bob`` with a blank letter behind it would look the same to everyone."""
    with pytest.raises(ProtocolError):
        check_name(f"Bob{unseen}")


@pytest.mark.parametrize(
    "names",
    [
        ("Bob", "bob", "BOB", " bOb ", "Ｂｏｂ"),
        ("Ёжик", "ёжик", "ЁЖИК", "е\u0308жик"),
        ("Straße", "STRASSE", "strasse"),
        ("ὈΔΥΣΣΕΎΣ", "Ὀδυσσεύς", "ὀδυσσεύσ"),
        ("ﬁsh", "FISH", "Fish"),
    ],
)
def test_names_that_differ_in_capitals_or_form_are_one(names: tuple[str, ...]) -> None:
    """Nobody can come as ``BOB`` where there is a ``Bob``."""
    assert len({name_key(name) for name in names}) == 1


def test_different_names_have_different_keys() -> None:
    """And nobody is taken for somebody else."""
    names = ["Bob", "Bobby", "Боб", "Ann", "é", "e", "ё", "е", "1", "l"]
    assert len({name_key(name) for name in names}) == len(names)


def test_no_single_character_is_a_dangerous_name() -> None:
    """Every code point there is: what is taken shows as itself, and its key is settled."""
    for code in range(sys.maxunicode + 1):
        try:
            shown = check_name(chr(code))
        except ProtocolError:
            continue
        assert sanitise_line(shown) == shown
        assert not any(unicodedata.category(c)[0] in "CZ" for c in shown)
        assert name_key(name_key(shown)) == name_key(shown), hex(code)


@given(name=st.text() | st.text("aAбБß\u0301\u0345ﬁ \t/\u200b", max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_name_is_taken_or_refused(name: str) -> None:
    """S004-34: nothing but :class:`ProtocolError`; what is shown is a name, and the same one."""
    try:
        shown = check_name(name)
    except ProtocolError:
        return
    assert 1 <= len(shown) <= MAX_NAME
    assert shown.split() == [shown]
    assert not set(shown) & set('/:@,"<>')
    assert sanitise_line(shown) == shown
    assert check_name(shown) == shown
    assert name_key(name_key(shown)) == name_key(shown)


@pytest.mark.parametrize(
    "names",
    [
        ("Bob", "Bоb", "Вob", "b0b", "BОB", "Ｂｏｂ", "𝐁𝐨𝐛", "Bọb", "Bo\u0301b"),
        ("Ivan", "lvan", "1van", "ivan", "IVAN", "Ιvan", "|van", "ӏvan", "ⅼvan"),
        ("Amold", "Arnold", "aRNold", "Аⅿold"),
        ("Вера", "вера", "BEPA", "bepa", "ВEPА"),
        ("Зоя", "3оя", "зоя", "ЗОЯ"),
        ("Ёжик", "Ежик", "ежик"),
        ("Nick", "Νick", "Niсk"),
        ("van", "νan", "ѵan"),
        ("user10", "user1O", "userIO", "userlo", "user1о"),
        ("Юля", "юля", "ЮЛЯ", "lOля"),
        ("Мышь", "мышь", "МЫШЬ"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(names: tuple[str, ...]) -> None:
    """Letters of other alphabets, digits, accents and pairs: nobody can tell them apart."""
    assert len({skeleton(name) for name in names}) == 1


def test_names_that_do_not_look_alike_have_skeletons_of_their_own() -> None:
    """Nobody is refused a name for nothing; a row of numbered names is no row of look-alikes."""
    names = [
        *("Bob", "Bobby", "Боб", "Rob", "Ann", "Anna", "Анна", "Анатолий", "日本語", "🦜", "😀"),
        *("Андрей", "Андреа", "Dima", "Дима", "Катя", "Kate", "user01", "user10", "\u0301"),
        *(f"client{number:04}" for number in range(2000)),
    ]
    assert len({skeleton(name) for name in names}) == len(names)


@given(name=st.text(st.characters(max_codepoint=0x24F) | st.characters(whitelist_categories=["L"])))
@settings(deadline=None)
def test_any_name_looks_like_itself_however_it_is_written(name: str) -> None:
    """A skeleton is made of any text, is settled, and fits into the database."""
    bones = skeleton(name)
    assert len(bones.encode()) <= 512
    assert skeleton(f" {name} ") == bones == skeleton(unicodedata.normalize("NFD", name))
    assert bool(bones) == bool(name.strip())


@given(name=st.text("abcdefghijklmnopqrstuvwxyzабвгдеёжзийклмнопрстуфхцчшщъыьэюя0123456789-_."))
def test_capitals_make_no_difference_to_the_looks(name: str) -> None:
    """In the alphabets of nearly everyone here: who is ``ivan`` is ``IVAN`` too."""
    assert skeleton(name.upper()) == skeleton(name) == skeleton(name.title())


async def test_who_comes_first_decides_how_the_name_is_written(sqlite_url: str) -> None:
    """One user, whichever way the name is typed; a name nobody can have is nobody's."""
    async with house(sqlite_url) as here:
        bob = (await here.enter("Bob")).who
        assert (await here.enter("BOB")).who == bob
        find = here.messenger.accounts.find
        assert await find("bob ") == bob
        assert bob.name == "Bob"
        assert await find("Ann") is None
        assert await find("") is None
        assert await find("x" * 1000) is None
