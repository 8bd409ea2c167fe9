"""Files over HTTP: any size in bounded memory, and after a break they go on."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
from pathlib import Path
from uuid import uuid4

import h11
import pytest
import trio

from tests.harness import PATIENT, RunningServer, native, running_server
from tests.http_client import API, HttpClient, http

SERVER_FLAGS = PATIENT

MEGABYTE = 1024 * 1024
_random = random.Random(7)


def _place(data: bytes, uuid: str, name: str = "f.bin") -> str:
    digest = hashlib.sha256(data).hexdigest()
    return f"{API}/conversations/1/files/{uuid}?name={name}&sha256={digest}"


async def test_a_file_there_and_back(server: RunningServer) -> None:
    """S003-7, S003-15 on both databases: in one request each, once however often it is sent."""
    data, uuid = _random.randbytes(300_000), str(uuid4())
    async with http(server, "Ann") as ann, native(server, "Bob") as bob:
        sent = await ann.ask("PUT", _place(data, uuid, "%D1%8F%2F..%2Fa.bin"), body=data)
        assert sent.status == 201, sent.body
        [heard] = await bob.messages(1)
        assert heard.file is not None
        assert heard.file.size == len(data)
        assert "/" not in heard.file.name
        again = await ann.ask("PUT", _place(data, uuid, "%D1%8F%2F..%2Fa.bin"), body=data)
        assert (again.status, again.json["id"]) == (200, sent.json["id"])
        path = f"{API}/messages/{heard.id}/file"
        details = (await ann.ask("GET", path)).json
        assert details["sha256"] == hashlib.sha256(data).hexdigest()
        got = await ann.ask("GET", f"{path}/content")
        assert got.body == data
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert got.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in got.headers["content-security-policy"]
        tag = got.headers["etag"]
        same = await ann.ask("GET", f"{path}/content", {"If-None-Match": tag})
        assert (same.status, same.body) == (304, b"")
        ranged = {"Range": "bytes=1000-1999", "If-Range": tag}
        part = await ann.ask("GET", f"{path}/content", ranged)
        assert (part.status, part.body) == (206, data[1000:2000])
        head = await ann.ask("HEAD", f"{path}/content")
        assert (head.headers["content-length"], head.body) == (str(len(data)), b"")
        [listed] = (await ann.ask("GET", f"{API}/conversations/1/files")).json["files"]
        assert listed["id"] == heard.id


async def test_after_a_break_it_goes_on(sqlite_server: RunningServer) -> None:
    """S003-12: the server says what it has; the rest, or all of it, is sent again."""
    data, uuid = _random.randbytes(2 * MEGABYTE), str(uuid4())
    digest = hashlib.sha256(data).hexdigest()
    offer = {"name": "f.bin", "size": len(data), "sha256": digest}
    place = f"/conversations/1/files/{uuid}"
    async with http(sqlite_server, "Ann") as ann:
        assert (await ann.api("POST", place, offer))["offset"] == 0
        async with http(sqlite_server) as broken:
            head = f"PUT {_place(data, uuid)} HTTP/1.1\r\nHost: a\r\n"
            head += f"Authorization: Bearer {ann.token}\r\nContent-Length: {len(data)}\r\n\r\n"
            await broken.stream.send_all(head.encode() + data[:MEGABYTE])
            assert isinstance(broken.stream, trio.SocketStream)
            await broken.stream.send_eof()
            assert await broken.stream.receive_some(1000) == b""  # nobody is told; all is kept
        assert (await ann.api("POST", place, offer))["offset"] == MEGABYTE
        headers = {"Content-Range": f"bytes {len(data) - 1}-{len(data) - 1}/{len(data)}"}
        too_far = await ann.ask("PUT", _place(data, uuid), headers, data[-1:])
        assert too_far.status == 409
        have = int(too_far.headers["upload-offset"])
        assert have == MEGABYTE
        middle = have + 100_000
        headers = {"Content-Range": f"bytes {have}-{middle - 1}/{len(data)}"}
        part = await ann.ask("PUT", _place(data, uuid), headers, data[have:middle])
        assert (part.status, part.json["offset"]) == (202, middle)
        whole = await ann.ask("PUT", _place(data, uuid), body=data)  # what is there is passed over
        assert whole.status == 201, whole.body
        got = await ann.ask("GET", f"{API}/messages/{whole.json['id']}/file/content")
        assert got.body == data
        assert (await ann.api("POST", place, offer, status=200))["id"] == whole.json["id"]


async def test_what_is_refused(tmp_path: Path) -> None:
    """Too big, another hash, no length: before it travels where that can be known."""
    data, uuid = b"x" * 1000, str(uuid4())
    with running_server(tmp_path, *PATIENT, "--max-file-bytes", "5000") as server:
        async with http(server, "Ann") as ann:
            chunked = {"Transfer-Encoding": "chunked"}
            assert (await ann.ask("PUT", _place(data, uuid), chunked, data)).status == 411
            wrong = _place(data, uuid)[:-4] + "0000"
            damaged = await ann.ask("PUT", wrong, body=data)
            assert (damaged.status, damaged.json["code"]) == (422, "bad_stream")
            for bad in ("bytes 0-4/9999", "bytes 5-4/10", "bytes 0-9/5", "chars 0-9/10"):
                headers = {"Content-Range": bad}
                assert (await ann.ask("PUT", _place(data, uuid), headers, data)).status == 400
            assert (await ann.ask("PUT", _place(data, "x"), body=data)).status == 422
            assert (await ann.ask("PUT", _place(data, uuid), body=data)).status == 201
            await ann.api("DELETE", f"/files/{uuid}", status=409)
        async with http(server) as early:
            early.token = ann.token
            head = (
                f"PUT {_place(data, str(uuid4()))} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            )
            head += f"Authorization: Bearer {ann.token}\r\nContent-Length: 6000\r\n\r\n"
            await early.stream.send_all(head.encode())
            assert (await early.stream.receive_some(1000)).startswith(b"HTTP/1.1 413 ")


async def test_a_file_bigger_than_the_memory_it_may_cost(tmp_path: Path) -> None:
    """S003-20: 48 MB by curl, both ways, while the server grows by a few."""
    source, copy = tmp_path / "big.bin", tmp_path / "copy.bin"
    data = _random.randbytes(MEGABYTE) * 48
    source.write_bytes(data)
    with running_server(tmp_path, *PATIENT, "--max-file-bytes", "0") as server:
        async with http(server, "Ann") as ann:
            await ann.ask("PUT", _place(b"warm", str(uuid4())), body=b"warm")
            before = server.memory()
            url, token = f"http://127.0.0.1:{server.port}", f"Authorization: Bearer {ann.token}"
            place = url + _place(data, str(uuid4()))
            await _curl("-f", "-H", token, "-T", str(source), place)
            content = f"{url}{API}/messages/2/file/content"
            await _curl("-f", "-H", token, "-o", str(copy), content)
            grown = server.memory() - before
        assert hashlib.sha256(copy.read_bytes()).digest() == hashlib.sha256(data).digest()
        assert grown < 24 * MEGABYTE, grown


async def _curl(*arguments: str) -> None:
    command = ["curl", "-sS", "--max-time", "120", *arguments]
    await trio.run_process(command, stdout=subprocess.DEVNULL)


async def test_a_download_ends_with_its_session(sqlite_server: RunningServer) -> None:
    """Who is logged out while a file is on its way gets no more of it, and can see that."""
    data = _random.randbytes(4 * MEGABYTE)
    async with http(sqlite_server, "Ann") as ann, http(sqlite_server) as reader:
        sent = await ann.ask("PUT", _place(data, str(uuid4())), body=data)
        content = f"{API}/messages/{sent.json['id']}/file/content"
        assert isinstance(reader.stream, trio.SocketStream)
        reader.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        await reader.log_in("Bob")
        await reader.start("GET", content)
        assert isinstance(head := await reader.next(), h11.Response)
        assert head.status_code == 200
        async with http(sqlite_server) as other:
            other.token = reader.token
            await other.api("DELETE", "/sessions/current", status=204)
        with pytest.raises(h11.RemoteProtocolError, match="without sending complete"):
            await _body(reader)


async def _body(client: HttpClient) -> bytes:
    body = b""
    while isinstance(event := await client.next(), h11.Data):
        body += event.data
    return body
