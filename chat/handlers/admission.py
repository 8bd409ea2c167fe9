"""Invitations, links and the owner's approval (S004-29)."""

from __future__ import annotations

from chat.admission import describe
from chat.dispatch import Answer, Need, handles
from chat.handlers.rooms import opened, user_named
from chat.messenger import Messenger
from chat.session import Session
from protocol.events import Notice
from protocol.language import N_
from protocol.vocabulary.admission import (
    AcceptInvitation,
    AdmissionInfo,
    AdmissionList,
    Approve,
    AskAdmission,
    DeclineInvitation,
    Deny,
    InvitationList,
    Invite,
    LinkInfo,
    LinkList,
    LinkMade,
    ListAdmissions,
    ListInvitations,
    ListLinks,
    MakeLink,
    RevokeLink,
)


@handles(Invite)
async def invite(messenger: Messenger, session: Session, request: Invite) -> Answer:
    """Invite somebody into a room (S004-29)."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    user = await user_named(messenger, request.user)
    fresh = await messenger.admission.invite(session, seat, user)
    sentence = session.voice.say(
        N_("{name} is invited to {room}.") if fresh else N_("{name} was invited to {room} before."),
        name=user.name,
        room=seat.conversation.title,
    )
    return Notice(ref=request.ref, message=sentence)


@handles(ListInvitations)
async def list_invitations(
    messenger: Messenger, session: Session, request: ListInvitations
) -> Answer:
    """List where one is invited."""
    found = await messenger.admission.invitations(session)
    return InvitationList(ref=request.ref, invitations=[describe(one) for one in found])


@handles(AcceptInvitation)
async def accept(messenger: Messenger, session: Session, request: AcceptInvitation) -> Answer:
    """Go into a room by an invitation (S004-29)."""
    entered = await messenger.admission.accept(session, request.room)
    return await opened(messenger, session, entered, ref=request.ref)


@handles(DeclineInvitation)
async def decline(messenger: Messenger, session: Session, request: DeclineInvitation) -> Answer:
    """Say no to an invitation."""
    room = await messenger.admission.decline(session, request.room)
    sentence = session.voice.say("You do not go into {room}.", room=room.title)
    return Notice(ref=request.ref, message=sentence)


@handles(MakeLink, need=Need.ACCOUNT)
async def make_link(messenger: Messenger, session: Session, request: MakeLink) -> Answer:
    """Make a link to a private room (S004-29)."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    code = await messenger.admission.make_link(session, seat, request.hours)
    return LinkMade(
        ref=request.ref,
        conversation=seat.conversation.id,
        room=seat.conversation.title or "",
        code=code.text,
        expires_at=code.expires_at,
    )


@handles(ListLinks, need=Need.ACCOUNT)
async def list_links(messenger: Messenger, session: Session, request: ListLinks) -> Answer:
    """List the links of a private room."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    links = await messenger.admission.links(seat)
    return LinkList(
        ref=request.ref,
        conversation=seat.conversation.id,
        room=seat.conversation.title or "",
        links=[
            LinkInfo(id=one.id, by=one.by, time=one.created_at, expires_at=one.expires_at)
            for one in links
        ],
    )


@handles(RevokeLink, need=Need.ACCOUNT)
async def revoke_link(messenger: Messenger, session: Session, request: RevokeLink) -> Answer:
    """Make a link worthless."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    await messenger.admission.revoke(session, seat, request.link)
    sentence = session.voice.say("Link {number} lets nobody in any more.", number=request.link)
    return Notice(ref=request.ref, message=sentence)


@handles(AskAdmission, need=Need.ACCOUNT)
async def ask_admission(messenger: Messenger, session: Session, request: AskAdmission) -> Answer:
    """Ask to be let into a private room by its link (S004-29)."""
    room, member = await messenger.admission.ask(session, request.code)
    sentence = session.voice.say(
        N_("You are in {room} already: /chats {room} goes there.")
        if member
        else N_("You have asked to be let into {room}. Its owner will answer."),
        room=room.title,
    )
    return Notice(ref=request.ref, message=sentence)


@handles(ListAdmissions, need=Need.ACCOUNT)
async def list_admissions(
    messenger: Messenger, session: Session, request: ListAdmissions
) -> Answer:
    """List who asks to be let into a private room."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    found = await messenger.admission.requests(seat)
    return AdmissionList(
        ref=request.ref,
        conversation=seat.conversation.id,
        room=seat.conversation.title or "",
        requests=[AdmissionInfo(user=one.name, time=one.created_at) for one in found],
    )


@handles(Approve, need=Need.ACCOUNT)
async def approve(messenger: Messenger, session: Session, request: Approve) -> Answer:
    """Let somebody in who has asked (S004-29)."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    user = await user_named(messenger, request.user)
    await messenger.admission.approve(session, seat, user)
    sentence = session.voice.say(
        "{name} is in {room} now.", name=user.name, room=seat.conversation.title
    )
    return Notice(ref=request.ref, message=sentence)


@handles(Deny, need=Need.ACCOUNT)
async def deny(messenger: Messenger, session: Session, request: Deny) -> Answer:
    """Do not let somebody in who has asked."""
    seat = await messenger.rooms.seat(session, request.conversation, request.room)
    user = await user_named(messenger, request.user)
    await messenger.admission.deny(session, seat, user)
    sentence = session.voice.say(
        "{name} is not let into {room}.", name=user.name, room=seat.conversation.title
    )
    return Notice(ref=request.ref, message=sentence)
