"""A whole client in the standard library: ``python client.py NAME [HOST [PORT]]``.

It chats, keeps the order, and goes on after a lost connection without a gap, a repeat or a loss.
"""

import contextlib
import json
import random
import socket
import sys
import threading
import time
import uuid
from typing import Any


def encode(frame: dict[str, Any]) -> bytes:
    return json.dumps(frame).encode() + b"\n"


class Client:
    """Lines from standard input are messages; messages are lines on standard output."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name, self.address = name, (host, port)
        self.seen: dict[int, int] = {}  # the last number of each conversation
        self.unsent: dict[int, dict[str, Any]] = {}  # what has no `sent` yet, by `ref`
        self.count, self.lock = 0, threading.Lock()
        self.connection: socket.socket | None = None

    def write(self, **frame: Any) -> None:
        with self.lock, contextlib.suppress(OSError):  # the reading end finds out
            if self.connection is not None:
                self.connection.sendall(encode(frame))

    def say(self, text: str) -> None:
        self.count += 1
        frame = {"type": "send", "ref": self.count, "text": text, "uuid": str(uuid.uuid4())}
        with self.lock:
            self.unsent[self.count] = frame
        self.write(**frame)

    def converse(self) -> None:
        """One connection, from hello to its end."""
        with socket.create_connection(self.address, timeout=10) as connection:
            with self.lock:
                login: dict[str, Any] = {"type": "login", "name": self.name}
                if self.seen:
                    login["resume"] = self.seen
                for frame in ({"type": "hello", "protocol": 1}, login, *self.unsent.values()):
                    connection.sendall(encode(frame))
                self.connection = connection
            for line in connection.makefile("rb"):
                self.take(connection, **json.loads(line))

    def take(self, connection: socket.socket, type: str, **frame: Any) -> None:  # noqa: A002
        conversation = frame.get("conversation", 1)
        if type == "welcome":
            connection.settimeout(2 * frame["ping_interval"])
        elif type == "ping":
            self.write(type="pong")
        elif type in {"sent", "error"}:
            with self.lock:
                self.unsent.pop(frame.get("ref", 0), None)
            if type == "error":
                print("!", frame["message"], file=sys.stderr)
            elif not frame.get("duplicate"):
                self.seen[conversation] = frame["seq"]
        elif type == "message" and frame["seq"] > self.seen.get(conversation, 0):
            self.seen[conversation] = frame["seq"]
            print(f"{frame['sender']}: {frame['text']!r}"[:200], flush=True)
            self.write(type="delivered", conversation=conversation, seq=frame["seq"])

    def run(self) -> None:
        while True:
            try:
                self.converse()
            except OSError as error:
                print("!", error, file=sys.stderr)
            self.connection = None
            time.sleep(random.uniform(0.5, 3))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    name, host, port = sys.argv[1:] + ["127.0.0.1", "8000"][len(sys.argv) - 2 :]
    me = Client(name, host, int(port))
    threading.Thread(target=me.run, daemon=True).start()
    for typed in sys.stdin:
        me.say(typed.rstrip("\n"))
    while me.unsent:
        time.sleep(0.05)
