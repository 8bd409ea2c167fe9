"""What becomes of the lines typed."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from cli.answers import Answers
from cli.client import Client
from cli.here import Here
from cli.typist import Typist
from protocol.errors import ErrorCode
from protocol.events import Error
from protocol.language import english
from protocol.requests import Send
from tests.cli.conftest import Meet
from tests.cli.fake_server import FakeServer, Peer


def _typist(client: Client, complaints: list[str]) -> Typist:
    async def show(line: str) -> None:
        raise AssertionError(line)

    here = Here(english())
    answers = Answers(client, here, show, complaints.append, output=trio.Lock())
    return Typist(client, here, answers, complaints.append, may_save=False)


async def _refuse(peer: Peer, send: Send) -> None:
    await peer.send(Error(ref=send.ref, code=ErrorCode.UNKNOWN_USER, message="No Zoe."))


async def test_refusal_behind_a_message_without_an_answer_is_told(
    autojump_clock: MockClock, meet: Meet
) -> None:
    complaints: list[str] = []
    async with meet() as (client, peer), trio.open_nursery() as nursery:
        typist = _typist(client, complaints)
        nursery.start_soon(typist.collect_receipts)
        await typist.run("never answered")
        await typist.run("/send-to Zoe hey")
        await peer.expect(Send)
        await _refuse(peer, await peer.expect(Send))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
        assert [outgoing.text for outgoing in typist.take_rest()] == ["never answered"]
        assert complaints == ["Not sent: No Zoe. (hey)"]
        assert typist.take_rest() == []


async def test_messages_given_up_are_not_lost(
    autojump_clock: MockClock, server: FakeServer, meet: Meet
) -> None:
    complaints: list[str] = []
    async with meet() as (client, peer), trio.open_nursery() as nursery:
        typist = _typist(client, complaints)
        nursery.start_soon(typist.collect_receipts)
        await typist.run("one")
        await typist.run("two")
        await peer.store(1)
        await peer.lose()
        second = await server.accept()
        await second.receive()
        login = (await second.receive()).frame
        await second.send(Error(ref=login.ref, code=ErrorCode.BAD_NAME, message="Taken."))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
        assert [outgoing.text for outgoing in typist.take_rest()] == ["two"]
        assert complaints == []
