"""Who may comment on a message, change it or take it back, and for how long (S004-24)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from chat.expiry import Expiry
from chat.patience import Patience
from chat.seats import KEEPERS
from chat.session import Session
from chat.writing import unknown_message
from protocol.errors import ErrorCode, ProtocolError
from storage.interface import Stores
from storage.records import Message

_MINUTE = 60_000_000  # microseconds
_SPOKEN = ("text", "file")

MOST_EDITS = 20
"""How often a message may be changed: each change is stored and shown to all, for as long as it."""


@dataclass(frozen=True, slots=True)
class EditingRules:
    """What the settings say about changes."""

    minutes: int = 15
    """For how long authors may change what they wrote; 0 is never."""


class Editing:
    """Looks messages up for those who want to answer or change them."""

    def __init__(
        self,
        stores: Stores,
        expiry: Expiry,
        patience: Patience,
        give_up: Callable[[int | None], None],
        rules: EditingRules,
        *,
        release: Callable[[int | None], None],
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Let ``give_up`` have the long texts that no message refers to, ``release`` the files.

        ``now`` returns the time in nanoseconds.
        """
        self._stores = stores
        self._expiry = expiry
        self._patience = patience
        self._give_up = give_up
        self._release = release
        self._rules = rules
        self._now = now

    async def seen(self, session: Session, message_id: int) -> Message:
        """Return a message of a conversation that one is in, whatever has become of it.

        Raises :class:`ProtocolError` where there is none, or one is not in its conversation:
        the two look the same.
        """
        message = await self._get(session, message_id)
        if message is None or session.peer.position(message.conversation_id) is None:
            raise unknown_message(message_id)
        return message

    async def answered(self, session: Session, message_id: int) -> Message:
        """Return a message that can be commented on: a text or a file."""
        return _spoken(await self.seen(session, message_id), message_id)

    async def to_edit(self, session: Session, message_id: int) -> Message:
        """Return a text that the session's user may change now."""
        message = _spoken(await self.seen(session, message_id), message_id)
        if message.sender_id != session.who.id:
            _refuse_stranger(message)
        self._check_time(message)
        if message.kind != "text":
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS,
                "Message {number} is a file; it can be deleted, but not changed.",
                number=message.id,
            )
        await self._check_number(message)
        return message

    async def to_delete(self, session: Session, message_id: int) -> Message:
        """Return a message that the session's user may delete now, or that is deleted already."""
        message = await self._patience.ask(self._stores.messages.Get, message_id)
        if message is None or not await self._reaches(session, message):
            raise unknown_message(message_id)
        keeps = await self._keeps(session, message)
        # What has expired only for one who looks after it is still there for others to see.
        if not keeps and await self._get(session, message_id) is None:
            raise unknown_message(message_id)
        if message.kind == "deleted":
            return message
        _spoken(message, message_id)
        if not keeps:
            if message.sender_id != session.who.id:
                _refuse_stranger(message)
            self._check_time(message)
        return message

    def forget(self, message: Message) -> None:
        """Give up what only this message referred to; it has been changed or deleted by now."""
        self._give_up(message.body_id)
        self._release(message.file_id)

    async def _get(self, session: Session, message_id: int) -> Message | None:
        return await self._expiry.get(session.who.id, message_id)

    async def _reaches(self, session: Session, message: Message) -> bool:
        """Tell whether a message is for the user to see, or to delete as an administrator."""
        if session.peer.position(message.conversation_id) is not None:
            return True
        return session.admin and not await self._is_direct(message.conversation_id)

    async def _keeps(self, session: Session, message: Message) -> bool:
        """Tell whether the user looks after the conversation the message is in."""
        if session.admin:
            return not await self._is_direct(message.conversation_id)
        ask = self._stores.rooms.role_of
        role = await self._patience.ask(ask, message.conversation_id, session.who.id)
        return role in KEEPERS

    async def _is_direct(self, conversation_id: int) -> bool:
        ask = self._stores.conversations.get
        conversation = await self._patience.ask(ask, conversation_id)
        return conversation is None or conversation.kind == "direct"

    async def _check_number(self, message: Message) -> None:
        if message.edited_at is None:
            return
        if await self._patience.ask(self._stores.messages.edits, message.id) >= MOST_EDITS:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "Message {number} has been changed {limit} times; write a new one.",
                number=message.id,
                limit=MOST_EDITS,
            )

    def _check_time(self, message: Message) -> None:
        minutes = self._rules.minutes
        if not minutes:
            raise ProtocolError(
                ErrorCode.TOO_LATE, "On this server messages cannot be changed once they are sent."
            )
        if self._now() // 1000 - message.sent_at > minutes * _MINUTE:
            raise ProtocolError(
                ErrorCode.TOO_LATE,
                "A message can be changed for {minutes} minutes after it was sent; "
                "message {number} is older.",
                minutes=minutes,
                number=message.id,
            )


def _spoken(message: Message, message_id: int) -> Message:
    """Return a message that somebody said; nothing else can be answered or changed."""
    if message.kind == "deleted":
        raise ProtocolError(
            ErrorCode.UNKNOWN_MESSAGE, "Message {number} has been deleted.", number=message_id
        )
    if message.kind not in _SPOKEN:
        raise unknown_message(message_id)
    return message


def _refuse_stranger(message: Message) -> NoReturn:
    raise ProtocolError(
        ErrorCode.NOT_ALLOWED,
        "Message {number} is {name}'s; only who wrote it can do that.",
        number=message.id,
        name=message.sender_name,
    )
