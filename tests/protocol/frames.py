"""Frames for hypothesis, made from the types: right ones, and ones with a field that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from protocol.events import Event, Part
from protocol.requests import Chunk, Request
from protocol.vocabulary import REQUESTS

_CHARACTERS = st.characters(exclude_categories=["Cs"])
"""Everything that can be in a JSON string: all of Unicode but surrogates."""

_LENGTH = 60  # of most strings
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


def _floats(kind: inspect.FloatType) -> st.SearchStrategy[float]:
    open_below, open_above = kind.gt is not None, kind.lt is not None
    return st.floats(
        kind.gt if open_below else kind.ge,
        kind.lt if open_above else kind.le,
        exclude_min=open_below, exclude_max=open_above,
        allow_nan=False, allow_infinity=False,
    )  # fmt: skip


def _strings(kind: inspect.StrType) -> st.SearchStrategy[str]:
    low, high = kind.min_length or 0, kind.max_length
    usual = st.text(_CHARACTERS, min_size=low, max_size=min(high or _LENGTH, max(low, _LENGTH)))
    return usual if high is None else usual | st.just("x" * high)


def _lists(kind: inspect.ListType) -> st.SearchStrategy[list[Any]]:
    low, high = kind.min_length or 0, kind.max_length
    return st.lists(right(kind.item_type), min_size=low, max_size=min(high or 3, max(low, 3)))


_STRATEGIES: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.IntType: _integers,
    inspect.StrType: _strings,
    inspect.NoneType: lambda _: st.none(),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.FloatType: _floats,
    inspect.UUIDType: lambda _: st.uuids(),
    inspect.UnionType: lambda kind: st.one_of([right(one) for one in kind.types]),
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.ListType: _lists,
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


def example(kind: type[Request]) -> dict[str, object]:
    """Return a right request as JSON values: its tag, and the fields that it must have."""
    tag = str(kind.__struct_config__.tag)
    needed = {field.encode_name: _simple(field.type) for field in _fields(kind) if field.required}
    return {"type": tag, **needed}


def _simple(kind: inspect.Type) -> object:
    """Return one right JSON value of a type."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    return _SIMPLE[type(kind)](kind)


_SIMPLE: dict[type[inspect.Type], Callable[[Any], object]] = {
    inspect.IntType: lambda kind: max(kind.ge or 1, 1),
    inspect.StrType: lambda kind: "x" * max(kind.min_length or 1, 1),
    inspect.BoolType: lambda _: True,
    inspect.FloatType: lambda kind: min(max(kind.ge or 1.0, 1.0), kind.le or inf),
    inspect.NoneType: lambda _: None,
    inspect.UUIDType: lambda _: "0" * 32,
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.UnionType: lambda kind: _simple(kind.types[0]),
    inspect.ListType: lambda kind: [_simple(kind.item_type)] * (kind.min_length or 0),
    inspect.DictType: lambda _: {},
}


def _wrong(kind: inspect.Type) -> list[object]:
    """Return JSON values that are not of a type."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return [value for one in kind.types for value in _wrong(one) if value is not None]
    return [*_WRONG[type(kind)], *_OUTSIDE.get(type(kind), lambda _: [])(kind)]


_WRONG: dict[type[inspect.Type], list[object]] = {
    inspect.NoneType: [],
    inspect.IntType: ["1", 1.5, True, [1], {"1": 1}, None],
    inspect.FloatType: ["1", "nan", True, [1], {"1": 1}, None],
    inspect.StrType: [1, 1.5, True, ["x"], {"x": "x"}, None],
    inspect.BoolType: [0, 1, "true", [True], None],
    inspect.UUIDType: [1, "", "no-uuid", "0" * 31, ["0" * 32]],
    inspect.LiteralType: [1, 1.5, True, "", "nonsense", ["x"], None],
    inspect.ListType: [1, "x", True, {"1": 1}, None],
    inspect.DictType: [1, "x", [[1, 1]]],
}
"""What is wrong whatever the bounds are."""


def _numbers_outside(kind: inspect.IntType | inspect.FloatType) -> list[object]:
    bounds = ((kind.ge, -1), (kind.gt, 0), (kind.lt, 0), (kind.le, 1))
    return [bound + beyond for bound, beyond in bounds if bound is not None]


def _strings_outside(kind: inspect.StrType) -> list[object]:
    low = ["x" * (kind.min_length - 1)] if kind.min_length else []
    return [*low, *(["x" * (kind.max_length + 1)] if kind.max_length is not None else [])]


def _lists_outside(kind: inspect.ListType) -> list[object]:
    item = _simple(kind.item_type)
    items: list[object] = [[wrong] for wrong in _wrong(kind.item_type)]
    low = [[item] * (kind.min_length - 1)] if kind.min_length else []
    high = [[item] * (kind.max_length + 1)] if kind.max_length is not None else []
    return [*items, *low, *high]


def _dicts_outside(kind: inspect.DictType) -> list[object]:
    key, value = _simple(kind.key_type), _simple(kind.value_type)
    key_type = kind.key_type
    key_type = key_type.type if isinstance(key_type, inspect.Metadata) else key_type
    keys = _OUTSIDE[type(key_type)](key_type)  # a key of another type is a string too
    if isinstance(key_type, inspect.IntType):
        keys.append("x")
    values = _wrong(kind.value_type)
    return [*({str(wrong): value} for wrong in keys), *({str(key): wrong} for wrong in values)]


_OUTSIDE: dict[type[inspect.Type], Callable[[Any], list[object]]] = {
    inspect.IntType: _numbers_outside,
    inspect.FloatType: _numbers_outside,
    inspect.StrType: _strings_outside,
    inspect.ListType: _lists_outside,
    inspect.DictType: _dicts_outside,
}
"""What is of the type, but not within its bounds."""


def wrong_requests() -> list[dict[str, object]]:
    """Return every request with every field wrong in every way, and with fields missing."""
    requests: list[dict[str, object]] = []
    for kind in REQUESTS:
        right_one = example(kind)
        for field in _fields(kind):
            name = field.encode_name
            requests += [{**right_one, name: value} for value in _wrong(field.type)]
            if field.required:
                requests.append({k: v for k, v in right_one.items() if k != name})
    return requests
