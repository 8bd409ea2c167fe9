"""Long texts on their way out: read from the database as the client takes them."""

from __future__ import annotations

from collections.abc import Callable

from chat.dispatch import TextStream, database_away
from protocol.errors import ProtocolError
from protocol.events import Error
from server.conn import Conn
from storage.errors import StorageUnavailable


async def send_text(
    conn: Conn, text: TextStream, piece: Callable[[bytes], bytes], end: Callable[[], bytes]
) -> None:
    """Begin to send a long text beside everything else.

    ``piece`` makes of the text's next bytes what the client gets, ``end`` what stands behind
    them. Waits while the connection is being sent as many texts as it may.
    """
    await conn.texts.acquire()
    conn.session.in_flight += 1
    conn.start_soon(_send, conn, text, piece, end)


async def _send(
    conn: Conn, text: TextStream, piece: Callable[[bytes], bytes], end: Callable[[], bytes]
) -> None:
    try:
        await conn.wait_room()
        async for data in text.chunks:
            if conn.ending:
                return
            conn.send(piece(data))
            await conn.wait_room()
    except StorageUnavailable:
        # The client can go on from its offset later.
        conn.post(database_away(text.ref, conn.session))
    except ProtocolError as error:  # it was deleted meanwhile; the client must not take it for all
        sentence = error.said(conn.session.voice)
        conn.post(Error(ref=text.ref, code=error.code, message=sentence))
    else:
        conn.send(end())
    finally:
        conn.session.acknowledged()
        conn.texts.release()
