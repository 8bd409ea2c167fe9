"""Bad input (S004-34): whatever comes, an error with a code and a sentence, and nothing else.

Also ``tests/server/test_limits_on_input.py``: frames that are wrong by themselves.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from protocol import PROTOCOL_VERSION
from protocol.errors import ErrorCode
from protocol.events import Error, Event, Goodbye, LoggedIn, Message, Opened, PongReply, Sent
from protocol.framing import encode
from protocol.requests import Chunk, Delivered, Hello, Login, Ping, Pong, Quit, Request, Send
from protocol.vocabulary import REQUESTS
from protocol.vocabulary.files import Offered
from protocol.vocabulary.reading import MarkRead
from protocol.vocabulary.rooms import JoinRoom
from tests.chat.world import PASSWORD, SECRET_FILE, SECRET_WORDS, Founder, World
from tests.e2e.fuzzing import Rows, Wild, changed, mysql_rows, sqlite_rows, up_to_mark, wild
from tests.harness import (
    EventT,
    LineClient,
    NativeClient,
    RunningServer,
    native,
    running_server,
    telnet,
)

UNANSWERED = (Delivered, MarkRead, Chunk, Pong)
KINDS = [kind for kind in REQUESTS if kind is not Quit]
ATTACKERS = ("Eve", "Max", "Gus", "Eve", "Max", "Gus", "")
"""An account, a member of the public and the private room, a guest, and now and then nobody."""

EVERYTHING = dict.fromkeys(range(1, 2000), 2**53)
"""What a client says that has had all messages of all conversations."""

# An example that fails is not made smaller: it would be tried on a server that has seen it.
_BOUNDED = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


@dataclass
class Grounds:
    """A server with a world in it, and how to look into its database."""

    server: RunningServer
    world: World
    look: Callable[[], Awaitable[Rows]]


async def _found(server: RunningServer) -> World:
    async with AsyncExitStack() as stack:
        clients: dict[str, NativeClient] = {}

        async def enter(name: str) -> None:
            clients[name] = await stack.enter_async_context(native(server, name))

        async def ask(who: str, request: Request, kind: type[EventT]) -> EventT:
            return await clients[who].ask(request, kind)

        return await Founder(ask, enter).found()


def _in_order(server: RunningServer) -> None:
    """The server has seen no mistake of its own, and stops in good order."""
    assert server.stop() == 0
    lines = map(json.loads, server.log.read_text().splitlines())
    assert not [line for line in lines if line["level"] in ("error", "critical")]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """A server on SQLite for all tests here."""
    folder = tmp_path_factory.mktemp("grounds")
    with running_server(folder) as server:

        async def look() -> Rows:
            return sqlite_rows(folder / "chat.db")

        yield Grounds(server, trio.run(_found, server), look)
        _in_order(server)


@dataclass
class Crowd:
    """Those who attack, those who must not hear of it, and one who tells when all is quiet."""

    grounds: Grounds
    stack: AsyncExitStack
    attackers: dict[str, NativeClient] = field(default_factory=dict)
    listeners: list[NativeClient] = field(default_factory=list)
    stored: Rows = field(default_factory=dict)
    """What the database has held since all was quiet."""
    count: int = 0

    async def enter(self, name: str) -> NativeClient:
        """Let somebody come; nobody only says hello."""
        client = await self.stack.enter_async_context(native(self.grounds.server))
        await client.send(Hello(protocol=PROTOCOL_VERSION))
        if name:
            token = self.grounds.world.tokens.get(name)
            await client.ask(Login(name=name, token=token, resume=EVERYTHING), LoggedIn)
        return client

    async def settle(self) -> None:
        """Wait until all that was asked for before has been stored, and told to everybody."""
        self.count += 1
        text = f"quiet {self.count}"
        speaker = self.listeners[-1]
        await speaker.ask(Send(text=text), Sent)
        for listener in self.listeners[:-1]:
            while (await listener.expect(Message)).text != text:
                pass
        await self.heard()
        self.stored = await self.grounds.look()

    async def heard(self) -> list[Event]:
        """Return what has come to the listeners."""
        self.count += 1
        pong = PongReply(ref=self.count)
        for listener in self.listeners:
            await listener.send(Ping(ref=pong.ref))
        events = []
        for listener in self.listeners:
            while (event := await listener.next()) != pong:
                assert event is not None
                events.append(event)
        return events

    async def try_(self, name: str, kind: type[Request], request: Wild) -> None:
        """Ask for something that may be wrong, and see that only what is right does anything."""
        client = self.attackers.get(name) or await self.enter(name)
        error, ended = await self._answer(client, kind, request)
        self.attackers[name] = client
        if ended or (not name and error is None):  # perhaps nobody is somebody now
            del self.attackers[name]
        if error is None:
            await self.settle()
            return
        assert error.code in set(ErrorCode) - {ErrorCode.INTERNAL, ErrorCode.STORAGE_UNAVAILABLE}
        assert len(error.message.split()) >= 4, f"that is no sentence: {error}"
        difference = changed(self.stored, await self.grounds.look())
        assert not difference, f"{error.code} for {request}, but stored: {difference}"
        heard = await self.heard()
        assert not heard, f"{error.code} for {request}, but heard: {heard}"

    async def _answer(
        self, client: NativeClient, kind: type[Request], request: Wild
    ) -> tuple[Error | None, bool]:
        """Return the error that comes, if one does, and whether the connection has ended."""
        self.count += 1
        ref, self.count = self.count, self.count + 1
        pong = PongReply(ref=self.count)
        await client.stream.send_all(request.bytes(ref) + encode(Ping(ref=pong.ref)))
        answered = kind in UNANSWERED
        alive, error = False, None
        while not (alive and answered):
            event = await client.next()
            if event is None or isinstance(event, Goodbye):
                assert error, f"{request} ended the connection"
                assert kind is Chunk, f"{request} ended the connection"
                return error, True
            alive = alive or event == pong
            if isinstance(event, Error) and event.ref in (ref, None):
                error, answered = event, True
            elif getattr(event, "ref", None) == ref:
                answered = not isinstance(event, Offered) or request.fields["size"] > 0
        return error, False


@asynccontextmanager
async def _crowd(grounds: Grounds) -> AsyncIterator[Crowd]:
    async with AsyncExitStack() as stack:
        crowd = Crowd(grounds, stack)
        for name in ("Olga", "Pat", "Kim"):
            crowd.listeners.append(await crowd.enter(name))
        yield crowd


def _feed_everything(crowd: Crowd, examples: int) -> None:
    """Feed every request to the server; runs in a thread beside the crowd."""
    for kind in KINDS:
        _feed(crowd, kind, examples)


def _feed(crowd: Crowd, kind: type[Request], examples: int) -> None:
    @given(name=st.sampled_from(ATTACKERS), request=wild(kind, crowd.grounds.world))
    @settings(_BOUNDED, max_examples=examples)
    def feed(name: str, request: Wild) -> None:
        trio.from_thread.run(crowd.try_, name, kind, request)

    feed()


async def test_every_request_is_answered_or_refused(grounds: Grounds) -> None:
    """Wrong types and sizes, others' numbers: a known code; nothing is stored, nobody hears."""
    async with _crowd(grounds) as crowd:
        await crowd.settle()
        await trio.to_thread.run_sync(_feed_everything, crowd, 10)


async def test_every_request_on_mysql(tmp_path: Path, mysql_url: str) -> None:
    """The same, less of it."""
    with running_server(tmp_path, "--database", mysql_url) as server:
        world = await _found(server)
        async with (
            mysql_rows(mysql_url) as look,
            _crowd(Grounds(server, world, look)) as crowd,
        ):
            await crowd.settle()
            await trio.to_thread.run_sync(_feed_everything, crowd, 2)
        await trio.to_thread.run_sync(_in_order, server)


GUESSES = [
    "/text {message}", "/get {message}", "/comments {message}", "/before {message}",
    "/after {message}", "/reply {message} hello", "/edit {message} hello", "/delete {message}",
    "/files {message}", "/cancel {message}", "/chats #{number}", "/members {room}",
    "/members #{number}", "/leave {room}", "/leave #{number}", "/invite Pat {room}",
    "/accept {room}", "/accept {number}", "/decline {room}", "/links {room}", "/requests {room}",
    "/approve Pat {room}", "/deny Pat {room}", "/schedule +1d #{room} hello", "/join {code}",
]  # fmt: skip
"""What somebody at telnet can name."""


@pytest.mark.parametrize("name", ["Guesser", "Eve"])
async def test_a_stranger_at_telnet_guesses_nothing(grounds: Grounds, name: str) -> None:
    """S004-29: numbers and names of others' look like those of nothing; no list has them."""
    world, room = grounds.world, f"Hideout-{name}"
    async with AsyncExitStack() as stack:
        olga = await Crowd(grounds, stack).enter("Olga")
        opened = await olga.ask(JoinRoom(name=room, private=True), Opened)
        hidden = opened.conversation.id
        said = await olga.ask(Send(text=SECRET_WORDS, conversation=hidden), Sent)
        person = await stack.enter_async_context(telnet(grounds.server))
        await _go_in(person, name)
        await olga.say(f"{name} has been shown all")
        await person.until_bytes(f"{name} has been shown all".encode())
        others = [
            {"message": message, "number": number, "room": room, "code": "x" * 22}
            for message, number in (
                (said.id, hidden),
                (world.messages["direct"], world.direct),
            )
        ]
        nothing = {"message": 424242, "number": 4242, "room": "Nowhere", "code": "y" * 22}
        for guess in GUESSES:
            absent = await _typed(person, guess, nothing)
            for named in others:
                assert await _typed(person, guess, named) == absent
        for question in ("get_chats", "status", "history", "contacts", "invitations", "files"):
            shown = await _typed(person, f"/{question}", nothing)
            assert not [word for word in (room, SECRET_WORDS, SECRET_FILE) if word in shown]


async def _go_in(person: LineClient, name: str) -> None:
    await person.type(name)
    if name == "Eve":
        await person.until_bytes(b"Password:")
        await person.type(PASSWORD)
    await person.until_bytes(b"/quit leaves.\r\n")


async def _typed(person: LineClient, line: str, named: dict[str, object]) -> str:
    """Return what a line is answered with, without the numbers and names in it."""
    await person.type(line.format(**named))
    lines = (await up_to_mark(person, "/mark")).splitlines()
    shown = "\n".join(line for line in lines if " invites you to " not in line)  # late news
    for word in named.values():
        shown = shown.replace(str(word), "...")
    return shown
