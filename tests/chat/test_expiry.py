"""What expires for whom, and that deleting it is done in slices (S004-16, decision 2)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from chat.expiry import SLICE, Expiry, Lifetime
from chat.intake import Intake
from chat.known import Known
from chat.markers import Markers
from chat.patience import Patience
from chat.seen import LastSeen
from chat.session import Presence
from storage import GENERAL_ID, Membership, Message, NewMessage, Quote, Stores, User, open_stores
from storage.errors import StorageUnavailable
from storage.expiry_store import Horizon, Slice, Stretch
from storage.schema import spent
from tests.chat.fakes import Author
from tests.storage.helpers import NOW, new, run, save, user

MINUTE = 60_000_000


def count_spent(connection: Connection) -> int:
    """Return of how many deleted messages it is known who sent them."""
    return int(connection.execute(select(func.count()).select_from(spent)).scalar_one())


class Chat:
    """An expiry with two people, and a clock that is set by hand."""

    def __init__(self, stores: Stores, people: list[User], lifetime: Lifetime) -> None:
        self.stores = stores
        self.ann, self.bob = people
        self.now = NOW
        self.forgotten: list[tuple[int, Horizon]] = []
        self.markers = Markers(stores.conversations, Patience(), Known())
        self.intake = Intake(stores.bodies)
        self.expiry = Expiry(
            stores,
            Patience(),
            self.markers,
            self.intake,
            lifetime,
            forget=lambda conversation, horizon: self.forgotten.append((conversation, horizon)),
            now=lambda: self.now * 1000,
        )

    async def write(self, count: int, conversation_id: int = GENERAL_ID) -> list[Message]:
        """Let Ann write some messages now."""
        fresh: list[NewMessage] = [
            replace(new(self.ann, f"text {n}", conversation_id=conversation_id), sent_at=self.now)
            for n in range(count)
        ]
        return [saved.message for saved in await save(self.stores, fresh)]

    def had(self, seq: int, *people: User, conversation_id: int = GENERAL_ID) -> None:
        """Note that people have had everything up to a number."""
        for one in people:
            self.markers.move(one.id, conversation_id, seq)

    async def shown(self, to: User, conversation_id: int = GENERAL_ID, **place: Any) -> list[int]:
        """Return the numbers in a history."""
        found = await self.expiry.page(to.id, conversation_id, **place)
        return [message.seq for message in found]

    async def left(self, conversation_id: int = GENERAL_ID) -> list[int]:
        """Return the numbers in the database."""
        return [message.seq for message in await self.stores.messages.GetAll(conversation_id)]


@pytest.fixture
async def stores(sqlite_url: str) -> AsyncIterator[Stores]:
    """A database of its own."""
    async with open_stores(sqlite_url) as opened:
        yield opened


@pytest.fixture
async def chat(stores: Stores) -> Chat:
    """Messages of the general chat live an hour, those in rooms two."""
    people = [await user(stores, name) for name in ("Ann", "Bob")]
    return Chat(stores, people, Lifetime(60, 120))


async def test_it_expires_for_those_who_have_had_it(chat: Chat) -> None:
    """S004-16, S002-15: by its age and by the marker, that which is not yet written included."""
    await chat.write(10)
    chat.had(7, chat.bob)
    await chat.expiry.expire_general()
    assert await chat.shown(chat.bob) == list(range(1, 11))
    chat.now += 60 * MINUTE
    await chat.expiry.expire_general()
    assert await chat.shown(chat.bob) == list(range(1, 11))  # exactly an hour old: still there
    chat.now += 1
    await chat.expiry.expire_general()
    assert await chat.shown(chat.bob) == [8, 9, 10]
    assert await chat.shown(chat.bob, limit=2) == [9, 10]
    assert await chat.shown(chat.bob, after=2, limit=2) == [8, 9]
    assert await chat.shown(chat.bob, before=9) == [8]
    assert await chat.shown(chat.ann) == list(range(1, 11))
    assert chat.expiry.general_seq == 10
    assert await chat.left() == list(range(1, 11))


async def test_it_goes_when_all_have_had_it(chat: Chat) -> None:
    await chat.write(10)
    chat.had(7, chat.bob)
    chat.had(9, chat.ann)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    await chat.expiry.expire_general()
    assert await chat.left() == [8, 9, 10]
    chat.had(9, chat.bob)
    await chat.markers.write()
    await chat.write(1)
    await chat.expiry.expire_general()
    assert await chat.left() == [10, 11]
    assert chat.forgotten[-1] == (GENERAL_ID, Horizon(10, 10))


async def test_who_is_long_away_does_not_hold_it_up(chat: Chat) -> None:
    """Decision 2: 30 days."""
    await chat.write(3)
    chat.had(3, chat.ann)
    await chat.markers.write()
    for day, left in ((29, [1, 2, 3]), (31, [])):
        chat.now = NOW + day * 1440 * MINUTE
        await chat.stores.moderation.saw([chat.ann.id], chat.now)
        await chat.expiry.expire_general()
        assert await chat.left() == left


async def test_rooms_and_private_messages(chat: Chat) -> None:
    """Decision 1: they have a lifetime of their own, and the general chat has none of theirs."""
    direct = (await chat.stores.conversations.ensure_direct(chat.ann.id, chat.bob.id, NOW)).id
    await chat.write(4)
    await chat.write(3, direct)
    chat.had(4, chat.ann, chat.bob)
    chat.had(2, chat.ann, chat.bob, conversation_id=direct)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    await chat.expiry.expire_others()
    assert await chat.shown(chat.bob, direct) == await chat.left(direct) == [1, 2, 3]
    chat.now += 60 * MINUTE
    assert await chat.shown(chat.bob, direct) == [3]
    await chat.expiry.expire_others()
    assert await chat.left(direct) == [3]
    assert await chat.left() == [1, 2, 3, 4]


async def test_one_message_and_its_comments(chat: Chat) -> None:
    """S004-24: what has expired is not found, and not quoted."""
    [asked] = await chat.write(1)
    chat.now += 40 * MINUTE
    answer = replace(
        new(chat.bob, "yes", target_id=asked.id, kind="text"), sent_at=chat.now, uuid=b"u" * 16
    )
    [saved] = await save(chat.stores, [answer])
    for comment in await chat.expiry.thread(chat.bob.id, asked, limit=10):
        assert comment.quote == Quote("Ann", b"text 0")
    chat.had(1, chat.bob)
    chat.now += 21 * MINUTE
    await chat.expiry.expire_general()
    assert await chat.expiry.get(chat.bob.id, asked.id) is None
    assert await chat.expiry.get(chat.ann.id, asked.id) is not None
    assert await chat.expiry.get(chat.bob.id, 4711) is None
    found = await chat.expiry.get(chat.bob.id, saved.message.id)
    assert found is not None
    assert (found.quote, found.target_id) == (None, asked.id)
    [comment] = await chat.expiry.thread(chat.ann.id, asked, limit=10)
    assert comment.quote is None


async def test_long_texts_go_too(chat: Chat) -> None:
    body = await chat.stores.bodies.create(NOW)
    await chat.stores.bodies.append(body, 0, b"long")
    await save(chat.stores, [replace(new(chat.ann, body_id=body), sent_at=NOW)])
    chat.had(1, chat.ann, chat.bob)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.intake.run)
        await chat.expiry.expire_general()
        with trio.fail_after(5):
            while await chat.stores.bodies.read(body, 0, 9):  # noqa: ASYNC110 - no event for it
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_it_is_deleted_in_slices(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a transaction of its own, through the intake, and others come in between."""
    count = 3 * SLICE + 7
    await chat.write(count)
    chat.had(count, chat.ann, chat.bob)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    slices: list[int] = []
    delete_slice = chat.stores.expiry.delete_slice

    async def counting(stretch: Stretch, limit: int) -> Slice:
        slice_ = await delete_slice(stretch, limit)
        slices.append(slice_.count)
        return slice_

    monkeypatch.setattr(chat.stores.expiry, "delete_slice", counting)
    await chat.expiry.expire_general()
    assert slices == [SLICE, SLICE, SLICE, 7]
    assert SLICE <= 500
    assert await chat.left() == []


async def test_a_database_that_is_away_is_waited_for(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S004-34: what cannot be deleted now is deleted later; nothing ends."""
    await chat.write(1)
    chat.had(1, chat.ann, chat.bob)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    horizon = chat.stores.expiry.horizon
    failures: list[Exception] = [StorageUnavailable("away"), ValueError("a mistake")]

    async def failing(conversation_id: int, known: Horizon, cutoff: int) -> Horizon:
        if failures:
            raise failures.pop()
        return await horizon(conversation_id, known, cutoff)

    monkeypatch.setattr(chat.stores.expiry, "horizon", failing)
    monkeypatch.setattr("chat.expiry.LONGEST", 0.05)
    monkeypatch.setattr("chat.expiry.SHORTEST", 0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.expiry.run)
        with trio.fail_after(5):
            while await chat.left():  # noqa: ASYNC110 - there is no event for it
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()


async def test_without_lifetimes_nobody_asks(stores: Stores) -> None:
    """Decision 1: 0 turns it off."""
    people = [await user(stores, name) for name in ("Ann", "Bob")]
    chat = Chat(stores, people, Lifetime())
    await chat.write(2)
    chat.had(2, chat.ann, chat.bob)
    await chat.markers.write()
    chat.now += 10**9 * MINUTE
    with trio.fail_after(5):
        await chat.expiry.run()
    await chat.expiry.look()
    assert await chat.shown(chat.bob) == [1, 2]
    assert chat.forgotten == []


async def test_what_was_said_among_much_else(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at so many entries behind the first that it finds, and loses none."""
    monkeypatch.setattr("chat.expiry.WALK", 10)
    chance = random.Random(5)
    for _ in range(6):
        kinds = ["text"] * chance.randrange(4) + ["join"] * chance.choice((0, 3, 35))
        await save(chat.stores, [replace(new(chat.ann, kind=kind), sent_at=NOW) for kind in kinds])
    said = [one.seq for one in await chat.stores.messages.GetAll(GENERAL_ID, spoken=True)]
    most = (await chat.stores.messages.GetAll(GENERAL_ID))[-1].seq
    assert len(said) > 4
    walked: list[int] = []
    find = chat.stores.messages.GetAll

    async def counting(*place: Any, **where: Any) -> list[Message]:
        found = await find(*place, **where)
        if where.get("spoken"):
            walked.append(where["before"] - 1 - max(where["floor"], where["after"] or 0))
        return found

    monkeypatch.setattr(chat.stores.messages, "GetAll", counting)
    for limit in (1, 3, 100):
        for edge in (None, 2**40, most + 1):
            found: list[int] = []
            more = True
            while more:
                before = found[0] if found else edge
                page, more = await chat.expiry.spoken(
                    chat.bob.id, GENERAL_ID, after=None, before=before, limit=limit
                )
                more = more or len(page) == limit
                found = [one.seq for one in page] + found
                assert page or not more
            assert found == said
        found = []
        more = True
        while more:
            page, more = await chat.expiry.spoken(
                chat.bob.id, GENERAL_ID, after=found[-1] if found else 0, before=None, limit=limit
            )
            more = more or len(page) == limit
            found += [one.seq for one in page]
        assert found == said
    assert max(walked) == 10
    page, more = await chat.expiry.spoken(
        chat.bob.id, GENERAL_ID, after=said[0], before=said[2], limit=9
    )
    assert [one.seq for one in page] == [said[1]]
    assert await chat.expiry.spoken(
        chat.bob.id, GENERAL_ID, after=said[1], before=said[2], limit=9
    ) == ([], False)


async def test_what_was_said_and_has_expired(chat: Chat) -> None:
    """The beginning is where it is for the user, or where the database has anything."""
    await chat.write(6)
    chat.had(3, chat.bob)
    chat.had(2, chat.ann)
    await chat.markers.write()
    chat.now += 61 * MINUTE
    await chat.expiry.expire_general()
    assert await chat.left() == [3, 4, 5, 6]
    for who, seqs in ((chat.ann, [3, 4, 5, 6]), (chat.bob, [4, 5, 6])):
        for after, before in ((None, None), (None, 7), (0, None), (0, 7)):
            found, more = await chat.expiry.spoken(
                who.id, GENERAL_ID, after=after, before=before, limit=9
            )
            assert ([one.seq for one in found], more) == (seqs, False)


async def of(chat: Chat, who: User) -> list[Membership]:
    """Return what somebody who comes now is in."""
    await chat.expiry.pass_over(who.id)
    [found] = await chat.stores.conversations.memberships([who.id])
    return chat.expiry.came([chat.markers.applied(one) for one in found])


async def test_who_comes_goes_on_behind_what_is_deleted(chat: Chat) -> None:
    """Decision 2: nothing of it will ever come, and it must not hold up what follows."""
    direct = (await chat.stores.conversations.ensure_direct(chat.ann.id, chat.bob.id, NOW)).id
    await chat.write(3)
    await chat.write(2, direct)
    chat.had(3, chat.ann)
    chat.had(2, chat.ann, conversation_id=direct)
    await chat.markers.write()
    assert [one.delivered_seq for one in await of(chat, chat.bob)] == [0, 0]
    chat.now = NOW + 31 * 1440 * MINUTE
    await chat.stores.moderation.saw([chat.ann.id], chat.now)
    await chat.expiry.expire_general()
    await chat.expiry.expire_others()
    assert await chat.left() == await chat.left(direct) == []
    await chat.write(1)
    again = Chat(chat.stores, [chat.ann, chat.bob], Lifetime(60, 120))  # after a restart
    await again.expiry.look()
    for there in (chat, again):
        memberships = await of(there, chat.bob)
        assert [(one.delivered_seq, one.unread) for one in memberships] == [(3, 1), (2, 0)]
    assert again.markers.pending(chat.ann.id, GENERAL_ID).delivered_seq == 0


async def test_who_comes_counts_at_once(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while that is deleted for which nobody has waited."""
    monkeypatch.setattr("chat.expiry.SLICE", 2)
    await chat.write(9)
    chat.had(9, chat.ann)
    await chat.markers.write()
    chat.now = NOW + 31 * 1440 * MINUTE
    await chat.stores.moderation.saw([chat.ann.id], chat.now)
    delete_slice = chat.stores.expiry.delete_slice
    came: list[int] = []

    async def with_a_visit(stretch: Stretch, limit: int) -> Slice:
        slice_ = await delete_slice(stretch, limit)
        if slice_.last_seq == 4:
            came.extend(one.delivered_seq for one in await of(chat, chat.bob))
        return slice_

    monkeypatch.setattr(chat.stores.expiry, "delete_slice", with_a_visit)
    await chat.expiry.expire_general()
    assert came == [4]
    assert await chat.left() == [5, 6, 7, 8, 9]


async def test_those_who_are_here_are_noted_first(chat: Chat) -> None:
    """However short the time is after which somebody is away."""
    await chat.write(1)
    chat.had(1, chat.ann)
    await chat.markers.write()
    presence = Presence()
    presence.add(Author(chat.bob))
    seen = LastSeen(chat.stores.moderation, Patience(), presence, away_days=1e-5)
    lifetime = Lifetime(1e-4, away_days=1e-5)
    forget: list[object] = []
    expiry = Expiry(
        chat.stores, Patience(), chat.markers, chat.intake, lifetime,
        forget=lambda *what: forget.append(what), note_present=seen.write,
    )  # fmt: skip
    for _ in range(2):
        await trio.sleep(1)
        await expiry.expire_general()
        assert await chat.left() == [1]
    presence = seen._presence = Presence()
    await trio.sleep(1)
    await expiry.expire_general()
    assert await chat.left() == []


async def test_tidying_up(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sent what is forgotten after the days away; a text that nothing refers to is given up.

    Such a text is left where the answer to a commit was lost, and what was done is done again.
    """
    monkeypatch.setattr("chat.expiry.AT_ONCE", 2)
    await chat.write(5)
    chat.had(5, chat.ann, chat.bob)
    await chat.markers.write()
    bodies = [await chat.stores.bodies.create(NOW) for _ in range(5)]
    for body in bodies:
        await chat.stores.bodies.append(body, 0, b"text")
    [kept] = await save(chat.stores, [new(chat.ann, body_id=bodies[3])])
    chat.now += 61 * MINUTE
    await chat.expiry.expire_general()
    await chat.expiry.tidy()
    assert await run(chat.stores, count_spent) == 5
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.intake.run)
        chat.now = NOW + 31 * 1440 * MINUTE
        await chat.expiry.tidy()
        assert await run(chat.stores, count_spent) == 0
        with trio.fail_after(5):
            while len(await chat.stores.expiry.orphans(0, chat.now, 9)):  # noqa: ASYNC110
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert kept.message.body_id is not None
    assert await chat.stores.bodies.read(kept.message.body_id, 0, 9) == b"text"
