"""Complaints and blocks, and how they look (S002-12, S002-16, S004-26, decision 9)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, no_arguments, usage_error
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event, Micros, Reply
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import Request, UserName
from protocol.text import next_minute
from protocol.view import View, lines

TITLE = N_("Order")

MAX_REASON = 300
"""Characters of a reason."""

MAX_HOURS = 8760
"""Hours that a block lasts at most: a year."""

Reason = Annotated[str, Meta(max_length=MAX_REASON, description="Why, for administrators.")]


class Complain(Request, frozen=True, kw_only=True, tag="complain"):
    """Complain about a user (S002-12). Answered by a `notice`.

    When enough different users have, the user can write nothing for some hours (S002-16).
    """

    name: UserName
    reason: Reason = ""


class ListComplaints(Request, frozen=True, kw_only=True, tag="list_complaints"):
    """Show the open complaints and who is blocked. Answered by `complaint_list`."""


class LiftBlock(Request, frozen=True, kw_only=True, tag="lift_block"):
    """End a user's block and settle the complaints about it. Answered by a `notice`."""

    name: UserName


class BlockUser(Request, frozen=True, kw_only=True, tag="block_user"):
    """Let a user write nothing for some hours, from now on. Answered by a `notice`."""

    name: UserName
    hours: Annotated[
        float | None,
        Meta(description="Up to 8760, which is a year. Left out: as long as complaints block."),
    ] = None
    reason: Annotated[str, Meta(max_length=MAX_REASON, description="Why, for the user too.")] = ""


class ComplaintInfo(Struct, frozen=True, kw_only=True):
    """A complaint that may still lead to a block."""

    name: Annotated[str, Meta(description="Whom it is about.")]
    reporter: str
    guest: Annotated[bool, Meta(description="True: the reporter was not logged in by password.")]
    reason: Annotated[str, Meta(description="Why, in words of the reporter; may be empty.")]
    time: Micros


class BlockInfo(Struct, frozen=True, kw_only=True):
    """Who is blocked."""

    name: str
    until: Micros
    reason: Annotated[
        str, Meta(description="What the administrator wrote, or who complained last.")
    ] = ""


class ComplaintList(Reply, frozen=True, kw_only=True, tag="complaint_list"):
    """The answer to `list_complaints`."""

    complaints: Annotated[list[ComplaintInfo], Meta(description="The latest, oldest first.")]
    blocked: list[BlockInfo]


class NewComplaint(Event, frozen=True, kw_only=True, tag="new_complaint"):
    """Somebody has complained; administrators are told."""

    complaint: ComplaintInfo


class Blocked(Event, frozen=True, kw_only=True, tag="blocked"):
    """One can write nothing until a time; reading goes on."""

    until: Micros
    reason: Annotated[str, Meta(description="What an administrator wrote.")] = ""


class BlockLifted(Event, frozen=True, kw_only=True, tag="block_lifted"):
    """One can write again."""


@lines.register
def _(event: ComplaintList, view: View) -> list[str]:
    shown = [_complaint(complaint, view) for complaint in event.complaints]
    if not shown:
        shown = [view.say("There are no open complaints.")]
    for block in event.blocked:
        until = next_minute(block.until, view.zone)
        template = N_("{name} is blocked until {time}.")
        if block.reason:
            template = N_("{name} is blocked until {time}: {reason}")
        shown.append(view.say(template, name=block.name, time=until, reason=block.reason))
    return shown


@lines.register
def _(event: NewComplaint, view: View) -> list[str]:
    complaint = event.complaint
    return [
        view.say(
            "{reporter} complains about {name}: {reason} (/complaints lists all.)",
            reporter=_reporter(complaint, view),
            name=complaint.name,
            reason=complaint.reason or "-",
        )
    ]


@lines.register
def _(event: Blocked, view: View) -> list[str]:
    until = next_minute(event.until, view.zone)
    shown = [view.say("You are blocked: you can read, but write nothing until {time}.", time=until)]
    if event.reason:
        shown.append(view.say("The reason: {reason}", reason=event.reason))
    return shown


@lines.register
def _(event: BlockLifted, view: View) -> list[str]:
    del event
    return [view.say("An administrator has lifted the block: you can write again.")]


def _complaint(complaint: ComplaintInfo, view: View) -> str:
    return view.say(
        "{time} {reporter} about {name}: {reason}",
        time=view.time(complaint.time),
        reporter=_reporter(complaint, view),
        name=complaint.name,
        reason=complaint.reason or "-",
    )


def _reporter(complaint: ComplaintInfo, view: View) -> str:
    if complaint.guest:
        return view.say("{name} (a guest)", name=complaint.reporter)
    return complaint.reporter


def _complain(rest: str, _place: Place) -> Built:
    name, _, reason = rest.partition(" ")
    if not name:
        raise usage_error("/ban NAME [REASON]")
    return Complain(name=name[:MAX_TYPED], reason=_checked(reason))


def _lift(rest: str, _place: Place) -> Built:
    name, _, more = rest.partition(" ")
    if not name or more:
        raise usage_error("/lift NAME")
    return LiftBlock(name=name[:MAX_TYPED])


def _block(rest: str, _place: Place) -> Built:
    name, _, rest = rest.partition(" ")
    if not name:
        raise usage_error("/block NAME [HOURS] [REASON]")
    word, _, reason = rest.strip().partition(" ")
    hours = _hours(word)
    reason = _checked(rest if hours is None else reason)
    return BlockUser(name=name[:MAX_TYPED], hours=hours, reason=reason)


def _hours(word: str) -> float | None:
    """Return the hours that a word is, None where it is no number."""
    if not word.replace(".", "", 1).isdecimal() or not word.isascii():
        return None
    return check_hours(float(word))


def check_hours(hours: float) -> float:
    """Return how long a block lasts; raises :class:`ProtocolError` where it cannot."""
    if not 0 < hours <= MAX_HOURS:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "A block lasts for more than 0 and up to {hours} hours.",
            hours=MAX_HOURS,
        )
    return hours


def _checked(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS, "A reason has at most {limit} characters.", limit=MAX_REASON
        )
    return reason


REQUESTS: tuple[type[Request], ...] = (Complain, ListComplaints, LiftBlock, BlockUser)

EVENTS: tuple[type[Event], ...] = (ComplaintList, NewComplaint, Blocked, BlockLifted)

COMMANDS: tuple[Command, ...] = (
    Command(
        "ban", "NAME [REASON]",
        N_("Complain about NAME; some complaints by different people block for hours."), _complain,
    ),
    Command(
        "complaints", "", N_("Show open complaints and who is blocked (administrators)."),
        no_arguments(ListComplaints),
    ),
    Command(
        "lift", "NAME", N_("End NAME's block and settle the complaints (administrators)."), _lift
    ),
    Command(
        "block", "NAME [HOURS] [REASON]", N_("Block NAME at once (administrators)."), _block
    ),
)  # fmt: skip
