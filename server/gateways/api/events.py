"""Events as they happen, for programs that only listen: server-sent events (WHATWG HTML, 9.2).

The connection is handed over to what feeds all others: it follows the user's conversations, and
becomes a cursor on storage where its program is slow. Each message carries, as the event's id, how
far this connection has got in every conversation; whoever brings the last one back misses nothing
and gets nothing twice.
"""

from __future__ import annotations

import re
from functools import partial

import msgspec
import trio

from chat.dispatch import dispatch
from chat.messenger import as_event
from protocol.events import Event, LoggedIn
from protocol.requests import Login
from server.conn import Conn
from server.dialect import PersonalDialect
from server.gateways.api.route import Call
from server.gateways.api.sessions import ApiSession
from server.gateways.http.errors import HttpError
from server.gateways.http.messages import Response
from storage.records import Message

LAST_EVENT_ID = b"last-event-id"
KIND = b"text/event-stream"

BEAT = 15.0
"""Seconds between two signs of life: proxies close what says nothing for a minute."""

LATEST = 2**53
"""A position behind everything: what follows from there is new."""

MAX_PLACES = 2000
"""Conversations that an event's id may name; one can be in far fewer."""

_PLACE = re.compile(r"(\d{1,16})\.(\d{1,16})")


class EventDialect(PersonalDialect):
    """Events as blocks of lines, for one connection."""

    divider = b""

    def __init__(self, conn: Conn) -> None:
        self._conn = conn

    def message(self, message: Message, prev: int) -> bytes:
        """Return a message, and how far the connection has got with it."""
        reached = self._reached() | {message.conversation_id: message.seq}
        return b"id: %s\n%s" % (cursor(reached), block(as_event(message, prev)))

    def event(self, event: Event) -> bytes:
        """Return any other event; where the feeding begins is in the first one."""
        if isinstance(event, LoggedIn):
            return b"id: %s\n%s" % (cursor(self._reached()), block(event))
        return block(event)

    def _reached(self) -> dict[int, int]:
        return {number: one.position for number, one in self._conn.subscriptions.items()}


def block(event: Event) -> bytes:
    """Return an event as a block."""
    kind = str(type(event).__struct_config__.tag).encode()
    return b"event: %s\ndata: %s\n\n" % (kind, msgspec.json.encode(event))


def cursor(reached: dict[int, int]) -> bytes:
    """Return positions in conversations as an event's id, ``1.120-7.3``."""
    return b"-".join(b"%d.%d" % place for place in reached.items())


def parse_cursor(text: str) -> dict[int, int]:
    """Return the positions that an event's id tells; raises :class:`HttpError` where it is none."""
    places = [_PLACE.fullmatch(part) for part in text.split("-", MAX_PLACES)] if text else []
    if None in places:
        raise HttpError(400, "Last-Event-ID has to be the id of an event of this server.")
    return {int(place[1]): int(place[2]) for place in places if place}


async def listen(one: Call) -> Response:
    """Feed the events from where Last-Event-ID says, else those from now on."""
    last = one.http.header(LAST_EVENT_ID)
    if last is None:
        resume = dict.fromkeys(one.asker.peer.conversations(), LATEST)
    else:
        resume = parse_cursor(last.decode("latin-1"))
    headers = ((b"Content-Type", KIND), (b"Cache-Control", b"no-store"))
    return Response(200, headers, live=partial(_feed, one, one.asker, resume))


async def _feed(one: Call, asker: ApiSession, resume: dict[int, int], conn: Conn) -> None:
    """Log the connection itself in, which has a session of its own, and feed it."""
    session = asker.session
    conn.dialect = EventDialect(conn)
    conn.session.voice = session.voice
    login = Login(name=session.who.name, token=asker.secret, resume=resume, device=session.device)
    answer = await dispatch(one.api.messenger, conn.session, login)
    if not isinstance(answer, Event):
        raise TypeError(f"a login is answered by {answer}")
    conn.post(answer)
    if not isinstance(answer, LoggedIn):
        return
    asker.listeners.add(conn)
    try:
        conn.start_soon(_beat, conn)
        while await conn.receive():  # what it says is not listened to
            pass
    finally:
        asker.listeners.discard(conn)


async def _beat(conn: Conn) -> None:
    while not conn.ending:
        await trio.sleep(BEAT)
        if not conn.channel.full:
            conn.send(b": still here\n\n")
