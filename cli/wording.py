"""The command line's help and errors in the user's language, argparse's own among them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from protocol.language import N_, Sentence, Voice


class Wrong(Sentence, Exception):
    """A value on the command line is wrong; the sentence says what would be right."""


def translate(parser: argparse.ArgumentParser, voice: Voice) -> None:
    """Let a parser with all its flags speak a language."""
    vars(argparse)["_"] = voice.say  # what it calls gettext; there is no other way to its own words
    parser.description = voice.say(parser.description or "")
    parser.epilog = voice.say(parser.epilog or "")
    for group in parser._action_groups:
        group.title = voice.say(group.title or "")
        if group.description:  # an empty one would show a title with nothing below it
            group.description = voice.say(group.description)
    for action in parser._actions:
        action.help = voice.say(action.help or "")
        if isinstance(action.metavar, str):
            action.metavar = voice.say(action.metavar)
        if callable(action.type):
            action.type = _translated(action.type, voice)


def _translated(convert: Callable[[str], object], voice: Voice) -> Callable[[str], object]:
    def converted(text: str) -> object:
        try:
            return convert(text)
        except Wrong as wrong:
            raise argparse.ArgumentTypeError(wrong.said(voice)) from None

    return converted


def language_asked(arguments: Sequence[str] | None) -> str | None:
    """Return what ``--lang`` says, before anything else of a command line is understood."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--lang")
    try:
        known, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return None
    asked: str | None = known.lang
    return asked


ARGPARSE = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("the following arguments are required: %s"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("%(prog)s: error: %(message)s\n"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("ignored explicit argument %r"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("not allowed with argument %s"),
    N_("unrecognized arguments: %s"),
)
"""What argparse says by itself to who uses these flags."""
