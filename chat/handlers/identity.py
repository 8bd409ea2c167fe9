"""Accounts and the sessions of one user (S000-3, 4; S003-2, 3, 6)."""

from __future__ import annotations

from chat.dispatch import Answer, Need, handles
from chat.messenger import Messenger
from chat.names import name_key
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Notice
from protocol.language import N_
from protocol.vocabulary.identity import (
    ChangePassword,
    EndSession,
    ListSessions,
    Register,
    Registered,
    SessionInfo,
    SessionList,
)
from storage.records import Device

ENDED = N_("This session was ended from one of your devices.")
"""What a session is told that has no further say."""

_DIGITS = 15  # of an id: well below what the databases can hold
_DEVICE, _CONNECTION = "d", "c"
"""What the ids of sessions begin with: remembered devices, and connections without a token."""


@handles(Register)
async def register(messenger: Messenger, session: Session, request: Register) -> Answer:
    """Make an account of a guest; whoever else uses the name has not given the password."""
    proved = await messenger.identity.register(session, request.password)
    messenger.admit(session, None)
    for other in messenger.presence.of(session.who.id):
        if not other.registered:
            other.peer.end(
                "{name} is an account now; log in with its password.", name=session.who.name
            )
    token = None
    if request.remember:
        token = await messenger.identity.remember(session, request.device, proved)
    return Registered(ref=request.ref, name=session.who.name, token=token)


@handles(ChangePassword, need=Need.ACCOUNT)
async def change_password(
    messenger: Messenger, session: Session, request: ChangePassword
) -> Answer:
    """Change the password; other devices have to log in anew."""
    user = session.who
    await messenger.identity.change_password(session, name_key(user.name), request.old, request.new)
    for other in messenger.presence.of(user.id):
        if other is not session and (
            other.device_id is None or other.device_id != session.device_id
        ):
            _end(other)
    sentence = session.voice.say(
        "Your password is changed. Your other devices have to log in with it."
    )
    return Notice(ref=request.ref, message=sentence)


@handles(ListSessions)
async def list_sessions(messenger: Messenger, session: Session, request: ListSessions) -> Answer:
    """List the connections of the user, and the devices that may come back."""
    user = session.who
    devices = {device.id: device for device in await messenger.identity.devices.of(user)}
    shown = []
    for one in messenger.presence.of(user.id):
        device = devices.pop(one.device_id, None) if one.device_id is not None else None
        shown.append(
            SessionInfo(
                id=_id_of(one),
                device=device.label if device else one.device,
                address=one.peer.address,
                since=one.begun_at,
                here=one.here,
                own=one is session,
            )
        )
    if session.registered:
        shown += map(_absent, devices.values())
    return SessionList(ref=request.ref, sessions=shown)


def _absent(device: Device) -> SessionInfo:
    return SessionInfo(
        id=f"{_DEVICE}{device.id}",
        device=device.label,
        address=device.address,
        since=device.seen_at,
        here=False,
    )


def _id_of(session: Session) -> str:
    if session.device_id is not None:
        return f"{_DEVICE}{session.device_id}"
    return f"{_CONNECTION}{session.id}"


@handles(EndSession, need=Need.ACCOUNT)
async def end_session(messenger: Messenger, session: Session, request: EndSession) -> Answer:
    """End a session, and forget its device."""
    user, wanted = session.who, request.session.lower()
    forgotten = False
    number = wanted.removeprefix(_DEVICE)
    if number != wanted and number.isascii() and number.isdecimal() and len(number) <= _DIGITS:
        forgotten = await messenger.identity.devices.remove(user, int(number))
    # After that, for one may have come in meanwhile.
    ended = [one for one in messenger.presence.of(user.id) if _id_of(one) == wanted]
    if not ended and not forgotten:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "You have no session {id}; /sessions shows those you have.",
            id=request.session,
        )
    for one in ended:
        if one is not session:
            _end(one)
    if session in ended:
        _end(session)
        return None
    return Notice(ref=request.ref, message=session.voice.say("It has ended."))


def _end(session: Session) -> None:
    session.peer.end(ENDED)
