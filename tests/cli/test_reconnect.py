"""Losing the connection and finding it again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.lowlevel
import trio.testing
from trio.testing import MockClock

from cli.backoff import Backoff
from cli.errors import ClientClosed
from cli.notices import (
    Connected,
    Disconnected,
    LoginLost,
    Notice,
    Remark,
    ServerStops,
    StorageChanged,
)
from cli.status import State
from protocol.errors import ErrorCode
from protocol.events import ConversationInfo, Error, Goodbye, PongReply, Shutdown, StorageState
from protocol.events import Notice as NoticeEvent
from protocol.requests import Hello, Login, Ping, Status
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, message


def test_backoff_draws_below_a_ceiling_that_doubles() -> None:
    backoff = Backoff(first=1, last=10, draw=lambda: 0.5)
    assert [backoff.next_delay() for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next_delay() == 0.5


def test_backoff_is_jittered_over_its_whole_range() -> None:
    delays = [Backoff(first=1).next_delay() for _ in range(200)]
    assert min(delays) < 0.2
    assert 0.8 < max(delays) < 1


async def test_goes_on_after_the_last_message(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    direct = ConversationInfo(id=9, kind="direct", name="Alice", last_seq=0, delivered_seq=0)
    general = ConversationInfo(id=1, kind="general", name="general", last_seq=4, delivered_seq=4)
    async with meet(general, direct) as (client, peer):
        await peer.send(message(4), message(5), message(1, conversation=9))
        await peer.lose()
        second = await server.accept()
        later = ConversationInfo(id=1, kind="general", name="general", last_seq=7, delivered_seq=4)
        login = await second.welcome(later, direct)
        assert login.resume == {1: 5, 9: 1}
        await second.send(message(5), message(6), message(7))
        arrived = [await client.ReadMsg() for _ in range(5)]
        assert [(m.conversation, m.seq) for m in arrived] == [
            (1, 4),
            (1, 5),
            (9, 1),
            (1, 6),
            (1, 7),
        ]
        assert client.CheckStatus().reconnects == 1
    assert isinstance(notices[1], Disconnected)
    first, again = notices[0::2]
    assert isinstance(first, Connected)
    assert isinstance(again, Connected)
    assert first == replace(again, again=False, missed=0, conversations=first.conversations)
    assert (again.server, again.name, again.guest) == ("fake 1", "Bob", True)
    assert (again.again, again.missed) == (True, 2)
    assert [info.id for info in first.conversations] == [1, 9]


async def test_keeps_trying_with_growing_pauses(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (client, peer):
        server.refusing = True
        await peer.lose()
        await trio.sleep(200)
        status = client.CheckStatus()
        assert status.state is State.OFFLINE
        assert status.last_error == "Nobody listens there. Is the server running?"
        assert 25 < len(server.attempts) < 90
        told = [notice for notice in notices if isinstance(notice, Disconnected)]
        assert [notice.attempt for notice in told] == list(range(len(told)))
        assert all(notice.retry_in <= 10 for notice in told)
        server.refusing = False
        await (await server.accept()).welcome()
        assert (await client.wait_status_change(client.CheckStatus())).state is State.ONLINE


async def test_retries_at_once_where_it_is_told_to(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        client.retry_now()  # means nothing while there is a connection
        server.refusing = True
        await peer.lose()
        await trio.sleep(60)
        for _ in range(20):
            before = len(server.attempts)
            client.retry_now()
            await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked()
            assert len(server.attempts) == before + 1
            assert client.CheckStatus().state is State.OFFLINE


async def test_server_that_drops_at_once_is_not_hammered(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (_client, peer):
        await peer.lose()
        begun = trio.current_time()
        for _ in range(20):
            second = await server.accept()
            await second.welcome()
            await second.lose()
        assert trio.current_time() - begun > 30


async def test_silent_server_is_asked_and_then_left(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    async with meet(ping_interval=10) as (_client, peer):
        begun = trio.current_time()
        ping = await peer.expect(Ping)
        assert trio.current_time() - begun == pytest.approx(12.5, abs=0.1)
        await peer.send(PongReply(ref=ping.ref))
        begun = trio.current_time()
        await peer.expect(Ping)
        await peer.wait_closed()
        assert trio.current_time() - begun == pytest.approx(20, abs=0.1)
        await (await server.accept()).welcome()
    assert isinstance(notices[1], Disconnected)
    assert notices[1].reason == "The server has given no sign of life for 20 seconds."


async def test_shutdown_is_told_and_the_server_sought_again(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(1), Shutdown(reason="Maintenance."))
        assert (await client.ReadMsg()).seq == 1
        await peer.lose()
        await (await server.accept()).welcome()
    assert notices[1] == ServerStops("Maintenance.")
    assert isinstance(notices[2], Disconnected)
    assert notices[2].reason == "The server has stopped."


async def test_goodbye_from_the_server_is_a_loss_with_its_reason(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (_client, peer):
        await peer.send(Goodbye(reason="You were idle for too long."))
        await (await server.accept()).welcome()
    assert isinstance(notices[1], Disconnected)
    assert notices[1].reason == "You were idle for too long."


async def test_remarks_of_the_server_are_told(
    autojump_clock: MockClock, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (client, peer):
        await peer.send(NoticeEvent(message="Nobody is called Zoe."), message(1))
        await client.ReadMsg()
    assert notices[1:] == [Remark("Nobody is called Zoe.")]


async def test_database_state_is_told(
    autojump_clock: MockClock, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (client, peer):
        await peer.send(StorageState(available=False), message(1))
        await client.ReadMsg()
        assert not client.CheckStatus().storage_available
        await peer.send(StorageState(available=True), message(2))
        await client.ReadMsg()
        assert client.CheckStatus().storage_available
    assert notices[1:] == [StorageChanged(False), StorageChanged(True)]


async def test_login_refused_later_closes_the_client(
    autojump_clock: MockClock, server: FakeServer, meet: Meet, notices: list[Notice]
) -> None:
    async with meet() as (client, peer):
        outgoing = await client.begin_send("never")
        await peer.lose()
        second = await server.accept()
        await second.expect(Hello)
        login = await second.expect(Login)
        await second.send(Error(ref=login.ref, code=ErrorCode.BAD_NAME, message="Taken."))
        with pytest.raises(ClientClosed, match=r"refused: Taken\."):
            await client.ReadMsg()
        with pytest.raises(ClientClosed, match=r"refused: Taken\."):
            await outgoing.receipt()
        assert client.CheckStatus().state is State.CLOSED
    assert notices[-1] == LoginLost("Taken.", ErrorCode.BAD_NAME)


async def test_request_is_asked_again_on_the_next_connection(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def script() -> None:
            await peer.expect(Status)
            await peer.lose()
            second = await server.accept()
            await second.welcome()
            ping = await second.expect(Status)
            await second.send(Error(ref=ping.ref, code=ErrorCode.INTERNAL, message="x"))

        nursery.start_soon(script)
        with pytest.raises(Exception, match="x"):
            await client.ask_status()


async def test_unreadable_reply_is_an_error_and_unknown_events_are_skipped(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def script() -> None:
            ping = await peer.expect(Ping)
            await peer.send_raw(b'{"type": "firework", "colour": "red"}\n')
            await peer.send_raw(b'{"type": "pong_of_2031", "ref": %d}\n' % (ping.ref or 0))

        nursery.start_soon(script)
        with pytest.raises(Exception, match="cannot be read"):
            await client.ping()


async def test_database_put_back_to_an_earlier_state(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet() as (client, peer):
        await peer.send(message(90))
        assert (await client.ReadMsg()).seq == 90
        await peer.lose()
        second = await server.accept()
        info = ConversationInfo(id=1, kind="general", name="general", last_seq=40, delivered_seq=40)
        await second.welcome(info)
        await second.send(message(41))
        assert (await client.ReadMsg()).seq == 41
