"""A message store in memory, for tests of what is above it."""

from __future__ import annotations

from collections.abc import Sequence

import trio
from msgspec.structs import replace

from storage.records import Message, NewMessage, Quote, Saved

SPOKEN = ("text", "file")


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
        """Number and keep one message, and let it do what it says."""
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
            kind=new.kind,
            target_id=new.target_id,
            file_id=new.file_id,
            due_at=new.due_at,
            quote=new.quote,
            file=new.file,
        )
        if message.kind in ("edit", "delete"):
            message = self._change(message, earlier)
        self.messages.append(message)
        return message

    def _change(self, entry: Message, earlier: list[Message]) -> Message:
        found = [m for m in earlier if m.id == entry.target_id and m.kind in SPOKEN]
        if entry.kind == "edit":
            text = {"body": entry.body, "size": entry.size, "body_id": entry.body_id}
            for target in found:
                self._keep(replace(target, edited_at=entry.sent_at, **text))
            return entry if found else _emptied(entry)
        for target in found:
            state = {"kind": "deleted", "file_id": None, "file": None, "edited_at": entry.sent_at}
            self._keep(replace(_emptied(target), **state))
            for edit in earlier:
                if edit.kind == "edit" and edit.target_id == target.id:
                    self._keep(_emptied(edit))
        return entry

    def _keep(self, message: Message) -> None:
        self.messages[message.id - 1] = message

    def _shown(self, message: Message) -> Message:
        """Return it with what its target says now."""
        quote = None
        if message.kind in SPOKEN and message.target_id is not None:
            for target in self.messages:
                if target.id == message.target_id:
                    quote = Quote(target.sender_name, target.body[:80])
        return message if quote == message.quote else replace(message, quote=quote)

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
        await trio.lowlevel.checkpoint()
        found = [
            message
            for message in self.messages
            if message.conversation_id == conversation_id
            and message.seq > floor
            and (after is None or message.seq > after)
            and (before is None or message.seq < before)
            and (not spoken or message.kind in (*SPOKEN, "deleted"))
        ]
        if limit is not None:
            found = found[:limit] if after is not None else found[-limit:]
        shown = [self._shown(message) for message in found]
        if self.gate is not None:
            await self.gate.wait()
        return shown

    async def thread(self, message_id: int, *, limit: int = 100) -> list[Message]:
        await trio.lowlevel.checkpoint()
        found = [m for m in self.messages if m.target_id == message_id and m.kind in SPOKEN]
        return [self._shown(message) for message in found[-limit:]]

    async def own(self, conversation_id: int, sender_id: int, *, limit: int) -> list[Message]:
        found = await self.GetAll(conversation_id)
        return [m for m in found if m.sender_id == sender_id and m.kind in SPOKEN][-limit:]

    async def Get(self, message_id: int) -> Message | None:  # noqa: N802
        await trio.lowlevel.checkpoint()
        return next((self._shown(m) for m in self.messages if m.id == message_id), None)

    async def sent(self, sender_id: int, uuid: bytes) -> Message | None:
        await trio.lowlevel.checkpoint()
        key = (sender_id, uuid)
        return next((m for m in self.messages if (m.sender_id, m.uuid) == key), None)

    async def edits(self, message_id: int) -> int:
        await trio.lowlevel.checkpoint()
        return sum(m.kind == "edit" and m.target_id == message_id for m in self.messages)

    async def GetLastMsgID(self) -> int:  # noqa: N802
        await trio.lowlevel.checkpoint()
        return len(self.messages)


def _emptied(message: Message) -> Message:
    return replace(message, body=b"", size=0, body_id=None)
