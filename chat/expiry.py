"""Messages that have had their time (S004-16, S002-15, S004-22, decision 2).

A message expires for a user when it was sent longer ago than the lifetime *and* has been
delivered to that user: from then on it is not shown again. Once it has expired for every member
it is deleted, the oldest first, so that the numbers of a conversation have no gap but at its
beginning. Members who have long not been here do not count; they go on behind what they missed.

Of a message that is deleted it is kept for a while who sent it, by its uuid: one whose
acknowledgement was lost may be sent again when its row is gone, because another device of its
sender has had it, and must not be shown twice.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
import trio
from msgspec.structs import replace

from chat.intake import Intake
from chat.markers import Markers
from chat.patience import Patience
from protocol.requests import GENERAL
from storage.errors import StorageUnavailable
from storage.expiry_store import NOTHING, Horizon, Stretch
from storage.interface import Stores
from storage.records import Membership, Message

log = structlog.get_logger()

SLICE = 200
"""Messages deleted in one transaction: a commit behind it waits for as long as they take."""

WALK = 1000
"""Entries of a conversation looked at in one go for what was said in it."""

TIDY_EVERY = 3600.0  # seconds
AT_ONCE = 500
"""What is tidied up in one transaction."""

MEMBERS_AT_ONCE = 2000
CONVERSATIONS_AT_ONCE = 200

REST = 1.0
"""For so many times as long as a slice took, nothing is deleted behind it."""

LOOKS = 60
"""How often in a lifetime is looked for what has expired."""

SHORTEST, LONGEST = 0.1, 30.0  # seconds between two looks

_MINUTE = 60_000_000  # microseconds
_DAY = 86_400_000_000
_FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What the settings say."""

    minutes: float = 0.0
    """Of a message to the general chat; 0 is for good."""
    room_minutes: float = 0.0
    """In rooms and direct conversations."""
    away_days: float = 30.0
    """After so long without a visit a user's messages wait no longer."""


async def _nobody() -> None:
    """Note nobody."""


Forget = Callable[[int, Horizon], None]


class Expiry:
    """Hides what has expired, and deletes what has for everyone; :meth:`run` has to run."""

    def __init__(
        self,
        stores: Stores,
        patience: Patience,
        markers: Markers,
        intake: Intake,
        lifetime: Lifetime,
        *,
        forget: Forget,
        note_present: Callable[[], Awaitable[None]] = _nobody,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Tell ``forget`` of what must no longer be shown out of memory.

        ``note_present`` stores that those who are here are, so that they count; ``now`` returns
        the time in nanoseconds.
        """
        self._store = stores.expiry
        self._messages = stores.messages
        self._patience = patience
        self._markers = markers
        self._intake = intake
        self._general = round(lifetime.minutes * _MINUTE)
        self._others = round(lifetime.room_minutes * _MINUTE)
        self._away = round(lifetime.away_days * _DAY)
        self._forget = forget
        self._note_present = note_present
        self._now = now
        self._horizon = NOTHING  # of the general chat
        self._gone = 0  # up to where the general chat has been deleted
        self._being_deleted: dict[int, int] = {}  # conversations, and up to where for now

    # ---- what is shown

    @property
    def general_seq(self) -> int:
        """Up to where the general chat has expired for those who have had it so far."""
        return self._horizon.seq

    def expired_seq(self, conversation_id: int) -> int:
        """Return the same of any conversation; of others than the general chat nothing is known."""
        return self.general_seq if conversation_id == GENERAL else 0

    async def page(
        self,
        user_id: int,
        conversation_id: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Message]:
        """Return messages as :meth:`storage.interface.Storage.GetAll`, but none that expired."""
        hidden, horizon = await self._expired(user_id, conversation_id)
        find = partial(
            self._messages.GetAll,
            conversation_id, after=after, before=before, limit=limit, floor=hidden,
        )  # fmt: skip
        found = await self._patience.ask(find)
        return [unquoted(message, horizon.id) for message in found]

    async def spoken(
        self, user_id: int, conversation_id: int, *, after: int | None, before: int | None,
        limit: int,
    ) -> tuple[list[Message], bool]:  # fmt: skip
        """Return the same of what people said, and whether there may be more.

        Behind the first that is found no more than WALK entries are looked at, whatever they
        are: there may be less than ``limit`` then, but never nothing where there is something.
        """
        hidden, horizon = await self._expired(user_id, conversation_id)
        low, high = max(after or 0, hidden), _FOREVER if before is None else before
        forward = after is not None
        at: int | None = low + 1 if forward else high - 1
        if after is before is None:
            at = await self._edge(conversation_id, low, high, forward=False)
        found: list[Message] = []
        while at is not None and not found:
            begin, end = (at - 1, min(high, at + WALK)) if forward else (at - WALK, at + 1)
            find = partial(
                self._messages.GetAll,
                conversation_id, after=begin if forward else None, before=end, limit=limit,
                spoken=True, floor=max(low, begin),
            )  # fmt: skip
            found = await self._patience.ask(find)
            low, high = (end - 1, high) if forward else (low, begin + 1)
            at = None
            if len(found) < limit and low + 1 < high:
                at = await self._edge(conversation_id, low, high, forward=forward)
        return [unquoted(message, horizon.id) for message in found], at is not None

    async def _edge(
        self, conversation_id: int, low: int, high: int, *, forward: bool
    ) -> int | None:
        """Return the first number that there is between two, or the last one."""
        find = partial(
            self._messages.GetAll,
            conversation_id, after=low if forward else None, before=high, limit=1, floor=low,
        )  # fmt: skip
        found = await self._patience.ask(find)
        return found[0].seq if found else None

    async def own(self, user_id: int, conversation_id: int, *, limit: int) -> list[Message]:
        """Return what somebody wrote last in a conversation and has not expired for the writer."""
        find = partial(self._messages.own, conversation_id, user_id, limit=limit)
        found = await self._patience.ask(find)
        hidden, horizon = await self._expired(user_id, conversation_id)
        return [unquoted(message, horizon.id) for message in found if message.seq > hidden]

    async def get(self, user_id: int, message_id: int) -> Message | None:
        """Return one message, None where there is none or it has expired for the user."""
        message = await self._patience.ask(self._messages.Get, message_id)
        if message is None:
            return None
        hidden, horizon = await self._expired(user_id, message.conversation_id)
        return None if message.seq <= hidden else unquoted(message, horizon.id)

    async def hidden(self, user_id: int, conversation_id: int) -> int:
        """Return up to which number a conversation has expired for a user."""
        hidden, _ = await self._expired(user_id, conversation_id)
        return hidden

    async def thread(self, user_id: int, message: Message, *, limit: int) -> list[Message]:
        """Return the comments on a message that have not expired for the user."""
        find = partial(self._messages.thread, message.id, limit=limit)
        found = await self._patience.ask(find)
        hidden, horizon = await self._expired(user_id, message.conversation_id)
        return [unquoted(comment, horizon.id) for comment in found if comment.seq > hidden]

    async def _expired(self, user_id: int, conversation_id: int) -> tuple[int, Horizon]:
        """Return up to where a conversation has expired for a user, and how far by time alone."""
        lifetime = self._lifetime_of(conversation_id)
        if not lifetime:
            return 0, NOTHING
        if conversation_id == GENERAL:
            horizon = self._horizon
        else:
            horizon = await self._look(conversation_id, NOTHING, lifetime)
        if not horizon.seq:
            return 0, NOTHING
        stored = await self._patience.ask(self._store.delivered, conversation_id, user_id)
        delivered = max(stored, self._markers.pending(user_id, conversation_id).delivered_seq)
        return min(delivered, horizon.seq), horizon

    def _lifetime_of(self, conversation_id: int) -> int:
        return self._general if conversation_id == GENERAL else self._others

    async def _look(self, conversation_id: int, known: Horizon, lifetime: int) -> Horizon:
        cutoff = self._now() // 1000 - lifetime
        return await self._patience.ask(self._store.horizon, conversation_id, known, cutoff)

    # ---- who comes

    async def pass_over(self, user_id: int) -> None:
        """Let a user who comes go on behind what was deleted of rooms without being delivered."""
        if not self._others:
            return
        try:
            missed = await self._patience.ask(self._store.missed, user_id)
        except StorageUnavailable:
            return  # it is done the next time
        for conversation_id, gone in missed:
            self._markers.move(user_id, conversation_id, gone)

    def came(self, memberships: Sequence[Membership]) -> list[Membership]:
        """Let somebody who has just come count at once; return what the memberships are then.

        In the general chat, too, one goes on behind what was deleted.
        """
        for membership in memberships:
            conversation_id, delivered = membership.conversation.id, membership.delivered_seq
            if conversation_id == GENERAL and delivered < self._gone:
                self._markers.move(membership.user_id, GENERAL, self._gone)
            upto = self._being_deleted.get(conversation_id)
            if upto is not None:
                self._being_deleted[conversation_id] = min(upto, delivered)
        return [self._markers.applied(membership) for membership in memberships]

    # ---- what is deleted

    async def run(self) -> None:
        """Delete for ever."""
        async with trio.open_nursery() as nursery:
            if self._general:
                nursery.start_soon(self._repeat, self._general, self.expire_general)
            if self._others:
                nursery.start_soon(self._repeat, self._others, self.expire_others)
            if self._general or self._others:
                nursery.start_soon(self._tidy_now_and_then)

    async def _repeat(self, lifetime: int, do: Callable[[], Awaitable[None]]) -> None:
        pause = min(max(lifetime / 1_000_000 / LOOKS, SHORTEST), LONGEST)
        while True:
            await self._try(do)
            await trio.sleep(pause)

    async def _tidy_now_and_then(self) -> None:
        while True:
            await trio.sleep(TIDY_EVERY)
            await self._try(self.tidy)

    async def _try(self, do: Callable[[], Awaitable[None]]) -> None:
        try:
            await do()
        except StorageUnavailable:
            log.debug("expiry.waits")
        except Exception:
            log.exception("expiry.failed")

    async def tidy(self) -> None:
        """Forget what was sent long ago, and give up the texts that a lost answer has left."""
        now = self._now() // 1000
        longest = max(self._general, self._others)
        while await self._intake.write(
            self._store.forget_spent, now - longest - max(self._away, _DAY), AT_ONCE
        ):
            await trio.lowlevel.checkpoint()
        last = 0
        while orphans := await self._patience.ask(self._store.orphans, last, now - _DAY, AT_ONCE):
            for last in orphans:
                self._intake.give_up(last)

    async def look(self) -> None:
        """Learn how far the general chat has expired, and how far it has been deleted."""
        if not self._gone:
            self._gone = await self._patience.ask(self._store.deleted_seq, GENERAL)
        if self._general:
            self._horizon = await self._look(GENERAL, self._horizon, self._general)
            self._forget(GENERAL, self._horizon)

    async def expire_general(self) -> None:
        """Hide what has expired of the general chat, and delete what has for all."""
        await self.look()
        await self._delete(GENERAL, self._horizon, self._general)

    async def expire_others(self) -> None:
        """Do the same with rooms and direct conversations, one after the other."""
        last: int | None = GENERAL
        while last is not None:
            cutoff = self._now() // 1000 - self._others
            old, last = await self._patience.ask(
                self._store.others, last, CONVERSATIONS_AT_ONCE, cutoff
            )
            for conversation_id in old:
                horizon = await self._look(conversation_id, NOTHING, self._others)
                self._forget(conversation_id, horizon)
                await self._delete(conversation_id, horizon, self._others)
            await trio.lowlevel.checkpoint()

    async def _delete(self, conversation_id: int, horizon: Horizon, lifetime: int) -> None:
        """Delete what every member who counts has had."""
        after = self._gone if conversation_id == GENERAL else 0
        if horizon.seq <= after:
            return
        await self._note_present()
        self._being_deleted[conversation_id] = horizon.seq
        try:
            upto = await self._delivered_to_all(conversation_id, horizon.seq)
            self._being_deleted[conversation_id] = min(upto, self._being_deleted[conversation_id])
            await self._delete_slices(conversation_id, after, lifetime)
        finally:
            del self._being_deleted[conversation_id]

    async def _delete_slices(self, conversation_id: int, after: int, lifetime: int) -> None:
        count = 0
        while after < (upto := self._being_deleted[conversation_id]):
            cutoff = self._now() // 1000 - lifetime
            begun = trio.current_time()
            slice_ = await self._intake.write(
                self._store.delete_slice, Stretch(conversation_id, after, upto, cutoff), SLICE
            )
            if not slice_.count:
                break
            after, count = slice_.last_seq, count + slice_.count
            if conversation_id == GENERAL:  # the others are too many to remember
                self._gone = after
            for body_id in slice_.bodies:
                self._intake.give_up(body_id)
            await trio.sleep(REST * (trio.current_time() - begun))
        if count:
            log.info("messages.expired", conversation=conversation_id, count=count, up_to=after)

    async def _delivered_to_all(self, conversation_id: int, most: int) -> int:
        """Return how far a conversation has reached every member who counts, ``most`` at most."""
        since = self._now() // 1000 - self._away
        last: int | None = 0
        while last is not None and most:
            lowest, last = await self._patience.ask(
                self._store.lowest_delivered, conversation_id, last, since, MEMBERS_AT_ONCE
            )
            most = most if lowest is None else min(most, lowest)
        return most


def unquoted(message: Message, expired_id: int) -> Message:
    """Return a message without the quote of one that has expired."""
    if message.quote is None or message.target_id is None or message.target_id > expired_id:
        return message
    return replace(message, quote=None)
