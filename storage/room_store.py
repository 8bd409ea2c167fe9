"""Rooms over a database that runs plain functions; see the functions for what they do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from storage import admission_statements as admission
from storage import room_statements as rooms
from storage.admission_statements import Asked, Asking, Invitation, Link, NewLink, Request
from storage.database import Database
from storage.records import Conversation
from storage.room_records import Entered, Left, Limits, Member, Seat


class RoomStore:
    """Rooms, who is in them, and who may come into them."""

    def __init__(self, database: Database) -> None:
        """Keep the rooms in a database."""
        self._database = database

    async def find(self, key: str) -> Conversation | None:
        """Return the room with that key."""
        return await self._database.read(rooms.find_room, key)

    async def public_by_number(self, conversation_id: int) -> Conversation | None:
        """Return the public room with that number."""
        return await self._database.read(rooms.public_by_number, conversation_id)

    async def make(
        self,
        key: str,
        title: str,
        user_id: int,
        now: int,
        *,
        private: bool = False,
        most: int | None = None,
    ) -> tuple[Conversation, bool]:
        """Return the room with that key, and whether it had to be made; nobody is in it yet.

        Where it would have to be, and the user is in ``most`` rooms, none is made.
        """
        make = partial(rooms.make_room, private=private, most=most)
        return await self._database.write(make, key, title, user_id, now)

    async def enter(self, conversation_id: int, user_id: int, now: int, limits: Limits) -> Entered:
        """Put a user into a room and return what is found there."""
        return await self._database.write(rooms.enter, conversation_id, user_id, now, limits)

    async def leave(self, conversation_id: int, user_id: int, now: int) -> Left | None:
        """Take a user out of a room; None where it is not in it."""
        return await self._database.write(rooms.leave, conversation_id, user_id, now)

    async def role_of(self, conversation_id: int, user_id: int) -> str | None:
        """Return what a user is in a room, None where it is not in it."""
        return await self._database.read(rooms.role_of, conversation_id, user_id)

    async def set_role(self, conversation_id: int, user_id: int, role: str) -> bool:
        """Give a member another role; False where no owner would be left."""
        return await self._database.write(rooms.set_role, conversation_id, user_id, role)

    async def set_topic(self, conversation_id: int, topic: str) -> None:
        """Say what a room is about."""
        await self._database.write(rooms.set_topic, conversation_id, topic)

    async def members(self, conversation_id: int, limit: int) -> tuple[list[Member], int]:
        """Return the first members of a room, and how many there are."""
        return await self._database.read(rooms.members_of, conversation_id, limit)

    async def keepers(self, conversation_id: int) -> Sequence[int]:
        """Return the ids of a room's owners and moderators."""
        return await self._database.read(rooms.keepers, conversation_id)

    async def seats(self, user_id: int, conversation_id: int | None = None) -> list[Seat]:
        """Return the rooms that a user is in, or only the one that is named."""
        return await self._database.read(rooms.seats_of, user_id, conversation_id)

    async def heads(self, conversation_ids: Sequence[int]) -> dict[int, int]:
        """Return how many are in each of some rooms."""
        return await self._database.read(rooms.heads, conversation_ids)

    async def public(self, limit: int) -> list[tuple[Conversation, int]]:
        """Return the public rooms and how many are in each, the fullest first."""
        return await self._database.read(rooms.public_rooms, limit)

    async def invite(
        self, conversation_id: int, user_id: int, by: int, now: int, *, most: int, most_by_one: int
    ) -> bool:
        """Note an invitation; False where there is one already."""
        invite = partial(admission.invite, most=most, most_by_one=most_by_one)
        return await self._database.write(invite, conversation_id, user_id, by, now)

    async def invitations(self, user_ids: Sequence[int]) -> list[Invitation]:
        """Return the invitations of some users."""
        return await self._database.read(admission.invitations_of, user_ids)

    async def decline(self, conversation_id: int, user_id: int) -> bool:
        """Take an invitation away; False where there is none."""
        return await self._database.write(admission.drop_invitation, conversation_id, user_id)

    async def enter_invited(
        self, conversation_id: int, user_id: int, now: int, limits: Limits
    ) -> Entered | None:
        """Put a user into a room by an invitation; None where there is none."""
        return await self._database.write(
            admission.enter_invited, conversation_id, user_id, now, limits
        )

    async def add_link(self, link: NewLink, most: int) -> None:
        """Note a link."""
        await self._database.write(admission.add_link, link, most)

    async def links(self, conversation_id: int, now: int) -> list[Link]:
        """Return the links of a room that hold."""
        return await self._database.read(admission.links_of, conversation_id, now)

    async def revoke_link(self, conversation_id: int, link_id: int, now: int) -> bool:
        """Make a link worthless; False where there is none."""
        return await self._database.write(admission.revoke_link, conversation_id, link_id, now)

    async def ask(self, token_hash: bytes, user_id: int, now: int, most: int) -> Asked | None:
        """Note that a user asks to be let in by a link; None where no such link holds."""
        return await self._database.write(admission.ask, token_hash, user_id, now, most)

    async def requests(self, conversation_id: int) -> list[Request]:
        """Return who asks to be let into a room."""
        return await self._database.read(admission.requests_of, conversation_id)

    async def deny(self, conversation_id: int, user_id: int) -> bool:
        """Take a request away; False where there is none."""
        return await self._database.write(admission.drop_request, conversation_id, user_id)

    async def enter_approved(
        self, conversation_id: int, user_id: int, now: int, limits: Limits
    ) -> Entered | None:
        """Put a user into a room who has asked for it; None where it has not."""
        return await self._database.write(
            admission.enter_approved, conversation_id, user_id, now, limits
        )

    async def asking(self, user_ids: Sequence[int], most: int) -> list[Asking]:
        """Return who asks to be let into the rooms that some users keep, ``most`` for each."""
        return await self._database.read(admission.asking, user_ids, most)
