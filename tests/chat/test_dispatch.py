"""From a request to its handler: who may ask, and what becomes of failures (S004-34)."""

from __future__ import annotations

import json

import pytest
import trio
from structlog.testing import capture_logs

from chat.dispatch import Need, needs, standing
from chat.messenger import Messenger
from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Error, Goodbye, LoggedIn, Notice, PongReply, StorageState
from protocol.framing import REQUEST_DECODER
from protocol.language import voice
from protocol.requests import (
    Chunk,
    Delivered,
    Fetch,
    Hello,
    History,
    Language,
    Login,
    Ping,
    Pong,
    Quit,
    Request,
    Send,
    Status,
)
from protocol.vocabulary import REQUESTS
from protocol.vocabulary.typing import CommandList, ListCommands
from storage.errors import StorageUnavailable
from storage.records import User
from tests.chat.fakes import Author, MemoryStores, UntouchableStores, ask, messenger_on
from tests.protocol.frames import example


def _simplest(kind: type[Request]) -> Request:
    """Return a request with what it must have and the ref 9."""
    return REQUEST_DECODER.decode(json.dumps({**example(kind), "ref": 9}))


NEEDS_NONE: tuple[Request, ...] = (
    Login(ref=9, name="Ann"),
    Ping(ref=9),
    Quit(ref=9),
    Language(ref=9, language="en"),
    ListCommands(ref=9),
)
NOT_FOR_CHAT: tuple[Request, ...] = (
    Hello(ref=9, protocol=1),
    Pong(ref=9),
    Chunk(ref=9, stream=1, size=1),
)


NEEDS_LOGIN: tuple[Request, ...] = (
    Send(ref=9, text="hello"),
    Send(ref=9, text="hello", to="Bob"),
    Send(ref=9, stream=1),
    TextChunk(ref=9, stream=1, data=b"hello"),
    History(ref=9),
    Fetch(ref=9, id=1),
    Delivered(ref=9, conversation=1, seq=1),
    Status(ref=9),
    *(
        _simplest(kind)
        for kind in REQUESTS
        if kind not in {type(request) for request in (*NEEDS_NONE, *NOT_FOR_CHAT)}
    ),
)
"""All others: what is not named above needs a login, also what is new."""

REFUSALS = {
    Need.GUEST: ErrorCode.NOT_LOGGED_IN,
    Need.ACCOUNT: ErrorCode.NEEDS_ACCOUNT,
    Need.ADMIN: ErrorCode.NOT_ALLOWED,
}


def _name(value: object) -> str:
    return value.name if isinstance(value, Need) else type(value).__name__


def _author(what: Need) -> Author:
    """Somebody who is that and no more."""
    ann = User(1, "Ann", "ann", 0, registered=what >= Need.ACCOUNT)
    author = Author(None if what is Need.NOBODY else ann)
    author.registered = what >= Need.ACCOUNT
    author.admin = what >= Need.ADMIN
    return author


async def _refusal(author: Author, request: Request) -> Error:
    """Let a request be refused, and return with what; the database is not even asked."""
    untouchable = UntouchableStores()
    messenger = messenger_on(MemoryStores())
    messenger.stores = untouchable
    with capture_logs() as logs:
        answer = await ask(messenger, author, request)
    assert isinstance(answer, Error)
    assert answer.ref == 9
    assert answer.message.endswith(".")
    assert logs == []
    return answer


@pytest.mark.parametrize("request_", NEEDS_LOGIN, ids=_name)
async def test_who_is_not_logged_in_is_told_so(request_: Request) -> None:
    """And the database is not even asked."""
    refused = await _refusal(_author(Need.NOBODY), request_)
    assert refused.code == ErrorCode.NOT_LOGGED_IN
    assert needs()[type(request_)] >= Need.GUEST


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (_simplest(kind), what)
        for kind in REQUESTS
        for what in Need
        if what < needs().get(kind, Need.NOBODY)
    ],
    ids=_name,
)
async def test_who_is_not_what_a_request_needs_is_refused(request_: Request, what: Need) -> None:
    """S003-2: each level includes those below it, and none of those above."""
    refused = await _refusal(_author(what), request_)
    first = Need.GUEST if what is Need.NOBODY else needs()[type(request_)]
    assert refused.code == REFUSALS[first]


@pytest.mark.parametrize(
    ("user", "registered", "admin", "what"),
    [
        (False, False, False, Need.NOBODY),
        (False, True, True, Need.NOBODY),  # nobody is an admin without having come in
        (True, False, False, Need.GUEST),
        (True, False, True, Need.GUEST),  # nor by an admin's name alone
        (True, True, False, Need.ACCOUNT),
        (True, True, True, Need.ADMIN),
    ],
)
def test_what_somebody_is(user: bool, registered: bool, admin: bool, what: Need) -> None:
    """The name of an administrator is worth nothing without its password."""
    author = _author(Need.GUEST if user else Need.NOBODY)
    author.registered, author.admin = registered, admin
    assert standing(author) is what


def test_only_these_need_no_login() -> None:
    """One more has to be thought about here."""
    free = {kind for kind, need in needs().items() if need is Need.NOBODY}
    assert free == {type(request) for request in NEEDS_NONE}


def test_every_request_has_a_handler_or_is_the_gateways() -> None:
    """One that was forgotten would be answered as a wrong frame."""
    assert set(REQUESTS) - needs().keys() == {type(request) for request in NOT_FOR_CHAT}
    assert needs().keys() - set(REQUESTS) == {TextChunk}


@pytest.mark.parametrize("request_", NEEDS_NONE, ids=_name)
async def test_some_requests_need_no_login(request_: Request) -> None:
    """One can come, ask whether the server is there, and go."""
    answer = await ask(messenger_on(MemoryStores()), Author(), request_)
    assert isinstance(answer, LoggedIn | PongReply | Goodbye | Notice | CommandList)
    assert answer.ref == 9


@pytest.mark.parametrize("request_", NOT_FOR_CHAT, ids=_name)
async def test_a_request_without_a_handler_is_a_wrong_frame(request_: Request) -> None:
    """It is the gateway's, or in the wrong place."""
    answer = await ask(messenger_on(MemoryStores()), Author(), request_)
    assert isinstance(answer, Error)
    assert (answer.ref, answer.code) == (9, ErrorCode.BAD_FRAME)


async def test_one_connection_is_one_user() -> None:
    """A second login changes nothing."""
    messenger, author = messenger_on(MemoryStores()), Author()
    await ask(messenger, author, Login(name="Ann"))
    for name in ("Bob", "Ann"):
        answer = await ask(messenger, author, Login(ref=3, name=name))
        assert isinstance(answer, Error)
        assert (answer.ref, answer.code) == (3, ErrorCode.ALREADY_LOGGED_IN)
    assert messenger.presence.names() == ["Ann"]
    assert author.who.name == "Ann"


async def _login_fails(failure: Exception) -> tuple[object, Messenger, Author, list[object]]:
    stores, author = MemoryStores(), Author()
    stores.accounts.failure = failure
    messenger = messenger_on(stores)
    with capture_logs() as logs:
        answer = await ask(messenger, author, Login(ref=4, name="Ann"))
    return answer, messenger, author, [(log["log_level"], log["event"]) for log in logs]


async def test_a_mistake_of_ours_is_answered_and_logged() -> None:
    """It goes no further than this request, and tells the client nothing of the inside."""
    answer, messenger, author, logs = await _login_fails(RuntimeError("secret of the inside"))
    assert isinstance(answer, Error)
    assert (answer.ref, answer.code) == (4, ErrorCode.INTERNAL)
    assert "secret" not in answer.message
    assert logs == [("error", "request.failed")]
    assert author.user is None
    assert messenger.presence.names() == []
    assert isinstance(await ask(messenger, author, Ping()), PongReply)


async def test_a_database_that_is_away_is_answered_and_logged() -> None:
    """With a code of its own, so that a program can try again."""
    answer, _, author, logs = await _login_fails(StorageUnavailable("away"))
    assert isinstance(answer, Error)
    assert (answer.ref, answer.code) == (4, ErrorCode.STORAGE_UNAVAILABLE)
    assert logs == [("warning", "request.storage_unavailable")]
    assert author.user is None


async def test_a_database_that_is_away_does_not_flood_the_log(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One line a second, which says how many were left out; every request is answered."""
    stores, author = MemoryStores(), Author()
    stores.accounts.failure = StorageUnavailable("away")
    messenger = messenger_on(stores)
    with capture_logs() as logs:
        for _ in range(50):
            assert isinstance(await ask(messenger, author, Login(name="Ann")), Error)
        await trio.sleep(1)
        await ask(messenger, author, Login(name="Ann"))
    assert [log.get("left_out") for log in logs] == [None, 49]


async def test_who_comes_during_an_outage_is_told() -> None:
    """The others were told when it began; a known user may be let in without the database."""
    author, messenger = Author(), messenger_on(MemoryStores())
    messenger.journal.available = False
    assert isinstance(await ask(messenger, author, Login(name="Ann")), LoggedIn)
    assert StorageState(available=False) in author.screen.posted


async def test_the_language_is_the_sessions_own() -> None:
    """Of what the server says to this one, from then on; one that there is not is refused."""
    messenger, author = messenger_on(MemoryStores()), Author()
    assert author.voice is voice("en")
    assert isinstance(await ask(messenger, author, Language(ref=9, language="RU")), Notice)
    assert author.voice is voice("ru")
    answer = await ask(messenger, author, Language(ref=9, language="tlh"))
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.BAD_ARGUMENTS
    assert "en, ru" in answer.message
    assert author.voice is voice("ru")


async def test_a_cancelled_request_is_cancelled() -> None:
    """The end of a connection is no mistake of a handler."""
    with trio.CancelScope() as scope, capture_logs() as logs:
        scope.cancel()
        await ask(messenger_on(MemoryStores()), Author(), Login(name="Ann"))
    assert scope.cancelled_caught
    assert logs == []
