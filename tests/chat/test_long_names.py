"""Texts that take long to normalise: none of them is, wherever somebody puts one.

CPython normalises a run of combining marks in a time that grows with the square of its length,
and nothing else runs meanwhile: a hundred thousand of them would stop the server for 10 seconds.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import trio
from msgspec import inspect
from msgspec.structs import replace

from chat.names import check_name
from chat.passwords import check_password
from chat.seats import pick
from protocol.commands import Place
from protocol.errors import ProtocolError
from protocol.filenames import safe_file_name
from protocol.limits import MAX_TYPED
from protocol.requests import Request, Send
from protocol.typed import parse_line
from protocol.vocabulary import COMMANDS, REQUESTS
from protocol.vocabulary.editing import Edit
from protocol.vocabulary.schedule import Schedule
from protocol.vocabulary.typing import TypeLine
from tests.chat.authorization import TABLE, Seen
from tests.chat.fakes import Author
from tests.chat.world import Household, World, found, household

BOMB = "a" + "\u0300\u0316" * 15_000
"""As much of it as fits on a line at telnet."""

TEXTS = {(Send, "text"), (Edit, "text"), (Schedule, "text"), (TypeLine, "line")}
"""Fields that have people's texts: bounded in bytes, and never normalised whole."""

LONGEST = 4096
"""Characters that take a millisecond, however bad they are."""


@pytest.fixture(autouse=True)
def normalised(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Note how long the texts are that are normalised."""
    lengths: list[int] = []
    normalize = unicodedata.normalize

    def noted(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text[:LONGEST])

    monkeypatch.setattr(unicodedata, "normalize", noted)
    yield lengths
    assert max(lengths, default=0) <= LONGEST


def _is_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_text, kind.types))
    kind = kind.type if isinstance(kind, inspect.Metadata) else kind
    return isinstance(kind, inspect.StrType)


def _bounds(kind: inspect.Type) -> list[int | None]:
    """Return the greatest lengths of the texts that a type has."""
    if isinstance(kind, inspect.Metadata):
        return _bounds(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [bound for one in kind.types for bound in _bounds(one)]
    return [kind.max_length] if isinstance(kind, inspect.StrType) else []


def _texts(kind: type[msgspec.Struct]) -> list[inspect.Field]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return [field for field in info.fields if _is_text(field.type)]


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_field_has_a_bound(kind: type[Request]) -> None:
    """What comes in a frame is refused before anything looks at it."""
    for field in _texts(kind):
        if (kind, field.name) not in TEXTS:
            [bound] = _bounds(field.type)
            assert bound is not None, field.name
            assert bound <= LONGEST, field.name


async def test_no_request_normalises_it(tmp_path: Path) -> None:
    """Nor what is typed at telnet, which comes in no frame: every field of every request."""
    path = tmp_path / "chat.db"
    some: Any = await found(path)
    rows = [make(Seen(_forgiving(some), "owner")) for _, _, make in TABLE]
    async with household(path) as home:
        owner = await home.enter("Olga", some.tokens["Olga"])
        admin = await home.enter("Root", some.tokens["Root"])
        for request in rows:
            for field in _texts(type(request)):
                bad = replace(request, **{field.name: BOMB})
                for who in (owner, admin, Author()):
                    await _ask(home, who, bad)


def _forgiving(world: World) -> World:
    """Return a world that has a number for everything."""

    class Numbers(dict[str, Any]):
        def __missing__(self, _key: str) -> int:
            return 1

    world.messages, world.scheduled = Numbers(world.messages), Numbers(world.scheduled)
    return world


async def _ask(home: Household, who: Author, request: Request) -> None:
    with trio.fail_after(20):
        await home.outcome(who, request)


async def test_no_command_normalises_it(tmp_path: Path) -> None:
    """Whatever is typed behind a command, as people at telnet do."""
    async with household(tmp_path / "chat.db") as home:
        ann = await home.enter("Ann")
        for command in COMMANDS:
            for rest in (BOMB, f"1 {BOMB}", f"{BOMB} owner", f"+1d @{BOMB} x", f"+1d #{BOMB} x"):
                with suppress(ProtocolError):
                    built = parse_line(f"/{command.name} {rest}", Place())
                    if isinstance(built, Request):
                        await _ask(home, ann, built)


def test_the_parts_do_not_normalise_it(normalised: list[int]) -> None:
    """Each of them for itself; and what is just long enough to be looked at still is."""
    with pytest.raises(ProtocolError):
        check_name(BOMB)
    with pytest.raises(ProtocolError):
        check_password(BOMB, "Ann")
    assert pick([], BOMB) == []
    assert len(safe_file_name(f"{BOMB}.pdf").encode()) <= 255
    assert safe_file_name(f"{BOMB}.pdf").endswith(".pdf")
    assert len(check_name("e\u0301" * 32)) == 32
    with pytest.raises(ProtocolError):
        check_name("e\u0301" * (MAX_TYPED // 2))
    assert MAX_TYPED in normalised
