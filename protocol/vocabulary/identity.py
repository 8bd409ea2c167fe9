"""Who somebody is: accounts, passwords, and the sessions of one user (S000-3, 4; S003-2, 3)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import AskSecrets, Built, Command, Place, no_arguments, usage_error
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Micros, Reply
from protocol.language import N_
from protocol.limits import MAX_SECRET
from protocol.requests import Request, Secret
from protocol.view import View, lines

TITLE = N_("Your name and your devices")


class Register(Request, frozen=True, kw_only=True, tag="register"):
    """Put a password on one's name (S000-3, S003-3). Answered by `registered`.

    From then on the name needs it. Other sessions of the name have not given it, and end.
    """

    password: Secret
    remember: Annotated[
        bool, Meta(description="Give this device a token, so that it needs the password no more.")
    ] = False
    device: Annotated[
        str, Meta(max_length=100, description="What the list of sessions calls this device.")
    ] = ""


class ChangePassword(Request, frozen=True, kw_only=True, tag="change_password"):
    """Take another password. Answered by `notice`; all other devices have to log in anew."""

    old: Secret
    new: Secret


class ListSessions(Request, frozen=True, kw_only=True, tag="list_sessions"):
    """Show the user's sessions and devices (S000-4). Answered by `session_list`."""


class EndSession(Request, frozen=True, kw_only=True, tag="end_session"):
    """End a session, and forget its device's token. Answered by `notice`."""

    session: Annotated[str, Meta(max_length=20, description="The `id` in `session_list`.")]


class Registered(Reply, frozen=True, kw_only=True, tag="registered"):
    """The name has a password now."""

    name: str
    token: Annotated[
        str | None, Meta(description="For later logins of this device, where it was asked for.")
    ] = None


class SessionInfo(Struct, frozen=True, kw_only=True):
    """A session of a user, or a device that is not connected now but may come back."""

    id: Annotated[str, Meta(description="What `end_session` takes.")]
    device: Annotated[str, Meta(description="What the device calls itself.")]
    address: Annotated[str, Meta(description="Where it was begun from (S000-4).")]
    since: Annotated[Micros, Meta(description="When it was begun, or was last here.")]
    here: Annotated[bool, Meta(description="True: connected at this moment.")]
    own: Annotated[bool, Meta(description="True: the one that asks.")] = False


class SessionList(Reply, frozen=True, kw_only=True, tag="session_list"):
    """The answer to `list_sessions`."""

    sessions: list[SessionInfo]


@lines.register
def _(event: Registered, view: View) -> list[str]:
    return [
        view.say(
            "The name {name} is yours now: it needs this password from now on, everywhere.",
            name=event.name,
        )
    ]


@lines.register
def _(event: SessionList, view: View) -> list[str]:
    return [_session_line(session, view) for session in event.sessions]


def _session_line(session: SessionInfo, view: View) -> str:
    if session.own:
        template = N_("{id}  {device} at {address} since {time} (this one)")
    elif session.here:
        template = N_("{id}  {device} at {address} since {time}")
    else:
        template = N_("{id}  {device}, last here {time} from {address}")
    return view.say(
        template,
        id=session.id, device=session.device or view.say("telnet"), address=session.address,
        time=view.time(session.since),
    )  # fmt: skip


def _register(rest: str, _place: Place) -> Built:
    if rest:
        return Register(password=rest[:MAX_SECRET])
    return AskSecrets((N_("Choose a password:"), N_("Once more:")), _registration)


def _registration(first: str, second: str) -> Request:
    if first != second:
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "The two are not the same. Nothing changed.")
    return Register(password=first[:MAX_SECRET])


def _password(rest: str, _place: Place) -> Built:
    old, _, new = rest.partition(" ")
    if not rest:
        questions = (N_("Your present password:"), N_("The new one:"), N_("Once more:"))
        return AskSecrets(questions, _change)
    if not new.strip():
        raise usage_error("/password, or /password OLD NEW")
    return ChangePassword(old=old[:MAX_SECRET], new=new.strip()[:MAX_SECRET])


def _change(old: str, first: str, second: str) -> Request:
    if first != second:
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "The two are not the same. Nothing changed.")
    return ChangePassword(old=old[:MAX_SECRET], new=first[:MAX_SECRET])


def _end(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/end ID, as /sessions shows it")
    return EndSession(session=rest[:20])


REQUESTS = (Register, ChangePassword, ListSessions, EndSession)
EVENTS = (Registered, SessionList)
COMMANDS = (
    Command(
        "register", "[PASSWORD]",
        N_("Make your name an account with a password; without PASSWORD it is asked for unseen."),
        _register, secret=True,
    ),
    Command("password", "[OLD NEW]", N_("Change your password."), _password, secret=True),
    Command("sessions", "", N_("Show where you are logged in."), no_arguments(ListSessions)),
    Command("end", "ID", N_("End a session that /sessions shows."), _end),
)  # fmt: skip
