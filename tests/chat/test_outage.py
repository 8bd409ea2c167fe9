"""The database is away: who was here is let in, and who cannot be served is told (S001-3)."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from chat.journal import Published
from chat.patience import SILENCE
from protocol.errors import ErrorCode
from protocol.events import Conversation, Error, HistoryPage, LoggedIn
from protocol.requests import History, Login, Request, Send
from storage.errors import StorageUnavailable
from storage.records import Message, Saved
from tests.chat.fakes import Author, MemoryStores, ask, messenger_on


class Chat:
    """A messenger on memory whose database can be taken away."""

    def __init__(self) -> None:
        self.stores = MemoryStores()
        self.messenger = messenger_on(self.stores)

    def lose_database(self) -> None:
        """Refuse every call from now on."""
        self.stores.fail(StorageUnavailable("gone"))

    async def ask(self, author: Author, request: Request) -> object:
        """Ask for something."""
        return await ask(self.messenger, author, request)

    async def enter(self, name: str, **login: object) -> tuple[Author, object]:
        """Log in on a new connection, and return it with the answer."""
        author = Author()
        return author, await self.ask(author, Login(name=name, **login))  # type: ignore[arg-type]

    async def publish(self, last: int, conversation: int = 1) -> None:
        """Store messages up to a number."""
        author = Author()
        for seq in range(1, last + 1):
            message = Message(seq, conversation, seq, 1, "Ann", b"", 0, b"", 0)
            await self.messenger._publish([Published(Saved(message, False), author, None)])


def _refused(answer: object) -> bool:
    return isinstance(answer, Error) and answer.code == ErrorCode.STORAGE_UNAVAILABLE


async def test_who_was_here_is_let_in() -> None:
    """However the name is typed; whoever else knocks may come later."""
    chat = Chat()
    _, first = await chat.enter("Ann")
    chat.lose_database()
    author, again = await chat.enter("ANN")
    assert again == first
    assert author.who.name == "Ann"
    assert author.screen.followed == {1: 0}
    stranger, refused = await chat.enter("Bob")
    assert _refused(refused)
    assert stranger.user is None
    chat.stores.fail(None)
    assert isinstance((await chat.enter("Bob"))[1], LoggedIn)


async def test_it_is_fed_from_where_it_is() -> None:
    """Not from an older number, which would show messages twice; nor behind the last one."""
    chat = Chat()
    await chat.enter("Ann")
    await chat.publish(90)
    chat.lose_database()
    author, answer = await chat.enter("Ann", resume={1: 70})
    assert isinstance(answer, LoggedIn)
    assert answer.conversations[0].last_seq == 90
    assert author.screen.followed == {1: 70}
    author, _ = await chat.enter("Ann", resume={1: 4711})
    assert author.screen.followed == {1: 90}


@pytest.mark.parametrize("written", [True, False])
async def test_what_was_delivered_is_not_shown_again(written: bool) -> None:
    """Also a marker that came after the login, whether it has been written or not."""
    chat = Chat()
    await chat.enter("Ann")
    await chat.publish(90)
    chat.messenger.markers.move(1, 1, 60)
    if written:
        await chat.messenger.markers.write()
    chat.lose_database()
    author, answer = await chat.enter("Ann", history=0)
    assert isinstance(answer, LoggedIn)
    assert answer.conversations[0].delivered_seq == 60
    assert author.screen.followed == {1: 60}


async def test_a_new_conversation_is_followed_too() -> None:
    """One made after the login; and messages for it wait for the database as all others do."""
    chat = Chat()
    ann, _ = await chat.enter("Ann")
    await chat.enter("Bob")
    await chat.enter("Eve")
    await chat.ask(ann, Send(text="hello", to="Bob"))
    await chat.publish(1, conversation=2)
    chat.lose_database()
    author, answer = await chat.enter("Bob")
    assert isinstance(answer, LoggedIn)
    assert [(one.name, one.last_seq) for one in answer.conversations] == [
        ("general", 0),
        ("Ann", 1),
    ]
    assert author.screen.followed == {1: 0, 2: 0}
    assert await chat.ask(ann, Send(text="and again", to="Bob")) is None
    waiting = [entry.message for entry in chat.messenger.journal._waiting]
    assert [message.conversation_id for message in waiting] == [2, 2]
    assert _refused(await chat.ask(ann, Send(text="the first", to="Eve")))
    assert _refused(await chat.ask(ann, Send(text="to whom?", to="Nobody")))
    assert len(chat.messenger.journal._waiting) == 2
    opened = [event for event in ann.screen.posted if isinstance(event, Conversation)]
    assert len(opened) == 1


@pytest.mark.parametrize(
    "request_",
    [Login(name="Bob"), History(), Send(text="hello", to="Bob")],
    ids=lambda r: type(r).__name__,
)
async def test_nobody_waits_for_a_silent_database(
    request_: Request, autojump_clock: MockClock
) -> None:
    """Who asks when it falls silent is told as soon as that is clear, and later ones at once."""
    chat = Chat()
    ann, _ = await chat.enter("Ann")
    chat.stores.fail("silence")
    for at_most in (1.25 * SILENCE, 0):
        begin = autojump_clock.current_time()
        author = Author() if isinstance(request_, Login) else ann
        with trio.fail_after(60):
            assert _refused(await chat.ask(author, request_))
        assert autojump_clock.current_time() - begin <= at_most
    begin = autojump_clock.current_time()
    assert isinstance((await chat.enter("Ann"))[1], LoggedIn)
    assert autojump_clock.current_time() == begin


async def test_reading_goes_on_where_only_writing_fails() -> None:
    """A full disk: the journal cannot store, and who asks for a page gets it."""
    chat = Chat()
    ann, _ = await chat.enter("Ann")
    chat.messenger.journal.available = False
    assert isinstance(await chat.ask(ann, History()), HistoryPage)
