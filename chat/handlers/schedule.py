"""Messages that are sent later, and the user's time zone (S004-25)."""

from __future__ import annotations

import structlog

from chat.clock import parse_when, zone_of
from chat.dispatch import Answer, handles
from chat.messenger import Messenger
from chat.schedule import as_info
from chat.session import Session
from chat.writing import check_text, unknown_user
from protocol.events import Notice
from protocol.requests import GENERAL
from protocol.vocabulary.schedule import (
    Cancel,
    ListScheduled,
    Scheduled,
    ScheduledList,
    TimeZone,
    Zone,
    ZoneChanged,
)
from protocol.vocabulary.schedule import Schedule as ScheduleRequest

log = structlog.get_logger()


@handles(ScheduleRequest)
async def schedule(messenger: Messenger, session: Session, request: ScheduleRequest) -> Answer:
    """Keep a message until its time (S004-25)."""
    plan = messenger.schedule
    messenger.complaints.check(session)
    body = check_text(request.text)
    due_at = parse_when(request.when, plan.now(), plan.zone_of(session))
    place = await _place(messenger, session, request)
    kept = await plan.add(session.who, place, body, due_at, request.uuid)
    log.info("scheduled.kept", user=session.who.name, id=kept.id, conversation=place)
    return Scheduled(ref=request.ref, item=as_info(kept, await plan.places(session.who)))


async def _place(messenger: Messenger, session: Session, request: ScheduleRequest) -> int:
    """Return the conversation a message is for; a new one is not told of before it is sent."""
    if request.to is not None:
        peer = await messenger.accounts.find(request.to)
        if peer is None:
            raise unknown_user(request.to)
        return await messenger.conversations.meet(session, peer)
    if request.room is not None:
        return (await messenger.rooms.seat(session, GENERAL, request.room)).conversation.id
    messenger.conversations.check_member(session, request.conversation)
    return request.conversation


@handles(ListScheduled)
async def list_scheduled(messenger: Messenger, session: Session, request: ListScheduled) -> Answer:
    """Show what waits to be sent, and what could not be sent (S004-25)."""
    kept = await messenger.schedule.of_user(session.who)
    places = await messenger.schedule.places(session.who)
    return ScheduledList(ref=request.ref, items=[as_info(one, places) for one in kept])


@handles(Cancel)
async def cancel(messenger: Messenger, session: Session, request: Cancel) -> Answer:
    """Do not send a scheduled message (S004-25)."""
    await messenger.schedule.cancel(session.who, request.id)
    log.info("scheduled.cancelled", user=session.who.name, id=request.id)
    sentence = session.voice.say("Message {number} will not be sent.", number=request.id)
    return Notice(ref=request.ref, message=sentence)


@handles(TimeZone)
async def time_zone(messenger: Messenger, session: Session, request: TimeZone) -> Answer:
    """Set the zone in which a user writes and sees times, on all devices (S004-25, S004-28)."""
    user = session.who
    if request.name is None:
        name = "" if session.zone is None else str(session.zone)
        return Zone(ref=request.ref, name=name, now=messenger.schedule.now())
    zone = zone_of(request.name)
    await messenger.schedule.set_zone(user, str(zone))
    for one in messenger.presence.of(user.id):
        one.zone = zone
        if one is not session:
            one.peer.notify(ZoneChanged(name=str(zone)))
    return Zone(ref=request.ref, name=str(zone), now=messenger.schedule.now())
