"""From a request to its handler: who may ask, and what becomes of failures (S004-34)."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs

from chat.messenger import Messenger
from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Error, Goodbye, LoggedIn, PongReply, StorageState
from protocol.requests import (
    REQUESTS,
    Chunk,
    Delivered,
    Fetch,
    Hello,
    History,
    Login,
    Ping,
    Pong,
    Quit,
    Request,
    Send,
    Status,
)
from storage.errors import StorageUnavailable
from tests.chat.fakes import Author, MemoryStores, UntouchableStores, ask, messenger_on

NEEDS_LOGIN: tuple[Request, ...] = (
    Send(ref=9, text="hello"),
    Send(ref=9, text="hello", to="Bob"),
    Send(ref=9, stream=1),
    TextChunk(ref=9, stream=1, data=b"hello"),
    History(ref=9),
    Fetch(ref=9, id=1),
    Delivered(ref=9, conversation=1, seq=1),
    Status(ref=9),
)
NEEDS_NONE: tuple[Request, ...] = (Login(ref=9, name="Ann"), Ping(ref=9), Quit(ref=9))
NOT_FOR_CHAT: tuple[Request, ...] = (
    Hello(ref=9, protocol=1),
    Pong(ref=9),
    Chunk(ref=9, stream=1, size=1),
)


def test_every_request_is_in_one_of_the_lists() -> None:
    """A new one has to be thought about here."""
    listed = {type(request) for request in (*NEEDS_LOGIN, *NEEDS_NONE, *NOT_FOR_CHAT)}
    assert listed - {TextChunk} == set(REQUESTS)


@pytest.mark.parametrize("request_", NEEDS_LOGIN, ids=lambda request: type(request).__name__)
async def test_who_is_not_logged_in_is_told_so(request_: Request) -> None:
    """And the database is not even asked."""
    untouchable = UntouchableStores()
    messenger = messenger_on(MemoryStores())
    messenger.stores = untouchable
    with capture_logs() as logs:
        answer = await ask(messenger, Author(), request_)
    assert isinstance(answer, Error)
    assert (answer.ref, answer.code) == (9, ErrorCode.NOT_LOGGED_IN)
    assert answer.message.endswith(".")
    assert logs == []


@pytest.mark.parametrize("request_", NEEDS_NONE, ids=lambda request: type(request).__name__)
async def test_some_requests_need_no_login(request_: Request) -> None:
    """One can come, ask whether the server is there, and go."""
    answer = await ask(messenger_on(MemoryStores()), Author(), request_)
    assert isinstance(answer, LoggedIn | PongReply | Goodbye)
    assert answer.ref == 9


@pytest.mark.parametrize("request_", NOT_FOR_CHAT, ids=lambda request: type(request).__name__)
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


async def test_a_cancelled_request_is_cancelled() -> None:
    """The end of a connection is no mistake of a handler."""
    with trio.CancelScope() as scope, capture_logs() as logs:
        scope.cancel()
        await ask(messenger_on(MemoryStores()), Author(), Login(name="Ann"))
    assert scope.cancelled_caught
    assert logs == []
