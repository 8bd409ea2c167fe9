"""The conversation that a script names."""

from __future__ import annotations

import unicodedata

from cli.client import Client
from cli.errors import ClientError
from cli.tasks import Aim
from protocol.events import ConversationInfo
from protocol.requests import GENERAL


def room_of(client: Client, aim: Aim) -> int:
    """Return the number of the room that is meant, of the general chat where none is.

    Raises ClientError where the user is not in it.
    """
    if aim.room is None:
        return GENERAL
    for info in client.conversations.values():
        if is_meant(info, aim):
            return info.id
    raise ClientError("You are in no room called {name}. /chats {name} joins it.", name=aim.room)


def is_meant(info: ConversationInfo, aim: Aim) -> bool:
    """Tell whether a conversation is the one that is meant."""
    if aim.room is not None:
        return info.kind == "room" and _same(info.name, aim.room)
    if aim.user is not None:
        return info.kind == "direct" and _same(info.name, aim.user)
    return info.id == GENERAL


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())
