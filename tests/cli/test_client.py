"""Login, the order of messages, repeats and holes."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cli.client import Client
from cli.errors import CannotConnect, ClientClosed, LoginRefused, Refused
from cli.messages import Age
from cli.notices import ServerError
from cli.status import State
from protocol.errors import ErrorCode
from protocol.events import (
    Conversation,
    ConversationInfo,
    Error,
    Goodbye,
    HistoryPage,
    PingEvent,
    PongReply,
    StatusReport,
)
from protocol.requests import Delivered, Hello, History, Login, Ping, Pong, Quit, Status
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, message


async def _texts(client: Client, count: int) -> list[str]:
    return [(await client.ReadMsg()).text for _ in range(count)]


async def test_logs_in_and_says_what_it_is(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, _peer):
        status = client.CheckStatus()
        assert (status.state, status.name, status.server) == (State.ONLINE, "Bob", "fake 1")
        assert status.guest
    assert client.CheckStatus().state is State.CLOSED


async def test_first_login_asks_for_no_resume(
    autojump_clock: MockClock, server: FakeServer
) -> None:
    async with trio.open_nursery() as nursery:

        async def client() -> None:
            async with Client.New("fake", 1, "Bob", history=3, open_stream=server.open_stream):
                pass

        nursery.start_soon(client)
        login = await (await server.accept()).welcome()
        assert (login.name, login.history, login.resume) == ("Bob", 3, None)


async def test_nobody_listens_at_the_first_attempt(server: FakeServer) -> None:
    server.refusing = True
    with pytest.raises(CannotConnect, match="fake port 1: Nobody listens"):
        async with Client.New("fake", 1, "Bob", open_stream=server.open_stream):
            raise AssertionError


async def test_nobody_listens_on_a_real_socket() -> None:
    with trio.socket.socket() as taken:  # bound and not listening: the port is refused for sure
        await taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(CannotConnect, match=f"127.0.0.1 port {port}: Nobody listens"):
            async with Client.New("127.0.0.1", port, "Bob"):
                raise AssertionError


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.BAD_NAME, LoginRefused),
        (ErrorCode.UNSUPPORTED_VERSION, LoginRefused),
        (ErrorCode.STORAGE_UNAVAILABLE, CannotConnect),
    ],
)
async def test_login_refused(server: FakeServer, code: ErrorCode, kind: type[Exception]) -> None:
    async def refuse() -> None:
        peer = await server.accept()
        await peer.expect(Hello)
        login = await peer.expect(Login)
        await peer.send(Error(ref=login.ref, code=code, message="Not like this."))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        with pytest.raises(kind, match=r"Not like this\."):
            async with Client.New("fake", 1, "?", open_stream=server.open_stream):
                raise AssertionError


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_what_gives_no_welcome_may_be_another_server(
    autojump_clock: MockClock, server: FakeServer, answer: bytes
) -> None:
    async def close() -> None:
        peer = await server.accept()
        await peer.send_raw(answer)
        await peer.lose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(close)
        with pytest.raises(CannotConnect, match=r"Is it a mymessenger server\?$"):
            async with Client.New("fake", 1, "Bob", open_stream=server.open_stream):
                raise AssertionError


async def test_known_server_is_not_doubted(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.lose()
        await (await server.accept()).lose()
        await trio.sleep(1)
        assert "Is it a" not in client.CheckStatus().last_error


async def test_silent_server_is_given_up(server: FakeServer, autojump_clock: MockClock) -> None:
    with pytest.raises(CannotConnect, match="No answer within 15 seconds"):
        async with Client.New("fake", 1, "Bob", open_stream=server.open_stream):
            raise AssertionError


async def test_messages_in_order_and_each_once(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer):
        await peer.send(message(5), message(6), message(6), message(5), message(7))
        assert await _texts(client, 3) == ["text 5", "text 6", "text 7"]
        await peer.send(message(8))
        assert await _texts(client, 1) == ["text 8"]


async def test_prev_says_that_a_jump_is_no_hole(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer):
        await peer.send(message(5), message(9, prev=5))
        assert await _texts(client, 2) == ["text 5", "text 9"]


async def test_hole_is_paged_in_before_what_is_behind_it(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(1), message(5), message(6))
        page = await peer.expect(History)
        assert (page.conversation, page.after) == (1, 1)
        first = HistoryPage(
            ref=page.ref, conversation=1, messages=[message(2), message(3)], more=True
        )
        await peer.send(first)
        page = await peer.expect(History)
        assert page.after == 3
        # number 7 is written while the page is on its way, and arrives before it
        rest = [message(4), message(5), message(6)]
        await peer.send(
            message(7), HistoryPage(ref=page.ref, conversation=1, messages=rest, more=False)
        )
        page = await peer.expect(History)
        assert page.after == 6
        await peer.send(
            HistoryPage(ref=page.ref, conversation=1, messages=[message(7)], more=False), message(8)
        )
        assert await _texts(client, 8) == [f"text {seq}" for seq in range(1, 9)]


async def test_hole_that_cannot_be_filled_is_left_behind(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(1), message(5))
        page = await peer.expect(History)
        await peer.send(HistoryPage(ref=page.ref, conversation=1, messages=[], more=False))
        await peer.send(message(6))
        assert await _texts(client, 2) == ["text 1", "text 6"]


async def test_refused_page_is_told_and_left_behind(
    autojump_clock: MockClock, meet: Meet, notices: list[object]
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(1), message(5))
        page = await peer.expect(History)
        await peer.send(Error(ref=page.ref, code=ErrorCode.INTERNAL, message="Oops."))
        assert await _texts(client, 1) == ["text 1"]
        await peer.send(message(6))
        assert await _texts(client, 1) == ["text 6"]
    assert ServerError(ErrorCode.INTERNAL, "Oops.") in notices


async def test_ages_are_measured_by_the_first_login(autojump_clock: MockClock, meet: Meet) -> None:
    info = ConversationInfo(id=1, kind="general", name="general", last_seq=3, delivered_seq=2)
    async with meet(info) as (client, peer):
        await peer.send(message(2), message(3), message(4))
        ages = [(await client.ReadMsg()).age for _ in range(3)]
        assert ages == [Age.SEEN, Age.MISSED, Age.LIVE]


async def test_private_messages_name_the_other(autojump_clock: MockClock, meet: Meet) -> None:
    info = ConversationInfo(id=9, kind="direct", name="Alice", last_seq=0, delivered_seq=0)
    async with meet() as (client, peer):
        await peer.send(Conversation(conversation=info), message(1, conversation=9), message(1))
        private, public = await client.ReadMsg(), await client.ReadMsg()
        assert (private.private_with, public.private_with) == ("Alice", None)
        assert client.conversations[9] == info


async def test_ping_is_answered(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (_client, peer):
        await peer.send(PingEvent())
        await peer.expect(Pong)


async def test_shown_messages_are_told_lazily_and_at_the_end(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.send(*(message(seq) for seq in range(1, 5)))
        messages = [await client.ReadMsg() for _ in range(4)]
        client.mark_shown(messages[0])
        told = await peer.expect(Delivered)
        assert (told.conversation, told.seq) == (1, 1)
        begun = trio.current_time()
        client.mark_shown(messages[1])
        client.mark_shown(messages[2])
        assert (await peer.expect(Delivered)).seq == 3
        assert trio.current_time() - begun >= 2
        client.mark_shown(messages[3])
    assert (await peer.expect(Delivered)).seq == 4
    await peer.expect(Quit)


async def test_status_ping_and_history(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def answer() -> None:
            status = await peer.expect(Status)
            await peer.send(
                StatusReport(
                    ref=status.ref, name="Bob", address="a:1", connected_at=1, server="s",
                    users=["Bob"], connections=1,
                ),
            )  # fmt: skip
            ping = await peer.expect(Ping)
            await trio.sleep(3)
            await peer.send(PongReply(ref=ping.ref))
            page = await peer.expect(History)
            await peer.send(Error(ref=page.ref, code=ErrorCode.UNKNOWN_CONVERSATION, message="No."))

        nursery.start_soon(answer)
        assert (await client.ask_status()).users == ["Bob"]
        assert await client.ping() == 3
        assert client.CheckStatus().round_trip == 3
        with pytest.raises(Refused, match="No") as caught:
            await client.ask_history(History(conversation=77))
        assert caught.value.code == ErrorCode.UNKNOWN_CONVERSATION


async def test_says_goodbye_and_is_closed_after_it(autojump_clock: MockClock, meet: Meet) -> None:
    async with trio.open_nursery() as nursery:
        async with meet() as (client, peer):

            async def answer() -> None:
                quit_frame = await peer.expect(Quit)
                await peer.send(message(1), Goodbye(ref=quit_frame.ref, reason="Goodbye."))
                await peer.wait_closed()

            nursery.start_soon(answer)
            begun = trio.current_time()
        assert trio.current_time() == begun  # it did not wait for the end of its patience
    assert (await client.ReadMsg()).seq == 1
    with pytest.raises(ClientClosed):
        await client.ReadMsg()
    with pytest.raises(ClientClosed):
        await client.SendMsg("late")
    with pytest.raises(ClientClosed):
        await client.ask_status()


async def test_error_in_the_block_is_raised_as_it_is(autojump_clock: MockClock, meet: Meet) -> None:
    with pytest.RaisesGroup(KeyError):  # the group is that of the test's own nursery
        async with meet():
            raise KeyError


async def test_cancelled_block_does_not_wait(autojump_clock: MockClock, meet: Meet) -> None:
    with trio.move_on_after(5) as scope:
        async with meet():
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_catching_up_is_not_done_before_what_was_missed_has_come(
    autojump_clock: MockClock, meet: Meet
) -> None:
    """A ping is answered at once, while the database may be slow to bring the rest."""
    seen = ConversationInfo(id=2, kind="room", name="dev", last_seq=9, delivered_seq=9)
    missed = ConversationInfo(id=1, kind="general", name="general", last_seq=2, delivered_seq=0)
    async with meet(seen, missed) as (client, peer):
        for seq in (1, 2):
            with trio.move_on_after(1) as patience:
                await client.catch_up()
            assert patience.cancelled_caught
            await peer.send(message(seq))
        await client.catch_up()
