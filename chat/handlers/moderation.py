"""Complaints, and what administrators do about them (S002-12, S002-16, S004-26)."""

from __future__ import annotations

from chat.dispatch import Answer, Need, handles
from chat.messenger import Messenger
from chat.session import Session
from chat.writing import unknown_user
from protocol.events import Notice
from protocol.language import N_
from protocol.vocabulary.moderation import BlockUser, Complain, LiftBlock, ListComplaints
from storage.moderation_records import Verdict
from storage.records import User

_SAID = {
    Verdict.COUNTS: N_("Your complaint about {name} counts."),
    Verdict.BLOCKS: N_("Your complaint about {name} counts; {name} is blocked now."),
    Verdict.REPEATED: N_("A complaint of yours about {name} counts already; more change nothing."),
    Verdict.BLOCKED: N_("{name} is blocked already."),
}

_GUESTS_REPEATED = N_(
    "A complaint of guests at your address about {name} counts already; they count once, whatever "
    "their names. /register makes you an account that counts for itself."
)


@handles(Complain)
async def complain(messenger: Messenger, session: Session, request: Complain) -> Answer:
    """Complain about somebody; when enough have, that user is blocked (decision 9)."""
    target = await _named(messenger, request.name)
    verdict = await messenger.complaints.complain(session, target, request.reason)
    template = _SAID[verdict]
    if verdict is Verdict.REPEATED and not session.registered:
        template = _GUESTS_REPEATED
    return Notice(ref=request.ref, message=session.voice.say(template, name=target.name))


@handles(ListComplaints, need=Need.ADMIN)
async def list_complaints(
    messenger: Messenger,
    session: Session,  # noqa: ARG001
    request: ListComplaints,
) -> Answer:
    """Show the open complaints and who is blocked until when."""
    return await messenger.complaints.open(request.ref)


@handles(LiftBlock, need=Need.ADMIN)
async def lift(messenger: Messenger, session: Session, request: LiftBlock) -> Answer:
    """End a block and settle the complaints that are open."""
    target = await _named(messenger, request.name)
    lifted = await messenger.complaints.lift(target)
    if lifted.blocked:
        sentence = session.voice.say("{name} can write again.", name=target.name)
    elif lifted.complaints:
        sentence = session.voice.say(
            "The complaints about {name} are settled and count no more.", name=target.name
        )
    else:
        sentence = session.voice.say(
            "{name} is not blocked, and there is no complaint.", name=target.name
        )
    return Notice(ref=request.ref, message=sentence)


@handles(BlockUser, need=Need.ADMIN)
async def block(messenger: Messenger, session: Session, request: BlockUser) -> Answer:
    """Block somebody at once."""
    target = await _named(messenger, request.name)
    until = await messenger.complaints.block(session, target, request.hours, request.reason)
    sentence = session.voice.say(
        "{name} is blocked until {time}.",
        name=target.name,
        time=messenger.complaints.time_shown(until, session),
    )
    return Notice(ref=request.ref, message=sentence)


async def _named(messenger: Messenger, name: str) -> User:
    user = await messenger.accounts.find(name)
    if user is None:
        raise unknown_user(name)
    return user
