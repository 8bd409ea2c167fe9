"""Two devices of one user, a second user, and whatever they do: all end up agreeing (S002-17)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.dispatch import dispatch
from chat.journal import Published
from protocol.events import Conversation, ConversationInfo, Event, LoggedIn, Opened
from protocol.requests import GENERAL, Delivered, Login, Send
from protocol.vocabulary.contacts import ContactList, ListContacts
from protocol.vocabulary.reading import Marked, MarkRead, Open
from storage import Marker, StorageUnavailable, open_stores
from storage.records import Standing
from tests.chat.fakes import Author
from tests.chat.house import PATIENCE, House, house

DEVICES = {"phone": "Ann", "desk": "Ann", "bob": "Bob"}
PEER = {"Ann": "Bob", "Bob": "Ann"}


@dataclass
class Seat:
    """How far somebody is in a conversation."""

    delivered: int = 0
    read: int = 0

    def move(self, delivered: int, read: int) -> None:
        """Move forward, never back; what is read is delivered."""
        self.read = max(self.read, read)
        self.delivered = max(self.delivered, delivered, read)


@dataclass
class Model:
    """How things should be: what was said by whom, and how far everybody is."""

    said: dict[int, list[str]] = field(default_factory=dict)
    seats: dict[tuple[str, int], Seat] = field(default_factory=dict)

    def seat(self, user: str, conversation: int) -> Seat:
        """Return how far a user is."""
        return self.seats.setdefault((user, conversation), Seat())

    def unread(self, user: str, conversation: int, read: int, last: int) -> int:
        """Count what others said behind ``read``."""
        said = self.said.get(conversation, [])
        return sum(sender != user for sender in said[read:last])


class Device:
    """A connection that keeps what it is told, as a client does."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.user = DEVICES[name]
        self.session: Author | None = None
        self.coming = False
        self.seats: dict[int, Seat] = {}
        self._heard = 0

    @property
    def position(self) -> dict[int, int]:
        """Up to where each conversation was handed to it."""
        return {} if self.session is None else self.session.screen.followed

    def learn(self, infos: Sequence[ConversationInfo]) -> None:
        """Take what a conversation is said to be like."""
        for info in infos:
            seat = self.seats.setdefault(info.id, Seat())
            seat.move(info.delivered_seq, info.read_seq)

    def hear(self, model: Model) -> None:
        """Take the news, each of which has to be true by itself."""
        if self.session is None:
            return
        posted = self.session.screen.posted
        for event in posted[self._heard :]:
            if isinstance(event, Conversation):
                self.learn([event.conversation])
            elif isinstance(event, Marked):
                self._hear_marked(event, model)
        self._heard = len(posted)

    def _hear_marked(self, event: Marked, model: Model) -> None:
        place = event.conversation
        assert event.unread == model.unread(self.user, place, event.read, event.last_seq)
        truth = model.seat(self.user, place)
        assert event.read <= truth.read
        assert event.delivered <= truth.delivered
        self.seats.setdefault(place, Seat()).move(event.delivered, event.read)

    def forget(self) -> None:
        """Be switched off."""
        self.session, self.seats, self._heard = None, {}, 0


class World:
    """The messenger under test beside the model of it."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.messenger = home.messenger
        self.model = Model()
        self.devices = {name: Device(name) for name in DEVICES}
        self.direct: int | None = None
        home.messenger._hand_out = self._hand_out

    async def _hand_out(self, batch: Sequence[Published]) -> None:
        """Note what is published, and hand it to all that follow it, as the server does."""
        desk = self.devices["desk"]
        for one in batch:
            message, author = one.saved.message, one.author
            position = author.peer.position(message.conversation_id)
            if author.reads_along and position is not None:
                seq = min(message.seq, position + 1)
                self.model.seat(author.who.name, message.conversation_id).move(seq, seq)
                desk.seats.setdefault(message.conversation_id, Seat()).move(seq, seq)
        for one in batch:
            message = one.saved.message
            said = self.model.said.setdefault(message.conversation_id, [])
            said.append(message.sender_name)
            assert message.seq == len(said)
            for device in self.devices.values():
                if message.conversation_id in device.position:
                    device.position[message.conversation_id] = message.seq
        await self.home._publish(batch)

    # ---- what may happen

    async def come(self, device: Device) -> None:
        """Log in; what one is told is how things are in that moment."""
        if device.session is not None or device.coming:
            return
        device.coming = True
        session = Author()
        answer = await dispatch(self.messenger, session, Login(name=device.user))
        assert isinstance(answer, LoggedIn)
        # No checkpoint was passed since the answer was made.
        for info in answer.conversations:
            truth = self.model.seat(device.user, info.id)
            assert (info.delivered_seq, info.read_seq) == (truth.delivered, truth.read)
            unread = self.model.unread(device.user, info.id, info.read_seq, info.last_seq)
            assert info.unread == unread
        device.session, device.coming = session, False
        session.reads_along = device.name == "desk"
        for place in device.position:
            device.position[place] = len(self.model.said.get(place, ()))
        device.learn(answer.conversations)

    async def go(self, device: Device) -> None:
        """Lose the connection, with what was not heard."""
        if device.session is not None:
            await settled(device.session)
            if device.session is not None:
                self.messenger.leave(device.session)
                device.forget()

    async def say(self, device: Device, place: str) -> None:
        """Write to everyone, or to the other user."""
        session = device.session
        if session is not None:
            to = PEER[device.user] if place == "direct" else None
            answer = await dispatch(self.messenger, session, Send(text="hi", to=to))
            assert answer is None
            await settled(session)
            if to is not None:
                self._note_direct()

    def _note_direct(self) -> None:
        places = [place for place in self.model.said if place != GENERAL]
        self.direct = places[0] if places else self.direct

    async def open(self, device: Device, place: str) -> None:
        """Turn to a conversation, which is read by that."""
        session = device.session
        if session is None:
            return
        to = PEER[device.user] if place == "direct" else None
        answer = await dispatch(self.messenger, session, Open(to=to))
        if device.session is not session and not isinstance(answer, Opened):
            return  # nobody is there to hear it
        assert isinstance(answer, Opened), answer
        info = answer.conversation
        unread = self.model.unread(device.user, info.id, info.read_seq, info.last_seq)
        assert info.unread == unread
        self.model.seat(device.user, info.id).move(info.last_seq, info.last_seq)
        if device.session is session:
            device.learn([info])
            device.seats[info.id].move(info.last_seq, info.last_seq)

    async def mark(self, device: Device, place: str, seq: int, *, read: bool) -> None:
        """Report what was shown, or read; more than there is means all there is."""
        number = GENERAL if place == "general" else self.direct
        if device.session is None or number is None or number not in device.position:
            return
        reached = min(seq, device.position[number])
        request = (MarkRead if read else Delivered)(conversation=number, seq=seq)
        assert await dispatch(self.messenger, device.session, request) is None
        self.model.seat(device.user, number).move(reached, reached if read else 0)
        device.seats.setdefault(number, Seat()).move(reached, reached if read else 0)

    async def do(self, step: tuple[str, str, str, int]) -> None:
        """Do one thing."""
        what, name, place, seq = step
        device = self.devices[name]
        match what:
            case "come":
                await self.come(device)
            case "go":
                await self.go(device)
            case "say":
                await self.say(device, place)
            case "open":
                await self.open(device, place)
            case "read" | "delivered":
                await self.mark(device, place, seq, read=what == "read")
            case "write":
                await self.messenger.markers.write()
            case "tell":
                await self.messenger.reading.tell()

    # ---- how it has to end

    async def check(self) -> None:
        """Let all be told, and compare."""
        while self.messenger.reading._untold:
            await self.messenger.reading.tell()
        for device in self.devices.values():
            device.hear(self.model)
            for place, seat in device.seats.items():
                assert seat == self.model.seat(device.user, place), (device.name, place)
            if device.session is not None:
                await self._check_contacts(device, device.session)

    async def _check_contacts(self, device: Device, session: Author) -> None:
        answer = await dispatch(self.messenger, session, ListContacts())
        assert isinstance(answer, ContactList)
        expected = []
        if self.direct is not None and self.direct in self.model.said:
            said = self.model.said[self.direct]
            read = self.model.seat(device.user, self.direct).read
            unread = self.model.unread(device.user, self.direct, read, len(said))
            expected = [(PEER[device.user], unread)]
        assert [(one.name, one.unread) for one in answer.contacts] == expected

    async def check_stored(self) -> None:
        """Compare with what a new start would find."""
        await self.messenger.markers.write()
        for user in ("Ann", "Bob"):
            found = await self.messenger.accounts.find(user)
            assert found is not None
            [memberships] = await self.home.stores.conversations.memberships([found.id])
            for one in memberships:
                truth = self.model.seat(user, one.conversation.id)
                last = len(self.model.said.get(one.conversation.id, ()))
                assert one.conversation.last_seq == last
                assert Seat(one.delivered_seq, one.read_seq) == truth
                unread = self.model.unread(user, one.conversation.id, truth.read, last)
                assert one.unread == unread


async def settled(session: Author) -> None:
    """Wait until all a session sent is acknowledged; any number of tasks may."""
    with trio.fail_after(PATIENCE):
        while session.in_flight:  # noqa: ASYNC110 - wait_in_flight is for one task
            await trio.sleep(0.001)


_STEP = st.tuples(
    st.sampled_from(
        ["come", "come", "go", "say", "say", "read", "delivered", "open", "write", "tell"]
    ),
    st.sampled_from(list(DEVICES)),
    st.sampled_from(["general", "direct"]),
    st.integers(0, 8),
)
_TURNS = st.lists(st.lists(_STEP, min_size=1, max_size=3), max_size=25)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=_TURNS)
def test_all_devices_agree(turns: list[list[tuple[str, str, str, int]]], tmp_path: Path) -> None:
    """S002-17, S003-6, S004-28: with the model, with each other, and with the database.

    The steps of a turn happen at once. Devices come and go, and markers are told and written,
    at any moment.
    """

    async def live() -> None:
        path = tmp_path / "chat.db"
        path.unlink(missing_ok=True)
        shutil.copy(await _empty(tmp_path), path)
        async with house(f"sqlite:///{path}") as home:
            world = World(home)
            for device in world.devices.values():
                await world.come(device)
            for turn in turns:
                async with trio.open_nursery() as nursery:
                    for step in turn:
                        nursery.start_soon(world.do, step)
                for device in world.devices.values():
                    device.hear(world.model)
            await world.check()
            await world.check_stored()

    trio.run(live)


async def _empty(folder: Path) -> Path:
    """Return a database with nothing in it, made once: the others are copies."""
    path = folder / "empty.db"
    if not path.exists():
        async with open_stores(f"sqlite:///{path}"):
            pass
    return path


def news(device: Device, kind: type[Event]) -> list[Event]:
    """Return what a device was told of a kind."""
    assert device.session is not None
    return [event for event in device.session.screen.posted if isinstance(event, kind)]


async def test_only_the_others_are_told(sqlite_url: str) -> None:
    """S002-17: and where two devices have moved, each of the other's; who is alone, nobody."""
    async with house(sqlite_url) as home:
        world = World(home)
        phone, desk, bob = world.devices.values()
        for device in (phone, bob):
            await world.come(device)
        await world.say(bob, "direct")
        await world.mark(phone, "direct", 1, read=True)
        assert not world.messenger.reading._untold
        await world.come(desk)
        await world.say(bob, "direct")
        await world.mark(phone, "direct", 2, read=False)
        await world.messenger.reading.tell()
        assert len(news(desk, Marked)) == 1
        await world.mark(phone, "direct", 2, read=True)
        await world.mark(desk, "direct", 2, read=True)
        await world.messenger.reading.tell()
        assert [len(news(one, Marked)) for one in (phone, desk, bob)] == [1, 2, 0]
        await world.check()


async def test_what_a_database_that_is_away_does_not_answer_is_told_later(sqlite_url: str) -> None:
    """S002-17: with what has moved meanwhile, to all but the one that moved alone."""
    async with house(sqlite_url) as home:
        world = World(home)
        phone, desk, bob = world.devices.values()
        for device in world.devices.values():
            await world.come(device)
        await world.say(bob, "general")
        await world.say(bob, "direct")
        reading = world.messenger.reading
        standings = home.stores.reading.standings

        async def away(
            markers: Sequence[Marker], expired: Mapping[int, int]
        ) -> list[Standing | None]:
            await world.mark(desk, "direct", 1, read=True)
            raise StorageUnavailable("the database is away")

        await world.mark(phone, "general", 1, read=True)
        await world.mark(phone, "direct", 1, read=False)
        home.stores.reading.standings = away  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable):
            await reading.tell()
        home.stores.reading.standings = standings  # type: ignore[method-assign]
        await world.check()
        assert len(news(desk, Marked)) == 2
        assert len(news(phone, Marked)) == 1
