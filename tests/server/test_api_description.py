"""The OpenAPI document: it is complete, it is right, and the server does what it says."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from chat.dispatch import needs
from protocol.errors import ErrorCode
from protocol.vocabulary import REQUESTS
from server.gateways.api.openapi import description, operation_id
from server.gateways.api.problems import STATUS
from server.gateways.api.routes import ROUTES
from tests.harness import PATIENT, RunningServer
from tests.http_client import API, http

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what schemathesis imports is not ours to mend
    import schemathesis

SERVER_FLAGS = PATIENT

OF_A_CONNECTION = {"hello", "pong", "quit", "chunk"}
"""Requests about a connection, which HTTP has in its own way."""
FOR_TYPED_LINES = {"type_line", "list_commands"}
"""Requests for who lets people type commands; programs have resources."""


def test_everything_that_can_be_asked_for_has_a_place() -> None:
    """A new request without a route fails here."""
    tags = {str(request.__struct_config__.tag) for request in REQUESTS}
    routed = {str(route.request.__struct_config__.tag) for route in ROUTES}
    assert tags - routed - FOR_TYPED_LINES == OF_A_CONNECTION
    assert all(route.request in needs() or route.handler is not None for route in ROUTES)


def test_every_error_has_a_status() -> None:
    """And each route another name."""
    assert set(STATUS) == set(ErrorCode)
    names = [operation_id(route) for route in ROUTES]
    assert len(set(names)) == len(names)


def test_whatever_is_promised_is_described() -> None:
    """Each reference leads somewhere, and each path has its parameters."""
    document = description()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            found = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert found == {part[1:-1] for part in path.split("/") if part[:1] == "{"}
            assert operation["summary"]


@pytest.mark.parametrize("user", [None, "Ann"])
async def test_the_document_is_served(user: str | None, shared_server: RunningServer) -> None:
    """To everybody: it has no secrets."""
    async with http(shared_server, user) as client:
        assert await client.api("GET", "/openapi.json") == description()


LEFT_OUT = ("/events", "/sessions/{session}", "/me/account", "/me/password", "/ping")
"""What would never end, or end the session that asks; ``test_api`` has them."""

_SCHEMA = schemathesis.openapi.from_dict({**description(), "servers": [{"url": API}]}).exclude(
    path=list(LEFT_OUT)
)


@pytest.fixture(scope="module")
def token(shared_server: RunningServer) -> str:
    """Somebody's who asks whatever the document allows."""
    import trio

    async def log_in() -> str:
        async with http(shared_server, "Schema") as client:
            assert client.token is not None
            return client.token

    return trio.run(log_in)


@_SCHEMA.parametrize()
@settings(
    max_examples=4, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_the_server_does_what_its_document_says(
    case: schemathesis.Case[Any], shared_server: RunningServer, token: str
) -> None:
    """Statuses, content types and shapes of answers; never a mistake of the server's.

    501 is for methods that it has never heard of.
    """
    response = case.call(
        base_url=f"http://127.0.0.1:{shared_server.port}{API}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )
    assert response.status_code < 500 or response.status_code == 501, response.text
    case.validate_response(
        response,
        checks=[
            schemathesis.checks.status_code_conformance,
            schemathesis.checks.content_type_conformance,
            schemathesis.checks.response_schema_conformance,
        ],
    )
