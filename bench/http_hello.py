"""The least that can answer HTTP on Trio with h11: what our own gateway is held against."""

from __future__ import annotations

from functools import partial

import h11
import trio

BODY = b'{"hello":"world"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


async def serve(stream: trio.SocketStream) -> None:
    """Answer every request of a connection with the same few bytes."""
    connection = h11.Connection(h11.SERVER)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(65536)))
        elif isinstance(event, h11.EndOfMessage):
            answer = [
                connection.send(h11.Response(status_code=200, headers=HEADERS)),
                connection.send(h11.Data(data=BODY)),
                connection.send(h11.EndOfMessage()),
            ]
            await stream.send_all(b"".join(part for part in answer if part))
            connection.start_next_cycle()
        elif isinstance(event, h11.ConnectionClosed):
            return


async def main() -> None:
    """Listen on a free port and print it."""
    async with trio.open_nursery() as nursery:
        listen = partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
        [listener] = await nursery.start(listen)
        print(listener.socket.getsockname()[1], flush=True)


if __name__ == "__main__":
    trio.run(main)
