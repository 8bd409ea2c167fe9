"""A simulated client counts its own messages once, however their answers come."""

from __future__ import annotations

from uuid import UUID

from protocol.events import Event, Message, Sent
from protocol.framing import encode
from tests.chaos.clients import Client, Crowd, seen_of, text_of
from tests.chaos.records import Seen


def _message(seq: int, sender: str, number: int) -> Message:
    return Message(id=seq, seq=seq, time=0, sender=sender, text=text_of(sender, number))


def _answer(seq: int, number: int, *, again: bool = False) -> Sent:
    return Sent(ref=number, id=seq, seq=seq, time=0, duplicate=again)


def _numbers(*events: Event) -> list[int]:
    """Let a client that has written three messages receive something; return what it has."""
    crowd = Crowd(0, clients=1, rate=1, seed=0)
    [client] = crowd.clients
    for _ in range(3):
        client.write(now=1)
    _receive(client, *events)
    client.settle(client.has + 1)
    crowd.close()
    assert client.position == client.log.received[-1].seq
    return [seen.seq for seen in client.log.received]


def _receive(client: Client, *events: Event) -> None:
    client.take([encode(event).rstrip() for event in events], now=2)


def test_an_answer_stands_in_the_place_of_the_message() -> None:
    assert _numbers(_answer(1, 0), _message(2, "eve", 0), _answer(3, 1)) == [1, 2, 3]


def test_answers_to_a_repetition_that_come_before_the_messages() -> None:
    answers = [_answer(2, 0, again=True), _answer(3, 1, again=True)]
    messages = [_message(n + 1, "c0", n - 1) for n in (1, 2)]
    assert _numbers(_message(1, "eve", 0), *answers, *messages) == [1, 2, 3]
    assert _numbers(_message(1, "eve", 0), *messages, *answers) == [1, 2, 3]


def test_answers_to_a_repetition_that_come_instead_of_the_messages() -> None:
    answers = [_answer(1, 0, again=True), _answer(2, 1, again=True)]
    assert _numbers(*answers) == [1, 2]
    assert _numbers(*answers, _message(3, "eve", 0)) == [1, 2, 3]


def test_what_is_really_doubled_or_left_out_stays_so() -> None:
    assert _numbers(_message(1, "eve", 0), _message(1, "eve", 0)) == [1, 1]
    assert _numbers(_answer(1, 0), _message(1, "c0", 0)) == [1, 1]
    assert _numbers(_answer(1, 0, again=True), _message(3, "eve", 0)) == [1, 3]


def test_messages_of_another_make_are_known_as_such() -> None:
    assert seen_of(_message(1, "eve", 7)) == Seen(1, 1, "eve", 7)
    other = Message(id=1, seq=1, time=0, sender="eve", text="ann 7 ...")
    assert seen_of(other).number == -1


def test_a_message_keeps_its_uuid() -> None:
    crowd = Crowd(0, clients=1, rate=1, seed=0)
    [client] = crowd.clients
    client.write(now=1)
    assert UUID(client.outbox[0].decode().split('"uuid":"')[1][:36]).version == 7
    crowd.close()
