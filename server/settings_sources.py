"""Where the settings come from: flags, environment variables, a file in TOML (S004-12..15).

A flag outranks a variable, a variable the file, and the file the default.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from chat.names import check_name
from chat.sites import networks
from protocol import __version__
from protocol.errors import ProtocolError
from server.settings import Settings, listed
from server.time_zone import zone_named


class SettingsError(Exception):
    """A value that cannot be used; the text names the setting, its source and what is right."""


def flag_of(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")


def meta_of(name: str) -> Meta:
    """Return description, bounds, unit and variable of a setting."""
    for argument in get_args(_HINTS[name])[1:]:
        if isinstance(argument, Meta):
            return argument
    raise KeyError(name)


_HINTS = get_type_hints(Settings, include_extras=True)


def load_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings from flags, variables and file.

    Raises :class:`SettingsError`; wrong flags, ``--help`` and ``--version`` end the program,
    as argparse does.
    """
    flags = vars(server_parser().parse_args(arguments))
    path = flags.pop("config") or environ.get("MYMESSENGER_CONFIG")
    values: dict[str, Any] = {}
    if path:
        values |= _from_file(Path(path))
    for field in fields(Settings):
        variable = _extra(field.name)["env"]
        if environ.get(variable):
            values[field.name] = _convert(field.name, environ[variable], f"${variable}")
        if flags[field.name] is not None:
            values[field.name] = _convert(field.name, flags[field.name], flag_of(field.name))
    return Settings(**values)


def _extra(name: str) -> dict[str, str]:
    return meta_of(name).extra or {}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from None
    known = {field.name for field in fields(Settings)}
    for key in table:
        if key not in known:
            sentence = f"The settings file {path} has an unknown setting {key!r}; known are: "
            raise SettingsError(sentence + ", ".join(sorted(known)) + ".")
    return {key: _convert(key, value, f"{key} in {path}") for key, value in table.items()}


def _convert(name: str, value: object, source: str) -> Any:
    try:
        converted = msgspec.convert(value, _HINTS[name], strict=False)
    except msgspec.ValidationError as error:
        kind = get_args(_HINTS[name])[0]
        words = ("true", "false") if kind is bool else get_args(kind)  # of a Literal
        wanted = ", ".join(words) if words else _wanted(str(error))
        raise SettingsError(f"{source}: {value!r} cannot be used: use {wanted}.") from None
    if name == "tz":
        _check_zone(converted, source)
    if name == "admin":
        _check_admins(converted, source)
    if name == "limit_exempt":
        _check_networks(converted, source)
    return converted


def _wanted(error: str) -> str:
    """Return what msgspec expected, in words for people: ``a whole number <= 65535``."""
    kind, *bound = error.replace("`", "").removeprefix("Expected ").partition(",")[0].split()
    kinds = {"int": "a whole number", "float": "a number", "str": "a text"}
    return " ".join([kinds.get(kind, kind), *bound])


def _check_zone(name: str, source: str) -> None:
    try:
        zone_named(name)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}.") from None


def _check_networks(text: str, source: str) -> None:
    try:
        networks(text)
    except ValueError as error:
        reason = f"{error}. Use addresses such as 10.0.0.7 and networks such as 10.0.0.0/8"
        raise SettingsError(f"{source}: {text!r} cannot be used: {reason}.") from None


def _check_admins(names: str, source: str) -> None:
    for name in listed(names):
        try:
            check_name(name)
        except ProtocolError as error:
            reason = str(error).removesuffix(".")
            raise SettingsError(f"{source}: {name!r} can be nobody's name: {reason}.") from None


def server_parser() -> argparse.ArgumentParser:
    """Return what understands the command line of the server."""
    parser = argparse.ArgumentParser(
        prog="mymessenger-server",
        description="The mymessenger server: one port for every client.",
        epilog="A flag outranks its environment variable, which outranks the settings file. "
        "mymessenger-server rekey, with the same flags, changes the master key.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mymessenger {__version__}")
    parser.add_argument(
        "--config", metavar="FILE", help="settings file in TOML [$MYMESSENGER_CONFIG]"
    )
    for field in fields(Settings):
        meta, extra = meta_of(field.name), _extra(field.name)
        unit = f", in {extra['unit']}" if extra["unit"] else ""
        switch = isinstance(field.default, bool)
        shown = "none" if field.default == "" else "false" if switch else field.default
        text = f"{meta.description} [${extra['env']}{unit}; default {shown}]"
        parser.add_argument(
            flag_of(field.name),
            nargs="?" if switch else None,
            const="true" if switch else None,  # alone it turns on; --switch=false turns off
            metavar=field.name.upper(),
            help=text.replace("%", "%%"),
        )
    return parser
