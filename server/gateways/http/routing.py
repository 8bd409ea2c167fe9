"""From a path to what is done there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from server.gateways.http.errors import HttpError, not_allowed
from server.gateways.http.messages import Request, Response

Handler = Callable[[Request, Mapping[str, str]], Awaitable[Response]]
"""Answers a request; the mapping has what stood in the places of the path."""

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Resource:
    pattern: re.Pattern[bytes]
    methods: dict[str, Handler]


class Router:
    """Handlers by method and path."""

    def __init__(self) -> None:
        self._fixed: dict[bytes, dict[str, Handler]] = {}
        self._patterns: dict[str, _Resource] = {}

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Let ``handler`` answer at a path, in which ``{name}`` is a place for one segment.

        GET is HEAD too; of the responses to that one only the head is sent.
        """
        names = _PLACE.findall(path)
        if not names:
            methods = self._fixed.setdefault(path.encode(), {})
        else:
            source = _PLACE.sub(r"(?P<\1>[^/]+)", path).encode()
            resource = self._patterns.setdefault(path, _Resource(re.compile(source), {}))
            methods = resource.methods
        methods[method] = handler
        if method == "GET":
            methods.setdefault("HEAD", handler)

    async def __call__(self, request: Request) -> Response:
        """Answer a request; raises :class:`HttpError` where there is nothing."""
        methods, places = self._find(request.raw_path)
        if request.method == "OPTIONS" and "OPTIONS" not in methods:
            return Response(204, ((b"Allow", ", ".join([*methods, "OPTIONS"]).encode()),))
        handler = methods.get(request.method)
        if handler is None:
            raise not_allowed((*methods, "OPTIONS"))
        return await handler(request, places)

    def _find(self, path: bytes) -> tuple[dict[str, Handler], Mapping[str, str]]:
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        for resource in self._patterns.values():
            if found := resource.pattern.fullmatch(path):
                places = {name: _segment(value) for name, value in found.groupdict().items()}
                return resource.methods, places
        raise HttpError(404, "There is nothing at this address.")


def _segment(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise HttpError(400, "The address is not valid UTF-8.") from None
