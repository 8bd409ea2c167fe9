"""The command line of ``mymessenger``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.address import parse_address
from cli.credentials import Credentials
from cli.fingerprints import as_fingerprint
from cli.security import Security, Wish
from cli.subcommands import add_subcommands, take_task
from cli.tasks import Task
from cli.wording import Wrong, language_asked, translate
from protocol import __version__
from protocol.language import LANGUAGES, N_, Voice, voice

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_LAST_PORT = 65535
_LAST_NUMBER = 2**53

_EPILOG = N_("""\
With a terminal, lines are edited and messages appear above the line being typed. With a pipe or
a file the program is a filter: each line of standard input is sent (or is a command, see /help),
each message that arrives is a line of standard output, everything else goes to standard error.
At the end of the input it waits until the server has stored every line, and ends.

  echo "the backup is done" | mymessenger --name backup --quiet
  mymessenger --name Bob | grep --line-buffered lunch
  mymessenger --name Bob --quiet --message-file report.txt
  make 2>&1 | mymessenger --name Bob --quiet --whole
  mymessenger --name Alice --text 120 > report.txt
  mymessenger --name Bob --contacts
  mymessenger --name Bob --chat 1 --send "I am late"
  mymessenger --name Bob --send-file report.pdf --to Alice
  mymessenger --name Alice --get 121 > report.pdf

Exit code: 0 everything was sent; 1 something was not, or standard output failed, or there is no
connection; 2 wrong usage; 3 the server is not the one that is known; 130 Ctrl+C in a pipe (in the
terminal Ctrl+C is a way to leave: 0).

Environment: MYMESSENGER_NAME, MYMESSENGER_HOST and MYMESSENGER_PORT stand in for the flags,
MYMESSENGER_PASSWORD for the password file. Who has logged in with a password stays logged in on
this device: MYMESSENGER_SESSIONS is the file that is kept in, and where it is empty none is.
MYMESSENGER_FINGERPRINT stands in for --fingerprint. MYMESSENGER_KNOWN_SERVERS is the file of the
servers that you trust; where it is empty none is kept.
NO_COLOR turns the dimming of notices off.
""")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants."""

    name: str | None
    host: str
    port: int
    history: int | None
    listen: bool
    quiet: bool
    plain: bool
    verbatim: bool
    retry: bool
    timeout: float
    message_file: str | None
    whole: bool
    text: int | None
    language: str
    password_file: str | None
    contacts: bool = False
    chat: str | None = None
    """A contact's number or name."""
    send: str | None = None
    """What is sent to that contact; ``-`` is standard input."""
    add: str | None = None
    credentials: Credentials | None = None
    """What proves who the user is; found out after the command line is read."""
    send_file: str | None = None
    to: str | None = None
    """To whom that file goes; None is everyone."""
    get: int | None = None
    output: str | None = None
    """Where that file is saved; None is standard output."""
    line: bool = False
    """Where there is a terminal: a line to type on, not the full screen."""
    task: Task | None = None
    """What a subcommand asks for."""
    tls: bool = False
    plaintext: bool = False
    fingerprint: str | None = None
    trust_new: bool = False
    forget_server: tuple[str, int] | None = None
    """The server that is to be known no longer."""
    security: Security | None = None
    """What all that means, with the servers known earlier; likewise found out later."""

    @property
    def wish(self) -> Wish:
        """Whether the connection is to be encrypted."""
        if self.plaintext:
            return Wish.PLAIN
        return Wish.TLS if self.tls else Wish.SAFE

    @property
    def is_for_a_filter(self) -> bool:
        """True: what is wanted is not a conversation, whatever there is to type on."""
        return self.plain or self.is_one_message or self.text is not None

    @property
    def is_for_a_screen(self) -> bool:
        """True: what is wanted is a conversation, on the full screen if there is one."""
        return not (self.line or self.is_for_a_filter or self.is_for_a_file or self.is_one_shot)

    @property
    def is_for_a_file(self) -> bool:
        """True: what is wanted is to send one file, or to get one."""
        return self.send_file is not None or self.get is not None

    @property
    def is_one_shot(self) -> bool:
        """True: what is wanted is one answer, or one thing to be done."""
        return (
            self.contacts or self.chat is not None or self.add is not None or self.task is not None
        )

    @property
    def is_one_message(self) -> bool:
        """True: what is sent is one message, not a message a line."""
        return self.whole or self.message_file is not None


def parse(arguments: Sequence[str] | None, environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line; ends the program with code 2 and a sentence where it is wrong."""
    language = _language(language_asked(arguments), environment)
    parser = parser_of(voice(language), environment)
    options = parser.parse_args(arguments)
    command, options.task = options.command, take_task(vars(options))
    if options.port is None:
        # argparse would blame the flag for the variable's mistake
        try:
            options.port = _port(environment.get("MYMESSENGER_PORT", str(DEFAULT_PORT)))
        except Wrong as wrong:
            parser.error(f"MYMESSENGER_PORT: {wrong.said(voice(language))}")
    if options.send is not None and options.chat is None:
        parser.error(voice(language).say("--send needs --chat, which says to whom"))
    if options.to is not None and options.send_file is None:
        parser.error(voice(language).say("--to says whom --send-file is for"))
    if options.output is not None and options.get is None:
        parser.error(voice(language).say("--output says where --get saves a file"))
    if (pair := _contradiction(vars(options), command)) is not None:
        one, other = pair
        parser.error(
            voice(language).say("{one} and {other} do not go together", one=one, other=other)
        )
    if options.fingerprint is None and not options.plaintext:
        try:
            named = environment.get("MYMESSENGER_FINGERPRINT")
            options.fingerprint = _fingerprint(named) if named else None
        except Wrong as wrong:
            parser.error(f"MYMESSENGER_FINGERPRINT: {wrong.said(voice(language))}")
    options.language = language
    return Options(**vars(options))


_ENDS = ("--contacts", "--chat", "--add", "--text", "--send-file", "--get", "--forget-server")
"""After each of these the program ends."""
_MESSAGES = ("--whole", "--message-file")
"""What is sent is one message."""
_GOES_ON = ("--listen", "--verbatim", "--history")
"""What is about lines that are sent, and messages that arrive."""


_OTHER_MODES = ("--plain", "--quiet")
"""What is about lines and messages, too; with one of those that end it is not refused."""


def parser_of(voice: Voice, environment: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """Return what understands the whole command line, and says what it says in a language."""
    parser = _parser(environment)
    translate(parser, voice)
    add_subcommands(parser, voice)
    return parser


def _contradiction(given: Mapping[str, object], command: str | None) -> tuple[str, str] | None:
    """Return two flags, or one and a subcommand, of which one would have to be ignored."""
    for flag in (*_ENDS, *_MESSAGES, *_GOES_ON, *_OTHER_MODES):
        if command is not None and _is_given(given, flag):
            return flag, command
    ends = [flag for flag in _ENDS if _is_given(given, flag)]
    messages = [flag for flag in _MESSAGES if _is_given(given, flag)]
    goes_on = [flag for flag in _GOES_ON if _is_given(given, flag)]
    if len(ends + messages) > 1:
        return (ends + messages)[0], (ends + messages)[1]
    if ends and goes_on:
        return ends[0], goes_on[0]
    if _is_given(given, "--chat") and not _is_given(given, "--send") and given["quiet"]:
        return "--chat", "--quiet"
    return _contradiction_about_trust(given)


def _contradiction_about_trust(given: Mapping[str, object]) -> tuple[str, str] | None:
    if given["plaintext"]:
        for flag in ("--tls", "--fingerprint", "--trust-new"):
            if _is_given(given, flag):
                return "--plaintext", flag
    if given["trust_new"] and _is_given(given, "--fingerprint"):
        return "--trust-new", "--fingerprint"
    return None


def _is_given(given: Mapping[str, object], flag: str) -> bool:
    value = given[flag.removeprefix("--").replace("-", "_")]
    return value is not None and value is not False  # 0 is given


def _language(asked: str | None, environment: Mapping[str, str]) -> str:
    """Return the language asked for, or else that of the locale, as POSIX looks for it."""
    if asked is not None:
        return voice(asked).language
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return voice(environment[name]).language
    return voice().language


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mymessenger",
        description="Chat from the terminal.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mymessenger {__version__}")
    parser.add_argument(
        "--name", type=_name, metavar="NAME",
        default=environment.get("MYMESSENGER_NAME", "").strip() or None,
        help="your name in the chat; without it a terminal asks",
    )  # fmt: skip
    parser.add_argument(
        "--host", metavar="HOST", default=environment.get("MYMESSENGER_HOST", DEFAULT_HOST),
        help="the server's name or address (default 127.0.0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, metavar="PORT",
        help="its port, 1 to 65535 (default 8000)",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=_count, metavar="N",
        help="begin with N messages of the general chat (default: the server's setting, 20)",
    )  # fmt: skip
    parser.add_argument(
        "--retry", action="store_true",
        help="where there is no server at the start, keep trying instead of ending",
    )  # fmt: skip
    parser.add_argument(
        "--password-file", metavar="FILE",
        help="read the password of your name from the first line of FILE; else a terminal asks",
    )  # fmt: skip
    parser.add_argument(
        "--lang", dest="language", choices=LANGUAGES,
        help="the language to speak (default: that of the locale, English where there is none)",
    )  # fmt: skip
    _add_security(parser)
    _add_one_shots(parser)
    parser.add_argument(
        "--line", action="store_true",
        help="a line to type on, and messages above it, instead of the full screen",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="be a filter on a terminal too")
    group = parser.add_argument_group("as a filter")
    group.add_argument(
        "--listen", action="store_true", help="go on receiving after the end of the input"
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="print no messages, and leave them unread"
    )
    group.add_argument(
        "--verbatim", action="store_true", help="send every line as it is: none is a command"
    )
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--message-file", metavar="FILE",
        help="send the text in FILE, of any size, as one message, and no input",
    )  # fmt: skip
    one.add_argument("--whole", action="store_true", help="send the whole input as one message")
    one.add_argument(
        "--text", type=_number, metavar="NUMBER",
        help="write the text of message NUMBER to standard output exactly as it was sent, and end",
    )  # fmt: skip
    one.add_argument(
        "--send-file", metavar="FILE", help="send FILE, of any format, to everyone or to NAME"
    )
    one.add_argument(
        "--get", type=_number, metavar="NUMBER",
        help="write the file of message NUMBER to standard output, and end",
    )  # fmt: skip
    group.add_argument("--to", metavar="NAME", help="whom --send-file is for, and nobody else")
    group.add_argument(
        "-o", "--output", metavar="FILE",
        help="save what --get gets in FILE, or in that folder; nothing is overwritten",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS",
        help="at the end of the input, or without a connection, how long to wait for a sign of "
        "progress (default 30)",
    )  # fmt: skip
    return parser


def _add_security(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "encryption",
        "Every connection is encrypted, but those to this machine itself. A server that no\n"
        "authority vouches for is known by its fingerprint; a terminal asks the first time.",
    )
    group.add_argument("--tls", action="store_true", help="encrypt to this machine itself too")
    group.add_argument(
        "--plaintext", action="store_true",
        help="do not encrypt: anybody on the way can read and change everything",
    )  # fmt: skip
    group.add_argument(
        "--fingerprint", type=_fingerprint, metavar="SHA256:...",
        help="accept the server with this fingerprint, and no other",
    )  # fmt: skip
    group.add_argument(
        "--trust-new", action="store_true",
        help="accept a server that is not known yet unasked; one that has changed is refused",
    )  # fmt: skip
    group.add_argument(
        "--forget-server", type=_server, metavar="HOST:PORT",
        help="know that server no longer, forget the sessions there too, and end",
    )  # fmt: skip


def _add_one_shots(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("one thing, and the end")
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--contacts", action="store_true", help="list your contacts, each with its unread messages"
    )
    one.add_argument(
        "--chat", metavar="N|NAME", type=_name,
        help="print the conversation with contact N of that list, or with NAME, and mark it read",
    )  # fmt: skip
    one.add_argument("--add", metavar="NAME", type=_name, help="add NAME to your contacts")
    group.add_argument(
        "--send", metavar="TEXT", nargs="?", const="-",
        help="with --chat: send TEXT there instead; standard input where TEXT is - or left out",
    )  # fmt: skip


def _name(text: str) -> str:
    if not text.strip():
        raise Wrong("a name is wanted; without --name a terminal asks for it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Wrong("the name is not valid UTF-8") from None
    return text


def _fingerprint(text: str) -> str:
    fingerprint = as_fingerprint(text.strip())
    if fingerprint is None:
        raise Wrong(
            "a fingerprint is SHA256: and 43 characters, as the server prints it, not {text}",
            text=repr(text),
        )
    return fingerprint


def _server(text: str) -> tuple[str, int]:
    server = parse_address(text, DEFAULT_PORT)
    if server is None:
        raise Wrong("a server is given as HOST:PORT, not {text}", text=repr(text))
    return server


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= _LAST_PORT:
        raise Wrong(
            "a port is a number from 1 to {last}, not {text}", last=_LAST_PORT, text=repr(text)
        )
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise Wrong("a number of messages is wanted, not {text}", text=repr(text))
    return int(text[:9])


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:17]) <= _LAST_NUMBER:
        raise Wrong("a message has a number, not {text}", text=repr(text))
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise Wrong("a number of seconds is wanted, not {text}", text=repr(text))
    return seconds
