"""Messages with a time at which they are sent (S004-25)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import structlog
import trio
from msgspec.structs import replace

from chat.clock import zone_of
from chat.conversations import describe
from chat.errand import Errand
from chat.patience import Patience
from chat.session import Session
from chat.writing import destination, write
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import new_uuid
from protocol.vocabulary.schedule import ScheduledInfo, ScheduledRefused
from storage.errors import StorageUnavailable
from storage.interface import Stores
from storage.records import QUOTED, Due, Membership, NewScheduled, Scheduled, User

if TYPE_CHECKING:
    from chat.messenger import Messenger

log = structlog.get_logger()

MOST = 100
"""Scheduled messages that a user may have."""

LOOK_EVERY = 0.5
"""Seconds between two looks at the clock; it is read anew each time, for it can be set."""

GROUP = 50
"""Messages that are sent together."""

AT_START = 10.0
"""Seconds that a start waits, at most, for what was due while no server ran."""

LATE = 60_000_000
"""Microseconds after which a message is marked with the time at which it was due."""

_NOW_IMPOSSIBLE = (ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN)
"""Refusals that say nothing about the message: it is tried again."""


class Schedule:
    """Keeps messages until their time comes, and sends them; :meth:`run` has to run.

    A message keeps its uuid all the way, so it is stored once, whatever happens between its
    being stored and its being forgotten here.
    """

    def __init__(
        self,
        stores: Stores,
        patience: Patience,
        zone: tzinfo | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Read times in ``zone`` for who has none of their own; None is the machine's.

        ``now`` returns the time in nanoseconds.
        """
        self._stores = stores
        self._patience = patience
        self._zone = zone or MachineZone()
        self._now = now
        self._next_at: float = 0  # when the first one is due, or earlier
        self._sending: set[int] = set()
        self._claiming = trio.Lock()  # what is cancelled is not on its way, and the reverse

    def now(self) -> int:
        """Return the time in microseconds since the epoch."""
        return self._now() // 1000

    def zone_of(self, session: Session) -> tzinfo:
        """Return the time zone of what a user types."""
        return session.zone or self._zone

    async def add(
        self, user: User, conversation: int, body: bytes, due_at: int, uuid: UUID | None
    ) -> Scheduled:
        """Keep a message until it is due; one with the same uuid is the same message."""
        own = new_uuid() if uuid is None else uuid5(uuid, str(user.id))
        new = NewScheduled(user.id, conversation, body, due_at, self.now(), own.bytes)
        kept = await self._patience.ask(lambda: self._stores.schedule.add(new, most=MOST))
        if kept is None:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "You have {limit} scheduled messages already; /scheduled lists them, and /cancel "
                "removes one.",
                limit=MOST,
            )
        self._next_at = min(self._next_at, kept.due_at)
        return kept

    async def of_user(self, user: User) -> list[Scheduled]:
        """Return a user's messages that wait, or could not be sent."""
        before = frozenset(self._sending)
        kept = await self._patience.ask(self._stores.schedule.of_user, user.id)
        return [one for one in kept if one.id not in before | self._sending]

    async def places(self, user: User) -> dict[int, Membership]:
        """Return what a user is in, by the ids of the conversations."""
        ask = self._stores.conversations.memberships
        [memberships] = await self._patience.ask(ask, [user.id])
        return {place.conversation.id: place for place in memberships}

    async def set_zone(self, user: User, name: str) -> None:
        """Keep the time zone that a user has chosen, for all devices."""
        await self._patience.ask(self._stores.schedule.set_zone, user.id, name)

    async def cancel(self, user: User, number: int) -> None:
        """Forget a user's message; raises where it is none, or has been sent."""
        async with self._claiming:
            if number in self._sending:
                raise ProtocolError(ErrorCode.TOO_LATE, "It is being sent at this moment.")
            gone = await self._patience.ask(self._stores.schedule.cancel, user.id, number)
        if not gone:
            raise ProtocolError(
                ErrorCode.UNKNOWN_MESSAGE,
                "You have no scheduled message {number}; perhaps it has been sent. /scheduled "
                "lists those that wait.",
                number=number,
            )

    async def catch_up(self, messenger: Messenger) -> None:
        """Send what was due while no server ran, before anybody can write anything.

        What a database that is slow, or away, does not take now is sent by :meth:`run`.
        """
        with trio.move_on_after(AT_START):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(messenger.journal.run)
                with suppress(StorageUnavailable):
                    while await self.send_due(messenger):
                        pass
                nursery.cancel_scope.cancel()

    async def run(self, messenger: Messenger) -> None:
        """Send for ever what is due."""
        while True:
            try:
                while await self.send_due(messenger):
                    pass
            except StorageUnavailable:
                pass  # what is due waits for it
            except Exception:
                log.exception("scheduled.failed")
            await trio.sleep(LOOK_EVERY)

    async def send_due(self, messenger: Messenger) -> bool:
        """Send what is due now; True where there may be more of it."""
        now = self.now()
        if now < self._next_at:
            return False
        async with self._claiming:
            due = await self._patience.ask(self._stores.schedule.due, now, GROUP)
            self._sending.update(one.scheduled.id for one in due)
        try:
            done = await self._send(messenger, due, now)
        finally:
            self._sending.difference_update(one.scheduled.id for one in due)
        if len(due) == GROUP and done:
            return True
        self._next_at = inf  # what is added from here on makes it earlier again
        try:
            found = await self._patience.ask(self._stores.schedule.next_due)
        except BaseException:
            self._next_at = 0
            raise
        self._next_at = min(self._next_at, inf if found is None else found)
        return False

    async def _send(self, messenger: Messenger, due: Sequence[Due], now: int) -> int:
        """Send messages in their order; return of how many one need not think any more."""
        errands: dict[int, Errand] = {}
        refused: dict[int, ErrorCode] = {}
        authors = _Authors(self._find, self.places)
        for one in due:
            number = one.scheduled.id
            try:
                errands[number] = await self._hand_in(messenger, authors, one, now)
            except ProtocolError as error:
                refused[number] = error.code
        for number, errand in errands.items():
            code = await errand.outcome()
            if code is not None:
                refused[number] = code
        sent = [number for number in errands if number not in refused]
        await self._patience.ask(self._stores.schedule.remove, sent)
        if sent:
            log.info("scheduled.sent", count=len(sent))
        final = {number: code for number, code in refused.items() if code not in _NOW_IMPOSSIBLE}
        for one in due:
            if (code := final.get(one.scheduled.id)) is not None:
                await self._refuse(messenger, authors, one, code)
        return len(sent) + len(final)

    async def _find(self, name_key: str) -> User:
        user = await self._patience.ask(self._stores.accounts.find, name_key)
        if user is None:
            raise RuntimeError("a scheduled message has no author")
        return user

    async def _hand_in(self, messenger: Messenger, authors: _Authors, one: Due, now: int) -> Errand:
        """Give a message to the journal, if its author may still send it."""
        what = one.scheduled
        user, places = await authors.get(one)
        errand = Errand(places)
        session = Session(errand, user, registered=user.registered)
        place = await destination(messenger, session, to=None, conversation=what.conversation_id)
        late = now - what.due_at > LATE
        write(
            messenger, session, None, place, what.body,
            uuid=UUID(bytes=what.uuid), due_at=what.due_at if late else None,
        )  # fmt: skip
        return errand

    async def _refuse(
        self, messenger: Messenger, authors: _Authors, one: Due, code: ErrorCode
    ) -> None:
        """Keep a message that cannot be sent, and tell its author."""
        what = one.scheduled
        await self._patience.ask(self._stores.schedule.fail, what.id, str(code))
        log.info("scheduled.refused", user=what.user_id, code=str(code))
        _, places = await authors.get(one)
        event = ScheduledRefused(item=as_info(replace(what, failure=str(code)), places))
        for session in messenger.presence.of(what.user_id):
            session.peer.notify(event)


class _Authors:
    """Those whose messages are due, as the database knows them now, each looked up once."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[User]],
        places: Callable[[User], Awaitable[dict[int, Membership]]],
    ) -> None:
        self._find = find
        self._places = places
        self._found: dict[str, tuple[User, dict[int, Membership]]] = {}

    async def get(self, one: Due) -> tuple[User, dict[int, Membership]]:
        """Return the author, and what it is in by the ids of the conversations."""
        if one.name_key not in self._found:
            user = await self._find(one.name_key)
            self._found[one.name_key] = user, await self._places(user)
        return self._found[one.name_key]


def first_zone(*names: str | None) -> tzinfo | None:
    """Return the first time zone that there is, None where there is none of them."""
    for name in names:
        with suppress(ProtocolError):
            if name:
                return zone_of(name)
    return None


def as_info(kept: Scheduled, places: Mapping[int, Membership]) -> ScheduledInfo:
    """Return a scheduled message as its user sees it, who is in ``places`` now."""
    place = places.get(kept.conversation_id)
    shown = None if place is None else describe(place)
    return ScheduledInfo(
        id=kept.id,
        due=kept.due_at,
        conversation=kept.conversation_id,
        kind="" if shown is None else shown.kind,
        name="" if shown is None else shown.name,
        text=kept.body[:QUOTED].decode(errors="ignore"),
        cut=len(kept.body) >= QUOTED,
        failure=kept.failure,
    )


class MachineZone(tzinfo):
    """The time zone of this machine, of which only the C library may know the name."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return how far clocks here are ahead at a moment."""
        return None if moment is None else _here(moment).utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Say nothing about summer time; it is in the offset."""
        del moment
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """Return the abbreviation of the zone."""
        return None if moment is None else _here(moment).tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """Return what clocks here show."""
        return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)


def _here(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None).astimezone()
