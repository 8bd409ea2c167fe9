"""A program that does not read: memory stays bounded and nothing is lost."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cli import download as download_module
from cli import inbox
from cli.errors import Refused
from protocol.errors import ErrorCode
from protocol.events import Error, HistoryPage, Part, PongReply
from protocol.requests import Fetch, History, Ping
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, Peer, message

BIG = "x" * 60_000
FITTING = inbox.CAPACITY // len(BIG) + 1


async def _settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_stops_reading_while_nobody_reads_and_goes_on_later(
    autojump_clock: MockClock, meet: Meet
) -> None:
    async with meet() as (client, peer):
        for seq in range(1, 3 * FITTING):
            await peer.send(message(seq, BIG))
        await _settle()
        assert client.CheckStatus().unread <= FITTING
        for seq in range(1, 3 * FITTING):
            assert (await client.ReadMsg()).seq == seq


async def test_sending_goes_on_while_nobody_reads(autojump_clock: MockClock, meet: Meet) -> None:
    """The receipts are behind messages there is no room for: these are paged in later."""
    total = 3 * FITTING
    async with meet() as (client, peer):
        for seq in range(1, total + 1):
            await peer.send(message(seq, BIG))
        await _settle()
        outgoing = await client.begin_send("still here")
        await peer.store(total + 1)
        assert (await outgoing.receipt()).seq == total + 1
        assert client.CheckStatus().unread <= FITTING

        async def serve_pages() -> None:
            while True:
                request = await peer.expect(History)
                after = request.after or 0
                page = [message(s, BIG) for s in range(after + 1, min(after + 6, total + 1))]
                if after + 5 >= total:
                    page.append(message(total + 1, "still here", sender="Bob"))
                more = after + 5 < total
                await peer.send(
                    HistoryPage(ref=request.ref, conversation=1, messages=page, more=more)
                )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_pages)
            assert [(await client.ReadMsg()).seq for _ in range(total)] == [*range(1, total + 1)]
            await peer.send(message(total + 2))
            assert (await client.ReadMsg()).seq == total + 2
            nursery.cancel_scope.cancel()


async def test_long_silence_while_not_reading_is_not_taken_for_a_dead_server(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    async with meet(ping_interval=5) as (client, peer):
        for seq in range(1, 2 * FITTING):
            await peer.send(message(seq, BIG))
        await trio.sleep(1000)
        assert len(server.attempts) == 1
        for seq in range(1, 2 * FITTING):
            assert (await client.ReadMsg()).seq == seq


async def _serve_text(peer: Peer, text: bytes, size: int = 50_000) -> None:
    fetch = await peer.expect(Fetch)
    for start in range(fetch.offset, len(text), size):
        part = text[start : start + size]
        await peer.send(
            Part(ref=fetch.ref, id=fetch.id, offset=start, size=len(part)), payload=part
        )
    await peer.send(Part(ref=fetch.ref, id=fetch.id, offset=len(text), size=0, last=True))


async def test_long_text_comes_in_parts(autojump_clock: MockClock, meet: Meet) -> None:
    text = bytes(range(256)) * 4096
    async with meet() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(_serve_text, peer, text)
        assert b"".join([part async for part in client.fetch(5)]) == text


async def test_fetch_goes_on_on_the_next_connection(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    text = bytes(range(256)) * 400
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def script() -> None:
            fetch = await peer.expect(Fetch)
            await peer.send(Part(ref=fetch.ref, id=5, offset=0, size=30_000), payload=text[:30_000])
            await peer.lose()
            second = await server.accept()
            await second.welcome()
            await _serve_text(second, text)

        nursery.start_soon(script)
        assert b"".join([part async for part in client.fetch(5)]) == text


async def test_slow_fetch_holds_up_reading_but_no_reply(
    autojump_clock: MockClock, meet: Meet
) -> None:
    """What there is no room for while a receipt is waited for is fetched again."""
    text = bytes(range(256)) * (3 * download_module.CAPACITY // 256)

    async def serve(peer: Peer) -> None:
        await _serve_text(peer, text, 200_000)
        await peer.store(1)
        while True:
            await _serve_text(peer, text, 200_000)

    async with meet() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        received: list[bytes] = []
        async for part in client.fetch(5):
            if not received:
                await client.SendMsg("in between")
            received.append(part)
        assert b"".join(received) == text
        nursery.cancel_scope.cancel()


async def test_fetch_of_nothing_is_refused(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def refuse() -> None:
            fetch = await peer.expect(Fetch)
            await peer.send(
                Error(ref=fetch.ref, code=ErrorCode.UNKNOWN_MESSAGE, message="No such message.")
            )

        nursery.start_soon(refuse)
        with pytest.raises(Refused, match="No such message"):
            await anext(client.fetch(5))


async def test_fetch_given_up_throws_the_rest_away(autojump_clock: MockClock, meet: Meet) -> None:
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def serve() -> None:
            await _serve_text(peer, b"x" * 20_000_000)
            ping = await peer.expect(Ping)
            await peer.send(PongReply(ref=ping.ref))

        nursery.start_soon(serve)
        parts = client.fetch(5)
        assert await anext(parts)
        await parts.aclose()
        await client.ping()


async def test_fetch_goes_on_though_nobody_reads_messages(
    autojump_clock: MockClock, meet: Meet
) -> None:
    """What there is no room for stays on the server; the parts behind it come all the same."""
    texts = ["x" * 60_000] * (inbox.CAPACITY // 60_000 + 5)
    async with meet() as (client, peer), trio.open_nursery() as nursery:

        async def script() -> None:
            for seq, text in enumerate(texts, 1):
                await peer.send(message(seq, text))
            await _serve_text(peer, b"y" * 100)

        nursery.start_soon(script)
        assert b"".join([part async for part in client.fetch(5)]) == b"y" * 100
        nursery.cancel_scope.cancel()
