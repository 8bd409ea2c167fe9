"""The stores over a database that runs plain functions; nothing here knows which."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from storage import body_statements, message_statements, people_statements, saving_statements
from storage.contact_store import ContactStore
from storage.database import Database
from storage.expiry_store import ExpiryStore
from storage.file_store import FileStore
from storage.identity_store import IdentityStore
from storage.moderation_store import ModerationStore
from storage.reading_store import ReadingStore
from storage.records import (
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
from storage.room_store import RoomStore
from storage.schedule_store import ScheduleStore


class DatabaseStorage:
    """Messages; see :class:`storage.interface.Storage`."""

    def __init__(self, database: Database) -> None:
        """Keep the messages in a database."""
        self._database = database

    async def SaveMsg(self, messages: Sequence[NewMessage]) -> list[Saved]:  # noqa: N802
        """Store messages in the order given, all or none."""
        return await self._database.write(saving_statements.save, messages)

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
        """Return messages with ``after < seq < before`` in rising order, at most ``limit``."""
        find = partial(message_statements.page, spoken=spoken, floor=floor)
        return await self._database.read(find, conversation_id, after, before, limit)

    async def thread(self, message_id: int, *, limit: int = 100) -> list[Message]:
        """Return the comments on a message in rising order, the last ones if there are more."""
        return await self._database.read(message_statements.thread, message_id, limit)

    async def own(self, conversation_id: int, sender_id: int, *, limit: int) -> list[Message]:
        """Return what somebody wrote last in a conversation, in rising order."""
        find = message_statements.own
        return await self._database.read(find, conversation_id, sender_id, limit)

    async def Get(self, message_id: int) -> Message | None:  # noqa: N802
        """Return one message, or None where there is none."""
        return await self._database.read(message_statements.get, message_id)

    async def sent(self, sender_id: int, uuid: bytes) -> Message | None:
        """Return what somebody has sent with that uuid, also where nothing else is left of it."""
        return await self._database.read(message_statements.sent, sender_id, uuid)

    async def edits(self, message_id: int) -> int:
        """Return how often a message has been changed."""
        return await self._database.read(message_statements.edits, message_id)

    async def GetLastMsgID(self) -> int:  # noqa: N802
        """Return the highest message id, 0 where there are no messages."""
        return await self._database.read(message_statements.last_id)


class DatabaseAccountStore:
    """Users; see :class:`storage.interface.AccountStore`."""

    def __init__(self, database: Database) -> None:
        """Keep the users in a database."""
        self._database = database

    async def ensure(
        self, visitors: Sequence[Visitor], now: int, since: int = 0
    ) -> list[User | LookAlike]:
        """Return the visitors' users; those there are none of are made, or look like others."""
        return await self._database.write(people_statements.ensure_users, visitors, now, since)

    async def find_all(self, name_keys: Sequence[str]) -> list[User | None]:
        """Return the users with those keys, in their order."""
        return await self._database.read(people_statements.find_users, name_keys)

    async def find(self, name_key: str) -> User | None:
        """Return the user with that key."""
        return await self._database.read(people_statements.find_user, name_key)


class DatabaseConversationStore:
    """Conversations and members; see :class:`storage.interface.ConversationStore`."""

    def __init__(self, database: Database) -> None:
        """Keep the conversations in a database."""
        self._database = database

    async def get(self, conversation_id: int) -> Conversation | None:
        """Return one conversation."""
        return await self._database.read(people_statements.get_conversation, conversation_id)

    async def ensure_direct(
        self, user_id: int, peer_id: int, now: int, *, silent: int | None = None
    ) -> Conversation:
        """Return the direct conversation of two users, made by the first if there is none."""
        ensure = partial(people_statements.ensure_direct, silent=silent)
        return await self._database.write(ensure, user_id, peer_id, now)

    async def pair(self, conversation_id: int) -> tuple[Conversation, list[User]] | None:
        """Return a direct conversation and the users in it."""
        return await self._database.read(people_statements.direct_pair, conversation_id)

    async def membership(self, user_id: int, conversation_id: int) -> Membership | None:
        """Return a user's part in one conversation."""
        return await self._database.read(people_statements.membership, user_id, conversation_id)

    async def rooms(self, user_id: int) -> list[Membership]:
        """Return the rooms a user is in, by their numbers."""
        return await self._database.read(people_statements.rooms, user_id)

    async def memberships(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        """Return for each user what it is in, the general chat first, then by id."""
        return await self._database.read(people_statements.memberships, user_ids)

    async def move_markers(self, markers: Sequence[Marker]) -> None:
        """Move markers forward, each of the two for itself; none ever moves back."""
        if markers:
            await self._database.write(people_statements.move_markers, markers)


class DatabaseBodyStore:
    """Long texts; see :class:`storage.interface.BodyStore`."""

    def __init__(self, database: Database) -> None:
        """Keep the texts in a database."""
        self._database = database

    async def create(self, now: int) -> int:
        """Begin a body and return its id."""
        return await self._database.write(body_statements.create, now)

    async def append(self, body_id: int, offset: int, data: bytes) -> None:
        """Store a chunk at a byte offset; again at the same offset is harmless."""
        if len(data) > body_statements.MAX_CHUNK:
            raise ValueError(f"a chunk of {len(data)} bytes is too long")
        await self._database.write(body_statements.append, body_id, offset, data)

    async def read(self, body_id: int, offset: int, limit: int) -> bytes:
        """Return at most ``limit`` bytes from a byte offset; empty at the end."""
        return await self._database.read(body_statements.read, body_id, offset, limit)

    async def delete_slice(self, body_id: int) -> bool:
        """Delete the first chunks of an orphan; True while there is more of it."""
        return await self._database.write(body_statements.delete_slice, body_id) is False

    async def delete_orphans(self) -> int:
        """Delete the bodies that nothing refers to and return how many there were.

        Each takes several transactions, so that others need not wait for a long one.
        """
        count = 0
        for body_id in await self._database.read(body_statements.orphans):
            while (gone := await self._database.write(body_statements.delete_slice, body_id)) is (
                False
            ):
                pass
            count += gone is True
        return count


class DatabaseStores:
    """Everything in one database; see :class:`storage.interface.Stores`."""

    def __init__(self, database: Database) -> None:
        """Keep everything in a database."""
        self.messages = DatabaseStorage(database)
        self.accounts = DatabaseAccountStore(database)
        self.conversations = DatabaseConversationStore(database)
        self.bodies = DatabaseBodyStore(database)
        self.files = FileStore(database)
        self.identity = IdentityStore(database)
        self.contacts = ContactStore(database)
        self.reading = ReadingStore(database)
        self.moderation = ModerationStore(database)
        self.expiry = ExpiryStore(database)
        self.rooms = RoomStore(database)
        self.schedule = ScheduleStore(database)
        self.description = database.description
