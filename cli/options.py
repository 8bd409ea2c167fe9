"""The command line of ``mymessenger``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocol import __version__

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_LAST_PORT = 65535
_LAST_NUMBER = 2**53

_EPILOG = """\
With a terminal, lines are edited and messages appear above the line being typed. With a pipe or
a file the program is a filter: each line of standard input is sent (or is a command, see /help),
each message that arrives is a line of standard output, everything else goes to standard error.
At the end of the input it waits until the server has stored every line, and ends.

  echo "the backup is done" | mymessenger --name backup --quiet
  mymessenger --name Bob | grep --line-buffered lunch
  mymessenger --name Bob --quiet --message-file report.txt
  make 2>&1 | mymessenger --name Bob --quiet --whole
  mymessenger --name Alice --text 120 > report.txt

Exit code: 0 everything was sent; 1 something was not, or standard output failed, or there is no
connection; 2 wrong usage; 130 Ctrl+C in a pipe (in the terminal Ctrl+C is a way to leave: 0).

Environment: MYMESSENGER_NAME, MYMESSENGER_HOST and MYMESSENGER_PORT stand in for the flags.
NO_COLOR turns the dimming of notices off.
"""


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

    @property
    def is_for_a_filter(self) -> bool:
        """True: what is wanted is not a conversation, whatever there is to type on."""
        return self.plain or self.is_one_message or self.text is not None

    @property
    def is_one_message(self) -> bool:
        """True: what is sent is one message, not a message a line."""
        return self.whole or self.message_file is not None


def parse(arguments: Sequence[str] | None, environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line; ends the program with code 2 and a sentence where it is wrong."""
    parser = _parser(environment)
    options = parser.parse_args(arguments)
    if options.port is None:
        # argparse would blame the flag for the variable's mistake
        try:
            options.port = _port(environment.get("MYMESSENGER_PORT", str(DEFAULT_PORT)))
        except argparse.ArgumentTypeError as error:
            parser.error(f"MYMESSENGER_PORT: {error}")
    return Options(**vars(options))


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mymessenger",
        description="Chat from the terminal.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mymessenger {__version__}")
    parser.add_argument(
        "--name", type=_name, default=environment.get("MYMESSENGER_NAME", "").strip() or None,
        help="your name in the chat; without it a terminal asks",
    )  # fmt: skip
    parser.add_argument(
        "--host", default=environment.get("MYMESSENGER_HOST", DEFAULT_HOST),
        help=f"the server's name or address (default {DEFAULT_HOST})",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port,
        help=f"its port, 1 to {_LAST_PORT} (default {DEFAULT_PORT})",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=_count, metavar="N",
        help="begin with N messages of the general chat (default: the server's setting, 20)",
    )  # fmt: skip
    parser.add_argument(
        "--retry", action="store_true",
        help="where there is no server at the start, keep trying instead of ending",
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
    group.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS",
        help="at the end of the input, how long to wait for a sign of progress (default 30)",
    )  # fmt: skip
    return parser


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a name is wanted; without --name a terminal asks for it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the name is not valid UTF-8") from None
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {_LAST_PORT}, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number of messages is wanted, not {text!r}")
    return int(text[:9])


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:17]) <= _LAST_NUMBER:
        raise argparse.ArgumentTypeError(f"a message has a number, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds is wanted, not {text!r}")
    return seconds
