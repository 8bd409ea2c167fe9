"""Names: which there are, and which of them are one (S001-3, decision 3)."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.accounts import Accounts, check_name, name_key
from chat.known import Known
from chat.patience import Patience
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_NAME
from protocol.text import sanitise_line
from tests.chat.fakes import MemoryAccounts


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


async def test_who_comes_first_decides_how_the_name_is_written() -> None:
    """One user, whichever way the name is typed; a name nobody can have is nobody's."""
    accounts = Accounts(MemoryAccounts(), Patience(), Known())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accounts.entering.run)
        bob = await accounts.enter("Bob")
        assert await accounts.enter("BOB") == bob == await accounts.find("bob ")
        assert bob.name == "Bob"
        assert await accounts.find("Ann") is None
        assert await accounts.find("") is None
        assert await accounts.find("x" * 1000) is None
        nursery.cancel_scope.cancel()
