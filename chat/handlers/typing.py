"""Lines with commands, from programs that leave their meaning to us."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from chat.dispatch import Answer, Need, dispatch, handles
from chat.messenger import Messenger
from chat.session import Session
from protocol.commands import Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.requests import Request
from protocol.typed import parse_line
from protocol.vocabulary import CHAPTERS
from protocol.vocabulary.typing import CommandInfo, CommandList, ListCommands, TypeLine


@handles(TypeLine)
async def type_line(messenger: Messenger, session: Session, request: TypeLine) -> Answer:
    """Do what a typed command says; who may do so is looked at for what it says."""
    return await dispatch(messenger, session, _request_of(request))


def _request_of(typed: TypeLine) -> Request:
    """Return the request that a line stands for; raises :class:`ProtocolError` if it is none."""
    if not typed.line.startswith("/"):
        raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "A command begins with a slash.")
    built = parse_line(typed.line, Place(typed.conversation))
    if not isinstance(built, Request):
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "The program in front of you has to do this by itself, and it does not know how.",
        )
    return _with(built, typed.ref, typed.uuid)


def _with(request: Request, ref: int | None, uuid: UUID | None) -> Request:
    if uuid is not None and "uuid" in request.__struct_fields__:
        return replace(request, ref=ref, uuid=uuid)
    return replace(request, ref=ref)


@handles(ListCommands, need=Need.NOBODY)
async def list_commands(
    messenger: Messenger, session: Session, request: ListCommands
) -> CommandList:
    """Tell which commands there are."""
    del messenger
    say = session.voice.say
    return CommandList(
        ref=request.ref,
        commands=[
            CommandInfo(
                words=list(command.words),
                usage=say(command.usage),
                help=say(command.help),
                chapter=say(title),
            )
            for title, commands in CHAPTERS
            for command in commands
        ],
    )
