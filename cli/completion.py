"""What teaches bash, zsh and fish to complete the command line, made from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """One option of a command line."""

    names: tuple[str, ...]
    about: str
    takes_value: bool
    takes_file: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """The program itself, or one of its subcommands."""

    name: str
    """Empty for the program itself."""
    about: str
    flags: tuple[Flag, ...]
    words: tuple[tuple[str, str], ...]
    """What can stand there without hyphens, each with what it means."""


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell: ``bash``, ``zsh`` or ``fish``."""
    return _SHELLS[shell](parser.prog, list(_levels(parser)))


def _levels(parser: argparse.ArgumentParser) -> Iterator[Level]:
    subcommands = subparsers(parser)
    words = tuple((name, one.description or "") for name, one in subcommands.items())
    yield Level("", parser.description or "", _flags(parser), words)
    for name, one in subcommands.items():
        positional = [
            choice
            for action in one._actions
            if not action.option_strings and action.choices
            for choice in action.choices
        ]
        words = tuple((str(choice), "") for choice in positional)
        yield Level(name, one.description or "", _flags(one), words)


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the subcommands, by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _flags(parser: argparse.ArgumentParser) -> tuple[Flag, ...]:
    return tuple(
        Flag(
            names=tuple(action.option_strings),
            about=_first_words(action.help or ""),
            takes_value=action.nargs is None or action.nargs == "?",
            # not by what stands in the help, which is in the user's language
            takes_file=action.dest.endswith("_file") or action.dest == "output",
            choices=tuple(map(str, action.choices or ())),
        )
        for action in parser._actions
        if action.option_strings
    )


def _first_words(about: str) -> str:
    """Return as much of a help text as fits beside a flag."""
    return about.split(";", maxsplit=1)[0].split(" (", maxsplit=1)[0].replace("%%", "%")


# ---- bash ------------------------------------------------------------------------------------

_BASH = """\
# bash completion of {prog}. To use it: source <({prog} completion bash)
{function}() {{
    local word before level i
    word=${{COMP_WORDS[COMP_CWORD]}}
    before=${{COMP_WORDS[COMP_CWORD-1]}}
    level=
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
{levels}
        esac
    done
    COMPREPLY=()
    case "$level $before" in
{values}
    esac
    case "$level" in
{flags}
    esac
}}
complete -o default -F {function} {prog}
"""


def _bash(prog: str, levels: list[Level]) -> str:
    words = [name for name, _ in levels[0].words]
    return _BASH.format(
        prog=prog,
        function="_" + prog.replace("-", "_"),
        levels="\n".join(f"            {word}) level={word}; break ;;" for word in words),
        values="\n".join(_bash_values(levels)),
        flags="\n".join(_bash_flags(levels)),
    )


def _bash_values(levels: list[Level]) -> Iterator[str]:
    """Yield what can stand behind a flag; behind one that takes some other text, nothing."""
    for level in levels:
        for flag in level.flags:
            if not flag.takes_value:
                continue
            pattern = " | ".join(f'"{level.name} {name}"' for name in flag.names)
            if flag.takes_file:
                yield f"        {pattern}) return ;;  # a file: bash completes it"
            elif flag.choices:
                yield f"        {pattern}) {_bash_words(flag.choices)}; return ;;"
            else:
                yield f"        {pattern}) compopt +o default 2>/dev/null; return ;;"


def _bash_flags(levels: list[Level]) -> Iterator[str]:
    for level in levels:
        words = [name for flag in level.flags for name in flag.names]
        words += [word for word, _ in level.words]
        yield f'        "{level.name}") {_bash_words(words)} ;;'


def _bash_words(words: Iterable[str]) -> str:
    return f'COMPREPLY=($(compgen -W {_quoted(" ".join(words))} -- "$word"))'


# ---- zsh -------------------------------------------------------------------------------------

_ZSH = """\
#compdef {prog}
# zsh completion of {prog}. To use it: source <({prog} completion zsh)
{function}() {{
    local level= word
    for word in ${{words[2,CURRENT-1]}}; do
        case $word in
{levels}
        esac
    done
    while [[ -n $level && $words[1] != $level ]]; do shift words; (( CURRENT-- )); done
    case $level in
{flags}
    esac
}}
if (( $+functions[compdef] )); then compdef {function} {prog}; fi
"""


def _zsh(prog: str, levels: list[Level]) -> str:
    words = [name for name, _ in levels[0].words]
    return _ZSH.format(
        prog=prog,
        function="_" + prog.replace("-", "_"),
        levels="\n".join(f"            {word}) level={word}; break ;;" for word in words),
        flags="\n".join(_zsh_level(level) for level in levels),
    )


def _zsh_level(level: Level) -> str:
    shown = [_zsh_flag(flag, name) for flag in level.flags for name in flag.names]
    if level.words:
        words = " ".join(word for word, _ in level.words)
        shown.append(_quoted(f"1:: :({words})"))
        if not level.name:
            shown.append(_quoted("*:: :_default"))
    elif level.name:
        shown.append(_quoted("*: :_default"))
    flags = " \\\n            ".join(shown)
    return f"        {level.name or _quoted('')}) _arguments \\\n            {flags} ;;"


def _zsh_flag(flag: Flag, name: str) -> str:
    about = flag.about.replace("[", "(").replace("]", ")").replace(":", r"\:")
    value = ""
    if flag.takes_value and flag.choices:
        value = f": :({' '.join(flag.choices)})"
    elif flag.takes_value and flag.takes_file:
        value = ": :_files"
    elif flag.takes_value:
        value = ": : "
    return _quoted(f"{name}[{about}]{value}")


# ---- fish ------------------------------------------------------------------------------------


def _fish(prog: str, levels: list[Level]) -> str:
    lines = [f"# fish completion of {prog}. To use it: {prog} completion fish | source"]
    words = " ".join(word for word, _ in levels[0].words)
    for level in levels:
        seen = (
            f"__fish_seen_subcommand_from {level.name}" if level.name else "__fish_use_subcommand"
        )
        begin = f"complete -c {prog} -n {_quoted(seen)}"
        for word, about in level.words:
            lines.append(f"{begin} -f -a {word}" + (f" -d {_quoted(about)}" if about else ""))
        lines += [f"{begin}{_fish_flag(flag)}" for flag in level.flags]
    assert words  # noqa: S101 - a program without subcommands needs none of this
    return "\n".join(lines) + "\n"


def _fish_flag(flag: Flag) -> str:
    parts = [
        f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in flag.names
    ]
    if flag.choices:
        parts.append(f" -x -a {_quoted(' '.join(flag.choices))}")
    elif flag.takes_value:
        parts.append(" -r" if flag.takes_file else " -x")
    return "".join(parts) + f" -d {_quoted(flag.about)}"


def _quoted(text: str) -> str:
    """Return a text as one word of any of these shells."""
    return "'" + text.replace("'", "'\\''") + "'"


_SHELLS: dict[str, Callable[[str, list[Level]], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
