"""Opening conversations: what is read by it, and those in which nothing has been said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import trio

from chat import conversations, silent
from chat.dispatch import dispatch
from protocol.errors import ErrorCode
from protocol.events import Conversation, LoggedIn, Opened, Sent
from protocol.limits import MAX_PAGE
from protocol.requests import Login, Send
from protocol.vocabulary.reading import Open, ReadAll
from storage import StorageUnavailable
from storage.records import Conversation as Stored
from storage.records import Membership, NewMessage
from tests.chat.fakes import Author
from tests.chat.house import House, house


@pytest.fixture
async def home(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger on SQLite."""
    async with house(sqlite_url) as made:
        yield made


async def _open(home: House, who: Author, to: str) -> Opened:
    opened = await home.ask(who, Open(to=to))
    assert isinstance(opened, Opened), opened
    return opened


async def _pour(home: House, who: Author, place: int, count: int, kind: str = "text") -> None:
    me = who.who
    await home.stores.messages.SaveMsg(
        [
            NewMessage(place, me.id, me.name, bytes([n % 256, n // 256]) * 8, 0, b"x", 1, kind=kind)
            for n in range(count)
        ]
    )  # fmt: skip


def _read(home: House, who: Author, place: int) -> int:
    return home.messenger.markers.pending(who.who.id, place).read_seq


async def test_what_was_neither_shown_nor_sent_is_not_read(home: House) -> None:
    """S000-14: of 300 unread ones the newest 200 are shown; the others are read later."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    place = (await home.say(bob, "first", to="Ann")).conversation
    await _pour(home, bob, place, 299)
    opened = await _open(home, ann, "Bob")
    assert (opened.more, len(opened.messages), opened.conversation.unread) == (True, MAX_PAGE, 300)
    assert _read(home, ann, place) == 0
    ann.screen.followed[place] = 120  # so much has been handed to it meanwhile
    opened = await _open(home, ann, "Bob")
    assert opened.more
    assert _read(home, ann, place) == 120
    opened = await _open(home, ann, "Bob")
    assert (opened.more, opened.conversation.unread) == (False, 180)
    assert _read(home, ann, place) == 300
    assert (await _open(home, ann, "Bob")).conversation.unread == 0


async def test_what_was_taken_back_is_not_taken_for_unread(home: House) -> None:
    """It stands in the page, but it is not what is still to be read."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    place = (await home.say(bob, "first", to="Ann")).conversation
    await _pour(home, bob, place, 150)
    await _pour(home, ann, place, 150, kind="deleted")
    opened = await _open(home, ann, "Bob")
    assert (opened.more, opened.conversation.unread) == (True, 151)
    assert _read(home, ann, place) == 0


async def test_one_conversation_is_opened_and_no_other_is_looked_at(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many one is in; while the database is away what is known has to do."""
    ann, bob = await home.enter("Ann"), await home.enter("Bob")
    place = (await home.say(bob, "first", to="Ann")).conversation

    async def fail(*_arguments: object) -> None:
        raise StorageUnavailable("gone")

    monkeypatch.setattr(home.stores.conversations, "memberships", fail)
    assert (await _open(home, ann, "Bob")).conversation.unread == 1
    monkeypatch.setattr(home.stores.conversations, "membership", fail)
    marked = await home.ask(ann, ReadAll(conversation=place))
    assert marked.read == 1  # type: ignore[attr-defined]
    ann.screen.followed[4711] = 0
    assert await home.refusal(ann, ReadAll(conversation=4711)) == ErrorCode.UNKNOWN_CONVERSATION
    home.messenger._known._forget(ann.who.id)
    assert await home.refusal(ann, ReadAll(conversation=place)) == ErrorCode.STORAGE_UNAVAILABLE


# ---- conversations in which nothing has been said


async def test_what_strangers_open_costs_nothing_at_a_login(home: House) -> None:
    """S002-14: they follow it, and the one they name neither follows nor reads it."""
    ann = await home.enter("Ann")
    guests = [await home.enter(f"guest{number}") for number in range(5)]
    for guest in guests:
        place = (await _open(home, guest, "Ann")).conversation.id
        assert guest.screen.followed[place] == 0
    again = await home.enter("Ann")
    assert list(ann.screen.followed) == list(again.screen.followed) == [1]
    assert len(home.messenger._known.memberships(ann.who.id) or ()) == 1
    assert place in (await home.enter("guest4")).screen.followed
    sent = await home.ask(guests[4], Send(conversation=place, text="hello"))
    assert isinstance(sent, Sent)
    for device in (ann, again):
        assert place in device.screen.followed
        assert [
            one.conversation.id for one in device.screen.posted if isinstance(one, Conversation)
        ] == [place]
    assert place in (await home.enter("Ann")).screen.followed


async def test_those_that_memory_has_no_room_for_are_looked_up(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand are kept; the first message reaches both all the same."""
    monkeypatch.setattr(silent, "MAX_KEPT", 2)
    ann = await home.enter("Ann")
    guests = [await home.enter(f"guest{number}") for number in range(4)]
    places = [(await _open(home, guest, "Ann")).conversation.id for guest in guests]
    assert len(home.messenger.conversations._silent._pairs) == 2
    asked: list[int] = []
    pair = home.stores.conversations.pair

    async def noted(conversation: int) -> object:
        asked.append(conversation)
        return await pair(conversation)

    monkeypatch.setattr(home.stores.conversations, "pair", noted)
    for _ in range(2):
        for guest, place in zip(guests, places, strict=True):
            await home.ask(guest, Send(conversation=place, text="hello"))
            assert place in ann.screen.followed
        await home.say(ann, "to all")
    assert asked == [*places[:2], 1], "each is asked for once"


async def test_nobody_opens_any_number(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a message; with one there is no end of it."""
    monkeypatch.setattr(conversations, "MAX_SILENT", 2)
    ann = await home.enter("Ann")
    for name in ("Bob", "Cid", "Dan"):
        await home.enter(name)
    for name in ("Bob", "Cid", "Bob"):
        await _open(home, ann, name)
    assert await home.refusal(ann, Open(to="Dan")) == ErrorCode.LIMIT_REACHED
    await home.say(ann, "hello", to="Dan")
    await _open(home, ann, "Dan")
    assert await home.refusal(ann, Open(to="Ann")) == ErrorCode.BAD_ARGUMENTS


@pytest.mark.parametrize("silently", [True, False])
async def test_a_login_does_not_miss_a_first_message(home: House, silently: bool) -> None:
    """Announced before the login looks, stored after it has."""
    bob = await home.enter("Bob")
    ann = await home.enter("Ann")
    home.messenger.presence.remove(ann)
    if silently:
        await _open(home, bob, "Ann")
    save, gate = home.stores.messages.SaveMsg, trio.Event()

    async def slow(new: Sequence[NewMessage]) -> object:
        await gate.wait()
        return await save(new)

    home.messenger.journal._storage.SaveMsg = slow  # type: ignore[method-assign, assignment]
    assert await dispatch(home.messenger, bob, Send(to="Ann", text="hello")) is None
    again = Author()
    assert isinstance(await dispatch(home.messenger, again, Login(name="Ann")), LoggedIn)
    gate.set()
    await bob.wait_in_flight(0)
    [place] = set(again.screen.followed) - {1}
    assert home.published[-1].conversation_id == place
    assert home.messenger.conversations._beginning.of(ann.who.id)
    await home.enter("Ann")
    assert not home.messenger.conversations._beginning.of(ann.who.id)
    assert not home.messenger.conversations._beginning.of(bob.who.id)


async def test_what_begins_is_kept_for_a_while_only(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has had it for long when so many others have begun."""
    monkeypatch.setattr(silent, "MAX_KEPT", 2)
    ann, bob = (await home.enter("Ann")).who, (await home.enter("Bob")).who
    kept = silent.Beginning()
    for number in range(2, 6):
        kept.add(silent.Pair(Stored(number, "direct", "", 0), ann, bob))
    assert kept.of(bob.id) == [
        Membership(Stored(n, "direct", "", 0), bob.id, 0, ann) for n in (4, 5)
    ]
    for number in (4, 4, 5):
        kept.stored(number)
    assert not kept._of


async def test_a_look_is_not_repeated_for_ever(home: House) -> None:
    """What changes all the time is remembered here; whoever is not known is told to come again."""
    ann = await home.enter("Ann")
    of = home.messenger.conversations
    ask, looks = of.asking.call, 0

    async def spoilt(user: int, /) -> list[Membership]:
        nonlocal looks
        looks += 1
        found = await ask(user)
        of._spoil_looks(user)
        return found

    of.asking.call = spoilt  # type: ignore[method-assign, assignment]
    assert [one.conversation.id for one in await of.of(ann.who)] == [1]
    assert looks == conversations.MAX_LOOKS
    home.messenger._known._forget(ann.who.id)
    with pytest.raises(StorageUnavailable):
        await of.of(ann.who)
