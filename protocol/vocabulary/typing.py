"""Commands for programs that let people type them, and would not understand them by themselves."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import Command
from protocol.events import Reply
from protocol.language import N_
from protocol.requests import GENERAL, ConversationId, Repeatable, Request

TITLE = N_("Typing")

MAX_LINE = 32 * 1024
"""The longest line, in characters; longer texts are not typed behind a command but sent."""


class TypeLine(Request, frozen=True, kw_only=True, tag="type_line"):
    """Do what a line with a command says, as at telnet. Answered as the command's request is.

    A few commands are for the program in front of the person, such as `/help` or `/get`: they
    are refused with `bad_arguments`.
    """

    line: Annotated[
        str, Meta(max_length=MAX_LINE, description="It begins with a slash, as `/chats music`.")
    ]
    conversation: Annotated[ConversationId, Meta(description="Where the person is.")] = GENERAL
    uuid: Repeatable = None


class ListCommands(Request, frozen=True, kw_only=True, tag="list_commands"):
    """Ask which commands there are. Answered by `command_list`."""


class CommandInfo(Struct, frozen=True, kw_only=True):
    """A command, in the language of the session."""

    words: Annotated[list[str], Meta(description="What stands behind the slash; all mean it.")]
    usage: Annotated[str, Meta(description="Its arguments as the help shows them.")]
    help: Annotated[str, Meta(description="What it does.")]
    chapter: Annotated[str, Meta(description="The title it stands under.")]


class CommandList(Reply, frozen=True, kw_only=True, tag="command_list"):
    """The answer to `list_commands`, in the order of the help."""

    commands: Annotated[list[CommandInfo], Meta(description="What people may type.")]


REQUESTS: tuple[type[Request], ...] = (TypeLine, ListCommands)
EVENTS: tuple[type[Reply], ...] = (CommandList,)
COMMANDS: tuple[Command, ...] = ()
