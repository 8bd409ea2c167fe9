"""The stores a messenger needs, whatever database is behind them.

Every method is one transaction. A method that was cancelled may or may not have
taken effect. All of them raise :class:`~storage.errors.StorageUnavailable` when
the database does not answer. The contract is tested by ``tests/storage``, the
same tests for every database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from storage.contact_store import ContactStore
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


class Storage(Protocol):
    """Messages (S001-14)."""

    async def SaveMsg(self, messages: Sequence[NewMessage]) -> list[Saved]:  # noqa: N802
        """Store messages in the order given, all or none, and return them in that order.

        Ids rise by one and are unique in the whole database; sequence numbers rise by one
        in each conversation. When this returns, the messages are on the disk. A message
        whose sender and uuid are stored already, or stand earlier in ``messages``, is not
        stored again: the first one is returned. One that has had its time and is deleted is
        returned as ``deleted``, without its sender's name.

        A message of kind ``edit`` gives its target its text, one of kind ``delete`` takes the
        target's text away, and that of its earlier edits. The target must be in the same
        conversation, and something that people wrote; an edit of anything else is stored and
        returned without its text. Who may do it is not asked here.

        Raises :class:`KeyError` if a conversation does not exist.
        """
        ...

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
        """Return messages with ``after < seq < before`` in rising order, at most ``limit``.

        With a limit, the ones nearest to ``after`` are returned if ``after`` is given, else
        the last ones. With ``spoken``, only what people said: texts and files, also where
        nothing is left of them because they were deleted. None is returned up to ``floor``.
        """
        ...

    async def thread(self, message_id: int, *, limit: int = 100) -> list[Message]:
        """Return the comments on a message in rising order, the last ones if there are more."""
        ...

    async def own(self, conversation_id: int, sender_id: int, *, limit: int) -> list[Message]:
        """Return what somebody wrote last in a conversation, in rising order.

        Only its last entries are searched, some thousand.
        """
        ...

    async def Get(self, message_id: int) -> Message | None:  # noqa: N802
        """Return one message, or None where there is none."""
        ...

    async def sent(self, sender_id: int, uuid: bytes) -> Message | None:
        """Return what somebody has sent with that uuid, None where there is nothing.

        One that has had its time is returned as ``deleted``, without its sender's name.
        """
        ...

    async def edits(self, message_id: int) -> int:
        """Return how often a message has been changed."""
        ...

    async def GetLastMsgID(self) -> int:  # noqa: N802
        """Return the highest message id, 0 where there are no messages."""
        ...


class AccountStore(Protocol):
    """Users."""

    async def ensure(
        self, visitors: Sequence[Visitor], now: int, since: int = 0
    ) -> list[User | LookAlike]:
        """Return the visitors' users, in their order; those there are none of are made.

        None is made of a visitor whose name looks like another one's that is registered, or was
        here after ``since``: it is returned instead.

        A user that is made is a member of the general chat from its present last message on:
        its markers start at the conversation's ``last_seq`` of that moment.
        """
        ...

    async def find_all(self, name_keys: Sequence[str]) -> list[User | None]:
        """Return the users with those keys, in their order."""
        ...

    async def find(self, name_key: str) -> User | None:
        """Return the user with that key."""
        ...


class ConversationStore(Protocol):
    """Conversations and who is in them."""

    async def get(self, conversation_id: int) -> Conversation | None:
        """Return one conversation."""
        ...

    async def ensure_direct(
        self, user_id: int, peer_id: int, now: int, *, silent: int | None = None
    ) -> Conversation:
        """Return the direct conversation of two users, made by the first if there is none.

        Both are members from its beginning. Raises :class:`KeyError` if there are no such users,
        and :class:`storage.people_statements.TooManySilentError` if one would be made and the
        first has made ``silent`` in which nobody has said anything.
        """
        ...

    async def pair(self, conversation_id: int) -> tuple[Conversation, list[User]] | None:
        """Return a direct conversation and the users in it; None where it is none."""
        ...

    async def memberships(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        """Return for each user all conversations it is in, the general chat first, then by id.

        With them comes what is unread there, as of the same moment. A direct conversation in
        which nothing has been said is left out for the one who did not make it.
        """
        ...

    async def membership(self, user_id: int, conversation_id: int) -> Membership | None:
        """Return the same of one conversation, whatever it is; None where one is not in it."""
        ...

    async def rooms(self, user_id: int) -> list[Membership]:
        """Return the same of the rooms a user is in, by their numbers."""
        ...

    async def move_markers(self, markers: Sequence[Marker]) -> None:
        """Move markers forward, each of the two for itself; none ever moves back."""
        ...


class BodyStore(Protocol):
    """Long texts, in chunks; nobody ever holds one whole."""

    async def create(self, now: int) -> int:
        """Begin a body and return its id."""
        ...

    async def append(self, body_id: int, offset: int, data: bytes) -> None:
        """Store a chunk of at most 256 KiB at a byte offset.

        Where there is a chunk at that offset already it stays, so a repetition is harmless.
        Raises :class:`KeyError` if the body does not exist.
        """
        ...

    async def read(self, body_id: int, offset: int, limit: int) -> bytes:
        """Return at most ``limit`` bytes from a byte offset; empty at the end or a gap."""
        ...

    async def delete_slice(self, body_id: int) -> bool:
        """Delete the first chunks of a body that no message and no file refers to.

        Returns True while there is more of it, so that others have their turn in between, and
        False when it is gone, never was, or is in use, and then nothing is taken from it.
        """
        ...

    async def delete_orphans(self) -> int:
        """Delete the bodies that nothing refers to and return how many there were.

        Those still on their way in are among them: call it before anybody can send. Unlike
        all else here it takes several transactions.
        """
        ...


class Stores(Protocol):
    """Everything in one database."""

    @property
    def messages(self) -> Storage: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def conversations(self) -> ConversationStore: ...

    @property
    def bodies(self) -> BodyStore: ...

    @property
    def files(self) -> FileStore: ...

    @property
    def identity(self) -> IdentityStore: ...

    @property
    def contacts(self) -> ContactStore: ...

    @property
    def reading(self) -> ReadingStore: ...

    @property
    def moderation(self) -> ModerationStore: ...

    @property
    def expiry(self) -> ExpiryStore: ...

    @property
    def rooms(self) -> RoomStore: ...

    @property
    def schedule(self) -> ScheduleStore: ...

    @property
    def description(self) -> str:
        """Which database this is, for people and logs; without a password."""
        ...
