"""Going into rooms, leaving them, and changing them (S002-9, S002-10)."""

from __future__ import annotations

from chat.conversations import describe, left_event
from chat.dispatch import Answer, handles
from chat.handlers.messages import fitting
from chat.handlers.reading import open_conversation
from chat.messenger import Messenger, as_event
from chat.public_rooms import LISTED
from chat.rooms import SHOWN, membership_of
from chat.session import Session
from chat.writing import unknown_user
from protocol.events import Notice, Opened
from protocol.vocabulary.reading import Open
from protocol.vocabulary.rooms import (
    JoinRoom,
    Kick,
    LeaveRoom,
    ListMembers,
    ListRooms,
    MemberInfo,
    MemberList,
    RoomInfo,
    RoomList,
    RoomTopic,
    SetRole,
    SetTopic,
    ShowTopic,
)
from storage.records import Conversation, User
from storage.room_records import Entered

TOPIC_HEAD = 60
"""Characters of a topic that a list of rooms shows."""

LISTED_MEMBERS = 1000
"""Members in a list, for the same reason."""


@handles(JoinRoom)
async def join_room(messenger: Messenger, session: Session, request: JoinRoom) -> Answer:
    """Go into a room, made where there is none (S002-9)."""
    entered, made = await messenger.rooms.join(session, request.name, private=request.private)
    return await opened(messenger, session, entered, ref=request.ref, created=made)


async def opened(
    messenger: Messenger,
    session: Session,
    entered: Entered,
    *,
    ref: int | None,
    created: bool = False,
) -> Answer:
    """Return what a session sees that has come into a room; all of it is read by that."""
    room = entered.conversation
    if not entered.fresh:  # it was in the room, and may have something unread there
        return await open_conversation(messenger, session, Open(ref=ref, conversation=room.id))
    membership = messenger.markers.applied(membership_of(session.who, entered))
    messenger.reading.read(session, room.id, room.last_seq)
    latest = fitting([as_event(message) for message in reversed(entered.messages)], SHOWN)
    return Opened(
        ref=ref, conversation=describe(membership), messages=latest[::-1], created=created
    )


@handles(ListRooms)
async def list_rooms(messenger: Messenger, session: Session, request: ListRooms) -> Answer:
    """List the public rooms, and the private ones that one is in (S002-10)."""
    mine = {one.conversation.id: one for one in await messenger.conversations.rooms(session.who)}
    heads = await messenger.patience.ask(messenger.stores.rooms.heads, list(mine))
    public = await messenger.public_rooms.list()
    rooms = [
        _listed(one.conversation, heads.get(number, 0), mine=True, unread=one.unread)
        for number, one in mine.items()
    ]
    rooms += [_listed(room, count) for room, count in public if room.id not in mine]
    return RoomList(ref=request.ref, rooms=rooms[:LISTED], more=len(rooms) > LISTED)


def _listed(room: Conversation, members: int, *, mine: bool = False, unread: int = 0) -> RoomInfo:
    return RoomInfo(
        id=room.id,
        name=room.title or "",
        members=members,
        topic=room.topic if len(room.topic) <= TOPIC_HEAD else room.topic[: TOPIC_HEAD - 1] + "…",
        private=room.private,
        mine=mine,
        unread=unread,
    )


@handles(LeaveRoom)
async def leave_room(messenger: Messenger, session: Session, request: LeaveRoom) -> Answer:
    """Leave a room."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    room = seat.conversation
    await messenger.rooms.leave(session, room)
    sentence = session.voice.say("You have left the room {room}.", room=room.title)
    return left_event(room, sentence, ref=request.ref)


@handles(ListMembers)
async def list_members(messenger: Messenger, session: Session, request: ListMembers) -> Answer:
    """Show who is in a room, as what, and who is here."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    room = seat.conversation
    members, total = await messenger.patience.ask(
        messenger.stores.rooms.members, room.id, LISTED_MEMBERS
    )
    here = messenger.presence.user_ids()
    return MemberList(
        ref=request.ref,
        conversation=room.id,
        name=room.title or "",
        total=total,
        members=[
            MemberInfo(
                name=one.user.name,
                role=one.role,
                here=one.user.id in here,
            )
            for one in members
        ],
    )


@handles(ShowTopic)
async def show_topic(messenger: Messenger, session: Session, request: ShowTopic) -> Answer:
    """Tell what a room is about."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    return _topic(seat.conversation, seat.conversation.topic, request.ref)


@handles(SetTopic)
async def set_topic(messenger: Messenger, session: Session, request: SetTopic) -> Answer:
    """Say what a room is about."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    topic = await messenger.rooms.set_topic(session, seat, request.topic)
    return _topic(seat.conversation, topic, request.ref)


def _topic(room: Conversation, topic: str, ref: int | None) -> RoomTopic:
    return RoomTopic(ref=ref, conversation=room.id, name=room.title or "", topic=topic)


@handles(SetRole)
async def set_role(messenger: Messenger, session: Session, request: SetRole) -> Answer:
    """Make somebody an owner, a moderator or a member."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    user = await user_named(messenger, request.user)
    await messenger.rooms.set_role(session, seat, user, request.role)
    sentence = session.voice.say(
        "{name} is {role} of {room} now.",
        name=user.name, role=session.voice.say(request.role), room=seat.conversation.title,
    )  # fmt: skip
    return Notice(ref=request.ref, message=sentence)


@handles(Kick)
async def kick(messenger: Messenger, session: Session, request: Kick) -> Answer:
    """Put somebody out of a room."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    user = await user_named(messenger, request.user)
    await messenger.rooms.kick(session, seat, user)
    sentence = session.voice.say(
        "{name} is out of {room}.", name=user.name, room=seat.conversation.title
    )
    return Notice(ref=request.ref, message=sentence)


async def user_named(messenger: Messenger, name: str) -> User:
    """Return the user of that name; raises :class:`ProtocolError` where there is none."""
    user = await messenger.accounts.find(name)
    if user is None:
        raise unknown_user(name)
    return user
