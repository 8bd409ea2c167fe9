"""Coming, going, and what concerns the connection alone."""

from __future__ import annotations

import time

import structlog

from chat.conversations import describe, is_silent
from chat.dispatch import Answer, Need, handles
from chat.messenger import Messenger
from chat.schedule import first_zone
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Goodbye, LoggedIn, Notice, PongReply, StatusReport, StorageState
from protocol.language import LANGUAGES, voice
from protocol.requests import GENERAL, Language, Login, Ping, Quit, Status
from storage.records import Membership

log = structlog.get_logger()


@handles(Login, need=Need.NOBODY)
async def login(messenger: Messenger, session: Session, request: Login) -> Answer:
    """Let a user in and begin to feed what was missed (S001-3, S001-20, S002-5..7)."""
    if session.user is not None:
        raise ProtocolError(
            ErrorCode.ALREADY_LOGGED_IN,
            "This connection is {name}'s already; open another one.",
            name=session.user.name,
        )
    if request.language:
        session.voice = voice(request.language)
    await messenger.logins.turn(session.ip)
    user, proof = await messenger.accounts.come(session, request)
    await messenger.expiry.pass_over(user.id)
    memberships = await messenger.conversations.of(user)
    try:
        messenger.identity.check_still(user, proof)
    except ProtocolError:
        await messenger.identity.withdraw(user, proof)
        raise
    # No await from here on: the answer is sent before anything that it announces, and nobody
    # can make a conversation in between that this session would not hear of.
    session.user = user
    if proof.registered and user.language and not request.language:
        session.voice = voice(user.language)
    session.zone = first_zone(user.zone, request.zone)
    session.device = request.device
    session.begun_at = time.time_ns() // 1000
    if proof.registered:
        messenger.admit(session, proof.device)
    messenger.presence.add(session)
    memberships = messenger.expiry.came(memberships)
    messenger.complaints.tell_block(session)
    messenger.admission.greet(session)
    if not messenger.journal.available:  # the others have been told when it went away
        session.peer.post(StorageState(available=False))
    show = messenger.limit_show if request.history is None else max(request.history, 0)
    for membership in memberships:
        expired = messenger.expiry.general_seq
        after = _first_shown(membership, request.resume or {}, show, expired)
        session.peer.follow(
            membership.conversation, after=after, delivered=membership.delivered_seq
        )
    log.info(
        "user.logged_in", user=user.name, address=session.peer.address, resumed=bool(request.resume)
    )
    return LoggedIn(
        ref=request.ref,
        user_id=user.id,
        name=user.name,
        guest=not session.registered,
        conversations=[describe(one) for one in memberships if not is_silent(one)],
        admin=session.admin,
        token=proof.token,
        zone=user.zone or "",
    )


def _first_shown(membership: Membership, resume: dict[int, int], show: int, expired: int) -> int:
    """Return the sequence number behind which a client is fed."""
    last = membership.conversation.last_seq
    asked = resume.get(membership.conversation.id)
    if asked is not None:
        return min(asked, last)
    if membership.conversation.id == GENERAL:
        return min(membership.delivered_seq, max(last - show, expired, 0))
    return membership.delivered_seq


@handles(Status)
async def status(messenger: Messenger, session: Session, request: Status) -> Answer:
    """Tell facts about the connection and who is here (S004-9)."""
    return StatusReport(
        ref=request.ref,
        name=session.who.name,
        address=session.peer.address,
        connected_at=session.peer.connected_at,
        server=messenger.name,
        users=messenger.presence.names(),
        connections=messenger.presence.count(),
        limits=messenger.counters.counts() if session.admin else {},
    )


@handles(Language, need=Need.NOBODY)
async def language(messenger: Messenger, session: Session, request: Language) -> Answer:
    """Speak another language from now on; to an account also where it asks for none."""
    if request.language.lower() not in LANGUAGES:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "There are these languages: {languages}.",
            languages=", ".join(LANGUAGES),
        )
    session.voice = voice(request.language)
    if session.registered:
        await messenger.identity.remember_language(session.who, session.voice.language)
    return Notice(ref=request.ref, message=session.voice.say("This is English."))


@handles(Ping, need=Need.NOBODY)
async def ping(messenger: Messenger, session: Session, request: Ping) -> Answer:  # noqa: ARG001
    """Say that the server is there."""
    return PongReply(ref=request.ref)


@handles(Quit, need=Need.NOBODY)
async def leave(messenger: Messenger, session: Session, request: Quit) -> Answer:  # noqa: ARG001
    """Say goodbye when everything the client sent has been answered."""
    await session.wait_in_flight(0)
    return Goodbye(ref=request.ref, reason=session.voice.say("Goodbye."))
