"""How people get into rooms that are not open to everybody: invitations and links (S004-29)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, no_arguments, number_in, usage_error
from protocol.events import Event, Micros, Reply
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import Request, UserName
from protocol.text import sanitise_line
from protocol.view import View, lines
from protocol.vocabulary.rooms import InRoom, RoomName

TITLE = N_("Invitations")

DEFAULT_HOURS = 24
"""How long a link holds where nothing is said."""

MAX_HOURS = 24 * 365
"""The longest that a link may hold; one for ever would be forgotten, and found."""

MAX_CODE = 64
"""Characters of a code that are looked at; it has 22."""


class Invite(InRoom, frozen=True, kw_only=True, tag="invite"):
    """Invite a user into a room (S004-29). Answered by `notice`; the user gets `invited`.

    Into a private room its owners and moderators invite, and only who has an account.
    """

    user: UserName


class ListInvitations(Request, frozen=True, kw_only=True, tag="list_invitations"):
    """Show where one is invited. Answered by `invitation_list`."""


class AcceptInvitation(Request, frozen=True, kw_only=True, tag="accept_invitation"):
    """Go into a room that one is invited to. Answered by `opened`."""

    moves: ClassVar[bool] = True

    room: RoomName


class DeclineInvitation(Request, frozen=True, kw_only=True, tag="decline_invitation"):
    """Say no to an invitation. Answered by `notice`."""

    room: RoomName


class MakeLink(InRoom, frozen=True, kw_only=True, tag="make_link"):
    """Make a link by which others ask to be let in (S004-29). Answered by `link_made`.

    For owners and moderators of a private room.
    """

    hours: Annotated[int, Meta(ge=1, le=MAX_HOURS, description="How long it holds.")] = (
        DEFAULT_HOURS
    )


class ListLinks(InRoom, frozen=True, kw_only=True, tag="list_links"):
    """Show the links of a room that still hold. Answered by `link_list`."""


class RevokeLink(InRoom, frozen=True, kw_only=True, tag="revoke_link"):
    """Make a link worthless. Answered by `notice`."""

    link: Annotated[int, Meta(ge=1, le=2**53, description="The `id` in `link_list`.")]


class AskAdmission(Request, frozen=True, kw_only=True, tag="ask_admission"):
    """Ask to be let into a room by a link (S004-29). Answered by `notice`.

    Owners and moderators get `admission_asked` and say what `admission_answered` will tell.
    """

    code: Annotated[str, Meta(max_length=MAX_CODE, description="The link's code.")]


class ListAdmissions(InRoom, frozen=True, kw_only=True, tag="list_admissions"):
    """Show who asks to be let into a room. Answered by `admission_list`."""


class Approve(InRoom, frozen=True, kw_only=True, tag="approve"):
    """Let somebody in who has asked. Answered by `notice`."""

    user: UserName


class Deny(InRoom, frozen=True, kw_only=True, tag="deny"):
    """Do not let somebody in who has asked. Answered by `notice`."""

    user: UserName


class InvitationInfo(Struct, frozen=True, kw_only=True):
    """An invitation that has not been answered."""

    conversation: Annotated[int, Meta(description="The room's number; it answers to it too.")]
    room: str
    by: Annotated[str, Meta(description="Who invites.")]
    time: Micros
    private: bool = False


class InvitationList(Reply, frozen=True, kw_only=True, tag="invitation_list"):
    """The answer to `list_invitations`."""

    invitations: list[InvitationInfo]


class Invited(Event, frozen=True, kw_only=True, tag="invited"):
    """Somebody invites the user; it comes again at each login until it is answered."""

    invitation: InvitationInfo


class LinkMade(Reply, frozen=True, kw_only=True, tag="link_made"):
    """A new link. The code is told here and never again: only its hash is stored."""

    conversation: int
    room: str
    code: str
    expires_at: Micros


class LinkInfo(Struct, frozen=True, kw_only=True):
    """A link that still holds."""

    id: int
    by: Annotated[str, Meta(description="Who made it.")]
    time: Micros
    expires_at: Micros


class LinkList(Reply, frozen=True, kw_only=True, tag="link_list"):
    """The answer to `list_links`."""

    conversation: int
    room: str
    links: list[LinkInfo]


class AdmissionInfo(Struct, frozen=True, kw_only=True):
    """Somebody who asks to be let in."""

    user: str
    time: Micros


class AdmissionList(Reply, frozen=True, kw_only=True, tag="admission_list"):
    """The answer to `list_admissions`."""

    conversation: int
    room: str
    requests: list[AdmissionInfo]


class AdmissionAsked(Event, frozen=True, kw_only=True, tag="admission_asked"):
    """Somebody asks to be let into a room of the user's; again at each login until answered."""

    conversation: int
    room: str
    request: AdmissionInfo


class AdmissionAnswered(Event, frozen=True, kw_only=True, tag="admission_answered"):
    """Whether the user has been let in."""

    room: str
    admitted: bool


@lines.register
def _(event: InvitationList, view: View) -> list[str]:
    if not event.invitations:
        return [view.say("Nobody has invited you.")]
    return [
        f"{one.conversation}. "
        + view.say(
            "{room}, invited by {name} at {time}",
            room=one.room, name=one.by, time=view.time(one.time),
        )
        for one in event.invitations
    ]  # fmt: skip


@lines.register
def _(event: Invited, view: View) -> list[str]:
    one = event.invitation
    template = (
        N_(
            "{name} invites you to the private room {room}. "
            "Write /accept {room} or /decline {room}."
        )
        if one.private
        else N_("{name} invites you to the room {room}. Write /accept {room} or /decline {room}.")
    )
    return [view.say(template, name=one.by, room=one.room)]


@lines.register
def _(event: LinkMade, view: View) -> list[str]:
    return [
        view.say(
            "Who has this code can ask to be let into {room} until {time}. It is shown only now.",
            room=event.room, time=view.time(event.expires_at),
        ),
        f"  /join {sanitise_line(event.code)}",
    ]  # fmt: skip


@lines.register
def _(event: LinkList, view: View) -> list[str]:
    if not event.links:
        return [view.say("{room} has no links. /link makes one.", room=event.room)]
    return [
        f"{link.id}. "
        + view.say(
            "made by {name} at {time}, holds until {end}",
            name=link.by, time=view.time(link.time), end=view.time(link.expires_at),
        )
        for link in event.links
    ]  # fmt: skip


@lines.register
def _(event: AdmissionList, view: View) -> list[str]:
    if not event.requests:
        return [view.say("Nobody asks to be let into {room}.", room=event.room)]
    return [
        view.say("{name} has asked at {time}", name=one.user, time=view.time(one.time))
        for one in event.requests
    ]


@lines.register
def _(event: AdmissionAsked, view: View) -> list[str]:
    return [
        view.say(
            "{name} asks to be let into {room}. Write /approve {name} {room} or "
            "/deny {name} {room}.",
            name=event.request.user,
            room=event.room,
        )
    ]


@lines.register
def _(event: AdmissionAnswered, view: View) -> list[str]:
    if event.admitted:
        return [view.say("You have been let in: /chats {room} goes there.", room=event.room)]
    return [view.say("You have not been let into {room}.", room=event.room)]


def _name_and_room(rest: str, usage: str) -> tuple[str, str | None]:
    words = rest.split()
    match words:
        case [name]:
            return name[:MAX_TYPED], None
        case [name, room]:
            return name[:MAX_TYPED], room
    raise usage_error(usage)


def _invite(rest: str, place: Place) -> Built:
    name, room = _name_and_room(rest, N_("/invite NAME or /invite NAME ROOM"))
    return Invite(conversation=place.conversation, user=name, room=room)


def _approve(rest: str, place: Place) -> Built:
    name, room = _name_and_room(rest, N_("/approve NAME or /approve NAME ROOM"))
    return Approve(conversation=place.conversation, user=name, room=room)


def _deny(rest: str, place: Place) -> Built:
    name, room = _name_and_room(rest, N_("/deny NAME or /deny NAME ROOM"))
    return Deny(conversation=place.conversation, user=name, room=room)


def _accept(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/accept ROOM")
    return AcceptInvitation(room=rest)


def _decline(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/decline ROOM")
    return DeclineInvitation(room=rest)


def _link(rest: str, place: Place) -> Built:
    hours = number_in(rest, "/link or /link HOURS") if rest else DEFAULT_HOURS
    return MakeLink(conversation=place.conversation, hours=hours)


def _links(rest: str, place: Place) -> Built:
    return ListLinks(conversation=place.conversation, room=rest or None)


def _revoke(rest: str, place: Place) -> Built:
    return RevokeLink(conversation=place.conversation, link=number_in(rest, "/revoke NUMBER"))


def _join(rest: str, _place: Place) -> Built:
    if len(rest.split()) != 1:
        raise usage_error("/join CODE; to go into a room by its name write /chats NAME")
    return AskAdmission(code=rest)


def _requests(rest: str, place: Place) -> Built:
    return ListAdmissions(conversation=place.conversation, room=rest or None)


REQUESTS: tuple[type[Request], ...] = (
    Invite, ListInvitations, AcceptInvitation, DeclineInvitation, MakeLink, ListLinks, RevokeLink,
    AskAdmission, ListAdmissions, Approve, Deny,
)  # fmt: skip
EVENTS: tuple[type[Event], ...] = (
    InvitationList, Invited, LinkMade, LinkList, AdmissionList, AdmissionAsked, AdmissionAnswered,
)  # fmt: skip
COMMANDS: tuple[Command, ...] = (
    Command("invite", "NAME [ROOM]", N_("Invite somebody into this room, or into ROOM."), _invite),
    Command(
        "invitations", "", N_("List where you are invited."), no_arguments(ListInvitations)
    ),
    Command("accept", "ROOM", N_("Go into a room that you are invited to."), _accept),
    Command("decline", "ROOM", N_("Say no to an invitation."), _decline),
    Command(
        "link", "[HOURS]",
        N_("Make a code by which others ask to be let into this private room; it holds a day."),
        _link,
    ),
    Command("links", "[ROOM]", N_("List the codes of this room, or of ROOM."), _links),
    Command("revoke", "NUMBER", N_("Make a code of this room worthless."), _revoke),
    Command("join", "CODE", N_("Ask to be let into the room that a code is of."), _join),
    Command("requests", "[ROOM]", N_("List who asks to be let into this room."), _requests),
    Command("approve", "NAME [ROOM]", N_("Let somebody in who asks."), _approve),
    Command("deny", "NAME [ROOM]", N_("Do not let somebody in who asks."), _deny),
)  # fmt: skip
