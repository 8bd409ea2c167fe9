"""What is no request, or could be read as another one by a proxy before us, is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness import PATIENT, RunningServer, running_server
from tests.http_client import raw, statuses

SERVER_FLAGS = PATIENT

HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that does not wait long for what is left out."""
    folder: Path = tmp_path_factory.mktemp("server")
    flags = ("--http-header-timeout", "1", "--http-idle-timeout", "1")
    with running_server(folder, *PATIENT, *flags, "--http-header-bytes", "2048") as running:
        yield running


def _post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /api/v1/sessions HTTP/1.1\r\n" + HOST + b"".join(headers) + b"\r\n" + body


MALFORMED: dict[str, tuple[int, bytes]] = {
    "lengths that differ": (400, _post(b"Content-Length: 5\r\nContent-Length: 0\r\n") + SMUGGLED),
    "two lengths in one": (400, _post(b"Content-Length: 5, 0\r\n") + SMUGGLED),
    "length and chunks": (
        400,
        _post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", body=b"0\r\n\r\n") + SMUGGLED,
    ),
    "chunks and length": (
        400,
        _post(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", body=b"0\r\n\r\n") + SMUGGLED,
    ),
    "a length with a sign": (400, _post(b"Content-Length: +5\r\n")),
    "a negative length": (400, _post(b"Content-Length: -1\r\n")),
    "a hexadecimal length": (400, _post(b"Content-Length: 0x5\r\n")),
    "a length that overflows": (400, _post(b"Content-Length: " + b"9" * 30 + b"\r\n")),
    "an empty length": (400, _post(b"Content-Length: \r\n")),
    "a coding that is not chunked": (501, _post(b"Transfer-Encoding: gzip\r\n")),
    "chunked twice": (501, _post(b"Transfer-Encoding: chunked, chunked\r\n")),
    "chunked, but not last": (501, _post(b"Transfer-Encoding: chunked, identity\r\n")),
    "chunked in two lines": (
        501,
        _post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    ),
    "something like chunked": (501, _post(b"Transfer-Encoding: xchunked\r\n")),
    "chunks in HTTP/1.0": (
        400,
        b"POST /api/v1/sessions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a space before the colon": (400, _post(b"Content-Length : 5\r\n")),
    "a tab before the colon": (400, _post(b"Content-Length\t: 5\r\n")),
    "a header without a name": (400, _post(b": 5\r\n")),
    "a header without a colon": (400, _post(b"Content-Length 5\r\n")),
    "a folded header": (400, _post(b"X-One: a\r\n b\r\n")),
    "a header folded with a tab": (400, _post(b"X-One: a\r\n\tContent-Length: 5\r\n")),
    "a blank before the first header": (
        400, b"GET / HTTP/1.1\r\n Host: evil\r\n" + HOST + b"\r\n",
    ),
    "a bare LF between headers": (400, _post(b"X-One: a\nContent-Length: 5\r\n")),
    "bare LFs all over": (400, b"GET / HTTP/1.1\nHost: localhost\n\n"),
    "a bare CR in a header": (400, _post(b"X-One: a\rContent-Length: 5\r\n")),
    "a bare CR in the first line": (400, b"GET /\r HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a NUL in a header": (400, _post(b"X-One: a\0b\r\n")),
    "a NUL in a name": (400, _post(b"X-\0One: a\r\n")),
    "a NUL in the target": (400, b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "two blanks": (400, b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "bytes that are not ASCII": (400, "GET /я HTTP/1.1\r\n".encode() + HOST + b"\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    "a host that is none": (400, b"GET / HTTP/1.1\r\nHost: local host\r\n\r\n"),
    "a target without a slash": (400, b"GET index.html HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a star that is not for all": (400, b"GET * HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a proxy's request": (501, b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "an unknown method": (501, b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a method in small letters": (501, b"GET / HTTP/1.1\r\n" + HOST + b"\r\nget / HTTP/1.1\r\n"
                                  + HOST + b"\r\n"),
    "HTTP/2 as it begins": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/3.0": (505, b"GET / HTTP/3.0\r\n" + HOST + b"\r\n"),
    "a long header": (431, _post(b"X-One: " + b"a" * 4000 + b"\r\n")),
    "a header that never ends": (431, b"GET / HTTP/1.1\r\n" + b"X-One: a\r\n" * 400),
    "a long target": (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "an expectation": (417, _post(b"Expect: the-best\r\nContent-Length: 5\r\n")),
    "a foreign host": (421, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    "a foreign host in the target": (
        421, b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED, ids=str)
async def test_a_malformed_request_is_refused_and_ends_the_connection(
    what: str, quick_server: RunningServer
) -> None:
    """One error with the right status; what stands behind it is not read as a request."""
    status, request = MALFORMED[what]
    answered = await raw(quick_server, request)
    assert statuses(answered)[-1] == status, answered
    assert b"application/problem+json" in answered
    assert b"smuggled" not in answered.lower()
    assert 404 not in statuses(answered)


BAD_CHUNKS = {
    "no number": b"x\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a number that overflows": b"f" * 30 + b"\r\nhello",
    "a blank before it": b" 5\r\nhello\r\n0\r\n\r\n",
    "more than it says": b"3\r\nhello\r\n0\r\n\r\n",
    "other bytes in the place of its end": b"5\r\nhelloXX0\r\n\r\n",
    "a bare LF behind the number": b"5\nhello\r\n0\r\n\r\n",
    "a bare LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "a header behind it that is none": b"0\r\nX One: a\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_CHUNKS, ids=str)
async def test_a_bad_chunk_ends_the_connection(what: str, quick_server: RunningServer) -> None:
    """The body is an error and what stands behind it is not looked at."""
    head = _post(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n")
    answered = await raw(quick_server, head + BAD_CHUNKS[what] + SMUGGLED)
    assert statuses(answered) in ([400], [408]), answered


GOOD = (
    b"GET /api/v1/ping HTTP/1.1\r\n" + HOST + b"\r\n",
    b"\r\nGET /api/v1/ping HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://localhost/api/v1/ping HTTP/1.1\r\nHost: ignored.example\r\n\r\n",
    b"GET /api/v1/ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /api/v1/ping HTTP/1.1\r\nHost: [::1]:8000\r\nContent-Length: 1, 1\r\n\r\nx",
    (
        b"GET /api/v1/ping HTTP/1.1\r\nhOST:localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;a=b\r\nhello\r\n1\r\nx\r\n0\r\nX-Last: a\r\n\r\n"
    ),
)


def test_requests_in_any_pieces_are_answered_in_their_order(shared_server: RunningServer) -> None:
    """Pipelined, cut anywhere, with bodies of both kinds that nobody wants."""

    @given(st.data())
    @settings(
        deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def check(data: st.DataObject) -> None:
        requests = data.draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=5))
        stream = b"".join(requests)
        cuts = data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=8).map(sorted))
        pieces = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
        answered = trio.run(_send_pieces, shared_server, [piece for piece in pieces if piece])
        assert statuses(answered) == [200] * len(requests)
        assert answered.count(b'{"type":"pong"}') == len(requests)

    check()


async def _send_pieces(server: RunningServer, pieces: list[bytes]) -> bytes:
    return await raw(server, *pieces, end=True)


def test_garbage_behind_a_method_is_answered_or_closed(quick_server: RunningServer) -> None:
    """Whatever it is, it ends, with no mistake of the server's."""

    @given(
        st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /api/v1/sessions HTTP/1.1\r\n"])
        .flatmap(lambda line: st.binary(max_size=200).map(lambda rest: line + rest))
    )  # fmt: skip
    @settings(
        deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def check(request: bytes) -> None:
        answered = trio.run(_send_pieces, quick_server, [request])
        assert 500 not in statuses(answered)

    check()
    assert "error" not in quick_server.log.read_text()
