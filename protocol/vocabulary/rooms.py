"""Rooms: going in, leaving, who is in them, and what they are about (S002-9, S002-10)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, no_arguments, usage_error
from protocol.events import Reply
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import GENERAL, ConversationId, Request, UserName
from protocol.text import sanitise_line
from protocol.view import View, lines

TITLE = N_("Rooms")

MAX_ROOM = 64
"""Characters of what names a room that are looked at; a name has far fewer."""

MAX_TOPIC = 200
"""Characters of a topic: it stands on one line."""

TOPIC_TYPED = 4 * MAX_TOPIC
"""Characters of what should be a topic that are looked at."""

NO_TOPIC = "-"
"""What is typed to take a topic away."""

RoomName = Annotated[
    str, Meta(max_length=MAX_ROOM, description="A room's name, or its number as `#12`.")
]


class InRoom(Request, frozen=True, kw_only=True):
    """The base of what is asked about one room that the user is in."""

    conversation: Annotated[
        ConversationId, Meta(description="The room, where `room` does not name it.")
    ] = GENERAL
    room: RoomName | None = None


class JoinRoom(Request, frozen=True, kw_only=True, tag="join_room"):
    """Go into a room, which is made where there is none (S002-9). Answered by `opened`.

    A private room of that name that the user is in comes before the public one. Nobody can
    join a private room of others; with `private` a new one is made. No name is a number.
    """

    moves: ClassVar[bool] = True

    name: RoomName
    private: Annotated[bool, Meta(description="Make a room that only the invited get into.")] = (
        False
    )


class ListRooms(Request, frozen=True, kw_only=True, tag="list_rooms"):
    """Show the public rooms, and the private ones one is in (S002-10). Answered by `room_list`."""


class LeaveRoom(InRoom, frozen=True, kw_only=True, tag="leave_room"):
    """Leave a room. Answered by `conversation_left`."""

    moves: ClassVar[bool] = True


class ListMembers(InRoom, frozen=True, kw_only=True, tag="list_members"):
    """Show who is in a room. Answered by `member_list`."""


class ShowTopic(InRoom, frozen=True, kw_only=True, tag="show_topic"):
    """Ask what a room is about. Answered by `room_topic`."""


class SetTopic(InRoom, frozen=True, kw_only=True, tag="set_topic"):
    """Say what a room is about; for its owners and moderators. Answered by `room_topic`."""

    topic: Annotated[
        str,
        Meta(max_length=TOPIC_TYPED, description="At most 200 characters; empty: no topic."),
    ]


class SetRole(InRoom, frozen=True, kw_only=True, tag="set_role"):
    """Make a member an owner, a moderator or a member; for owners. Answered by `notice`."""

    user: UserName
    role: Annotated[str, Meta(max_length=32, description="`owner`, `moderator` or `member`.")]


class Kick(InRoom, frozen=True, kw_only=True, tag="kick"):
    """Put a member out of a room; for its owners and moderators. Answered by `notice`.

    An owner puts out everybody but other owners, a moderator puts out members.
    """

    user: UserName


class RoomInfo(Struct, frozen=True, kw_only=True):
    """A room as it stands in a list."""

    id: Annotated[int, Meta(description="The number of the conversation.")]
    name: Annotated[str, Meta(description="The room's name.")]
    members: Annotated[int, Meta(description="How many are in it.")]
    topic: str = ""
    private: bool = False
    mine: Annotated[bool, Meta(description="True: the user is in it.")] = False
    unread: Annotated[int, Meta(description="Messages of others not yet read, if in it.")] = 0


class RoomList(Reply, frozen=True, kw_only=True, tag="room_list"):
    """The answer to `list_rooms`: one's own rooms, then the others, the fullest first."""

    rooms: list[RoomInfo]
    more: Annotated[bool, Meta(description="True: there are more rooms than are listed.")] = False


class MemberInfo(Struct, frozen=True, kw_only=True):
    """A member of a room."""

    name: str
    role: str = "member"
    here: Annotated[bool, Meta(description="True: connected at this moment.")] = False


class MemberList(Reply, frozen=True, kw_only=True, tag="member_list"):
    """The answer to `list_members`: owners, moderators, then the others as they came."""

    conversation: int
    name: Annotated[str, Meta(description="The room's name.")]
    total: Annotated[int, Meta(description="How many there are; the list may be shorter.")]
    members: list[MemberInfo]


class RoomTopic(Reply, frozen=True, kw_only=True, tag="room_topic"):
    """What a room is about."""

    conversation: int
    name: Annotated[str, Meta(description="The room's name.")]
    topic: str


@lines.register
def _(event: RoomList, view: View) -> list[str]:
    if not event.rooms:
        return [view.say("There are no rooms yet. /chats NAME makes one.")]
    shown = [_room_line(room, view) for room in event.rooms]
    if event.more:
        shown.append(view.say("There are more; /chats NAME goes into any room by its name."))
    return shown


def _room_line(room: RoomInfo, view: View) -> str:
    facts = [view.count("{number} member", "{number} members", room.members)]
    if room.private:
        facts.append(view.say("a private one"))
    if room.mine:
        facts.append(view.say("you are in it"))
    if room.unread:
        facts.append(view.count("{number} unread", "{number} unread", room.unread))
    line = f"{room.id}. {sanitise_line(room.name)} ({', '.join(facts)})"
    return f"{line}: {sanitise_line(room.topic)}" if room.topic else line


@lines.register
def _(event: MemberList, view: View) -> list[str]:
    title = view.count(
        "{number} member of {room}:", "{number} members of {room}:", event.total, room=event.name
    )
    shown = [title, *(_member_line(member, view) for member in event.members)]
    if event.total > len(event.members):
        shown.append(
            view.say("and {number} more.", number=event.total - len(event.members)),
        )
    return shown


def _member_line(member: MemberInfo, view: View) -> str:
    facts = [sanitise_line(member.name)]
    if member.role != "member":
        facts.append(view.say(ROLES.get(member.role, "")))
    if member.here:
        facts.append(view.say("here"))
    return "  " + ", ".join(facts)


ROLES = {"owner": N_("owner"), "moderator": N_("moderator"), "member": N_("member")}
"""What there is to be in a room."""


@lines.register
def _(event: RoomTopic, view: View) -> list[str]:
    if not event.topic:
        return [view.say("{room} has no topic. /topic TEXT sets one.", room=event.name)]
    return [view.say("Topic of {room}: {topic}", room=event.name, topic=event.topic)]


def _chats(rest: str, _place: Place) -> Built:
    words = rest.split()
    match words:
        case []:
            return ListRooms()
        case [name]:
            return JoinRoom(name=name)
        case [name, "private"]:
            return JoinRoom(name=name, private=True)
    raise usage_error("/chats NAME or /chats NAME private")


def _leave(rest: str, place: Place) -> Built:
    return LeaveRoom(conversation=place.conversation, room=rest or None)


def _members(rest: str, place: Place) -> Built:
    return ListMembers(conversation=place.conversation, room=rest or None)


def _topic(rest: str, place: Place) -> Built:
    if not rest:
        return ShowTopic(conversation=place.conversation)
    return SetTopic(
        conversation=place.conversation, topic="" if rest == NO_TOPIC else rest[:TOPIC_TYPED]
    )


def _role(rest: str, place: Place) -> Built:
    words = rest.split()
    if len(words) != 2 or words[1].lower() not in ROLES:  # noqa: PLR2004 - a name and a role
        raise usage_error("/role NAME owner, /role NAME moderator or /role NAME member")
    name, role = words[0][:MAX_TYPED], words[1].lower()
    return SetRole(conversation=place.conversation, user=name, role=role)


def _kick(rest: str, place: Place) -> Built:
    if len(rest.split()) != 1:
        raise usage_error("/kick NAME")
    return Kick(conversation=place.conversation, user=rest[:MAX_TYPED])


REQUESTS: tuple[type[Request], ...] = (
    JoinRoom, ListRooms, LeaveRoom, ListMembers, ShowTopic, SetTopic, SetRole, Kick,
)  # fmt: skip
EVENTS: tuple[type[Reply], ...] = (RoomList, MemberList, RoomTopic)
COMMANDS: tuple[Command, ...] = (
    Command(
        "chats", "[NAME [private]]",
        N_("Go into the room NAME, which is made if there is none; alone it lists the rooms."),
        _chats,
    ),
    Command("get_chats", "", N_("List the rooms."), no_arguments(ListRooms)),
    Command("leave", "[ROOM]", N_("Leave this room, or ROOM."), _leave),
    Command("members", "[ROOM]", N_("Show who is in this room, or in ROOM."), _members),
    Command(
        "topic", "[TEXT]",
        N_("Show what this room is about, or set it; /topic - takes it away."), _topic,
    ),
    Command(
        "role", "NAME owner|moderator|member", N_("Give somebody another part in this room."),
        _role,
    ),
    Command("kick", "NAME", N_("Put somebody out of this room."), _kick),
)  # fmt: skip
