"""Who may do what: the server is held to the table of ``authorization.py``, cell by cell."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import trio

from chat.dispatch import needs
from protocol.events import Error
from protocol.requests import Chunk, Hello, Pong
from protocol.vocabulary import REQUESTS
from tests.chat.authorization import CELLS, ROLES, TABLE, Make, Seen
from tests.chat.fakes import Author
from tests.chat.world import Founder, Household, World, found, household

Template = tuple[Path, World]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A database with a world in it, for every test to take a copy of."""
    path = tmp_path_factory.mktemp("world") / "chat.db"
    return path, trio.run(found, path, _equip)


async def _equip(founder: Founder) -> None:
    """Make what is used up by those who may, once for each role."""
    world = founder.world
    for name in ("Vic", "Vic2", "Mod", "Boss", "Ask", "Ask2"):
        await founder.account(name)
    for name in ("Vic", "Vic2", "Mod", "Boss"):
        await founder.admit(name)
        await founder.go(name, "Public")
    await founder.appoint("Mod", "moderator")
    await founder.appoint("Boss", "owner")
    for name in ("Ask", "Ask2"):
        await founder.ask_admission(name)
    for role, name in ROLES.items():
        await founder.link()
        await founder.say("Vic", "general", note=f"general Vic for {role}")
        for place, number in (("public", world.public), ("secret", world.secret)):
            await founder.say("Vic", place, conversation=number, note=f"{place} Vic for {role}")
        if name:
            await founder.schedule(name)
    await founder.go("Pat", "Closet", private=True)
    await founder.invite("Pat", "Kim", "Closet")


def test_every_request_has_a_row() -> None:
    """A new request has to say who may ask for it; these three never reach a handler as such."""
    some: dict[str, Any] = defaultdict(lambda: 1)
    names: dict[str, str] = defaultdict(str)
    seen = Seen(World(messages=some, scheduled=some, devices=names, links=[1]), "account")
    rows = {type(make(seen)) for _, _, make in TABLE}
    assert rows == set(needs())
    assert set(REQUESTS) - set(needs()) == {Hello, Pong, Chunk}


@pytest.mark.parametrize(("cells", "what", "make"), TABLE, ids=[row[1] for row in TABLE])
async def test_the_table_holds(
    cells: str, what: str, make: Make, template: Template, tmp_path: Path
) -> None:
    """One row: everybody asks for the same, and gets what the table says."""
    path, world = template
    copy = tmp_path / "chat.db"
    shutil.copy(path, copy)
    async with household(copy) as home:
        people = await _arrive(home, world)
        found = {
            role: await _cell(home, author, make, Seen(world, role))
            for role, author in people.items()
        }
    assert found == dict(zip(ROLES, cells.split(), strict=True)), what


async def _arrive(home: Household, world: World) -> dict[str, Author]:
    return {
        role: await home.enter(name, world.tokens.get(name)) if name else Author()
        for role, name in ROLES.items()
    }


async def _cell(home: Household, author: Author, make: Make, seen: Seen) -> str:
    answer = await home.outcome(author, make(seen))
    if not isinstance(answer, Error):
        return "yes"
    names: dict[str, str] = {code: name for name, code in CELLS.items()}
    return names.get(answer.code, answer.code)
