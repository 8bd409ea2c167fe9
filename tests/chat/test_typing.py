"""Commands typed in a program that leaves their meaning to the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from protocol.errors import ErrorCode
from protocol.events import Opened, Sent
from protocol.requests import Language
from protocol.vocabulary import COMMANDS
from protocol.vocabulary.rooms import MemberList
from protocol.vocabulary.typing import CommandList, ListCommands, TypeLine
from tests.chat.house import House, house


@pytest.fixture
async def chat(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger."""
    async with house(sqlite_url) as made:
        yield made


async def test_a_line_is_answered_as_its_request_is(chat: House) -> None:
    """With the line's own `ref`, in the conversation that the person is in."""
    ann = await chat.enter("Ann")
    opened = await chat.ask(ann, TypeLine(ref=3, line="/chats music"))
    assert isinstance(opened, Opened)
    assert opened.ref == 3
    room = opened.conversation.id
    members = await chat.ask(ann, TypeLine(ref=4, line="/members", conversation=room))
    assert isinstance(members, MemberList)
    assert (members.ref, members.name) == (4, "music")


async def test_a_repeated_line_does_nothing_twice(chat: House) -> None:
    """What a command writes carries the line's uuid."""
    ann = await chat.enter("Ann")
    await chat.enter("Bob")
    typed = TypeLine(line="/send-to Bob hello", uuid=uuid4())
    first, again = await chat.ask(ann, typed), await chat.ask(ann, typed)
    assert isinstance(first, Sent)
    assert isinstance(again, Sent)
    assert (again.id, again.duplicate) == (first.id, True)
    assert {message.id for message in chat.published} == {first.id}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/nonsense", ErrorCode.UNKNOWN_COMMAND),
        ("/kick", ErrorCode.BAD_ARGUMENTS),
        ("hello everyone", ErrorCode.BAD_ARGUMENTS),
        ("send hello", ErrorCode.BAD_ARGUMENTS),
        ("", ErrorCode.BAD_ARGUMENTS),
        ("/help", ErrorCode.BAD_ARGUMENTS),
        ("/file x", ErrorCode.BAD_ARGUMENTS),
        ("/register", ErrorCode.BAD_ARGUMENTS),
        ("/complaints", ErrorCode.NOT_ALLOWED),
    ],
)
async def test_what_cannot_be_done_is_refused(chat: House, line: str, code: ErrorCode) -> None:
    """A message that is no command is not sent by this way."""
    ann = await chat.enter("Ann")
    assert await chat.refusal(ann, TypeLine(line=line)) == code
    assert chat.texts == []


async def test_commands_are_told_in_the_sessions_language(chat: House) -> None:
    """All of them, with the words, the arguments and the help that telnet shows."""
    ann = await chat.enter("Ann")
    listed = await chat.ask(ann, ListCommands())
    assert isinstance(listed, CommandList)
    assert [one.words[0] for one in listed.commands] == [one.name for one in COMMANDS]
    assert "Leave." in [one.help for one in listed.commands]
    await chat.ask(ann, Language(language="ru"))
    russian = await chat.ask(ann, ListCommands())
    assert isinstance(russian, CommandList)
    assert {one.help for one in russian.commands}.isdisjoint(one.help for one in listed.commands)
