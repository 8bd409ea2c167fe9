"""Rules of the requests that need no socket to be seen."""

from __future__ import annotations

import pytest

from chat.messenger import Messenger
from chat.uploads import MAX_OPEN, TextChunk
from protocol.errors import ErrorCode
from protocol.events import Conversation, Error, Event, HistoryPage
from protocol.framing import encode
from protocol.limits import MAX_HEADER, MAX_TEXT
from protocol.requests import Delivered, History, Login, Send
from storage.errors import StorageUnavailable
from storage.records import NewMessage
from tests.chat.fakes import Author, MemoryStores, ask, messenger_on


class Chat:
    """A messenger on memory with people in it."""

    def __init__(self) -> None:
        self.stores = MemoryStores()
        self.messenger: Messenger = messenger_on(self.stores)

    async def enter(self, name: str) -> Author:
        """Log somebody in."""
        author = Author()
        await ask(self.messenger, author, Login(name=name))
        return author

    @property
    def waiting(self) -> list[str]:
        """What was handed to the journal."""
        return [entry.message.body.decode() for entry in self.messenger.journal._waiting]


def _code(answer: object) -> str:
    assert isinstance(answer, Error), answer
    return answer.code


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Send(), ErrorCode.EMPTY_MESSAGE),
        (Send(text=""), ErrorCode.EMPTY_MESSAGE),
        (Send(text=" \n\t\u2003"), ErrorCode.EMPTY_MESSAGE),
        (Send(text="x" * (MAX_TEXT + 1)), ErrorCode.TEXT_TOO_LONG),
        (Send(text="я" * (MAX_TEXT // 2 + 1)), ErrorCode.TEXT_TOO_LONG),
        (Send(text="x", conversation=99), ErrorCode.UNKNOWN_CONVERSATION),
        (Send(text="x", to="Nobody"), ErrorCode.UNKNOWN_USER),
        (Send(text="x", to=""), ErrorCode.UNKNOWN_USER),
        (Send(text="x", to="x" * 100_000), ErrorCode.UNKNOWN_USER),
        (Send(text="x", to="Ann"), ErrorCode.BAD_ARGUMENTS),
        (Send(stream=5), ErrorCode.BAD_STREAM),
        (Send(stream=10**50), ErrorCode.BAD_STREAM),
        (History(conversation=99), ErrorCode.UNKNOWN_CONVERSATION),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_cannot_be_done_is_told(request_: Send | History, code: ErrorCode) -> None:
    """S004-34: and nothing is stored."""
    chat = Chat()
    ann = await chat.enter("Ann")
    answer = await ask(chat.messenger, ann, request_)
    assert _code(answer) == code
    assert isinstance(answer, Error)
    assert len(answer.message) < 300
    assert chat.waiting == []
    assert ann.in_flight == 0


@pytest.mark.parametrize("request_", [Send(to="Bob"), Send(text=" ", to="Bob")], ids=str)
async def test_a_refused_message_opens_no_conversation(request_: Send) -> None:
    """S002-14: the first *message* makes it; the other one hears nothing of an empty one."""
    chat = Chat()
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    assert _code(await ask(chat.messenger, ann, request_)) == ErrorCode.EMPTY_MESSAGE
    assert [event for event in bob.screen.posted if isinstance(event, Conversation)] == []
    assert chat.stores.conversations.direct == {}


@pytest.mark.parametrize("data", [b"\xff", b" ", None])
async def test_a_refused_stream_opens_no_conversation(data: bytes | None) -> None:
    """A long text that is broken, empty or not there is no message either."""
    chat = Chat()
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    if data is not None:
        await ask(chat.messenger, ann, TextChunk(stream=1, data=data))
    assert isinstance(await ask(chat.messenger, ann, Send(stream=1, to="Bob")), Error)
    assert _opened(bob.screen.posted) == []
    assert chat.stores.conversations.direct == {}


async def test_both_hear_of_a_new_conversation_once() -> None:
    """S002-14: on all their connections, before the message."""
    chat = Chat()
    people = [await chat.enter(name) for name in ("Ann", "Ann", "Bob", "Eve")]
    for _ in range(2):
        await ask(chat.messenger, people[0], Send(text="hello", to="Bob"))
    names = [_opened(author.screen.posted) for author in people]
    assert names == [["Bob"], ["Bob"], ["Ann"], []]
    assert chat.waiting == ["hello", "hello"]


def _opened(events: list[Event]) -> list[str]:
    return [event.conversation.name for event in events if isinstance(event, Conversation)]


async def test_a_long_text_is_sent_once_and_its_stream_ends() -> None:
    """S001-10: the number of the stream is free again, whatever became of it."""
    chat = Chat()
    ann = await chat.enter("Ann")
    for text in (b"first", b"second"):
        assert await ask(chat.messenger, ann, TextChunk(stream=1, data=text)) is None
        assert await ask(chat.messenger, ann, Send(stream=1)) is None
    await ask(chat.messenger, ann, TextChunk(stream=1, data=b"\xff"))
    assert _code(await ask(chat.messenger, ann, Send(stream=1))) == ErrorCode.BAD_STREAM
    await ask(chat.messenger, ann, TextChunk(stream=1, data=b"beside"))
    both = await ask(chat.messenger, ann, Send(stream=1, text="a text"))
    assert _code(both) == ErrorCode.BAD_STREAM
    assert chat.waiting == ["first", "second"]
    assert ann.uploads == {}


async def test_a_stream_is_never_addressed_by_its_first_word() -> None:
    """S002-11: a name is not looked for in a long text, so all would read what was for one."""
    chat = Chat()
    ann = await chat.enter("Ann")
    await chat.enter("Bob")
    await ask(chat.messenger, ann, TextChunk(stream=1, data=b"Bob the secret"))
    refused = await ask(chat.messenger, ann, Send(ref=3, stream=1, addressed=True))
    assert _code(refused) == ErrorCode.BAD_ARGUMENTS
    assert (chat.waiting, ann.uploads, ann.in_flight) == ([], {}, 0)


async def test_the_streams_of_a_connection_are_bounded() -> None:
    """Each costs memory and rows; the ones that are open are not disturbed."""
    chat = Chat()
    ann = await chat.enter("Ann")
    for stream in range(MAX_OPEN):
        await ask(chat.messenger, ann, TextChunk(stream=stream, data=b"x"))
    more = await ask(chat.messenger, ann, TextChunk(ref=1, stream=99, data=b"x"))
    assert _code(more) == ErrorCode.BAD_STREAM
    assert await ask(chat.messenger, ann, TextChunk(stream=0, data=b"y")) is None
    assert await ask(chat.messenger, ann, Send(stream=0)) is None
    # There is room again, but the refused one has lost its beginning.
    await ask(chat.messenger, ann, TextChunk(stream=99, data=b"the end of it"))
    assert _code(await ask(chat.messenger, ann, Send(stream=99))) == ErrorCode.BAD_STREAM
    assert chat.waiting == ["xy"]


async def test_a_text_without_its_beginning_is_never_sent() -> None:
    """A database that was away when a stream began leaves no stump of it."""
    chat = Chat()
    ann = await chat.enter("Ann")
    chat.stores.bodies.script = [StorageUnavailable("the database is away")]
    refused = await ask(chat.messenger, ann, TextChunk(stream=1, data=b"do not "))
    assert _code(refused) == ErrorCode.STORAGE_UNAVAILABLE
    await ask(chat.messenger, ann, TextChunk(stream=1, data=b"push the button"))
    assert _code(await ask(chat.messenger, ann, Send(stream=1))) == ErrorCode.STORAGE_UNAVAILABLE
    assert chat.waiting == []


async def test_delivered_moves_no_further_than_what_was_sent() -> None:
    """S002-7: a client cannot mark as had what it never got, nor what it is not in."""
    chat = Chat()
    ann = await chat.enter("Ann")
    ann.screen.followed[1] = 5
    await ask(chat.messenger, ann, Delivered(conversation=1, seq=2**53))
    await ask(chat.messenger, ann, Delivered(conversation=2, seq=3))
    assert chat.messenger.markers.pending(ann.who.id, 1).delivered_seq == 5
    assert chat.messenger.markers.pending(ann.who.id, 2).delivered_seq == 0


@pytest.mark.parametrize("character", ["x", "\u0001"])
async def test_a_page_always_fits_into_a_frame(character: str) -> None:
    """S003-10: what a client asks for within the limits it can read within the limits."""
    chat = Chat()
    ann = await chat.enter("Ann")
    body = (character * MAX_TEXT).encode()
    for number in range(12):
        chat.stores.scripted.add(NewMessage(1, 1, "Ann", bytes([number] * 16), 0, body, len(body)))
    page = await ask(chat.messenger, ann, History())
    assert isinstance(page, HistoryPage)
    assert len(encode(page)) <= MAX_HEADER
    assert page.messages[-1].seq == 12
    assert page.more
