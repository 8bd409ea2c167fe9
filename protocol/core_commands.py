"""The commands everybody needs (S004-7..11, S002-11)."""

from __future__ import annotations

from protocol.commands import (
    Built,
    Command,
    Help,
    Place,
    SaveText,
    no_arguments,
    number_in,
    usage_error,
)
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import Fetch, Language, Quit, Send, Status

TITLE = N_("Messages")


def _send_addressed(rest: str, place: Place) -> Built:
    if not rest:
        raise usage_error("/send TEXT or /send NAME TEXT")
    return Send(text=rest, addressed=True, conversation=place.conversation)


def _send_to(rest: str, _place: Place) -> Built:
    name, _, text = rest.partition(" ")
    if not name or not text.strip():
        raise usage_error("/send-to NAME TEXT")
    return Send(text=text.strip(), to=name[:MAX_TYPED])


def _text(rest: str, _place: Place) -> Built:
    number, _, path = rest.partition(" ")
    fetch = Fetch(id=number_in(number, "/text NUMBER"))
    # Who knows a shell writes > FILE, and does not mean a file of that name.
    path = path.strip().removeprefix(">").strip()
    return SaveText(fetch, path) if path else fetch


def _language(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/lang en or /lang ru")
    return Language(language=rest[:32])


COMMANDS: tuple[Command, ...] = (
    Command(
        "help", "[WORD]", N_("Show this list, or what of it has WORD in it."),
        lambda rest, _place: Help(rest), bare_alone=True,
    ),
    Command(
        "status", "", N_("Show who is here, and facts about this connection."),
        no_arguments(Status), bare_alone=True,
    ),
    Command(
        "send", "[NAME] TEXT", N_("Write to NAME privately, or else to this conversation."),
        _send_addressed,
    ),
    Command("send-to", "NAME TEXT", N_("Write to NAME privately."), _send_to, bare=True),
    Command(
        "text", "NUMBER [FILE]",
        N_("Show the whole of a long message, or save it in FILE (not at telnet)."), _text,
    ),
    Command("lang", "en|ru", N_("Speak English or Russian on this connection."), _language),
    Command("quit", "", N_("Leave."), no_arguments(Quit), bare_alone=True, aliases=("exit",)),
)  # fmt: skip
