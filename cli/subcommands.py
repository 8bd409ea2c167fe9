"""The command lines of ``mymessenger send``, ``tail``, ``unread`` and ``completion``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from cli.cursor import parse_cursor
from cli.tasks import (
    Aim,
    CompletionTask,
    SendTask,
    TailTask,
    Task,
    UnreadTask,
    Wait,
)
from cli.wording import Wrong, translate
from protocol.language import N_, Voice

SHELLS = ("bash", "zsh", "fish")

COMMON = frozenset(
    ("name", "host", "port", "language", "password_file", "retry", "tls", "plaintext",
     "fingerprint", "trust_new")
)  # fmt: skip
"""The flags of the program that each of its subcommands has, too: how to get to a server."""

_EXIT = N_(
    "Exit code: {codes}; 2 wrong usage; 3 the server is not the one it was; 4 it was not done: no "
    "connection, or what standard error tells."
)
_SEND = N_("0 what --wait says has happened; 1 it has not, but the message is stored")
_UNREAD = N_("0 there are unread messages; 1 there are none")
_TAIL = N_("0 all was printed, or whoever read it has had enough")

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 10**7
"""Seconds, some months: what is longer is a typing mistake."""


def add_subcommands(parser: argparse.ArgumentParser, voice: Voice) -> None:
    """Let a parser know the subcommands; it speaks already, and they speak like it."""
    commands = parser.add_subparsers(
        title=voice.say("one thing for scripts, and the end"),
        dest="command",
        metavar=voice.say("COMMAND"),
        description=voice.say("{program} COMMAND --help tells more.", program=parser.prog),
    )
    for name, (about, fill, codes) in _COMMANDS.items():
        one = commands.add_parser(
            name,
            help=voice.say(about),
            description=voice.say(about),
        )
        one.set_defaults(command=name)
        fill(one)
        translate(one, voice)
        if codes:
            one.epilog = voice.say(_EXIT, codes=voice.say(codes))
            _share(parser, one, voice.say("how to get to the server"))


def _share(parser: argparse.ArgumentParser, one: argparse.ArgumentParser, title: str) -> None:
    """Give a subcommand the common flags; what was said before the subcommand holds, too."""
    group = one.add_argument_group(title)
    for action in parser._actions:
        if action.dest in COMMON:
            shared = copy(action)
            shared.default = argparse.SUPPRESS
            group._add_action(shared)


def take_task(given: dict[str, Any]) -> Task | None:
    """Take what a subcommand was given out of the namespace of a command line."""
    command = given.pop("command", None)
    own = {key: given.pop(key) for key in tuple(given) if key.startswith("task_")}
    return None if command is None else _TASKS[command](own)


def _send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "task_words", metavar="TEXT", nargs="*",
        help="the message; without it, or where it is -, standard input is sent as one message",
    )  # fmt: skip
    _add_aim(parser, N_("send to this room, which you are in"), N_("send to this user alone"))
    parser.add_argument(
        "--wait", dest="task_wait", type=_wait, metavar="WHAT", default=Wait(),
        help="end only when it is stored (the default), delivered:NAME or read:NAME",
    )  # fmt: skip
    _add_timeout(parser, 30.0, N_("give up after this time: 90, 90s, 5m or 2h (default 30s)"))


def _tail(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "task_scope", metavar="all", nargs="?", choices=("all",),
        help="all your conversations, which is the default",
    )  # fmt: skip
    _add_aim(parser, N_("only this room"), N_("only the conversation with this user"))
    parser.add_argument(
        "--json", dest="task_json", action="store_true",
        help="print an object a line, each with the cursor behind it",
    )  # fmt: skip
    parser.add_argument(
        "--since", dest="task_since", type=_cursor, metavar="CURSOR",
        help="print what came after this cursor, all of it and nothing twice",
    )  # fmt: skip
    parser.add_argument(
        "--cursor-file", dest="task_cursor_file", metavar="FILE",
        help="begin behind the cursor in FILE, where there is one, and keep it up to date",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--follow", dest="task_follow", action="store_true",
        help="go on with what comes; else it ends behind the last one",
    )  # fmt: skip
    parser.add_argument(
        "-n", "--lines", dest="task_count", type=_count, metavar="N", default=10,
        help="where there is no cursor, begin with the last N (default 10)",
    )  # fmt: skip
    _add_timeout(
        parser, 30.0, N_("how long the server may take to answer: 30, 30s or 1m (default 30s)")
    )


def _unread(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", dest="task_json", action="store_true", help="print an object on one line"
    )
    parser.add_argument(
        "--per", dest="task_per", action="store_true",
        help="print a line for each conversation with unread messages: NAME - UNREAD",
    )  # fmt: skip
    _add_timeout(
        parser, 2.0, N_("give up after this time, so that no status bar waits (default 2s)")
    )


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task_shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")


def _add_aim(parser: argparse.ArgumentParser, room: str, user: str) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-r", "--room", dest="task_room", metavar="ROOM", help=room)
    group.add_argument("-t", "--to", dest="task_user", metavar="NAME", help=user)


def _add_timeout(parser: argparse.ArgumentParser, default: float, about: str) -> None:
    parser.add_argument(
        "--timeout", dest="task_timeout", type=duration, metavar="TIME", default=default, help=about
    )


_COMMANDS = {
    "send": (N_("send one message"), _send, _SEND),
    "tail": (N_("print messages, those of the past and those to come"), _tail, _TAIL),
    "unread": (N_("print how many messages are unread, and mark none"), _unread, _UNREAD),
    "completion": (N_("print what teaches a shell to complete these flags"), _completion, ""),
}


def _send_task(own: Mapping[str, Any]) -> Task:
    words = () if own["task_words"] == ["-"] else tuple(own["task_words"])
    return SendTask(_aim(own), own["task_wait"], own["task_timeout"], words)


def _tail_task(own: Mapping[str, Any]) -> Task:
    aim = _aim(own)
    return TailTask(
        aim=None if aim == Aim() else aim,
        json=own["task_json"],
        since=own["task_since"],
        cursor_file=own["task_cursor_file"],
        follow=own["task_follow"],
        count=own["task_count"],
        timeout=own["task_timeout"],
    )


def _unread_task(own: Mapping[str, Any]) -> Task:
    return UnreadTask(own["task_json"], own["task_per"], own["task_timeout"])


def _completion_task(own: Mapping[str, Any]) -> Task:
    return CompletionTask(own["task_shell"])


_TASKS: Mapping[str, Callable[[Mapping[str, Any]], Task]] = {
    "send": _send_task,
    "tail": _tail_task,
    "unread": _unread_task,
    "completion": _completion_task,
}


def _aim(own: Mapping[str, Any]) -> Aim:
    return Aim(own["task_room"], own["task_user"])


def _wait(text: str) -> Wait:
    what, _, name = text.partition(":")
    if text == "stored":
        return Wait()
    if what not in {"delivered", "read"} or not name.strip():
        raise Wrong("it is stored, delivered:NAME or read:NAME, not {text}", text=repr(text))
    return Wait(name.strip(), read=what == "read")


def _cursor(text: str) -> dict[int, int]:
    try:
        return parse_cursor(text)
    except ValueError:
        raise Wrong(
            "a cursor is what --json prints, such as 1:204,7:33, not {text}", text=repr(text[:60])
        ) from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise Wrong("a number of messages is wanted, not {text}", text=repr(text))
    return int(text[:9])


def duration(text: str) -> float:
    """Return a time in seconds: ``90``, ``90s``, ``5m`` or ``2h``."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", text, re.ASCII)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST:
        raise Wrong("a time is wanted, such as 90, 90s, 5m or 2h, not {text}", text=repr(text))
    return seconds
