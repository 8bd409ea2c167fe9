"""What one is not in, one can neither read, list nor guess (S004-29)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import trio
from msgspec import inspect

from chat.dispatch import Answer
from protocol.events import Error, Notice, Opened, Sent
from protocol.framing import REQUEST_DECODER
from protocol.requests import (
    GENERAL,
    Chunk,
    Delivered,
    Hello,
    History,
    Login,
    Pong,
    Quit,
    Request,
    Send,
)
from protocol.vocabulary import REQUESTS
from protocol.vocabulary.admission import (
    AcceptInvitation,
    AskAdmission,
    DeclineInvitation,
    LinkMade,
    MakeLink,
    RevokeLink,
)
from protocol.vocabulary.editing import Delete, Edit
from protocol.vocabulary.files import (
    DescribeFile,
    FileDetails,
    ListFiles,
    Offer,
    Offered,
    Withdraw,
)
from protocol.vocabulary.reading import MarkRead
from protocol.vocabulary.rooms import JoinRoom, LeaveRoom, ListRooms, RoomList
from protocol.vocabulary.schedule import Cancel, Schedule, Scheduled
from protocol.vocabulary.typing import TypeLine
from tests.chat.fakes import Author
from tests.chat.world import (
    EMPTY,
    SECRET,
    SECRET_FILE,
    SECRET_TOPIC,
    SECRET_WORDS,
    Household,
    World,
    found,
    household,
)
from tests.protocol.frames import example

Template = tuple[Path, World]

NONE = 424242
"""The number of nothing at all."""

NOWHERE = "Nowhere"
"""The name of no room."""

STRANGERS = ("Eve", "Gus", "Root", "Max")
"""An account, a guest, an administrator, and one who has left the private room."""

BOUNDLESS = 2**53
"""The end of the range of fields that are the number of something."""

NO_NUMBERS = {"ref", "seq", "after", "offset", "limit", "size", "stream", "number"}
"""Fields with such a range that name nothing of others'; ``number`` counts one's own contacts."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A database with a world in it, for every test to take a copy of."""
    path = tmp_path_factory.mktemp("world") / "chat.db"
    return path, trio.run(found, path)


async def _arrive(home: Household, world: World, name: str) -> Author:
    """Let a stranger come; Max leaves the private room before."""
    author = await home.enter(name, world.tokens.get(name))
    if name == "Max":
        await home.outcome(author, LeaveRoom(conversation=world.secret))
        await home.house.ask(author, Send(text="what came before is stored"))
        author.screen.posted.clear()
    return author


def _fields() -> Iterator[tuple[type[Request], str, bool]]:
    """Yield the fields of all requests, and whether each is the number of something."""
    for kind in REQUESTS:
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            yield kind, field.encode_name, _is_number(field.type)


def _is_number(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_number, kind.types))
    return isinstance(kind, inspect.IntType) and kind.le == BOUNDLESS


def _others(world: World) -> dict[str, list[object]]:
    """Return what strangers must not know of, by the fields that could name it."""
    messages: list[object] = [
        world.messages[key] for key in world.messages if key.startswith(("secret", "direct"))
    ]
    return {
        "before": messages,
        "conversation": [world.secret, world.direct],
        "id": messages,
        "message": messages,
        "reply_to": messages,
        "link": list(world.links),
        "room": [SECRET, SECRET.lower(), f"#{world.secret}", str(world.direct)],
        "session": [world.devices["Olga"], world.devices["Pat"]],
        "name": [f"#{world.secret}", f"{world.direct}"],  # of a room to join
    }


def _probes(world: World, kind: type[Request], field: str) -> Iterator[tuple[Request, Request]]:
    """Yield pairs of the same request, about what others have and about what there is not."""
    right = _right(kind)
    values = _others(world)[field]
    if kind is Cancel:
        values = [*values, *world.scheduled.values()]
    for value in values:
        nothing: object = NONE
        if isinstance(value, str):
            nothing = value.replace(*_number_in(value)) if any(map(str.isdigit, value)) else NOWHERE
        pair = [_request({**right, field: one}) for one in (value, nothing)]
        yield pair[0], pair[1]


def _number_in(text: str) -> tuple[str, str]:
    return "".join(filter(str.isdigit, text)), str(NONE)


def _right(kind: type[Request]) -> dict[str, object]:
    right: dict[str, object] = {"text": "x"} if kind is Send else {}
    right |= example(kind)
    known = {"when": "+1d", "sha256": EMPTY, "size": 0, "user": "Mona", "uuid": uuid4().hex}
    return {name: known.get(name, value) for name, value in right.items()}


def _request(fields: dict[str, object]) -> Request:
    return REQUEST_DECODER.decode(msgspec.json.encode(fields))


def test_every_number_of_something_is_probed() -> None:
    """A new request whose field names something in a new way has to be put among the probes."""
    probed = {field for _, field in PROBED} | {field for _, field in BOUNDS} | NO_NUMBERS
    assert {field for _, field, is_number in _fields() if is_number} <= probed


BOUNDS = {(History, "before"), (ListFiles, "before")}
"""They cut off what one can see anyway, whether there is such a number or not."""


def _probed(kind: type[Request], field: str) -> bool:
    if field == "name":
        return kind is JoinRoom
    return field in _others(World(devices=dict.fromkeys(("Olga", "Pat"), "d1"))) and (
        (kind, field) not in BOUNDS
    )


PROBED = [(kind, field) for kind, field, _ in _fields() if _probed(kind, field)]

SAME_FOR_ALL = {
    (Delivered, "conversation"),  # never answered
    (MarkRead, "conversation"),
    (AcceptInvitation, "room"),  # nobody is invited to that room
    (DeclineInvitation, "room"),
    (RevokeLink, "link"),  # of the general chat, which has none
    (TypeLine, "conversation"),  # the line does not begin with a slash
}
"""What members of the conversations are told does not depend on there being any, either."""


async def test_the_probes_find_what_there_is(template: Template, tmp_path: Path) -> None:
    """Members of the conversations get other answers: so the probes reach what they are about."""
    path, world = template
    async with _home(path, tmp_path) as home:
        members = [await home.enter(one, world.tokens[one]) for one in ("Olga", "Pat")]
        found_nothing = set()
        for kind, field in sorted(PROBED, key=lambda one: one[0] is LeaveRoom):
            found_nothing.add((kind, field))
            for pair in _probes(world, kind, field):
                for member in members:
                    answers = [await home.outcome(member, request) for request in pair]
                    shapes = [_shape(answers[at], getattr(pair[at], field)) for at in (0, 1)]
                    if shapes[0] != shapes[1]:
                        found_nothing.discard((kind, field))
        assert found_nothing - {(LeaveRoom, "room")} == SAME_FOR_ALL


@pytest.mark.parametrize("name", STRANGERS)
async def test_what_others_have_looks_like_what_there_is_not(
    name: str, template: Template, tmp_path: Path
) -> None:
    """Every field of every request that can name something: the same code, the same sentence.

    And nobody hears of it. Only administrators may delete in rooms that they are not in.
    """
    path, world = template
    async with _home(path, tmp_path) as home:
        insiders = [await home.enter(one, world.tokens[one]) for one in ("Olga", "Mona", "Pat")]
        author = await _arrive(home, world, name)
        heard = [len(one.screen.posted) for one in insiders]
        for kind, field in PROBED:
            for there_is, there_is_not in _probes(world, kind, field):
                if name == "Root" and kind is Delete and not await _is_direct(home, there_is):
                    continue
                answers = [
                    _shape(await home.outcome(author, request), getattr(request, field))
                    for request in (there_is, there_is_not)
                ]
                assert answers[0] == answers[1], (there_is, there_is_not)
        assert [len(one.screen.posted) for one in insiders] == heard
        assert not _betrayed(author.screen.posted)


async def _is_direct(home: Household, request: Request) -> bool:
    message = await home.house.stores.messages.Get(getattr(request, "id"))  # noqa: B009
    assert message is not None
    conversation = await home.house.stores.conversations.get(message.conversation_id)
    return conversation is not None and conversation.kind == "direct"


def _shape(answer: Answer, named: object) -> tuple[object, str]:
    """Return an answer without the number or name that was asked for."""
    number = "".join(filter(str.isdigit, str(named)))
    words = [str(named), number] if number else [str(named)]
    text = answer.message if isinstance(answer, Error) else repr(answer)
    for word in words:
        text = text.replace(word, "...")
    return getattr(answer, "code", type(answer)), text


@asynccontextmanager
async def _home(path: Path, folder: Path) -> AsyncIterator[Household]:
    copy = folder / "chat.db"
    shutil.copy(path, copy)
    async with household(copy) as home:
        yield home


def _betrayed(events: Iterable[object]) -> list[str]:
    """Return the secrets that somebody was told."""
    told = repr(list(events))
    return [one for one in (SECRET_WORDS, SECRET_TOPIC, SECRET_FILE) if one in told]


@pytest.mark.parametrize("name", STRANGERS)
async def test_nothing_that_is_asked_for_lists_it(
    name: str, template: Template, tmp_path: Path
) -> None:
    """Whatever needs no number to be asked for; and a login that claims to have been there."""
    path, world = template
    resume = {GENERAL: 0, world.secret: 0, world.direct: 0}
    async with _home(path, tmp_path) as home:
        author = await _arrive(home, world, name)
        answers: list[object] = [
            await home.outcome(author, _request(_right(kind)))
            for kind in REQUESTS
            if kind not in (Hello, Quit, Chunk, Pong)
        ]
        again = Author()
        login = Login(name=name, token=world.tokens.get(name), resume=resume)
        answers += [await home.outcome(again, login), *author.screen.posted, *again.screen.posted]
        assert not _betrayed(answers)
        assert f"'{SECRET}'" not in repr(answers)
        for one in (author, again):
            assert not {world.secret, world.direct} & set(one.screen.followed)


async def test_its_name_is_free(template: Template, tmp_path: Path) -> None:
    """Who goes into a room called like it makes another one, as with any name."""
    path, world = template
    async with _home(path, tmp_path) as home:
        await home.enter("Eve", world.tokens["Eve"])
        for room in (SECRET, NOWHERE):
            opened = await home.ask("Eve", JoinRoom(name=room), Opened)
            assert opened.created
            assert not opened.conversation.private
            assert opened.conversation.topic == ""
            assert not [one for one in opened.messages if one.kind == "text"]
        listed = await home.ask("Eve", ListRooms(), RoomList)
        assert world.secret not in {room.id for room in listed.rooms}


async def test_codes_and_links_of_others(template: Template, tmp_path: Path) -> None:
    """A revoked code is as wrong as any; in a room of one's own others' links have no number."""
    path, world = template
    async with _home(path, tmp_path) as home:
        eve = await home.enter("Eve", world.tokens["Eve"])
        await home.enter("Olga", world.tokens["Olga"])
        revoke = RevokeLink(conversation=world.secret, link=world.links[0])
        await home.ask("Olga", revoke, Notice)
        refused = [
            await home.ask("Eve", AskAdmission(code=code), Error) for code in (world.code, "x" * 22)
        ]
        assert refused[0] == refused[1]
        made = await home.ask("Olga", MakeLink(conversation=world.secret), LinkMade)
        assert made.code != world.code
        mine = await home.ask("Eve", JoinRoom(name="Mine", private=True), Opened)
        shapes = []
        for link in (world.links[0] + 1, NONE):
            revoke = RevokeLink(conversation=mine.conversation.id, link=link)
            shapes.append(_shape(await home.outcome(eve, revoke), link))
        assert shapes[0] == shapes[1]
        asked = AskAdmission(code=made.code)
        assert SECRET in (await home.ask("Eve", asked, Notice)).message  # that code is right


async def test_uuids_of_others(template: Template, tmp_path: Path) -> None:
    """Who repeats another's uuid has sent something new, and is told nothing of what it was."""
    path, world = template
    async with _home(path, tmp_path) as home:
        eve = await home.enter("Eve", world.tokens["Eve"])
        await home.enter("Olga", world.tokens["Olga"])
        taken = set(world.messages.values())
        for key in ("secret", "direct", "secret file", "direct file"):
            uuid = world.uuids[key]
            sent = await home.ask("Eve", Send(text="x", uuid=uuid), Sent)
            assert (sent.duplicate, sent.conversation) == (False, GENERAL)
            assert sent.id not in taken
            edited = await home.ask("Eve", Edit(id=sent.id, text="y", uuid=uuid4()), Sent)
            assert edited.target == sent.id
        uuid = world.uuids["secret file"]
        await home.ask("Eve", Withdraw(uuid=uuid), Notice)
        offer = Offer(uuid=uuid, name="mine", size=3, sha256=EMPTY, stream=1)
        assert await home.outcome(eve, offer) is None
        offered = eve.screen.posted[-1]
        assert isinstance(offered, Offered)
        assert (offered.name, offered.offset) == ("mine", 0)
        await home.ask("Olga", DescribeFile(id=world.messages["secret file"]), FileDetails)
        uuid = uuid4()
        theirs = Schedule(when="+1d", text=SECRET_WORDS, uuid=uuid)
        kept = await home.ask("Olga", theirs, Scheduled)
        mine = await home.ask("Eve", Schedule(when="+2d", text="mine", uuid=uuid), Scheduled)
        assert (mine.item.id != kept.item.id, mine.item.text) == (True, "mine")


@pytest.mark.parametrize("name", STRANGERS)
async def test_who_is_not_there_moves_no_markers(
    name: str, template: Template, tmp_path: Path
) -> None:
    """Requests that are not answered do nothing either."""
    path, world = template
    async with _home(path, tmp_path) as home:
        author = await _arrive(home, world, name)
        for number in (world.secret, world.direct):
            for request in (
                Delivered(conversation=number, seq=1),
                MarkRead(conversation=number, seq=1),
            ):
                assert await home.outcome(author, request) is None
            pending = home.house.messenger.markers.pending(author.who.id, number)
            assert (pending.delivered_seq, pending.read_seq) == (0, 0)
