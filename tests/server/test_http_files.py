"""The page's files: what a browser may keep, what it may do, and that there is nothing else."""

from __future__ import annotations

import gzip
import subprocess
from importlib.resources import files

import pytest

from server.gateways.http.files import POLICY
from tests.harness import PATIENT, RunningServer
from tests.http_client import http, raw, statuses

SERVER_FLAGS = PATIENT

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
INDEX = files("web").joinpath("index.html").read_bytes()


async def test_the_page_and_what_it_may_do(shared_server: RunningServer) -> None:
    """S004-30: no code or style but the page's own files, nothing from or to another host."""
    async with http(shared_server) as client:
        page = await client.ask("GET", "/", BROWSER)
        assert (page.status, page.body) == (200, INDEX)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert policy == POLICY.decode()
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in page.headers
        assert "access-control-allow-origin" not in page.headers
        assert "server" not in page.headers


async def test_what_a_browser_has_is_not_sent_again(shared_server: RunningServer) -> None:
    """ETag and 304, for the compressed and the plain file apart; the connection goes on."""
    async with http(shared_server) as client:
        tags = set()
        for coding in ("gzip", "identity"):
            first = await client.ask("GET", "/", BROWSER | {"Accept-Encoding": coding})
            tags.add(tag := first.headers["etag"])
            headers = BROWSER | {"Accept-Encoding": coding, "If-None-Match": f'"other", W/{tag}'}
            again = await client.ask("GET", "/", headers)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert "content-length" not in again.headers
            other = await client.ask("GET", "/", headers | {"If-None-Match": '"other"'})
            assert other.status == 200
        assert len(tags) == 2


async def test_files_are_compressed_where_the_browser_can_read_it(
    shared_server: RunningServer,
) -> None:
    """As Accept-Encoding says, which a cache has to look at."""
    async with http(shared_server) as client:
        packed = await client.ask("GET", "/index.html", {"Accept-Encoding": "br, gzip;q=0.5"})
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == INDEX
        assert len(packed.body) < len(INDEX)
        assert "Accept-Encoding" in packed.headers["vary"]
        for refusing in ("identity", "gzip;q=0", "gzip;q=0.000", "br"):
            plain = await client.ask("GET", "/index.html", {"Accept-Encoding": refusing})
            assert "content-encoding" not in plain.headers
            assert plain.body == INDEX


async def test_head_is_get_without_the_body(shared_server: RunningServer) -> None:
    """And the connection goes on behind it."""
    async with http(shared_server) as client:
        got = await client.ask("GET", "/", BROWSER)
        head = await client.ask("HEAD", "/", BROWSER)
        assert (head.status, head.body) == (200, b"")
        del got.headers["date"], head.headers["date"]
        assert head.headers == got.headers
        assert (await client.ask("GET", "/", BROWSER)).body == INDEX


RANGES = {
    "bytes=0-4": (206, INDEX[:5], f"bytes 0-4/{len(INDEX)}"),
    "bytes=5-": (206, INDEX[5:], f"bytes 5-{len(INDEX) - 1}/{len(INDEX)}"),
    "bytes=-7": (206, INDEX[-7:], f"bytes {len(INDEX) - 7}-{len(INDEX) - 1}/{len(INDEX)}"),
    "bytes=0-99999999": (206, INDEX, f"bytes 0-{len(INDEX) - 1}/{len(INDEX)}"),
    f"bytes={len(INDEX)}-": (416, None, f"bytes */{len(INDEX)}"),
    "bytes=-0": (416, None, f"bytes */{len(INDEX)}"),
    "bytes=4-2": (200, INDEX, None),
    "bytes=0-1,4-5": (200, INDEX, None),
    "bytes=x": (200, INDEX, None),
    "lines=0-4": (200, INDEX, None),
    "bytes=-": (200, INDEX, None),
}


@pytest.mark.parametrize("wanted", RANGES)
async def test_a_range_is_a_part(wanted: str, shared_server: RunningServer) -> None:
    """RFC 9110, 14: what cannot be understood means all, what is not there is an error."""
    status, body, described = RANGES[wanted]
    async with http(shared_server) as client:
        headers = {"Range": wanted, "Accept-Encoding": "gzip"}
        reply = await client.ask("GET", "/index.html", headers)
        assert (reply.status, reply.headers.get("content-range")) == (status, described)
        if body is not None and "content-encoding" not in reply.headers:
            assert reply.body == body
        tag = (await client.ask("GET", "/index.html")).headers["etag"]
        if status == 206:
            same = await client.ask("GET", "/index.html", {"Range": wanted, "If-Range": tag})
            assert same.status == 206
            older = await client.ask("GET", "/index.html", {"Range": wanted, "If-Range": '"old"'})
            assert (older.status, older.body) == (200, INDEX)


@pytest.mark.parametrize(
    "path",
    [
        "/__init__.py", "/__pycache__/", "/../pyproject.toml", "/%2e%2e/pyproject.toml",
        "/..%2fpyproject.toml", "//etc/passwd", "/index.html/", "/INDEX.HTML", "/.env", "/web",
        "/index.html%00.js", "/%ff", "/api/v1/", "/api/v1/nothing", "/api",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(path: str, shared_server: RunningServer) -> None:
    """The files were read at the start: a path is a key and no way into a folder."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answered = await raw(shared_server, request.encode())
    assert statuses(answered) in ([404], [400])
    assert b"application/problem+json" in answered


async def test_a_method_that_a_file_does_not_have(shared_server: RunningServer) -> None:
    """405 with Allow, which OPTIONS tells too; the connection goes on."""
    async with http(shared_server) as client:
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
            reply = await client.ask(method, "/", body=b"x" if method != "TRACE" else None)
            assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        for target in ("/", "*"):
            reply = await client.ask("OPTIONS", target)
            assert (reply.status, reply.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def _curl(server: RunningServer, *arguments: str) -> str:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", *arguments],
        capture_output=True, text=True, check=True,
    ).stdout.replace(f":{server.port}", ":PORT")  # fmt: skip


def test_curl_is_told_what_there_is(shared_server: RunningServer) -> None:
    """`curl localhost:8000` is a few lines that fit a terminal; with Accept it is the page."""
    url = f"http://localhost:{shared_server.port}/"
    told = _curl(shared_server, url)
    assert f"telnet localhost {shared_server.port}" in told
    assert "http://localhost:PORT/" in told
    assert "/api/v1/" in told
    assert max(map(len, told.splitlines())) < 80
    assert _curl(shared_server, "--compressed", "-H", "Accept: text/html", url) == INDEX.decode()
    assert _curl(shared_server, "--http1.0", "-H", "Accept: text/html", url) == INDEX.decode()
    assert "HTTP/1.1 200 OK" in _curl(shared_server, "-I", url)
    first, last = f"{url}index.html", f"{url}api/v1/ping"
    assert _curl(shared_server, first, last) == INDEX.decode() + '{"type":"pong"}'


def test_who_comes_over_tls_is_told_ways_that_are_encrypted(shared_server: RunningServer) -> None:
    """From another machine the others would only be refused."""
    url = f"https://localhost:{shared_server.port}/"
    told = _curl(shared_server, "--cacert", str(shared_server.certificate), url)
    assert "https://localhost:PORT/" in told
    assert "http://" not in told
    assert "openssl s_client -quiet -crlf -connect localhost:PORT" in told
    assert max(map(len, told.splitlines())) < 80
