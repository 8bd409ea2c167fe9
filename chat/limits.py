"""How many messages a user may send to the general chat in a while (S004-17, S004-18, S004-23).

Counted in memory, for all devices of a user together, and written in groups: a restart in good
order keeps the counts, a crash forgives what was sent in the last seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

import trio
from msgspec import Struct

from chat.patience import Patience
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Notice
from protocol.requests import GENERAL
from protocol.text import next_minute
from storage.errors import StorageUnavailable
from storage.moderation_records import Quota
from storage.moderation_store import ModerationStore

WRITE_EVERY = 2.0  # seconds
FORGET_EVERY = 60.0  # seconds

MOST_REMEMBERED = 20_000
"""Messages from before the start that are known when they are sent again."""

TELL_AT = (5, 3, 2, 1, 0)
"""How many have to be left for the sender to be told."""

_COUNTED = ("text", "file")
_MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Limit:
    """What the settings say."""

    messages: int = 0
    """In a period; 0 is no limit."""
    minutes: float = 60.0
    """How long a period lasts."""


class Allowance(Struct, frozen=True, gc=False):
    """What a message has left to its sender."""

    left: int
    renews_at: int
    again: bool
    """True: it has been sent before, and is counted already."""


class _Count(Struct):
    """One user's period."""

    started_at: int
    used: int
    uuids: set[bytes]
    """What is counted in it."""
    earlier: set[bytes]
    """What was counted in the one before."""


class Limits:
    """Counts what users send to the general chat; :meth:`run` has to run."""

    def __init__(
        self,
        store: ModerationStore,
        patience: Patience,
        limit: Limit,
        *,
        zone: tzinfo | None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Show times in ``zone`` to who has none; ``now`` returns the time in nanoseconds."""
        self._store = store
        self._patience = patience
        self._most = limit.messages
        self._period = round(limit.minutes * _MINUTE)
        self._zone = zone
        self._now = now
        self._counts: dict[int, _Count] = {}
        self._changed: set[int] = set()
        self._one_at_a_time = trio.Lock()

    async def load(self) -> None:
        """Take over the periods that had not ended when the server stopped."""
        if not self._most:
            return
        since = self._micros() - self._period
        for quota in await self._store.quotas(since):
            self._counts[quota.user_id] = _Count(quota.started_at, quota.used, set(), set())
        if self._counts:
            for user_id, uuid in await self._store.sent_since(since, MOST_REMEMBERED):
                if user_id in self._counts:
                    self._counts[user_id].uuids.add(uuid)

    def take(
        self, session: Session, conversation_id: int, kind: str, uuid: bytes
    ) -> Allowance | None:
        """Count a message; None where it is not limited.

        One that is sent again, because its acknowledgement was lost, is neither refused nor
        counted a second time. Raises :class:`ProtocolError` where there were too many before.
        """
        count = self._counting(session, conversation_id, kind)
        if count is None:
            return None
        again = uuid in count.uuids or uuid in count.earlier
        if not again:
            self._check(count, session)
            count.used += 1
            count.uuids.add(uuid)
            self._changed.add(session.who.id)
        left = max(self._most - count.used, 0)
        return Allowance(left, count.started_at + self._period, again)

    def check(self, session: Session, conversation_id: int, kind: str, uuid: bytes) -> None:
        """Raise :class:`ProtocolError` where a message would be refused now; count nothing."""
        count = self._counting(session, conversation_id, kind)
        if count is not None and uuid not in count.uuids and uuid not in count.earlier:
            self._check(count, session)

    def _counting(self, session: Session, conversation_id: int, kind: str) -> _Count | None:
        """Return the period in which a message is counted; None where it is not limited."""
        if not self._most or conversation_id != GENERAL or kind not in _COUNTED:
            return None
        return self._present(session.who.id)

    def _check(self, count: _Count, session: Session) -> None:
        if count.used >= self._most:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "You have sent the {limit} messages that you can send to the general chat for "
                "now; the count starts anew at {time}.",
                limit=self._most,
                time=self._time(count, session),
            )

    def give_back(self, session: Session, uuid: bytes) -> None:
        """Count a message no longer: nothing came of it."""
        count = self._present(session.who.id)
        if uuid in count.uuids:
            count.uuids.discard(uuid)
            count.used -= 1

    def tell(self, session: Session, allowance: Allowance) -> None:
        """Tell the sender how many are left, where those are few."""
        if allowance.again or allowance.left not in TELL_AT:
            return
        voice = session.voice
        renews = self._shown(allowance.renews_at, session)
        if allowance.left:
            sentence = voice.count(
                "You can send {number} more message to the general chat; the count starts anew at "
                "{time}.",
                "You can send {number} more messages to the general chat; the count starts anew at "
                "{time}.",
                allowance.left,
                time=renews,
            )
        else:
            sentence = voice.say(
                "That was the last message that you can send to the general chat for now; the "
                "count starts anew at {time}.",
                time=renews,
            )
        session.peer.post(Notice(message=sentence))

    async def run(self) -> None:
        """Write for ever."""
        forget_at = trio.current_time() + FORGET_EVERY
        while True:
            await trio.sleep(WRITE_EVERY)
            await self.write()
            if trio.current_time() >= forget_at:
                forget_at += FORGET_EVERY
                self._forget()

    async def write(self) -> None:
        """Write what has changed; what a database that is away does not take is kept."""
        async with self._one_at_a_time:
            if not self._changed:
                return
            changed, self._changed = self._changed, set()
            quotas = [
                Quota(user_id, self._counts[user_id].started_at, self._counts[user_id].used)
                for user_id in changed
            ]
            try:
                await self._patience.ask(self._store.save_quotas, quotas)
            except BaseException as error:
                self._changed |= changed
                if not isinstance(error, StorageUnavailable):
                    raise

    def _present(self, user_id: int) -> _Count:
        """Return a user's period, a new one where there is none at the moment.

        A clock that was put back behind the beginning of a period ends it: else that one would
        last until the clock is there again.
        """
        now = self._micros()
        count = self._counts.get(user_id)
        if count is None:
            count = self._counts[user_id] = _Count(now, 0, set(), set())
        elif not count.started_at <= now < count.started_at + self._period:
            count = self._counts[user_id] = _Count(now, 0, set(), count.uuids)
        return count

    def _forget(self) -> None:
        """Forget those whose last period is long over."""
        over = self._micros() - 2 * self._period
        self._counts = {
            user_id: count
            for user_id, count in self._counts.items()
            if count.started_at > over or user_id in self._changed
        }

    def _micros(self) -> int:
        return self._now() // 1000

    def _time(self, count: _Count, session: Session) -> str:
        return self._shown(count.started_at + self._period, session)

    def _shown(self, micros: int, session: Session) -> str:
        return next_minute(micros, session.zone or self._zone)
