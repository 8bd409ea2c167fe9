"""Where the fields of a protocol request stand in HTTP: in the path, behind it, or in the body.

The structs made here are what is decoded, and what the OpenAPI document describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints
from uuid import UUID

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from protocol.errors import ErrorCode
from protocol.requests import Request as ProtocolRequest
from server.gateways.api.problems import problem
from server.gateways.http.errors import HttpError
from server.gateways.http.messages import JSON, Request

_PLACE = re.compile(r"\{(\w+)\}")
IDEMPOTENCY_KEY = b"idempotency-key"

StructT = TypeVar("StructT", bound=Struct)


class Parts:
    """The fields of one route's request, by where they come from."""

    def __init__(
        self, path: str, request: type[ProtocolRequest], left_out: tuple[str, ...], *, in_body: bool
    ) -> None:
        """Take the request of a route; what is ``left_out`` of it keeps its default.

        What is neither left out nor in the path stands in the body, or else behind the path.
        """
        hints = get_type_hints(request, include_extras=True)
        places = _PLACE.findall(path)
        known = {field.name: field for field in fields(request)}
        self.repeatable = "uuid" in known and "uuid" not in places and "uuid" not in left_out
        """The client's own id comes in the header ``Idempotency-Key``."""
        rest = [
            field
            for field in known.values()
            if field.name not in {"ref", "uuid", *left_out, *places}
        ]
        name = request.__name__
        self.path = _struct(f"{name}Path", [known[place] for place in places], hints)
        self.query = _struct(f"{name}Query", [] if in_body else rest, hints)
        self.body = _struct(f"{name}Body", rest if in_body else [], hints)
        self._decoder = msgspec.json.Decoder(self.body)
        self.has_body = in_body and bool(rest)
        self.body_required = self.has_body and any(field.required for field in rest)

    async def read(self, request: Request, places: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields of one request; raises :class:`HttpError`."""
        values = self.read_address(request, places)
        if self.has_body:
            values |= _as_dict(await self._read_body(request))
        return values

    def read_address(self, request: Request, places: Mapping[str, str]) -> dict[str, Any]:
        """Return what stands in the address and the header."""
        values = _as_dict(_convert(self.path, places)) if places else {}
        if self.query.__struct_fields__ or b"?" in request.target:
            values |= _as_dict(_convert(self.query, request.query))
        if self.repeatable and (key := request.header(IDEMPOTENCY_KEY)) is not None:
            values["uuid"] = _uuid(key)
        return values

    async def _read_body(self, request: Request) -> Struct:
        if not request.has_body and not self.body_required:
            return self.body()
        if request.length is None and not request.chunked:
            raise HttpError(411, "Say how long the body is, by Content-Length or in chunks.")
        check_kind(request, JSON)  # before the body is asked for
        data = await request.whole_body()
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise problem(ErrorCode.BAD_FRAME, f"The body cannot be used: {error}.") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise HttpError(400, f"The body is no JSON: {error}.") from None


def check_kind(request: Request, *kinds: bytes) -> bytes:
    """Return which of the kinds a body is of; raises :class:`HttpError` (415) for another one."""
    value = (request.header(b"content-type") or b"").lower()
    kind, _, parameters = value.partition(b";")
    charset = parameters.strip().replace(b'"', b"")
    if kind.strip() not in kinds or charset not in (b"", b"charset=utf-8"):
        wanted = b" or ".join(kinds).decode()
        raise HttpError(415, f"The body has to be {wanted}, in UTF-8; say so in Content-Type.")
    return kind.strip()


def _struct(name: str, chosen: list[FieldInfo], hints: dict[str, Any]) -> type[Struct]:
    definitions: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (field.name, hints[field.name])
        if field.default is NODEFAULT
        else (field.name, hints[field.name], field.default)
        for field in chosen
    ]
    return msgspec.defstruct(
        name, definitions, kw_only=True, frozen=True, forbid_unknown_fields=True
    )


def _convert(kind: type[StructT], values: Mapping[str, str]) -> StructT:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise problem(ErrorCode.BAD_FRAME, f"The address cannot be used: {error}.") from None


def _as_dict(struct: Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _uuid(key: bytes) -> UUID:
    try:
        return UUID(key.decode("ascii").strip().strip('"'))
    except ValueError:
        raise problem(
            ErrorCode.BAD_ARGUMENTS, "Idempotency-Key has to be a UUID, a new one for each request."
        ) from None
