"""Writes the pages of ``docs/`` that are made from the code: ``python -m tools.docs [--check]``.

The prose stands in ``tools/templates``, with ``{{marks}}`` where something is filled in.
"""

from __future__ import annotations

import argparse
import re
import string
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

import protocol
from chat import uploads
from chat.names import check_name
from cli.tui.keys import Where, shown_keys
from cli.tui.local_commands import COMMANDS as LOCAL_COMMANDS
from protocol import errors, events, limits, requests
from protocol.vocabulary import EVENTS, REQUESTS
from server.conn import IN_FLIGHT
from server.gateways.api.events import BEAT
from server.gateways.api.openapi import title
from server.gateways.api.problems import STATUS
from server.gateways.api.route import Route
from server.gateways.api.routes import ROUTES
from server.gateways.api.sessions import GUEST_IDLE
from server.settings import Settings
from server.settings_sources import flag_of, meta_of
from tools import man
from tools.describe import (
    codes,
    constants,
    field_table,
    meaning,
    members,
    name_of,
    plain,
    structs_in,
    table,
    value,
)
from tools.session import session

ROOT = Path(__file__).resolve().parent.parent
_MARK = re.compile(r"\{\{(\w+)\}\}")


def protocol_page() -> str:
    """Return ``docs/protocol.md``."""
    return _fill(
        "protocol.md",
        version=str(protocol.PROTOCOL_VERSION),
        general=str(requests.GENERAL),
        max_name=str(limits.MAX_NAME),
        max_text=str(limits.MAX_TEXT),
        max_chunk=str(limits.MAX_CHUNK),
        text_head=str(limits.TEXT_HEAD),
        in_flight=str(IN_FLIGHT),
        streams=str(uploads.MAX_OPEN),
        forbidden=" ".join(filter(_forbidden, string.punctuation)),
        limits=table(
            ("limit", "value", "meaning"),
            ((f"`{name}`", str(number), text) for name, number, text in constants(limits)),
        ),
        requests=_sections(REQUESTS),
        replies=_sections(one for one in EVENTS if issubclass(one, events.Reply)),
        events=_sections(one for one in EVENTS if not issubclass(one, events.Reply)),
        objects=_sections(objects()),
        errors=table(
            ("code", "meaning"), ((f"`{code}`", text) for code, text in codes(errors.ErrorCode))
        ),
        session=session(),
    )


def configuration_page() -> str:
    """Return ``docs/configuration.md``."""
    overview, details = [], []
    for field in members(Settings):
        extra = meta_of(field.name).extra or {}
        unit = f", in {extra['unit']}" if extra["unit"] else ""
        default = "false" if field.default is False else field.default
        shown = f"`{default}`" if default != "" else "none"
        flag, variable = f"`{flag_of(field.name)}`", f"`{extra['env']}`"
        overview.append((f"[`{field.name}`](#{field.name})", flag, variable, extra["unit"], shown))
        details.append(
            f"## {field.name}\n\n{meaning(field.type)}\n\n"
            f"- flag {flag}, variable {variable}\n"
            f"- {value(field.type)}{unit}; default: {shown}"
        )
    head = ("setting", "flag", "variable", "unit", "default")
    return _fill("configuration.md", overview=table(head, overview), settings="\n\n".join(details))


def api_page() -> str:
    """Return ``docs/api.md``."""
    rows = [
        (
            f"`{route.method}`", f"`{route.path}`", _fields(route),
            _first_sentence(title(route)), _asks(route),
        )
        for route in ROUTES
    ]  # fmt: skip
    return _fill(
        "api.md",
        guest_idle=f"{GUEST_IDLE / 60:g}",
        beat=f"{BEAT:g}",
        max_page=str(limits.MAX_PAGE),
        codes=table(
            ("status", "codes"),
            (
                (str(status), ", ".join(f"`{code}`" for code in STATUS if STATUS[code] == status))
                for status in sorted(set(STATUS.values()))
            ),
        ),
        resources=table(("method", "path", "fields", "what it does", "request"), rows),
    )


def _fields(route: Route) -> str:
    """Return what stands behind the path and in the body; in brackets, what may be left out."""
    query = [(f"`?{field.name}`", field) for field in members(route.parts.query)]
    body = [(f"`{field.name}`", field) for field in members(route.parts.body)]
    return ", ".join(name if field.required else f"[{name}]" for name, field in query + body)


def _asks(route: Route) -> str:
    """Return the request of the protocol that a route is, as a link to its fields."""
    name = name_of(route.request)
    return f"[`{name}`](protocol.md#{name})" if route.request in REQUESTS else ""


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", text.replace("\n", " "), maxsplit=1)[0]


def terminal_page() -> str:
    """Return ``docs/terminal.md``."""
    sections = []
    for where in Where:
        rows = ((key.shown, key.help) for key in shown_keys(where))
        sections.append(f"### {where.value}\n\n{table(('key', 'what it does'), rows)}")
    commands = table(
        ("command", "what it does"),
        ((f"`/{one.name} {one.usage}`".replace(" `", "`"), one.help) for one in LOCAL_COMMANDS),
    )
    return _fill("terminal.md", keys="\n\n".join(sections), commands=commands)


PAGES: dict[str, Callable[[], str]] = {
    "docs/protocol.md": protocol_page,
    "docs/configuration.md": configuration_page,
    "docs/terminal.md": terminal_page,
    "docs/man/mymessenger.1": man.client_page,
    "docs/man/mymessenger-server.1": man.server_page,
    "docs/api.md": api_page,
}


def _fill(template: str, **parts: str) -> str:
    """Return a template with every mark filled in; one that has no part is an error."""
    text = (ROOT / "tools" / "templates" / template).read_text(encoding="utf-8")
    notice = f"<!-- Made by `make docs` from the code and tools/templates/{template}. -->\n\n"
    return notice + _MARK.sub(lambda mark: parts.pop(mark[1]), text)


def _forbidden(character: str) -> bool:
    """Tell whether a name cannot have this character."""
    try:
        check_name(f"Bob{character}")
    except errors.ProtocolError:
        return True
    return False


def _sections(structs: Iterable[type[Struct]]) -> str:
    return "\n\n".join(
        f"### {name_of(struct)}\n\n{plain(struct.__doc__)}\n\n{field_table(struct)}"
        for struct in structs
    )


def objects() -> list[type[Struct]]:
    """Return the structs that stand in frames, however deep, and are none themselves."""
    frames: list[type[Struct]] = [*REQUESTS, *EVENTS]
    found: dict[type[Struct], None] = dict.fromkeys(frames)
    waiting = frames.copy()
    for struct in waiting:  # it grows
        for field in members(struct):
            for one in structs_in(field.type):
                if one not in found:
                    found[one] = None
                    waiting.append(one)
    return [struct for struct in found if struct not in frames]


def stale() -> list[str]:
    """Return the pages that are not what the code says now."""
    return [name for name, make in PAGES.items() if _read(name) != make()]


def _read(name: str) -> str | None:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or only look at them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page is stale")
    check = parser.parse_args(arguments).check
    names = stale()
    for name in names:
        if check:
            print(f"{name} is not up to date: run make docs", file=sys.stderr)
        else:
            (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"written: {name}")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main())
