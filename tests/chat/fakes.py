"""What surrounds ``chat``, made of memory: a connection, stores, and a storage with a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Literal, NoReturn, TypeAlias

import trio

from chat.dispatch import Answer, dispatch
from chat.messenger import Messenger
from chat.session import Session
from protocol.events import Event, Goodbye, Sent
from protocol.requests import Request
from storage.interface import Storage
from storage.records import (
    GENERAL_ID,
    Conversation,
    LookAlike,
    Marker,
    Membership,
    Message,
    NewMessage,
    Saved,
    User,
    Visitor,
)
from storage.stores import DatabaseStores
from tests.chat.empty_database import EmptyDatabase
from tests.memory_storage import MemoryStorage

GENERAL = Conversation(GENERAL_ID, "general", "general", 0)

Failure: TypeAlias = Exception | Literal["silence"] | None
"""What a call to a store comes to: an error, no answer at all, or what it is for."""


async def fail(failure: Failure) -> None:
    """Let a call fail in that way, after others have had their turn."""
    await trio.lowlevel.checkpoint()
    if failure == "silence":
        await trio.sleep_forever()
    elif failure is not None:
        raise failure


class FakePeer:
    """A connection that remembers what it was told."""

    def __init__(self) -> None:
        self.posted: list[Event] = []
        self.followed: dict[int, int] = {}

    @property
    def address(self) -> str:
        return "192.0.2.1:1234"

    @property
    def connected_at(self) -> int:
        return 1_000_000

    def post(self, event: Event) -> None:
        self.posted.append(event)

    def notify(self, event: Event) -> None:
        self.posted.append(event)

    def end(self, template: str, /, **values: object) -> None:
        self.posted.append(Goodbye(reason=template.format(**values)))

    def unfollow(self, conversation_id: int) -> None:
        self.followed.pop(conversation_id, None)

    def follow(
        self,
        conversation: Conversation,
        *,
        after: int,
        delivered: int,  # noqa: ARG002
    ) -> None:
        self.followed.setdefault(conversation.id, after)

    def acknowledge(self, sent: Sent) -> None:
        self.posted.append(sent)

    def position(self, conversation_id: int) -> int | None:
        return self.followed.get(conversation_id)


class Author(Session):
    """A session whose peer can be looked at."""

    def __init__(self, user: User | None = None) -> None:
        self.screen = FakePeer()
        super().__init__(self.screen, user)


class ScriptedStorage(MemoryStorage):
    """Stores in memory; each call first does what the script says, if it says anything."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Callable[[], None] | trio.Event] = []
        """A step raises, or is an event that the call waits for; one step a call."""
        self.poison: set[bytes] = set()
        """Bodies that no transaction survives."""
        self.calls: list[list[bytes]] = []
        """The bodies of every attempt."""
        self.failure: Failure = None
        """What reading raises."""

    async def GetAll(  # noqa: N802
        self,
        conversation_id: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        spoken: bool = False,
        floor: int = 0,
    ) -> list[Message]:
        await fail(self.failure)
        return await super().GetAll(
            conversation_id, after=after, before=before, limit=limit, spoken=spoken, floor=floor
        )

    async def SaveMsg(self, messages: Sequence[NewMessage]) -> list[Saved]:  # noqa: N802
        self.calls.append([message.body for message in messages])
        step = self.script.pop(0) if self.script else None
        if isinstance(step, trio.Event):
            await step.wait()
        elif step is not None:
            step()
        if any(message.body in self.poison for message in messages):
            raise ValueError("the database chokes on this row")
        return await super().SaveMsg(messages)


class MemoryAccounts:
    """Users, numbered from 1."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.failure: Failure = None

    async def ensure(
        self,
        visitors: Sequence[Visitor],
        now: int,
        since: int = 0,  # noqa: ARG002
    ) -> list[User | LookAlike]:
        await fail(self.failure)
        for one in visitors:
            user = User(len(self.users) + 1, one.name, one.name_key, now)
            self.users.setdefault(one.name_key, user)
        return [self.users[one.name_key] for one in visitors]

    async def find_all(self, name_keys: Sequence[str]) -> list[User | None]:
        await fail(self.failure)
        return [self.users.get(key) for key in name_keys]

    async def find(self, name_key: str) -> User | None:
        await fail(self.failure)
        return self.users.get(name_key)


class MemoryConversations:
    """The general chat and direct conversations."""

    def __init__(self) -> None:
        self.direct: dict[tuple[int, int], Conversation] = {}
        self.failure: Failure = None
        self.markers: list[list[Marker]] = []
        """What was written, call by call."""
        self.script: list[Callable[[], None] | trio.Event] = []

    async def get(self, conversation_id: int) -> Conversation | None:
        await trio.lowlevel.checkpoint()
        known = {one.id: one for one in (GENERAL, *self.direct.values())}
        return known.get(conversation_id)

    async def ensure_direct(
        self,
        user_id: int,
        peer_id: int,
        now: int,  # noqa: ARG002
        *,
        silent: int | None = None,  # noqa: ARG002
    ) -> Conversation:
        await fail(self.failure)
        low, high = sorted((user_id, peer_id))
        conversation = Conversation(len(self.direct) + 2, "direct", f"direct:{low}:{high}", 0)
        return self.direct.setdefault((low, high), conversation)

    async def pair(
        self,
        conversation_id: int,  # noqa: ARG002
    ) -> tuple[Conversation, list[User]] | None:
        await fail(self.failure)
        return None

    async def membership(self, user_id: int, conversation_id: int) -> Membership | None:
        await fail(self.failure)
        known = {one.id: one for one in (GENERAL, *self.direct.values())}
        found = known.get(conversation_id)
        return None if found is None else Membership(found, user_id, 0)

    async def rooms(self, user_id: int) -> list[Membership]:  # noqa: ARG002
        await fail(self.failure)
        return []

    async def memberships(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        await fail(self.failure)
        return [[Membership(GENERAL, user_id, 0)] for user_id in user_ids]

    async def move_markers(self, markers: Sequence[Marker]) -> None:
        step = self.script.pop(0) if self.script else None
        if isinstance(step, trio.Event):
            await step.wait()
        else:
            await trio.lowlevel.checkpoint()
            if step is not None:
                step()
        self.markers.append(list(markers))


class MemoryBodies:
    """Long texts as bytes."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytearray] = {}
        self._numbers = count(1)
        self.script: list[Exception | None] = []
        """What the next calls raise."""
        self.at_once = self.most_at_once = 0
        """Writes under way, and the most there have been."""

    async def _step(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await trio.lowlevel.checkpoint()
        self.at_once -= 1
        failure = self.script.pop(0) if self.script else None
        if failure is not None:
            raise failure

    async def create(self, now: int) -> int:  # noqa: ARG002
        await self._step()
        number = next(self._numbers)
        self.bodies[number] = bytearray()
        return number

    async def append(self, body_id: int, offset: int, data: bytes) -> None:
        await self._step()
        body = self.bodies[body_id]
        assert offset == len(body), "chunks leave no gap"
        body += data

    async def read(self, body_id: int, offset: int, limit: int) -> bytes:
        await self._step()
        return bytes(self.bodies[body_id][offset : offset + limit])

    async def delete_slice(self, body_id: int) -> bool:
        """Delete a byte."""
        await self._step()
        body = self.bodies.get(body_id)
        if body:
            del body[0]
            return True
        self.bodies.pop(body_id, None)
        return False

    async def delete_orphans(self) -> int:
        await self._step()
        return 0


class MemoryStores:
    """All stores together; those of the areas are real ones, on a database that is empty."""

    def __init__(self) -> None:
        self.scripted = ScriptedStorage()
        self.accounts = MemoryAccounts()
        self.conversations = MemoryConversations()
        self.bodies = MemoryBodies()
        areas = DatabaseStores(EmptyDatabase(self._fail))
        self.files, self.schedule = areas.files, areas.schedule
        self.identity, self.contacts = areas.identity, areas.contacts
        self.reading, self.rooms = areas.reading, areas.rooms
        self.moderation, self.expiry = areas.moderation, areas.expiry

    async def _fail(self) -> None:
        await fail(self.scripted.failure)

    def fail(self, failure: Failure) -> None:
        """Let users, conversations and messages fail, or answer again where it is None."""
        self.accounts.failure = self.conversations.failure = failure
        self.scripted.failure = failure

    @property
    def messages(self) -> Storage:
        return self.scripted

    @property
    def description(self) -> str:
        return "memory"


class UntouchableStores:
    """A database that nobody may ask for anything."""

    @property
    def messages(self) -> NoReturn:
        raise AssertionError("the database was asked")

    accounts = conversations = bodies = description = messages
    files = identity = contacts = reading = moderation = expiry = rooms = schedule = messages


def messenger_on(stores: MemoryStores) -> Messenger:
    """Put a messenger on memory; it publishes to nobody."""
    return Messenger(stores, _publish, lambda _event: None, name="test server", limit_show=20)


async def _publish(_batch: object) -> None:
    """Show it to nobody."""


async def ask(messenger: Messenger, session: Session, request: Request) -> Answer:
    """Dispatch one request while what goes on beside the requests goes on."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(messenger.run)
        answer = await dispatch(messenger, session, request)
        nursery.cancel_scope.cancel()
    return answer
