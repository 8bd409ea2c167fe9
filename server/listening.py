"""Opening the port, and what is set on every socket."""

from __future__ import annotations

import resource
import socket
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

BACKLOG = 4096


class ListenError(Exception):
    """The port cannot be had; the text says why and what to do."""


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of ``host``; port 0 becomes one free port, the same for all.

    Raises :class:`ListenError`.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, proto=socket.IPPROTO_TCP
        )
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a name"
        sentence = f"The host {host!r} is not an address of this machine ({reason}). "
        raise ListenError(sentence + "Use --host 127.0.0.1, or check $HOST.") from None
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            listener = _listen(family, (str(address[0]), port or 0, *address[2:]))
            listeners.append(listener)
            port = listener.getsockname()[1]
    except OSError as error:
        for listener in listeners:
            listener.close()
        sentence = f"Cannot listen on {host} port {port}: {error.strerror}. "
        raise ListenError(sentence + _advice(error)) from None
    return listeners


def _listen(family: int, address: Sequence[object]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(tuple(address))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _advice(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "Ports below 1024 need rights; use --port with a higher one."
    if error.errno == 98:  # noqa: PLR2004 - EADDRINUSE
        return "Another program has it; stop that one, or use --port with another number."
    return "Use --host with an address of this machine, such as 127.0.0.1."


def prepare(sock: socket.socket, *, send_buffer: int, keepalive: float) -> None:
    """Make an accepted socket ours: non-blocking, prompt, bounded and watched.

    A small send buffer keeps a stuck reader from holding megabytes of kernel memory;
    keep-alive finds a dead peer within twice ``keepalive`` seconds also where nothing is sent.
    """
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, int(keepalive)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, int(keepalive / 4)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def name_of(address: object) -> str:
    """Return a peer's address for people, ``1.2.3.4:5678`` or ``[::1]:5678``."""
    host, port = address[:2] if isinstance(address, tuple) else (str(address), 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether an address is one of this machine's that no network reaches."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def raise_file_limit() -> int:
    """Allow as many open files as the system lets us, and return how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
