"""A small world with something in it of all that can be named: for tests of who may do what.

Olga owns a public room and a private one, Mona moderates them, Max is in them, and the guest
Gus in the public one. Pat and Kim write to each other. Eve and Root are in the general chat only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import UUID

import trio
from argon2.profiles import CHEAPEST

from chat.complaints import ComplaintRules
from chat.dispatch import Answer, dispatch
from chat.moderation import ModerationRules
from chat.names import name_key
from chat.passwords import Passwords
from chat.throttle import Throttle
from protocol.events import LoggedIn, Notice, Opened, Sent
from protocol.requests import GENERAL, Login, Request, Send
from protocol.vocabulary.admission import (
    Approve,
    AskAdmission,
    Invite,
    LinkList,
    LinkMade,
    ListLinks,
    MakeLink,
)
from protocol.vocabulary.files import Offer
from protocol.vocabulary.identity import ListSessions, Register, Registered, SessionList
from protocol.vocabulary.rooms import JoinRoom, RoomTopic, SetRole, SetTopic
from protocol.vocabulary.schedule import Schedule, Scheduled
from tests.chat.fakes import Author
from tests.chat.house import PATIENCE, House, house, is_answer
from tests.harness import EventT

PASSWORD = "a long password"
ACCOUNTS = ("Olga", "Mona", "Max", "Eve", "Root", "Pat", "Kim")
GUEST = "Gus"
PUBLIC, SECRET, LOBBY = "Public", "Secret", "Lobby"
"""Rooms; the last one is Pat's, and everybody is invited to it."""

SECRET_WORDS = "the words that nobody outside may read"
SECRET_TOPIC = "the topic that nobody outside may read"
SECRET_FILE = "plan-that-nobody-outside-may-see.txt"
HIDDEN = ("secret", "direct")
"""Places that strangers must not know anything of."""
EMPTY = sha256().hexdigest()


class Ask(Protocol):
    """Ask for something as somebody, and get the answer."""

    async def __call__(self, who: str, request: Request, kind: type[EventT], /) -> EventT:
        """Return the answer to a request, which has to be of that kind."""
        ...


Enter = Callable[[str], Awaitable[None]]
"""Let somebody come, by a name alone."""


@dataclass
class World:
    """The numbers and names of all there is."""

    public: int = 1
    secret: int = 1
    direct: int = 1
    tokens: dict[str, str] = field(default_factory=dict)
    """What lets the accounts in."""
    devices: dict[str, str] = field(default_factory=dict)
    """The ids of their sessions."""
    messages: dict[str, int] = field(default_factory=dict)
    """The last message by each ``place`` and ``place name``; files by ``place file``."""
    uuids: dict[str, UUID] = field(default_factory=dict)
    """Those of the messages."""
    scheduled: dict[str, int] = field(default_factory=dict)
    links: list[int] = field(default_factory=list)
    code: str = "x"
    """Of a link to the private room."""


class Founder:
    """Makes a world."""

    def __init__(self, ask: Ask, enter: Enter) -> None:
        self._ask = ask
        self._enter = enter
        self.world = World()

    async def found(self) -> World:
        """Make everybody and everything."""
        world = self.world
        await self._enter(GUEST)
        for name in ACCOUNTS:
            await self.account(name)
        world.public = await self.go("Olga", PUBLIC)
        world.secret = await self.go("Olga", SECRET, private=True)
        for name in ("Mona", "Max", GUEST):
            await self.go(name, PUBLIC)
        await self.link()
        for name in ("Mona", "Max"):
            await self.admit(name)
        await self.appoint("Mona", "moderator")
        await self._ask("Olga", SetTopic(conversation=world.secret, topic=SECRET_TOPIC), RoomTopic)
        await self._talk()
        await self.go("Pat", LOBBY)
        for name in (GUEST, "Eve", "Max", "Mona", "Olga", "Root"):
            await self.invite("Pat", name, LOBBY)
        return world

    async def account(self, name: str) -> None:
        """Make an account."""
        await self._enter(name)
        register = Register(password=PASSWORD, remember=True, device="desk")
        token = (await self._ask(name, register, Registered)).token
        assert token is not None
        self.world.tokens[name] = token
        listed = await self._ask(name, ListSessions(), SessionList)
        self.world.devices[name] = listed.sessions[0].id

    async def go(self, name: str, room: str, *, private: bool = False) -> int:
        """Let somebody go into a room, made where there is none; return its number."""
        opened = await self._ask(name, JoinRoom(name=room, private=private), Opened)
        return opened.conversation.id

    async def appoint(self, name: str, role: str) -> None:
        """Make somebody a moderator or an owner, of both rooms."""
        for room in (self.world.public, self.world.secret):
            appoint = SetRole(conversation=room, user=name, role=role)
            await self._ask("Olga", appoint, Notice)

    async def invite(self, name: str, user: str, room: str) -> None:
        """Let somebody invite somebody."""
        await self._ask(name, Invite(user=user, room=room), Notice)

    async def link(self) -> None:
        """Make a link to the private room."""
        made = await self._ask("Olga", MakeLink(conversation=self.world.secret), LinkMade)
        listed = await self._ask("Olga", ListLinks(conversation=self.world.secret), LinkList)
        self.world.code = made.code
        self.world.links.append(max(link.id for link in listed.links))

    async def ask_admission(self, name: str) -> None:
        """Let somebody ask to be let into the private room."""
        await self._ask(name, AskAdmission(code=self.world.code), Notice)

    async def admit(self, name: str) -> None:
        """Let somebody into the private room."""
        await self.ask_admission(name)
        approve = Approve(conversation=self.world.secret, user=name)
        await self._ask("Olga", approve, Notice)

    async def _talk(self) -> None:
        world = self.world
        for name in ("Olga", "Mona", "Max", GUEST):
            await self.say(name, "public", conversation=world.public)
        for name in ("Max", "Mona", "Olga"):
            await self.say(name, "secret", conversation=world.secret)
        for name in (*ACCOUNTS, GUEST):
            await self.say(name, "general")
        world.direct = await self.say("Kim", "direct", to="Pat")
        await self.say("Pat", "direct", to="Kim")
        await self._file("Olga", "public", conversation=world.public)
        await self._file("Olga", "secret", conversation=world.secret)
        await self._file("Pat", "direct", to="Kim")
        await self.schedule("Olga", conversation=world.secret)
        await self.schedule("Pat", to="Kim")

    async def say(
        self,
        name: str,
        place: str,
        *,
        conversation: int = GENERAL,
        to: str | None = None,
        note: str = "",
    ) -> int:
        """Write a message, and note its id; return the one of its conversation."""
        key = note or f"{place} {name}"
        uuid = UUID(bytes=sha256(key.encode()).digest()[:16])
        text = SECRET_WORDS if place in HIDDEN else "what anybody may read"
        message = Send(text=text, conversation=conversation, to=to, uuid=uuid)
        sent = await self._ask(name, message, Sent)
        self.world.messages[key] = self.world.messages[place] = sent.id
        self.world.uuids[key] = self.world.uuids[place] = uuid
        return sent.conversation

    async def _file(
        self, name: str, place: str, *, conversation: int = GENERAL, to: str | None = None
    ) -> None:
        uuid = UUID(bytes=sha256(f"{place} file".encode()).digest()[:16])
        offer = Offer(
            uuid=uuid, name=SECRET_FILE if place in HIDDEN else "notes.txt",
            size=0, sha256=EMPTY, stream=1, conversation=conversation, to=to,
        )  # fmt: skip
        sent = await self._ask(name, offer, Sent)
        self.world.messages[f"{place} file"] = sent.id
        self.world.uuids[f"{place} file"] = uuid

    async def schedule(
        self, name: str, *, conversation: int = GENERAL, to: str | None = None
    ) -> None:
        """Write a message for later."""
        later = Schedule(when="+2d", text=SECRET_WORDS, conversation=conversation, to=to)
        kept: Scheduled = await self._ask(name, later, Scheduled)
        self.world.scheduled[name] = kept.item.id


class Household:
    """A world in a house, and those of its people who are here."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.people: dict[str, Author] = {}

    async def enter(self, name: str, token: str | None = None) -> Author:
        """Let somebody come."""
        author = self.people[name] = Author()
        login = Login(name=name, token=token)
        answer = await dispatch(self.house.messenger, author, login)
        assert isinstance(answer, LoggedIn), answer
        return author

    async def let_in(self, name: str) -> None:
        """Let somebody come by a name alone."""
        await self.enter(name)

    async def ask(self, who: str, request: Request, kind: type[EventT], /) -> EventT:
        """Ask for something that must not be refused."""
        answer = await self.house.ask(self.people[who], request)
        assert isinstance(answer, kind), (who, request, answer)
        return answer

    async def outcome(self, author: Author, request: Request) -> Answer:
        """Return the answer to a request, also where it comes later, or not at all (None)."""
        before = len(author.screen.posted)
        answer = await dispatch(self.house.messenger, author, request)
        if answer is None:
            with trio.fail_after(PATIENCE):
                await author.wait_in_flight(0)
            answer = next(filter(is_answer, author.screen.posted[before:]), None)
        return answer


@asynccontextmanager
async def household(path: Path) -> AsyncIterator[Household]:
    """Open the house in a database file; Root is an administrator, passwords cost nothing."""
    rules = ModerationRules(complaints=ComplaintRules(admins=frozenset({name_key("Root")})))
    async with house(f"sqlite:///{path}", rules) as opened, trio.open_nursery() as nursery:
        opened.messenger.identity._passwords = Passwords(CHEAPEST)
        opened.messenger.identity._registrations = Throttle(free_by_address=1000)
        nursery.start_soon(opened.messenger.files.run)
        yield Household(opened)
        nursery.cancel_scope.cancel()


async def found(path: Path, more: Callable[[Founder], Awaitable[None]] | None = None) -> World:
    """Make a world in a database file, with ``more`` in it."""
    async with household(path) as home:
        founder = Founder(home.ask, home.let_in)
        world = await founder.found()
        if more is not None:
            await more(founder)
        return world
