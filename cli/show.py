"""How messages, notices and facts look on a terminal or in a file."""

from __future__ import annotations

import time

from cli.here import Here
from cli.messages import Age, ChatMessage
from cli.notices import (
    Connected,
    Disconnected,
    LoginLost,
    News,
    Notice,
    NotKept,
    Remark,
    Restored,
    ServerError,
    ServerStops,
    ServerTrusted,
    StorageChanged,
    TrustLost,
)
from cli.security import Link, Proof
from cli.status import ClientStatus, State
from protocol.events import StatusReport
from protocol.language import N_, Count, Sentence, decimal
from protocol.text import UNREAD_LINE
from protocol.view import View, lines, message_lines

_Facts = (
    Connected | Disconnected | ServerStops | StorageChanged | ServerError | Remark | LoginLost
    | Restored | NotKept | ServerTrusted | TrustLost
)  # fmt: skip


def message_shown(message: ChatMessage, view: View) -> list[str]:
    """Return a message as lines in local time (S000-6).

    ``HH:MM DD.MM.YY Bob: text`` in the general chat, ``... Bob (private): text`` where Bob wrote
    to oneself alone, ``... Bob (private to Alice): text`` where oneself, Bob, wrote to Alice, and
    ``... Bob (dev): text`` in the room dev.
    """
    where = message.room or ""
    if message.private_with is not None:
        where = view.say("private")
        if message.sender == view.me != message.private_with:
            where = view.say("private to {name}", name=message.private_with)
    return message_lines(message.frame, view, where=where)


class UnreadMark:
    """Decides where the line stands that divides what is new from what was read (S000-10)."""

    def __init__(self) -> None:
        self._something_seen = False
        self._drawn = False

    def before(self, message: ChatMessage, me: str) -> list[str]:
        """Return the line if it belongs before ``message``, else nothing."""
        if message.age is Age.SEEN:
            self._something_seen = True
        if self._drawn or message.age is not Age.MISSED or message.sender == me:
            return []
        self._drawn = True
        return [UNREAD_LINE] if self._something_seen else []


class NoticeLines:
    """Makes sentences of notices, and none of an attempt that failed like the one before."""

    def __init__(self, here: Here) -> None:
        """Show them to somebody who is ``here``."""
        self._here = here
        self._failure = ""

    def lines(self, notice: Notice, me: str) -> list[str]:
        """Return a notice as sentences for the user ``me``; none where it tells nothing new."""
        if isinstance(notice, News):
            return lines(notice.event, self._here.view(me))
        sentence = self._sentence(notice)
        return [] if sentence is None else [sentence]

    def _sentence(self, notice: _Facts) -> str | None:
        before, self._failure = self._failure, ""
        if isinstance(notice, Disconnected) and notice.attempt > 0:
            self._failure = notice.reason
            if notice.reason == before:
                return None
        return _fact(notice).said(self._here.voice)


def _fact(notice: _Facts) -> Sentence:  # noqa: C901, PLR0911, PLR0912 - one a kind
    match notice:
        case Connected(again=False):
            return Sentence(
                "Connected to {server}. /help lists the commands.", server=notice.server
            )
        case Connected(missed=0):
            return Sentence("Connected again, nothing was missed.")
        case Connected():
            return Count(
                "Connected again, {number} message caught up.",
                "Connected again, {number} messages caught up.",
                notice.missed,
            )
        case Disconnected(attempt=0):
            return Sentence(
                "Connection lost: {reason} {then}", reason=notice.reason, then=_then(notice)
            )
        case Disconnected():
            return Sentence(
                "Still no connection: {reason} {then}", reason=notice.reason, then=_then(notice)
            )
        case ServerStops():
            return Sentence("The server is shutting down: {reason}", reason=notice.reason)
        case StorageChanged(available=False):
            return Sentence("The server's database is away. Messages wait until it is back.")
        case StorageChanged():
            return Sentence("The server's database is back.")
        case ServerError():
            return Sentence("The server reports: {error}", error=notice.sentence)
        case Remark():
            return Sentence("{remark}", remark=notice.sentence)
        case LoginLost():
            return Sentence("The login was refused: {reason}", reason=notice.sentence)
        case ServerTrusted(not_saved=None):
            return Sentence(
                "The server {server} is trusted from now on. Its fingerprint is {fingerprint} .",
                server=notice.server, fingerprint=notice.fingerprint,
            )  # fmt: skip
        case ServerTrusted():
            return Sentence(
                "The server {server} is trusted this time only, since that cannot be saved: "
                "{reason}. Its fingerprint is {fingerprint} .",
                server=notice.server, reason=notice.not_saved, fingerprint=notice.fingerprint,
            )  # fmt: skip
        case TrustLost():
            return Sentence(
                "It is not certain that this is the server that is meant: it is sent nothing."
            )
        case Restored() | NotKept():
            return _fact_of_keeping(notice)


def _fact_of_keeping(notice: Restored | NotKept) -> Sentence:
    if isinstance(notice, NotKept):
        return Sentence(
            "What you write cannot be kept on the disk ({reason}): it is sent, but lost if this "
            "program ends before.",
            reason=notice.reason,
        )
    number = Count(
        "{number} message from last time is being sent.",
        "{number} messages from last time are being sent.",
        notice.number,
    )
    if not notice.damaged:
        return number
    damaged = Count(
        "{number} more cannot be read: the file was damaged when the program or the machine "
        "stopped.",
        "{number} more cannot be read: the file was damaged when the program or the machine "
        "stopped.",
        notice.damaged,
    )
    return Sentence("{restored} {damaged}", restored=number, damaged=damaged)


def _then(notice: Disconnected) -> Sentence:
    if notice.retry_in < 1:
        return Sentence("Retrying.")
    return Sentence("Retrying in {seconds:.0f} s.", seconds=notice.retry_in)


def status_lines(report: StatusReport, status: ClientStatus, view: View) -> list[str]:
    """Return what `/status` shows (S004-9)."""
    facts = [
        view.say(
            "{name} at {address}, connected since {time}",
            name=report.name, address=report.address, time=view.time(report.connected_at),
        ),
        view.say(
            "server: {server} at {host} port {port}",
            server=report.server, host=status.host, port=status.port,
        ),
    ]  # fmt: skip
    if status.link is not None:
        facts.append(view.say("connection: {link}", link=_link(status.link)))
    if status.round_trip is not None:
        facts.append(view.say("round trip: {time} ms", time=decimal(status.round_trip * 1000)))
    if status.reconnects:
        facts.append(
            view.count(
                "connection lost and found again: {number} time",
                "connection lost and found again: {number} times",
                status.reconnects,
            )
        )
    if status.unacknowledged:
        facts.append(view.say("waiting to be stored: {number}", number=status.unacknowledged))
    facts.append(
        view.say(
            "here ({users}, {connections}): {names}",
            users=Count("{number} user", "{number} users", len(report.users)),
            connections=Count("{number} connection", "{number} connections", report.connections),
            names=", ".join(report.users),
        )
    )
    return facts


def offline_lines(status: ClientStatus, view: View) -> list[str]:
    """Return what `/status` shows while the server cannot be asked."""
    since = time.strftime("%H:%M:%S", time.localtime(status.since))
    return [
        view.say(
            "{name}, {state} since {time}: {reason}",
            name=status.name, state=state_word(status.state), time=since,
            reason=status.last_error or Sentence("no connection yet"),
        ),
        view.say("server: {host} port {port}", host=status.host, port=status.port),
        view.say("waiting to be sent: {number}", number=status.unacknowledged),
    ]  # fmt: skip


def _link(link: Link) -> Sentence:
    """Return how a connection is protected, and how that is known."""
    version = link.version.replace("TLSv", "TLS ")
    match link.proof:
        case Proof.CA:
            return Sentence(
                "encrypted ({version}); an authority vouches for the server", version=version
            )
        case Proof.FINGERPRINT:
            return Sentence(
                "encrypted ({version}); the server is known by its fingerprint {fingerprint}",
                version=version, fingerprint=link.fingerprint,
            )  # fmt: skip
        case Proof.LOOPBACK:
            return Sentence("not encrypted, but within this machine")
        case Proof.NONE:
            return Sentence("not encrypted: anybody on the way can read it and change it")


def state_word(state: State) -> Sentence:
    """Return a word for where a client stands."""
    return Sentence(_STATES[state])


_STATES = {
    State.CONNECTING: N_("connecting"),
    State.ONLINE: N_("online"),
    State.OFFLINE: N_("offline"),
    State.CLOSED: N_("closed"),
}
