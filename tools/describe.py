"""Types as text for people: what a field may hold, tables of fields, docstrings of constants."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise
from types import ModuleType

from msgspec import NODEFAULT, Struct
from msgspec import inspect as types

_REQUIREMENT_IDS = re.compile(r" \(S\d{3}-\d+(?:(?:, |\.\.)(?:S?\d{3}-)?\d+)*\)")

_BIG = 2**53
"""A bound that says no more than "an integer"."""

_USUAL = {
    "added": "True: added; false: removed.",
    "address": "Where this connection comes from.",
    "admitted": "True: let in; false: turned away.",
    "after": "Only messages behind this sequence number.",
    "available": "Whether it can be reached now.",
    "before": "Only messages in front of this sequence number.",
    "blocked": "Who may not write for now.",
    "code": "What has to be given to come in by it.",
    "complaint": "The complaint.",
    "contacts": "The user's contacts.",
    "conversation": "The conversation's id; 1 is the general chat.",
    "conversations": "The conversations that the user is in, the general chat first.",
    "file": "The file that was sent.",
    "files": "The latest last.",
    "id": "The number by which it is named elsewhere.",
    "invitation": "The invitation.",
    "invitations": "Those not yet answered.",
    "item": "The message that is to be sent.",
    "items": "Those not yet sent, the next one first.",
    "last": "True: this is the end of the text.",
    "limit": "How many at most.",
    "links": "Those that hold.",
    "members": "Who is in it.",
    "message": "The message.",
    "messages": "In rising order of `seq`.",
    "name": "The user's name.",
    "new": "The password from now on.",
    "offset": "The byte of the whole text at which this begins.",
    "old": "The password until now.",
    "password": "The password.",
    "prev": "The sequence number before this one, where it is not `seq` - 1.",
    "private": "True: only the invited get in.",
    "reason": "A sentence for people.",
    "reporter": "Who complained.",
    "request": "Who asks to be let in.",
    "requests": "Who asks to be let in.",
    "role": "`owner`, `moderator` or `member`.",
    "room": "The room's name.",
    "rooms": "The rooms that there are to see.",
    "sender": "The sender's name.",
    "seq": "The sequence number in the conversation.",
    "server": "Name and version of the server.",
    "sessions": "This one and the others.",
    "size": "In bytes.",
    "topic": "What the room is about.",
    "user": "The other user's name.",
    "user_id": "The user's number, the same for ever.",
    "uuid": "The client's own id for it.",
}
"""What a field of this name means where its type does not say it."""


def plain(text: str | None) -> str:
    """Return a docstring as Markdown, without the ids of requirements."""
    text = inspect.cleandoc(text or "").replace("``", "`")
    return _REQUIREMENT_IDS.sub("", text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table: a row is one line, and a bar in a cell ends no cell."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def members(struct: type[Struct]) -> tuple[types.Field, ...]:
    """Return the fields of a struct."""
    info = types.type_info(struct)
    if not isinstance(info, types.StructType):
        raise TypeError(f"{struct} is no struct")
    return info.fields


def field_table(struct: type[Struct]) -> str:
    """Return what stands in a struct's fields; ``ref``, which is everywhere, is left out."""
    rows = [
        (
            f"`{field.encode_name}`",
            value(field.type),
            default(field),
            meaning(field.type) or _USUAL.get(field.name, ""),
        )
        for field in members(struct)
        if field.name != "ref"
    ]
    return table(("field", "value", "default", "meaning"), rows) if rows else "It has no fields."


def default(field: types.Field) -> str:
    """Return a field's default."""
    if field.required:
        return "required"
    if field.default is None or field.default is NODEFAULT:
        return "none"
    return f"`{json.dumps(field.default)}`"


def meaning(kind: types.Type) -> str:
    """Return the description of a field, wherever in its type it stands."""
    if isinstance(kind, types.Metadata):
        schema = kind.extra_json_schema or {}
        return plain(schema.get("description")) or meaning(kind.type)
    if isinstance(kind, types.UnionType):
        return next(filter(None, map(meaning, kind.types)), "")
    return ""


def structs_in(kind: types.Type) -> Iterator[type[Struct]]:
    """Return the structs that a type holds, however deep."""
    if isinstance(kind, types.StructType):
        yield kind.cls
    elif isinstance(kind, types.Metadata):
        yield from structs_in(kind.type)
    elif isinstance(kind, types.UnionType):
        for one in kind.types:
            yield from structs_in(one)
    elif isinstance(kind, types.ListType):
        yield from structs_in(kind.item_type)


def value(kind: types.Type) -> str:  # noqa: PLR0911, C901  # one line a kind of type
    """Return what a value may be, in words."""
    match kind:
        case types.Metadata():
            return value(kind.type)
        case types.UnionType():
            return " or ".join(
                value(one) for one in kind.types if not isinstance(one, types.NoneType)
            )
        case types.IntType():
            return "integer" + _bounds(kind)
        case types.FloatType():
            return "number" + _bounds(kind)
        case types.StrType():
            return "string" + _length(kind, "characters")
        case types.BoolType():
            return "true or false"
        case types.UUIDType():
            return "string, a UUID"
        case types.LiteralType():
            return " or ".join(f"`{one}`" for one in kind.values)
        case types.ListType():
            return f"array of {value(kind.item_type)}"
        case types.DictType():
            return f"object; keys: {value(kind.key_type)}; values: {value(kind.value_type)}"
        case types.StructType():
            return f"[{name_of(kind.cls)}](#{name_of(kind.cls).lower()})"
    raise TypeError(f"tools/describe.py has no words for {kind}")


def name_of(struct: type[Struct]) -> str:
    """Return what a struct is called in the documentation: its tag, or else its name."""
    tag = struct.__struct_config__.tag
    return struct.__name__ if tag is None else str(tag)


def _bounds(kind: types.IntType | types.FloatType) -> str:
    low, word = (kind.gt, "above") if kind.ge is None else (kind.ge, "from")
    high = kind.le if kind.le is not None and kind.le < _BIG else None
    if low is None:
        return "" if high is None else f", up to {high}"
    return f", {word} {low}" if high is None else f", {word} {low} to {high}"


def _length(kind: types.StrType, unit: str) -> str:
    if kind.max_length is not None:
        return f", up to {kind.max_length} {unit}"
    return ", not empty" if kind.min_length else ""


def constants(module: ModuleType) -> list[tuple[str, object, str]]:
    """Return name, value and docstring of a module's documented constants."""
    body = ast.parse(inspect.getsource(module)).body
    return [(name, getattr(module, name), text) for name, text in _documented(body)]


def codes(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Return value and docstring of an enumeration's members; each one must have one."""
    [definition] = ast.parse(inspect.getsource(enum)).body
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"{enum} is no class")
    texts = dict(_documented(definition.body))
    return [(str(member.value), texts[member.name]) for member in enum]


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Return the names that are assigned to and have a string behind the assignment."""
    for statement, following in pairwise(body):
        match statement, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, plain(text)
