"""Frames for hypothesis, made from the types: right ones, and ones with a field that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from protocol.events import Event, Part
from protocol.requests import REQUESTS, Chunk, Request

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
"""Everything that can be in a JSON string: all of Unicode but surrogates."""

_INT = 2**53


def right(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Return values of a type, the ends of its range among them."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    return _STRATEGIES[type(kind)](kind)


def _integers(kind: inspect.IntType) -> st.SearchStrategy[int]:
    low = -_INT if kind.ge is None else kind.ge
    high = _INT if kind.le is None else kind.le
    return st.sampled_from([low, high]) | st.integers(low, high)


def _strings(kind: inspect.StrType) -> st.SearchStrategy[str]:
    return TEXTS if kind.max_length is None else TEXTS | st.just("x" * kind.max_length)


_STRATEGIES: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.IntType: _integers,
    inspect.StrType: _strings,
    inspect.NoneType: lambda _: st.none(),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.FloatType: lambda _: st.floats(allow_nan=False, allow_infinity=False),
    inspect.UUIDType: lambda _: st.uuids(),
    inspect.UnionType: lambda kind: st.one_of([right(one) for one in kind.types]),
    inspect.ListType: lambda kind: st.lists(right(kind.item_type), max_size=3),
    inspect.DictType: lambda kind: st.dictionaries(
        right(kind.key_type), right(kind.value_type), max_size=3
    ),
    inspect.StructType: lambda kind: structs(kind.cls),
}


def structs(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return instances of a struct, optional fields given or left out."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in _fields(cls):
        (required if field.required else optional)[field.name] = right(field.type)
    filled = st.fixed_dictionaries(required, optional=optional)
    return filled.map(lambda values: cls(**values))


def _fields(cls: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return info.fields


def frames(
    kinds: tuple[type[Request], ...] | tuple[type[Event], ...], longest: int = 300
) -> st.SearchStrategy[tuple[Any, bytes]]:
    """Return frames with the bytes that follow them."""
    return st.one_of([_with_payload(kind, longest) for kind in kinds])


def _with_payload(kind: type[Any], longest: int) -> st.SearchStrategy[tuple[Any, bytes]]:
    if not issubclass(kind, Chunk | Part):
        return st.tuples(structs(kind), st.just(b""))
    payloads = st.binary(min_size=1 if kind is Chunk else 0, max_size=longest)
    return st.tuples(structs(kind), payloads).map(
        lambda pair: (msgspec.structs.replace(pair[0], size=len(pair[1])), pair[1])
    )


def _wrong(kind: inspect.Type) -> list[object]:
    """Return JSON values that are not of a type."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return [value for one in kind.types for value in _wrong(one) if value is not None]
    values = list(_WRONG[type(kind)])
    if isinstance(kind, inspect.IntType):
        values += [kind.ge - 1] if kind.ge is not None else []
        values += [kind.le + 1] if kind.le is not None else []
    if isinstance(kind, inspect.StrType) and kind.max_length is not None:
        values.append("x" * (kind.max_length + 1))
    return values


_WRONG: dict[type[inspect.Type], list[object]] = {
    inspect.NoneType: [],
    inspect.IntType: ["1", 1.5, True, [1], {"1": 1}, None],
    inspect.StrType: [1, 1.5, True, ["x"], {"x": "x"}, None],
    inspect.BoolType: [0, 1, "true", [True], None],
    inspect.UUIDType: [1, "", "no-uuid", "0" * 31, ["0" * 32]],
    inspect.DictType: [1, "x", [[1, 1]], {"x": 1}, {"0": 1}, {"1": "x"}, {"1": -1}, {"1": None}],
}
_REQUIRED: dict[str, dict[str, object]] = {
    "hello": {"protocol": 1},
    "login": {"name": "x"},
    "fetch": {"id": 1},
    "chunk": {"stream": 1, "size": 1},
    "delivered": {"conversation": 1, "seq": 1},
}


def wrong_requests() -> list[dict[str, object]]:
    """Return every request with every field wrong in every way, and with fields missing."""
    requests: list[dict[str, object]] = []
    for kind in REQUESTS:
        tag = str(kind.__struct_config__.tag)
        example: dict[str, object] = {"type": tag, **_REQUIRED.get(tag, {})}
        for field in _fields(kind):
            requests += [{**example, field.encode_name: value} for value in _wrong(field.type)]
            if field.required:
                requests.append({k: v for k, v in example.items() if k != field.encode_name})
    return requests
