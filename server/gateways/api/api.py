"""The API put together: the table as a router, and who asks looked up before each call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import trio

from chat.messenger import Messenger
from chat.sites import Network
from server.gateways.api.calls import call, language_of
from server.gateways.api.openapi import document
from server.gateways.api.peer import ApiPeer
from server.gateways.api.route import BASE, Call, Route
from server.gateways.api.routes import ROUTES
from server.gateways.api.sessions import ApiSessions
from server.gateways.http.messages import JSON, Request, Response
from server.gateways.http.routing import Router


class Api:
    """Answers what is asked below :data:`~server.gateways.api.route.BASE`."""

    def __init__(
        self, messenger: Messenger, last_seq: Callable[[int], int], exempt: Sequence[Network]
    ) -> None:
        """``last_seq`` returns the last number that was published in a conversation.

        Guests from networks in ``exempt`` are not counted by their address.
        """
        self.messenger = messenger
        self._last_seq = last_seq
        self.sessions = ApiSessions(messenger, last_seq, exempt)
        self._router = Router()
        for route in ROUTES:
            self._router.add(route.method, BASE + route.path, partial(self._call, route))
        self._router.add("GET", f"{BASE}/openapi.json", self._describe)

    async def run(self) -> None:
        """Do what goes on beside the requests, for ever."""
        await self.sessions.run()

    def __call__(self, request: Request) -> Awaitable[Response]:
        """Answer a request; raises :class:`~server.gateways.http.errors.HttpError`."""
        return self._router(request)

    async def _call(self, route: Route, request: Request, places: Mapping[str, str]) -> Response:
        handler = route.handler or call
        if route.open:
            return await handler(Call(self, route, request, places, self._anybody(request)))
        who = await self.sessions.of(
            request.header(b"authorization"), request.address, language_of(request)
        )
        request.admit()
        with who.working():
            return await handler(Call(self, route, request, places, who.peer, who))

    def _anybody(self, request: Request) -> ApiPeer:
        return ApiPeer(request.address, self._last_seq)

    async def _describe(self, request: Request, places: Mapping[str, str]) -> Response:
        del request, places
        headers = ((b"Content-Type", JSON), (b"Cache-Control", b"no-cache"))
        return Response(200, headers, await trio.to_thread.run_sync(document))
