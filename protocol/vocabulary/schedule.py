"""Messages that are sent later, and the time zone in which people mean times (S004-25)."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, no_arguments, number_in, text_in, usage_error
from protocol.errors import ErrorCode
from protocol.events import Event, Micros, Reply
from protocol.ids import new_uuid
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import GENERAL, ConversationId, Repeatable, Request, UserName
from protocol.view import View, lines
from protocol.vocabulary.rooms import RoomName

TITLE = N_("Sending later")

_WHEN = re.compile(
    r"(?P<when>\+\S+"
    r"|\d{4}-\d{1,2}-\d{1,2}\s+\d{1,2}:\d{2}"
    r"|\d{1,2}\.\d{1,2}(?:\.(?:\d{4}|\d{2})?)?\s+\d{1,2}:\d{2}"
    r"|\d{1,2}:\d{2}\s+\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})"
    # two digits each, and no other time behind: 3.5 litres are no day
    r"|\d{1,2}:\d{2}\s+(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])\.?(?!\s+\d{1,2}:\d{2})"
    r"|\d{1,2}:\d{2})(?:\s+(?P<rest>.*))?",
    re.DOTALL,
)
_ADDRESSED = re.compile(r"(?P<sign>[@#])(?P<name>[^\s@#]\S*)(?:\s+(?P<text>.*))?", re.DOTALL)
_LONE = re.compile(r"[@#](?:\s|$)")
_USAGE = N_("/schedule WHEN TEXT; WHEN is 18:30, +10m, +1h30m, 31.12 18:30 or 2026-12-31 18:30")

_PLACE_USAGE = N_("/schedule WHEN @NAME TEXT or WHEN #ROOM TEXT, without a blank behind @ or #")


class Schedule(Request, frozen=True, kw_only=True, tag="schedule"):
    """Send a message at a set time (S004-25). Answered by `scheduled`.

    It goes to `conversation`, or privately to the user `to`, or to the room `room` that one is
    in. Whether one may still send it is looked at when its time has come.
    """

    when: Annotated[
        str,
        Meta(
            max_length=64,
            description="`18:30`, `31.12 18:30`, `18:30 31.12.26` or `2026-12-31 18:30` in the "
            "user's time zone, or from now on `+10m`, `+1h30m`, `+2d`.",
        ),
    ]
    text: Annotated[str, Meta(description="At most 65536 bytes of UTF-8.")]
    conversation: ConversationId = GENERAL
    to: Annotated[UserName | None, Meta(description="A user's name.")] = None
    room: RoomName | None = None
    uuid: Repeatable = None


class ListScheduled(Request, frozen=True, kw_only=True, tag="list_scheduled"):
    """Show one's scheduled messages. Answered by `scheduled_list`."""


class Cancel(Request, frozen=True, kw_only=True, tag="cancel"):
    """Do not send a scheduled message (S004-25). Answered by `notice`."""

    id: Annotated[int, Meta(ge=1, le=2**53, description="Its id in `scheduled_list`.")]


class TimeZone(Request, frozen=True, kw_only=True, tag="time_zone"):
    """Set the user's time zone on all devices, or ask for it. Answered by `zone`."""

    name: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="As `Europe/Moscow`; left out to ask."),
    ] = None


class ScheduledInfo(Struct, frozen=True, kw_only=True):
    """A scheduled message."""

    id: int
    due: Annotated[int, Meta(description="When it is sent, in microseconds since 1970.")]
    conversation: int
    kind: Annotated[
        str, Meta(description="The conversation's kind; empty where one is no longer in it.")
    ]
    name: Annotated[str, Meta(description="The conversation's name.")]
    text: Annotated[str, Meta(description="The beginning of the text.")]
    cut: Annotated[bool, Meta(description="True: there is more of the text.")] = False
    failure: Annotated[
        str | None, Meta(description="The code of the error with which it was refused.")
    ] = None


class Scheduled(Reply, frozen=True, kw_only=True, tag="scheduled"):
    """The message is kept until its time."""

    item: ScheduledInfo


class ScheduledList(Reply, frozen=True, kw_only=True, tag="scheduled_list"):
    """The answer to `list_scheduled`: the first to be sent first."""

    items: list[ScheduledInfo]


class ScheduledRefused(Event, frozen=True, kw_only=True, tag="scheduled_refused"):
    """The time of a message came, and it could not be sent. It stays in the list."""

    item: ScheduledInfo


class Zone(Reply, frozen=True, kw_only=True, tag="zone"):
    """The answer to `time_zone`."""

    name: Annotated[str, Meta(description="The user's time zone; empty: the server's holds.")]
    now: Annotated[Micros, Meta(description="What time it is.")]


class ZoneChanged(Event, frozen=True, kw_only=True, tag="zone_changed"):
    """The user has set another time zone on another device."""

    name: Annotated[str, Meta(description="As `Europe/Moscow`.")]


@lines.register
def _(event: Scheduled, view: View) -> list[str]:
    item = event.item
    return [
        view.say(
            "It goes to {place} at {time}. /cancel {number} stops it.",
            place=_place(item, view), time=view.time(item.due), number=item.id,
        )
    ]  # fmt: skip


@lines.register
def _(event: ScheduledList, view: View) -> list[str]:
    shown = [_line(item, view) for item in event.items]
    return shown or [view.say("You have no scheduled messages.")]


def _line(item: ScheduledInfo, view: View) -> str:
    template = N_("{number}. {time} to {place}: {text}")
    if item.failure is not None:
        template = N_("{number}. {time} to {place}: {text} (not sent: {reason})")
    return view.say(
        template,
        number=item.id, time=view.time(item.due), place=_place(item, view),
        text=item.text + "…" * item.cut, reason=_reason(item, view),
    )  # fmt: skip


@lines.register
def _(event: ScheduledRefused, view: View) -> list[str]:
    item = event.item
    return [
        view.say(
            "Your scheduled message {number} to {place} was not sent: {reason}. /scheduled shows "
            "it, /cancel {number} forgets it.",
            number=item.id, place=_place(item, view), reason=_reason(item, view),
        )
    ]  # fmt: skip


@lines.register
def _(event: Zone, view: View) -> list[str]:
    time = view.time(event.now)
    if not event.name:
        return [
            view.say(
                "You have set no time zone; here it is {time}. /zone NAME sets one.", time=time
            )
        ]
    return [view.say("Your time zone is {name}, where it is {time}.", name=event.name, time=time)]


@lines.register
def _(event: ZoneChanged, view: View) -> list[str]:
    return [view.say("Your time zone is {name} now.", name=event.name)]


def _place(item: ScheduledInfo, view: View) -> str:
    match item.kind:
        case "general":
            return view.say("everyone")
        case "direct":
            return f"@{item.name}"
        case "room":
            return f"#{item.name}"
        case _:
            return view.say("a conversation that you have left")


def _reason(item: ScheduledInfo, view: View) -> str:
    return view.say(_REASONS.get(item.failure or "", _UNKNOWN))


_UNKNOWN = N_("the server refused it")
_REASONS: dict[str, str] = {
    ErrorCode.BLOCKED: N_("you were blocked at that time"),
    ErrorCode.LIMIT_REACHED: N_("you had sent as many messages as you could at that time"),
    ErrorCode.NEEDS_ACCOUNT: N_("a guest wrote it, before the name became an account"),
    ErrorCode.UNKNOWN_CONVERSATION: N_("you were no longer in that conversation"),
}


def _schedule(rest: str, place: Place) -> Built:
    found = _WHEN.fullmatch(rest)
    if found is None:
        raise usage_error(_USAGE)
    text = text_in(found["rest"] or "", _USAGE)
    to = room = None
    if addressed := _ADDRESSED.fullmatch(text):
        text = text_in(addressed["text"] or "", _USAGE)
        to = addressed["name"][:MAX_TYPED] if addressed["sign"] == "@" else None
        room = addressed["name"] if addressed["sign"] == "#" else None
    elif _LONE.match(text):
        raise usage_error(_PLACE_USAGE)
    elif text.startswith(("@@", "##")):
        text = text[1:]
    return Schedule(
        when=found["when"][:64], text=text, conversation=place.conversation, to=to, room=room,
        uuid=new_uuid(),
    )  # fmt: skip


def _cancel(rest: str, _place: Place) -> Built:
    return Cancel(id=number_in(rest, "/cancel NUMBER, as /scheduled shows it"))


def _zone(rest: str, _place: Place) -> Built:
    return TimeZone(name=rest[:64] or None)


REQUESTS = (Schedule, ListScheduled, Cancel, TimeZone)
EVENTS = (Scheduled, ScheduledList, ScheduledRefused, Zone, ZoneChanged)
COMMANDS = (
    Command(
        "schedule", "WHEN [@NAME|#ROOM] TEXT",
        N_("Send TEXT at 18:30, +10m, +1h30m, 31.12 18:30 or 2026-12-31 18:30."), _schedule,
    ),
    Command("scheduled", "", N_("Show what you have scheduled."), no_arguments(ListScheduled)),
    Command("cancel", "NUMBER", N_("Do not send a message that /scheduled shows."), _cancel),
    Command("zone", "[NAME]", N_("Show or set your time zone, such as Europe/Moscow."), _zone),
)  # fmt: skip
