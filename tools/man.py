"""The manual pages ``docs/man/*.1``, made from the parsers of the two programs (see tools.docs)."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from cli.completion import subparsers
from cli.options import parser_of
from cli.subcommands import COMMON
from protocol import __version__
from protocol.language import english
from server.settings_sources import server_parser

DATE = "2026-11-28"
"""What stands in the footer; the date of the day would make each run another page."""

WIDTH = 78
"""Characters of an input line, as mandoc likes it."""

_SHARED = "The flags that tell how to get to a server can stand behind the command, too."

_SEE_ALSO = {
    "mymessenger": "mymessenger-server",
    "mymessenger-server": "mymessenger",
}


def client_page() -> str:
    """Return ``mymessenger.1``."""
    return _page(parser_of(english(), {}))


def server_page() -> str:
    """Return ``mymessenger-server.1``."""
    return _page(server_parser())


def _page(parser: argparse.ArgumentParser) -> str:
    about = (parser.description or "").rstrip(".")
    lines = [
        '.\\" Made by `make docs` from the program itself.',
        f'.TH {parser.prog.upper()} 1 {DATE} "mymessenger {__version__}" "User Commands"',
        ".SH NAME",
        f"{_text(parser.prog)} \\- {_text(about)}",
        ".SH SYNOPSIS",
        *_synopsis(parser),
        *(line for name, one in subparsers(parser).items() for line in _synopsis(one, name)),
        *_groups(parser, ".SH"),
    ]
    for name, one in subparsers(parser).items():
        lines += [f".SH THE COMMAND {name.upper()}", *_paragraph(one.description or "")]
        lines += _groups(one, ".SS")
        if one.epilog:
            lines += _paragraph(_SHARED)
        lines += _epilog(one)
    lines += [".SH NOTES", *_epilog(parser)]
    lines += [".SH SEE ALSO", f".BR {_text(_SEE_ALSO[parser.prog])} (1)"]
    return "\n".join(_without_needless_breaks(lines)) + "\n"


def _without_needless_breaks(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without the paragraphs that a heading begins by itself."""
    before = ""
    for line in lines:
        if not (line == ".PP" and before.startswith((".SH", ".SS"))):
            yield line
        before = line


def _synopsis(parser: argparse.ArgumentParser, subcommand: str = "") -> Iterator[str]:
    """Yield how the program is called; its many flags are told of further down."""
    prog = parser.prog.split()[0]
    yield ".br" if subcommand else f".B {_text(prog)}"
    if subcommand:
        yield f".B {_text(f'{prog} {subcommand}')}"
    yield "[\\fIOPTION\\fR]..."
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield f"{_text('[' if action.nargs else '')}{_placeholder(action)}" + (
                "]" if action.nargs else ""
            )


def _groups(parser: argparse.ArgumentParser, head: str) -> Iterator[str]:
    for group in parser._action_groups:
        actions = [
            one
            for one in group._group_actions
            if not isinstance(one, argparse._SubParsersAction) and one.help != argparse.SUPPRESS
        ]
        if not actions or (head == ".SS" and _is_shared(actions)):
            continue
        title = group.title or "options"
        yield f"{head} {_text(title.upper() if head == '.SH' else title)}"
        if group.description:
            yield from _paragraph(group.description)
        for action in actions:
            yield ".TP"
            yield _flags(action)
            yield from _filled(action.help or "")


def _is_shared(actions: Iterable[argparse.Action]) -> bool:
    """Tell whether these are the flags that the program itself has, too."""
    return all(one.dest in COMMON for one in actions)


def _flags(action: argparse.Action) -> str:
    if not action.option_strings:
        return _placeholder(action)
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in action.option_strings)
    if action.nargs == 0:
        return names
    shown = f" {_placeholder(action)}"
    return names + (f" [{shown.strip()}]" if action.nargs == "?" else shown)


def _placeholder(action: argparse.Action) -> str:
    metavar = action.metavar
    if isinstance(metavar, str):
        return f"\\fI{_text(metavar)}\\fR"
    if action.choices:
        return "|".join(f"\\fB{_text(str(one))}\\fR" for one in action.choices)
    return f"\\fI{_text(action.dest.upper())}\\fR"


def _epilog(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the text behind the flags; in it, lines that are set in are commands as they stand."""
    for block in re.split(r"\n\n+", (parser.epilog or "").strip()):
        if block.startswith("  "):
            yield ".PP"
            yield ".nf"
            yield ".RS 4"
            yield from (_line(_text(line.strip())) for line in block.splitlines())
            yield ".RE"
            yield ".fi"
        elif block:
            yield from _paragraph(block)


def _paragraph(text: str) -> Iterable[str]:
    return [".PP", *_filled(text)]


def _filled(text: str) -> list[str]:
    """Return a text as input lines, a sentence each, which is what groff wants."""
    words = " ".join((text % {"prog": "mymessenger"} if "%(" in text else text).split())
    words = words.replace("%%", "%")
    return [
        _line(line)
        for sentence in re.split(r"(?<=[.;:]) ", words)
        for line in wrap(_text(sentence), WIDTH, break_on_hyphens=False, break_long_words=False)
    ]


def _line(line: str) -> str:
    """Return an input line that is text, whatever it begins with."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _text(text: str) -> str:
    """Return a text that groff shows as it is."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
