"""What a route is: a method and a path that are one request of the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from protocol.requests import Request as ProtocolRequest
from server.gateways.api.parts import Parts
from server.gateways.http.messages import Request, Response

if TYPE_CHECKING:
    from server.gateways.api.api import Api
    from server.gateways.api.peer import ApiPeer
    from server.gateways.api.sessions import ApiSession

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API."""

    api: Api
    route: Route
    http: Request
    places: Mapping[str, str]
    peer: ApiPeer
    """Who asks, as the rules know it; nobody is logged in where nobody needs to be."""
    who: ApiSession | None = None
    """Who asks, where a token says it."""

    @property
    def asker(self) -> ApiSession:
        """Who asks, where somebody has to."""
        if self.who is None:
            raise RuntimeError("this route asks for no token")
        return self.who


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """One method of one resource."""

    method: str
    path: str
    """Below :data:`BASE`, with the request's fields in braces."""
    request: type[ProtocolRequest]
    """What is asked of ``chat``; its other fields stand behind the path, or in the body."""
    replies: tuple[type[Struct], ...] = ()
    """What the response may be; none: there is nothing in it (204)."""
    left_out: tuple[str, ...] = ()
    """Fields of the request that have no place here."""
    status: int = 200
    handler: Handler | None = None
    """Does it where a request and its answer are not all; else ``calls.call``."""
    title: str = ""
    """What it does; else the request's own docstring says it."""
    in_stream: bool = False
    """The answer stands in the stream: it comes when it is stored."""
    open: bool = False
    """Nobody needs to be logged in."""
    takes: str = ""
    """Content type of a body that is streamed."""
    streams_in: bool = False
    """There is no other kind of body; the fields stand behind the path."""
    gives: str = ""
    """Content type of a response that is streamed."""

    @cached_property
    def parts(self) -> Parts:
        """Where the request's fields stand."""
        in_body = self.method not in ("GET", "DELETE") and not self.streams_in
        return Parts(self.path, self.request, self.left_out, in_body=in_body)
