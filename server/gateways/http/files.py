"""The page's files, out of memory: they are few and small, and read once at the start."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

from server.gateways.http.conditions import accepts_gzip, content_range, matches, wanted_range
from server.gateways.http.errors import HttpError, not_allowed
from server.gateways.http.messages import Headers, Request, Response

TYPES = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "json": b"application/json",
    "webmanifest": b"application/manifest+json",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "ico": b"image/x-icon",
    "woff2": b"font/woff2",
    "txt": b"text/plain; charset=utf-8",
}
"""What is served, by the end of its name; everything else in the folder is not."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
).encode()
"""What the page may do: nothing inline, nothing from or to another host."""

SECURITY: Headers = (
    (b"Content-Security-Policy", POLICY),
    (b"X-Frame-Options", b"DENY"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Permissions-Policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)

GZIP_FROM = 256
"""Bytes below which compressing does not pay."""

INDEX = "index.html"
METHODS = ("GET", "HEAD", "OPTIONS")

_PORT = re.compile(r":(\d+)$")

FOR_CURL = """\
This is {name}, a messenger. All of these reach it:
  a browser              open {scheme}://{address}/
  {line}
  the terminal client    mymessenger --name YOU --host {host} --port {port}
  programs               the API at /api/v1/, described in /api/v1/openapi.json
"""
LINE = "telnet                 telnet {host} {port}"
ENCRYPTED_LINE = "instead of telnet      openssl s_client -quiet -crlf -connect {place}"
"""Who came over TLS could not come with telnet, or would not want to."""


class File(Struct, frozen=True):
    """A file, and what it is compressed where that pays."""

    kind: bytes
    data: bytes
    tag: bytes
    packed: bytes | None
    packed_tag: bytes


def load(folder: Traversable) -> dict[str, File]:
    """Return the files of a folder by their paths, as ``/lib/preact.js``."""
    return {path: _file(path, data) for path, data in _walk(folder, "/")}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in TYPES:
            yield prefix + entry.name, entry.read_bytes()


def _file(path: str, data: bytes) -> File:
    digest = hashlib.sha256(data).hexdigest()[:20]
    packed = gzip.compress(data, mtime=0) if len(data) >= GZIP_FROM else data
    return File(
        kind=TYPES[path.rpartition(".")[2]],
        data=data,
        tag=f'"{digest}"'.encode(),
        packed=packed if len(packed) < len(data) * 0.9 else None,
        packed_tag=f'"{digest}-gz"'.encode(),
    )


class Files:
    """Answers requests for the page."""

    def __init__(self, name: str, folder: Traversable | None = None) -> None:
        """Read the folder ``web``, or another one; ``name`` is the server's."""
        self._files = load(files("web") if folder is None else folder)
        self._name = name

    async def __call__(self, request: Request) -> Response:
        """Answer one request; raises :class:`HttpError` where there is no such file."""
        path = request.path
        if request.method == "OPTIONS" and (path == "*" or path in self._files or path == "/"):
            return Response(204, ((b"Allow", ", ".join(METHODS).encode()),))
        if path == "/" and not _is_browser(request):
            return self._plain(request)
        file = self._files.get(f"/{INDEX}" if path == "/" else path)
        if file is None:
            raise HttpError(404, "There is nothing at this address.")
        _check_method(request)
        return _respond(request, file)

    def _plain(self, request: Request) -> Response:
        """Answer who asks for the page without being able to show one."""
        _check_method(request)
        headers = ((b"Content-Type", b"text/plain; charset=utf-8"), (b"Vary", b"Accept"))
        address = (request.header(b"host") or b"HOST:PORT").decode("latin-1")
        host, _, port = address.rpartition(":") if _PORT.search(address) else (address, "", "")
        if request.encrypted:
            scheme, usual, line = "https", "443", ENCRYPTED_LINE
        else:
            scheme, usual, line = "http", "80", LINE
        port = port or usual
        told = FOR_CURL.format(
            name=self._name, scheme=scheme, address=address,
            line=line.format(host=host.strip("[]"), port=port, place=f"{host}:{port}"),
            host=host.strip("[]"), port=port,
        )  # fmt: skip
        return Response(200, headers, told.encode())


def _is_browser(request: Request) -> bool:
    return b"text/html" in (request.header(b"accept") or b"").lower()


def _check_method(request: Request) -> None:
    if request.method not in METHODS:
        raise not_allowed(METHODS)


def _respond(request: Request, file: File) -> Response:
    packed = file.packed is not None and accepts_gzip(request) and not request.header(b"range")
    tag = file.packed_tag if packed else file.tag
    headers = [
        *SECURITY,
        (b"ETag", tag),
        (b"Cache-Control", b"no-cache"),
        (b"Vary", b"Accept, Accept-Encoding"),
    ]
    if matches(request.header(b"if-none-match"), tag):
        return Response(304, headers)
    headers += [(b"Content-Type", file.kind), (b"Accept-Ranges", b"bytes")]
    if packed and file.packed is not None:
        return Response(200, [*headers, (b"Content-Encoding", b"gzip")], file.packed)
    part = wanted_range(request, len(file.data), tag)
    if part is None:
        return Response(200, headers, file.data)
    headers.append(content_range(*part, len(file.data)))
    return Response(206, headers, file.data[slice(*part)])
