"""A message store in memory, for tests of what is above it."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from storage.records import Message, NewMessage, Saved


class MemoryStorage:
    """Keeps everything in a list; every call lets other tasks run, as a database would."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.gate: trio.Event | None = None
        """Where there is one, a page is read but not returned before it is set."""

    async def SaveMsg(self, messages: Sequence[NewMessage]) -> list[Saved]:  # noqa: N802
        await trio.lowlevel.checkpoint()
        return [Saved(self.add(message), duplicate=False) for message in messages]

    def add(self, new: NewMessage) -> Message:
        """Number and keep one message."""
        earlier = [m for m in self.messages if m.conversation_id == new.conversation_id]
        message = Message(
            id=len(self.messages) + 1,
            conversation_id=new.conversation_id,
            seq=len(earlier) + 1,
            sender_id=new.sender_id,
            sender_name=new.sender_name,
            uuid=new.uuid,
            sent_at=new.sent_at,
            body=new.body,
            size=new.size,
            body_id=new.body_id,
        )
        self.messages.append(message)
        return message

    async def GetAll(  # noqa: N802
        self,
        conversation_id: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Message]:
        await trio.lowlevel.checkpoint()
        found = [
            message
            for message in self.messages
            if message.conversation_id == conversation_id
            and (after is None or message.seq > after)
            and (before is None or message.seq < before)
        ]
        if self.gate is not None:
            await self.gate.wait()
        if limit is None:
            return found
        return found[:limit] if after is not None else found[-limit:]

    async def Get(self, message_id: int) -> Message | None:  # noqa: N802
        await trio.lowlevel.checkpoint()
        return next((m for m in self.messages if m.id == message_id), None)

    async def GetLastMsgID(self) -> int:  # noqa: N802
        await trio.lowlevel.checkpoint()
        return len(self.messages)
