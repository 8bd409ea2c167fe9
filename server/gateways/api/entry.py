"""Coming and going: tokens, and what a user is in."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from chat.dispatch import guarded
from chat.handlers.identity import ENDED
from chat.sync import snapshot
from protocol.errors import ErrorCode
from protocol.events import ConversationInfo, Error, LoggedIn
from protocol.requests import Login
from protocol.vocabulary.contacts import Contact
from protocol.vocabulary.identity import Registered
from protocol.vocabulary.reading import Synced
from server.gateways.api.calls import ask, json_response, language_of, respond
from server.gateways.api.problems import problem, problem_of
from server.gateways.api.route import Call
from server.gateways.http.messages import Response

CURRENT = "current"
"""How one calls the session that asks."""


class Conversations(Struct, frozen=True, kw_only=True):
    """What one is in, the general chat first, and whom one knows."""

    conversations: list[ConversationInfo]
    contacts: list[Contact]


async def log_in(one: Call) -> Response:
    """Give a token to who comes with a name and, where the name has one, its password."""
    values = await one.route.parts.read(one.http, one.places)
    values["language"] = values["language"] or language_of(one.http)
    login = Login(remember=values["password"] is not None, **values)
    token, answer = await one.api.sessions.begin(login, one.http.address)
    response: LoggedIn = replace(answer, token=token)
    return json_response(one.http, response, one.route.status)


async def register(one: Call) -> Response:
    """Put a password on a guest's name; from then on another token holds."""
    values = await one.route.parts.read(one.http, one.places)
    answer = await ask(one, values | {"remember": True})
    if not isinstance(answer, Registered):
        raise TypeError(f"a registration is answered by {answer}")
    if answer.token is None:  # the account is made; the token has to be got by its password
        one.api.sessions.forget(one.asker)
    else:
        answer = replace(answer, token=one.api.sessions.rename(one.asker, answer.token))
    return json_response(one.http, answer, one.route.status)


async def end_session(one: Call) -> Response:
    """End one of the user's sessions, or, as ``current``, the one that asks."""
    values = await one.route.parts.read(one.http, one.places)
    asker = one.asker
    if values["session"] != CURRENT:
        return respond(one, await ask(one, values))
    if asker.session.device_id is not None:
        await ask(one, {"session": f"d{asker.session.device_id}"})
    asker.peer.end(ENDED)
    for conn in tuple(asker.listeners):
        conn.end(ENDED)
    one.api.sessions.forget(asker)
    return Response(204)


async def conversations(one: Call) -> Response:
    """Return what one is in, and whom one knows."""
    return json_response(one.http, await _snapshot(one))


async def conversation(one: Call) -> Response:
    """Return one of them."""
    wanted = (await one.route.parts.read(one.http, one.places))["conversation"]
    for info in (await _snapshot(one)).conversations:
        if info.id == wanted:
            return json_response(one.http, info)
    raise problem(
        ErrorCode.UNKNOWN_CONVERSATION,
        one.asker.session.voice.say(
            "You are in no conversation with the number {number}.", number=wanted
        ),
    )


async def _snapshot(one: Call) -> Conversations:
    messenger, session = one.api.messenger, one.asker.session

    async def look() -> Synced:
        return await snapshot(messenger, session)

    answer = await guarded(messenger, session, None, "conversations", look)
    if isinstance(answer, Error):
        raise problem_of(answer)
    if not isinstance(answer, Synced):
        raise TypeError(f"a snapshot is no {answer}")
    return Conversations(conversations=answer.conversations, contacts=answer.contacts)
