"""What of a client outlives its connections: the messages, the numbers, the facts."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from cli.changes import Changes
from cli.inbox import Inbox
from cli.kept import KeptMessages
from cli.messages import ChatMessage
from cli.notices import Notice, NotKept, Restored
from cli.outbox import Outbox, Outgoing
from cli.reasons import reason_of
from cli.timeline import Timeline, Verdict
from protocol.events import FileInfo, Message, Sent


class Core:
    """Takes what one connection after the other brings and puts it into one stream."""

    def __init__(self, name: str, *, echo: bool, notify: Callable[[Notice], None]) -> None:
        """Begin without any connection; ``echo`` puts one's own messages into the inbox too."""
        self.name = name
        self.notify = notify
        self.changes = Changes()
        self.inbox = Inbox(self.changes)
        self.outbox = Outbox()
        self.timeline = Timeline()
        self.round_trip: float | None = None
        self.storage_available = True
        self.taken = 0
        """Messages taken so far, one's own included."""
        self._echo = echo
        self._refs = itertools.count(1)
        self._own: dict[int, int] = {}  # id to seq of those acknowledged and behind a hole
        self.marked = Changes()
        """Rings when a message has been shown."""
        self._keeping_failed = False

    def next_ref(self) -> int:
        """Return a number that no other request has."""
        return next(self._refs)

    async def keep_in(self, kept: KeptMessages) -> None:
        """Keep on the disk what is written, and take over what earlier runs have left."""
        try:
            damaged = await self.outbox.keep_in(kept, self.next_ref)
        except OSError as error:
            self.notify(NotKept(reason_of(error)))
            return
        if damaged or self.outbox:
            self.notify(Restored(len(self.outbox), damaged))

    async def keep(self, outgoing: Outgoing) -> None:
        """Put a message on the disk; where that fails, tell so once and go on without."""
        try:
            await self.outbox.keep(outgoing)
        except OSError as error:
            if not self._keeping_failed:
                self.notify(NotKept(reason_of(error)))
            self._keeping_failed = True
        else:
            self._keeping_failed = False

    def judge(self, frame: Message) -> Verdict:
        """Tell whether a message is new, a repeat or behind a hole."""
        return self.timeline.judge(frame.conversation, frame.seq, frame.prev)

    def take(self, frame: Message) -> None:
        """Take a message that is next in its conversation."""
        own = self._own.pop(frame.id, None) is not None or (
            frame.kind == "text"
            and frame.sender == self.name
            and self.outbox.may_have_sent(frame.text, head=frame.size is not None)
        )
        self._put(frame, own=own)

    def take_receipt(
        self, receipt: Sent, text: str, size: int | None, *, file: FileInfo | None = None
    ) -> None:
        """Take one's own message by its acknowledgement, in whose place it stands."""
        conversation, seq = receipt.conversation, receipt.seq
        verdict = self.timeline.judge(conversation, seq)
        if verdict is Verdict.NEXT:
            frame = Message(
                id=receipt.id, seq=seq, time=receipt.time, sender=self.name, text=text,
                conversation=conversation, size=size, target=receipt.target, quote=receipt.quote,
                kind="text" if file is None else "file", file=file,
            )  # fmt: skip
            self._put(frame, own=True)
        elif verdict is Verdict.BEHIND_A_HOLE:
            self._own[receipt.id] = seq
            self.leave_out(conversation, seq)

    def take_place(self, receipt: Sent) -> None:
        """Count what the user did that is no message of one's own, such as an edit.

        It stands in the stream like one. Where something before it is missing, it comes again.
        """
        conversation, seq = receipt.conversation, receipt.seq
        if conversation not in self.timeline.conversations:
            return  # an administrator's deed
        verdict = self.timeline.judge(conversation, seq)
        if verdict is Verdict.NEXT:
            self.timeline.accept(conversation, seq)
            self.timeline.show_own(conversation, seq)
            self.marked.ring()
        elif verdict is Verdict.BEHIND_A_HOLE:
            self.leave_out(conversation, seq)

    def leave_out(self, conversation: int, seq: int) -> None:
        """Leave a message on the server: it comes again, with what is missing before it."""
        self.timeline.open_hole(conversation, seq)
        self.changes.ring()

    def _put(self, frame: Message, *, own: bool) -> None:
        self.taken += 1
        age = self.timeline.accept(frame.conversation, frame.seq)
        if own and not self._echo:
            self.timeline.show_own(frame.conversation, frame.seq)
            self.marked.ring()
            self.changes.ring()
            return
        info = self.timeline.conversations.get(frame.conversation)
        kind, name = ("", None) if info is None else (info.kind, info.name)
        self.inbox.put(
            ChatMessage(
                frame=frame,
                own=own,
                age=age,
                private_with=name if kind == "direct" else None,
                room=name if kind == "room" else None,
            )
        )
