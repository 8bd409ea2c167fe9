"""Messages on their way out: receipts, refusals, order, repeats, long texts."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import trio
from trio.testing import MockClock

from cli.client import Client
from cli.errors import ClientClosed, Refused, TextFailed
from cli.outbox import MAX_MESSAGES, Outgoing
from cli.session import HEAD
from protocol.errors import ErrorCode
from protocol.events import (
    Conversation,
    ConversationInfo,
    Error,
    HistoryPage,
    Sent,
    Shutdown,
    StorageState,
)
from protocol.limits import MAX_CHUNK, MAX_TEXT, TEXT_HEAD
from protocol.requests import Chunk, Delivered, History, Send
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, Peer, message


async def test_returns_once_the_server_has_stored_it(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.store, 12)
        receipt = await client.SendMsg("hello")
        assert (receipt.id, receipt.seq, receipt.duplicate) == (112, 12, False)
        assert client.CheckStatus().unacknowledged == 0


async def test_private_and_addressed_messages(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer):
        await client.begin_send("one", to="Alice")
        await client.begin_send("two", conversation=5)
        await client.begin_send("Alice three", addressed=True)
        sends = [await peer.expect(Send) for _ in range(3)]
        assert [(s.text, s.to, s.conversation, s.addressed) for s in sends] == [
            ("one", "Alice", 1, False),
            ("two", None, 5, False),
            ("Alice three", None, 1, True),
        ]
        assert len({send.uuid for send in sends}) == 3


async def test_refusal_is_raised_and_the_rest_goes_on(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def refuse() -> None:
            send = await peer.expect(Send)
            await peer.send(Error(ref=send.ref, code=ErrorCode.UNKNOWN_USER, message="No Zoe."))
            await peer.store(1)

        nursery.start_soon(refuse)
        with pytest.raises(Refused, match=r"No Zoe\.") as caught:
            await client.SendMsg("hello", to="Zoe")
        assert caught.value.code == ErrorCode.UNKNOWN_USER
        assert (await client.SendMsg("again")).seq == 1


async def test_unacknowledged_are_sent_again_in_order_before_new_ones(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        handed = [await client.begin_send(f"text {number}") for number in range(3)]
        first = await peer.store(1)
        lost = [await peer.expect(Send) for _ in range(2)]
        await handed[0].receipt()
        await peer.lose()
        await client.begin_send("text 3")
        second = await server.accept()
        login = await second.welcome()
        assert login.resume == {1: 1}
        again = [await second.store(seq, duplicate=seq == 2) for seq in (2, 3, 4)]
        assert [send.text for send in again] == ["text 1", "text 2", "text 3"]
        assert [send.uuid for send in again[:2]] == [send.uuid for send in lost]
        assert first.uuid not in {send.uuid for send in again}
        receipts = [await outgoing.receipt() for outgoing in handed]
        assert [(receipt.seq, receipt.duplicate) for receipt in receipts] == [
            (1, False), (2, True), (3, False),
        ]  # fmt: skip


@pytest.mark.parametrize("echo", [False, True])
async def test_own_message_that_came_back_with_the_resume_is_not_shown_twice(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, echo: bool
) -> None:
    async with meet(echo=echo) as (client, peer):
        outgoing = await client.begin_send("mine")
        await peer.expect(Send)
        await peer.send(message(1))
        assert (await client.ReadMsg()).seq == 1
        await peer.lose()
        second = await server.accept()
        await second.welcome(
            ConversationInfo(id=1, kind="general", name="general", last_seq=3, delivered_seq=0)
        )
        await second.send(message(2, "mine", sender="Bob"), message(3))
        await second.store(2, duplicate=True)
        assert (await outgoing.receipt()).duplicate
        await second.send(message(4))
        arrived = [await client.ReadMsg() for _ in range(3 if echo else 2)]
        expected = [(2, True), (3, False), (4, False)]
        assert [(m.seq, m.own) for m in arrived] == expected[0 if echo else 1 :]


async def test_echo_puts_own_messages_in_their_place(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet(echo=True) as (client, peer):
        await client.begin_send("mine")
        send = await peer.expect(Send)
        await peer.send(message(1), Sent(ref=send.ref, id=102, seq=2, time=2), message(3))
        arrived = [await client.ReadMsg() for _ in range(3)]
        assert [(m.seq, m.sender, m.text, m.own) for m in arrived] == [
            (1, "Alice", "text 1", False),
            (2, "Bob", "mine", True),
            (3, "Alice", "text 3", False),
        ]


async def test_echo_of_an_addressed_message_shows_what_the_other_gets(
    autojump_clock: MockClock, meet: Meet
) -> None:
    info = ConversationInfo(id=9, kind="direct", name="Alice", last_seq=0, delivered_seq=0)
    async with meet(echo=True) as (client, peer):
        await client.begin_send("Alice  psst you", addressed=True)
        send = await peer.expect(Send)
        sent = Sent(ref=send.ref, id=101, seq=1, time=1, conversation=9)
        await peer.send(Conversation(conversation=info), sent)
        own = await client.ReadMsg()
        assert (own.text, own.private_with) == ("psst you", "Alice")


async def test_acknowledgement_behind_a_hole_waits_for_its_place(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet(echo=True) as (client, peer):
        await peer.send(message(1))
        outgoing = await client.begin_send("mine")
        send = await peer.expect(Send)
        await peer.send(Sent(ref=send.ref, id=103, seq=3, time=3))
        assert (await outgoing.receipt()).seq == 3
        page = await peer.expect(History)
        messages = [message(2), message(3, "mine", sender="Bob")]
        await peer.send(HistoryPage(ref=page.ref, conversation=1, messages=messages, more=False))
        arrived = [await client.ReadMsg() for _ in range(3)]
        assert [(m.seq, m.own) for m in arrived] == [(1, False), (2, False), (3, True)]


async def test_own_messages_count_as_shown_where_all_before_them_is(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(1))
        client.mark_shown(await client.ReadMsg())
        assert (await peer.expect(Delivered)).seq == 1
        await client.begin_send("mine")
        await peer.store(2)
        assert (await peer.expect(Delivered)).seq == 2
        await peer.send(message(3))  # not read
        await client.begin_send("mine")
        await peer.store(4)
        await client.drain()
        await trio.sleep(10)
    frame = (await peer.receive()).frame
    assert not isinstance(frame, Delivered)


async def test_database_away_sends_again_in_order(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer):
        await client.begin_send("one")
        await client.begin_send("two")
        first, second = await peer.expect(Send), await peer.expect(Send)
        away = Error(ref=first.ref, code=ErrorCode.STORAGE_UNAVAILABLE, message="Away.")
        await peer.send(StorageState(available=False), away)
        await peer.send(Error(ref=second.ref, code=ErrorCode.STORAGE_UNAVAILABLE, message="Away."))
        begun = trio.current_time()
        again = await peer.expect(Send)
        assert again.uuid == first.uuid
        assert trio.current_time() >= begun + 1
        assert (await peer.expect(Send)).text == "two"


async def test_server_on_its_way_down_gets_it_after_its_restart(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        outgoing = await client.begin_send("one")
        send = await peer.expect(Send)
        await peer.send(
            Shutdown(reason="Bye."),
            Error(ref=send.ref, code=ErrorCode.SHUTTING_DOWN, message="No more."),
        )
        await peer.lose()
        second = await server.accept()
        await second.welcome()
        assert (await second.store(1)).uuid == send.uuid
        assert (await outgoing.receipt()).seq == 1


async def test_window_is_bounded_and_opens_again(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer):
        for _ in range(MAX_MESSAGES):
            await client.begin_send("text")
        with trio.move_on_after(60) as scope:
            await client.begin_send("one too many")
        assert scope.cancelled_caught
        await peer.store(1)
        await client.begin_send("fits")
        assert client.CheckStatus().unacknowledged == MAX_MESSAGES


async def test_withdrawn_where_it_is_cancelled_before_it_was_sent(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.lose()
        server.refusing = True
        with trio.move_on_after(5):
            await client.SendMsg("never mind")
        assert client.CheckStatus().unacknowledged == 0


async def test_unacknowledged_at_the_end_have_a_clear_error(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, _peer):
        outgoing = await client.begin_send("text")
    with pytest.raises(ClientClosed):
        await outgoing.receipt()


async def test_lone_surrogates_are_refused_at_once(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, _peer):
        with pytest.raises(UnicodeEncodeError):
            await client.SendMsg("\udce4")
        assert client.CheckStatus().unacknowledged == 0


async def _receive_stream(peer: Peer) -> tuple[bytes, Send]:
    text = b""
    while True:
        incoming = await peer.receive()
        if isinstance(incoming.frame, Send):
            return text, incoming.frame
        assert isinstance(incoming.frame, Chunk)
        assert len(incoming.payload) <= MAX_CHUNK
        text += incoming.payload


async def test_long_text_goes_in_chunks(autojump_clock: MockClock, meet: Meet) -> None:
    text = "ä" * MAX_TEXT
    async with meet(echo=True) as (client, peer):
        await client.begin_send("x" * MAX_TEXT)
        assert len((await peer.store(1)).text or "") == MAX_TEXT
        await client.begin_send(text)
        received, send = await _receive_stream(peer)
        assert received.decode() == text
        assert (send.text, send.stream is None) == (None, False)
        await peer.send(Sent(ref=send.ref, id=102, seq=2, time=2))
        await client.ReadMsg()
        own = await client.ReadMsg()
        assert (own.text, own.size) == (text[:HEAD], 2 * MAX_TEXT)


async def test_source_is_begun_anew_on_the_next_connection(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    begun = 0

    async def source() -> AsyncGenerator[bytes, None]:
        nonlocal begun
        begun += 1
        for number in range(3):
            await trio.sleep(1)
            yield bytes([ord("0") + number]) * MAX_CHUNK * 2

    async with meet() as (client, peer):
        outgoing = await client.begin_send(source)
        await peer.expect(Chunk)
        await peer.lose()
        second = await server.accept()
        await second.welcome()
        received, send = await _receive_stream(second)
        assert received == b"".join(bytes([ord("0") + n]) * MAX_CHUNK * 2 for n in range(3))
        await second.send(Sent(ref=send.ref, id=101, seq=1, time=1))
        await outgoing.receipt()
        assert begun == 2


async def test_source_that_fails_is_refused_alone(autojump_clock: MockClock, meet: Meet) -> None:
    """The server is told in a way that it can never store what came of it."""

    async def source() -> AsyncGenerator[bytes, None]:
        yield b"x" * 100
        await trio.sleep(1)
        raise OSError(5, "Input/output error")

    async with meet() as (client, peer):
        outgoing = await client.begin_send(source)
        await client.begin_send("next")
        received, send = await _receive_stream(peer)
        with pytest.raises(UnicodeDecodeError):
            received.decode()
        await peer.send(Error(ref=send.ref, code=ErrorCode.BAD_STREAM, message="Not UTF-8."))
        with pytest.raises(TextFailed, match="Input/output error") as caught:
            await outgoing.receipt()
        assert isinstance(caught.value.__cause__, OSError)
        assert "not known" not in str(caught.value)
        assert (await peer.store(1)).text == "next"


@pytest.mark.parametrize("asked", [True, False])
async def test_source_that_fails_later_may_have_been_stored(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, asked: bool
) -> None:
    begun = 0

    async def source() -> AsyncGenerator[bytes, None]:
        nonlocal begun
        begun += 1
        yield b"x" * 100
        if not asked:
            await trio.sleep(1)
        if begun == 2:
            raise TextFailed("It is gone.")

    async with meet() as (client, peer):
        outgoing = await client.begin_send(source)
        if asked:
            await _receive_stream(peer)
        else:
            await peer.expect(Chunk)
        await peer.lose()
        second = await server.accept()
        await second.welcome()
        _, send = await _receive_stream(second)
        await second.send(Error(ref=send.ref, code=ErrorCode.BAD_STREAM, message="Not UTF-8."))
        with pytest.raises(TextFailed, match=r"It is gone\.") as caught:
            await outgoing.receipt()
        assert ("is not known" in str(caught.value)) is asked


async def test_source_that_came_back_with_the_resume_is_not_shown_twice(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async def source() -> AsyncGenerator[bytes, None]:
        yield "ä".encode() * TEXT_HEAD

    async with meet(echo=True) as (client, peer):
        await client.begin_send(source)
        await _receive_stream(peer)
        await peer.lose()
        second = await server.accept()
        await second.welcome(
            ConversationInfo(id=1, kind="general", name="general", last_seq=1, delivered_seq=0)
        )
        head = "ä" * (TEXT_HEAD // 2)
        await second.send(message(1, head, sender="Bob", size=2 * TEXT_HEAD))
        _, send = await _receive_stream(second)
        await second.send(Sent(ref=send.ref, id=101, seq=1, time=1, duplicate=True))
        own = await client.ReadMsg()
        assert (own.own, own.size, own.text) == (True, 2 * TEXT_HEAD, head)
        await second.send(message(2))
        assert (await client.ReadMsg()).seq == 2


async def test_own_source_is_shown_by_its_head(autojump_clock: MockClock, meet: Meet) -> None:
    async def source() -> AsyncGenerator[bytes, None]:
        for _ in range(3):
            yield b"x" * TEXT_HEAD

    async with meet(echo=True) as (client, peer):
        await client.begin_send(source)
        _, send = await _receive_stream(peer)
        await peer.send(Sent(ref=send.ref, id=101, seq=1, time=1))
        own = await client.ReadMsg()
        assert (own.text, own.size) == ("x" * TEXT_HEAD, 3 * TEXT_HEAD)
        assert client.CheckStatus().carried == 3 * TEXT_HEAD


async def test_many_messages_without_waiting(autojump_clock: MockClock, meet: Meet) -> None:
    handed: list[Outgoing] = []

    async def store_all(peer: Peer) -> None:
        for seq in range(1, 2001):
            assert (await peer.store(seq)).text == f"{seq}"

    async with meet() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(store_all, peer)
        handed = [await client.begin_send(f"{number}") for number in range(1, 2001)]
        await client.drain()
        assert [(await outgoing.receipt()).seq for outgoing in handed] == list(range(1, 2001))


async def test_new_without_a_connection_sends_once_there_is_one(
    autojump_clock: MockClock, server: FakeServer
) -> None:
    server.refusing = True
    async with Client.New("fake", 1, "Bob", retry=True, open_stream=server.open_stream) as client:
        await client.begin_send("early")
        await trio.sleep(5)
        server.refusing = False
        second = await server.accept()
        await second.welcome()
        assert (await second.store(1)).text == "early"
        await client.drain()
