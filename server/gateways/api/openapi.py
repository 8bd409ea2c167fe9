"""The description of the API, as OpenAPI 3.1, made of the table and the types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from protocol import __version__
from server.gateways.api.parts import IDEMPOTENCY_KEY
from server.gateways.api.route import BASE, Route
from server.gateways.api.routes import ROUTES
from server.gateways.http.errors import PROBLEM, Problem

Json = dict[str, Any]

_IDS = re.compile(r" \(S\d{3}-\d+(?:(?:, |\.\.)(?:S?\d{3}-)?\d+)*\)")
_REF = "#/components/schemas/{name}"
_ABOUT = (
    "What the messenger can do, as resources. Log in with POST /sessions, then send its token as "
    "`Authorization: Bearer TOKEN`. Every error has the shape of RFC 9457."
)


@cache
def document() -> bytes:
    """Return the document as JSON; made when it is first asked for, in a tenth of a second."""
    return msgspec.json.encode(description())


def description() -> Json:
    """Return the document."""
    schemas = _schemas()
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mymessenger", "version": __version__, "description": _ABOUT},
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _types() -> Iterator[type[Struct]]:
    yield Problem
    for route in ROUTES:
        yield from route.replies


def _schemas() -> dict[str, Json]:
    types = list(dict.fromkeys(_types()))
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in components.values():
        schema.get("properties", {}).pop("ref", None)  # the response is the answer to its request
        if "description" in schema:
            schema["description"] = plain(schema["description"])
    return components


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": operation_id(route),
        "summary": title(route).partition("\n")[0],
        "description": title(route),
        "parameters": list(_parameters(route)),
        "responses": _responses(route),
    }
    if body := _body(route):
        operation["requestBody"] = body
    if route.open:
        operation["security"] = []
    return operation


def operation_id(route: Route) -> str:
    """Return a name for a route that no other one has."""
    words = re.sub(r"[^a-z]+", "_", f"{route.method}{route.path}".lower())
    return words.strip("_")


def title(route: Route) -> str:
    """Return what a route does, in words."""
    return route.title or plain(route.request.__doc__ or "")


def plain(text: str) -> str:
    """Return a docstring without the ids of requirements, and without its indentation."""
    return _IDS.sub("", re.sub(r"\n +", "\n", text.strip()))


def _parameters(route: Route) -> Iterator[Json]:
    for place, struct in (("path", route.parts.path), ("query", route.parts.query)):
        schema = inline(struct)
        for name, kind in schema["properties"].items():
            required = name in schema.get("required", ())
            description = kind.pop("description", "")
            one = {"name": name, "in": place, "required": required, "schema": kind}
            yield one | ({"description": description} if description else {})
    if route.parts.repeatable:
        yield {
            "name": IDEMPOTENCY_KEY.decode().title(),
            "in": "header",
            "required": False,
            "description": "An id of the client's choice: a second request with the same one does "
            "nothing more, and is answered as the first was.",
            "schema": {"type": "string", "format": "uuid"},
        }


def inline(struct: type[Struct]) -> Json:
    """Return the schema of a struct of :class:`Parts`, which has no structs in it."""
    _, components = msgspec.json.schema_components([struct], ref_template=_REF)
    schema: Json = components[struct.__name__]
    schema.pop("title", None)
    return schema


def _body(route: Route) -> Json | None:
    content: Json = {}
    if route.parts.has_body:
        content["application/json"] = {"schema": inline(route.parts.body)}
    if route.takes:
        content[route.takes] = {"schema": {"type": "string"}}
    if not content:
        return None
    return {"required": route.parts.body_required or route.streams_in, "content": content}


def _responses(route: Route) -> Json:
    problem = {"schema": {"$ref": _REF.format(name=Problem.__name__)}}
    responses: Json = {
        "default": {
            "description": "It cannot be done; `detail` says why, and `code` for programs.",
            "content": {PROBLEM.decode(): problem},
        }
    }
    for status in statuses(route):
        responses[str(status)] = {"description": _SAID[status]} | _content(route, status)
    return responses


def statuses(route: Route) -> list[int]:
    """Return the statuses of responses that are no errors."""
    found = {route.status}
    if not route.replies and not route.gives:
        found = {204}
    names = {reply.__name__ for reply in route.replies}
    if names & {"Sent", "Scheduled"}:
        found.add(200)  # it was stored before
    if "Opened" in names:
        found |= {200, 201}
    if "Received" in names:
        found.add(202)
    if route.gives and route.gives != "text/event-stream":
        found |= {206, 304}
    if route.method == "DELETE" and route.path == "/sessions/{session}":
        found.add(204)
    return sorted(found)


_SAID = {
    200: "Done.",
    201: "It has been made.",
    202: "A part of it is stored; send the rest.",
    204: "Done; there is nothing to say.",
    206: "The range that was asked for.",
    304: "It is what the client has.",
}


def _content(route: Route, status: int) -> Json:
    if status in (204, 304):
        return {}
    if route.gives:
        return {"content": {route.gives: {"schema": {"type": "string"}}}}
    kinds = [{"$ref": _REF.format(name=reply.__name__)} for reply in route.replies]
    schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {"content": {"application/json": {"schema": schema}}}
