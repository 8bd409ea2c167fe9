"""Events for who only listens: nothing is missed and nothing comes twice, whatever breaks."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import h11
import pytest
import trio

from server.gateways.api.events import cursor, parse_cursor
from server.gateways.http.errors import HttpError
from tests.harness import PATIENT, RunningServer, native
from tests.http_client import API, HttpClient, http

SERVER_FLAGS = PATIENT


@dataclass
class Listener:
    """One connection that listens, as a browser's EventSource would."""

    client: HttpClient
    last_id: str = ""
    _text: str = ""

    async def next(self) -> tuple[str, Any]:
        """Return the next event's name and data; its id is noted when all of it is there."""
        while True:
            block, separator, rest = self._text.partition("\n\n")
            if not separator:
                event = await self.client.next()
                assert isinstance(event, h11.Data), event
                self._text += bytes(event.data).decode()
                continue
            self._text = rest
            lines = [line.partition(": ") for line in block.split("\n") if line[:1] != ":"]
            fields = {name: value for name, _, value in lines}
            if not fields:
                continue  # a sign of life
            self.last_id = fields.get("id", self.last_id)
            return fields["event"], json.loads(fields["data"])

    async def message(self) -> Any:
        """Return the next message."""
        while True:
            kind, data = await self.next()
            if kind == "message":
                return data


@asynccontextmanager
async def _listening(
    server: RunningServer, token: str | None, last_id: str | None = None
) -> AsyncIterator[Listener]:
    async with http(server) as client:
        client.token = token
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        await client.start("GET", f"{API}/events", headers)
        head = await client.next()
        assert isinstance(head, h11.Response)
        assert head.status_code == 200, head
        assert (b"content-type", b"text/event-stream") in list(head.headers)
        listener = Listener(client)
        kind, _ = await listener.next()
        assert kind == "logged_in"
        yield listener


async def test_what_happens_is_told(server: RunningServer) -> None:
    """Messages of all conversations from now on, news, and being here."""
    async with http(server, "Ann") as ann, native(server, "Bob") as bob:
        await bob.say("before")
        async with _listening(server, ann.token) as listener:
            assert sorted((await ann.api("GET", "/status"))["users"]) == ["Ann", "Bob"]
            await bob.say("to all")
            await bob.say("to Ann", to="Ann")
            assert (await listener.message())["text"] == "to all"
            kind, told = await listener.next()
            assert (kind, told["conversation"]["name"]) == ("conversation", "Bob")
            assert (await listener.message())["text"] == "to Ann"
            sent = await ann.say("my own")
            assert (await listener.message())["id"] == sent["id"]
            await ann.api("POST", "/conversations/1/read")
            kind, told = await listener.next()
            assert (kind, told["unread"]) == ("marked", 0)
            await ann.api("DELETE", "/sessions/current", status=204)
            assert (await listener.next())[0] == "goodbye"


async def test_a_listener_that_is_cut_off_again_and_again(sqlite_server: RunningServer) -> None:
    """Last-Event-ID: three conversations, a hundred and fifty messages, a cut after every few."""
    chance = random.Random(11)
    heard: list[tuple[int, int]] = []
    async with http(sqlite_server, "Ann") as ann, native(sqlite_server, "Bob") as bob:
        room = (await ann.api("POST", "/rooms", {"name": "den"}, status=201))["conversation"]["id"]
        direct = (await bob.say("first", to="Ann")).conversation
        async with _listening(sqlite_server, ann.token) as first:
            last_id = first.last_id
        expected: list[tuple[int, int]] = []

        async def write() -> None:
            for number in range(150):
                place = chance.choice([1, room, direct])
                sent = await ann.say(f"{number}", conversation=place)
                expected.append((place, sent["seq"]))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while len(heard) < 150:
                async with _listening(sqlite_server, ann.token, last_id) as listener:
                    for _ in range(min(chance.randint(0, 12), 150 - len(heard))):
                        message = await listener.message()
                        heard.append((message.get("conversation", 1), message["seq"]))
                    last_id = listener.last_id
        assert sorted(heard) == sorted(expected)
        for place in (1, room, direct):
            numbers = [seq for conversation, seq in heard if conversation == place]
            assert numbers == sorted(numbers)


async def test_a_listener_that_does_not_read_loses_nothing(sqlite_server: RunningServer) -> None:
    """It becomes a cursor as everybody does; meanwhile the ids tell where it really is."""
    count, text = 60, "x" * 40_000
    async with http(sqlite_server, "Ann") as ann, http(sqlite_server, "Bob") as bob:
        async with _listening(sqlite_server, ann.token) as listener:
            for _ in range(count):
                await bob.say(text)
            direct = await bob.api("POST", "/users/Ann/messages", {"text": "psst"}, status=201)
            half = [await listener.message() for _ in range(count // 2)]
            last_id = listener.last_id
        async with _listening(sqlite_server, ann.token, last_id) as listener:
            rest = [await listener.message() for _ in range(count + 1 - len(half))]
        heard = [(one.get("conversation", 1), one["seq"]) for one in half + rest]
        wanted = [(1, seq) for seq in range(1, count + 1)]
        assert [one for one in heard if one[0] == 1] == wanted
        assert [one for one in heard if one[0] != 1] == [(direct["conversation"], 1)]


def test_an_id_that_is_none_of_ours() -> None:
    """What is written is read again; all else is an error and no traceback."""
    reached = {1: 120, 7: 0, 500: 2**50}
    assert parse_cursor(cursor(reached).decode()) == reached
    assert parse_cursor("") == {}
    for wrong in ("x", "1", "1.", ".1", "1.2-", "1.2.3", "-", "1.2,3.4", "1.-2", "1." + "9" * 40):
        with pytest.raises(HttpError) as refused:
            parse_cursor(wrong)
        assert refused.value.status == 400
