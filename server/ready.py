"""What the server tells its operator when it listens: where, how to connect, what to compare."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import structlog

from server.certificate import Certificate
from server.listening import is_loopback, name_of
from storage import MasterKey

log = structlog.get_logger()


def tell_ready(
    listeners: Sequence[socket.socket],
    certificate: Certificate,
    database: str,
    keys: MasterKey | None,
    *,
    allow_plaintext: bool,
) -> None:
    """Log it, and print it for a person; the first line is for programs too."""
    addresses = [name_of(listener.getsockname()) for listener in listeners]
    hosts = [str(listener.getsockname()[0]) for listener in listeners]
    open_to_others = not all(map(is_loopback, hosts))
    if open_to_others and allow_plaintext:
        advice = "passwords and texts of clients without TLS can be read on the network"
        log.warning("server.plain_text", advice=advice)
    if keys is None:
        log.warning(
            "server.not_sealed",
            advice="whoever has the database can read everything: leave --encryption off out",
        )
    log.info(
        "server.started",
        listening=", ".join(addresses),
        database=database,
        fingerprint=certificate.fingerprint,
    )
    port = listeners[0].getsockname()[1]
    lines = [f"mymessenger listening on {addresses[0]}", *_ways_in(hosts, port, allow_plaintext)]
    kind = "self-made" if certificate.files.own else "TLS"
    lines += [
        f"Fingerprint of the {kind} certificate, to compare with what clients show:",
        f"    {certificate.fingerprint}",
        f"Ctrl+C stops the server. Messages are kept in {database}.",
        _sealed(keys),
    ]
    print("\n".join(lines), flush=True)  # noqa: T201


def _sealed(keys: MasterKey | None) -> str:
    if keys is None:
        return (
            "They are NOT encrypted there: whoever has the database reads them (--encryption off)."
        )
    return f"They are encrypted there with the master key in {keys.where}: keep a copy of it."


def _ways_in(hosts: Sequence[str], port: int, allow_plaintext: bool) -> list[str]:
    """Return what to type on this machine, and on others where they can reach the port."""
    here = _here(hosts[0])
    lines = [f"Connect with: {_client()} --name YOU --host {here} --port {port}"]
    there = f"[{here}]" if ":" in here else here
    plain = allow_plaintext or is_loopback(here)
    lines.append(f"          or: a browser at http{'' if plain else 's'}://{there}:{port}/")
    if plain:
        lines.append(f"          or: telnet {here} {port}")
    else:
        lines.append(f"          or: openssl s_client -quiet -crlf -connect {there}:{port}")
    if not all(map(is_loopback, hosts)):
        name = socket.gethostname() if ip_address(hosts[0]).is_unspecified else hosts[0]
        lines.append(f"Elsewhere, over TLS: mymessenger --name YOU --host {name} --port {port}")
        if name != here:
            lines.append(f"                 or: a browser at https://{name}:{port}/")
    return lines


def _here(host: str) -> str:
    """Return the address by which this machine itself reaches a listener."""
    address = ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004


def _client() -> str:
    """Return the command of the terminal client that works in this installation."""
    program = Path(sys.executable).with_name("mymessenger")
    return str(program) if program.exists() else f"{sys.executable} -m cmd.cli"
