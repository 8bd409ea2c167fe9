"""Files by frames, for the end-to-end tests."""

from __future__ import annotations

import hashlib
import random
from typing import Any
from uuid import UUID, uuid4

from protocol.events import Part, Sent
from protocol.requests import Chunk
from protocol.vocabulary.files import Download, FileList, ListFiles, Offer, Offered
from tests.harness import NativeClient

MIB = 1024 * 1024
PIECE = 64 * 1024


def some_bytes(size: int, seed: int = 1) -> bytes:
    """Return bytes that are no text, no two files of different seeds alike."""
    return random.Random(seed).randbytes(size)


def offer_of(data: bytes, *, uuid: UUID | None = None, stream: int = 5, **more: Any) -> Offer:
    """Return the offer of a file."""
    fields: dict[str, Any] = {
        "ref": 1000 + stream, "uuid": uuid or uuid4(), "name": "report.pdf", "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "stream": stream,
    }  # fmt: skip
    return Offer(**fields | more)


async def send_chunks(client: NativeClient, data: bytes, *, stream: int = 5) -> None:
    """Send a part of a file."""
    for begin in range(0, len(data), PIECE):
        piece = data[begin : begin + PIECE]
        await client.send(Chunk(stream=stream, size=len(piece)), piece)


async def send_file(client: NativeClient, data: bytes, **more: Any) -> Sent:
    """Send a file from its beginning; return its acknowledgement."""
    offered = await client.ask(offer_of(data, **more), Offered)
    assert offered.offset == 0
    await send_chunks(client, data)
    return await client.expect(Sent)


async def take_parts(client: NativeClient) -> bytes:
    """Return what the parts carry, up to the last one."""
    data, begin = bytearray(), None
    while (incoming := await client.next_frame()) is not None:
        if isinstance(incoming.frame, Part):
            begin = incoming.frame.offset if begin is None else begin
            assert incoming.frame.offset == begin + len(data)
            data += incoming.payload
            if incoming.frame.last:
                return bytes(data)
    raise AssertionError("the end came before the last part")


async def get_file(client: NativeClient, number: int) -> bytes:
    """Return the file of a message."""
    await client.send(Download(ref=9, id=number))
    return await take_parts(client)


async def files_of(client: NativeClient) -> list[tuple[int, str, int]]:
    """Return the files of the general chat: number, name and size."""
    listed = await client.ask(ListFiles(), FileList)
    return [(file.id, file.name, file.size) for file in listed.files]
