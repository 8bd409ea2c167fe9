"""HTTP as a client speaks it: h11's client side on one connection, and the API on that."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import h11
import trio

from tests.harness import PATIENCE, RunningServer

API = "/api/v1"


@dataclass(frozen=True)
class Reply:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, where it is JSON."""
        return json.loads(self.body)


class HttpClient:
    """One connection; requests one after the other."""

    def __init__(self, stream: trio.abc.Stream, host: str) -> None:
        self.stream = stream
        self._host = host
        self._h11 = h11.Connection(h11.CLIENT)
        self.token: str | None = None

    async def start(
        self, method: str, target: str, headers: Mapping[str, str] = {}, body: bytes | None = None
    ) -> None:
        """Send a request, with its body where there is one."""
        fields = [("Host", self._host), *headers.items()]
        if self.token is not None:
            fields.append(("Authorization", f"Bearer {self.token}"))
        if body is not None and "Transfer-Encoding" not in headers:
            fields.append(("Content-Length", str(len(body))))
        await self._send(h11.Request(method=method, target=target, headers=fields))
        if body:
            await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            await self.stream.send_all(data)

    async def next(self) -> h11.Event:
        """Return the next event of the response."""
        with trio.fail_after(PATIENCE):
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                self._h11.receive_data(bytes(await self.stream.receive_some(65536)))
        assert isinstance(event, h11.Event), event
        return event

    async def finish(self) -> Reply:
        """Return the response to what was sent."""
        head = await self.next()
        while isinstance(head, h11.InformationalResponse):
            head = await self.next()
        assert isinstance(head, h11.Response), head
        body = b""
        while isinstance(event := await self.next(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage), event
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        headers = {name.decode(): value.decode() for name, value in head.headers}
        return Reply(head.status_code, headers, body)

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str] = {}, body: bytes | None = None
    ) -> Reply:
        """Send a request and return the response."""
        await self.start(method, target, headers, body)
        return await self.finish()

    async def api(
        self, method: str, path: str, fields: object = None, *, status: int = 200, **headers: str
    ) -> Any:
        """Ask the API; return the JSON of its answer, which has to have the status."""
        body = None if fields is None else json.dumps(fields).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        reply = await self.ask(method, API + path, given, body)
        assert reply.status == status, (reply.status, reply.body[:500])
        return reply.json if reply.body else None

    async def log_in(self, name: str, password: str | None = None) -> Any:
        """Get a token, which all further requests are sent with."""
        fields = {"name": name} if password is None else {"name": name, "password": password}
        answer = await self.api("POST", "/sessions", fields, status=201)
        self.token = answer["token"]
        return answer

    async def say(self, text: str, conversation: int = 1) -> Any:
        """Write a message."""
        return await self.api(
            "POST", f"/conversations/{conversation}/messages", {"text": text},
            status=201, Idempotency_Key=str(uuid4()),
        )  # fmt: skip


@asynccontextmanager
async def http(server: RunningServer, name: str | None = None) -> AsyncIterator[HttpClient]:
    """Connect, and log in where a name is given."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        client = HttpClient(stream, f"127.0.0.1:{server.port}")
        if name is not None:
            await client.log_in(name)
        yield client


async def raw(server: RunningServer, *pieces: bytes, end: bool = False) -> bytes:
    """Send bytes as they are and return everything that comes, to the end of the connection."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        for piece in pieces:
            await stream.send_all(piece)
        if end:
            await stream.send_eof()
        answered = b""
        with trio.fail_after(PATIENCE):
            while data := await stream.receive_some(65536):
                answered += data
        return answered


def statuses(answered: bytes) -> list[int]:
    """Return the statuses of responses one after the other."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]
