"""A text of any size passes through a server whose memory has a bound."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.events import Message, Part, Sent
from protocol.limits import MAX_CHUNK
from protocol.requests import Chunk, Fetch, Send
from tests.chaos.faults import LONG, Raw, memory, record, reset_peak
from tests.harness import PATIENT, running_server

MIB = 1024 * 1024
READERS = 10 if LONG else 4
BOUND = 64.0  # MiB above idle
_LINE = "строка {:019}\n"


def _chunks(seed: int, size: int) -> Iterator[bytes]:
    """Make the text, UTF-8 and of the exact size, never whole."""
    filler = "".join(_LINE.format(seed + number) for number in range(MAX_CHUNK // 33 + 1)).encode()
    piece = filler[: MAX_CHUNK // 33 * 33]
    left = size
    while left > len(piece):
        yield piece
        left -= len(piece)
    yield b"x" * left


def _fetch(reader: Raw, message_id: int, sums: dict[Raw, tuple[str, int]]) -> None:
    digest, size = hashlib.sha256(), 0
    reader.send(Fetch(ref=1, id=message_id))
    while True:
        item = reader.next()
        if isinstance(item.frame, Part):
            assert item.frame.offset == size
            digest.update(item.payload)
            size += len(item.payload)
            if item.frame.last:
                sums[reader] = (digest.hexdigest(), size)
                return


@pytest.mark.timeout(900)
def test_long_text(seed: int, round_number: int, tmp_path: Path) -> None:
    """One client streams it in, others fetch it at once; every copy is the same.

    The long form has ten of them, and 1 GiB in its first round.
    """
    whole = (1024 if LONG and round_number == 0 else 64) * MIB
    with running_server(tmp_path, *PATIENT) as server:
        sender = Raw(server.port, "author")
        sender.login()
        readers = [Raw(server.port, f"reader{index}") for index in range(READERS)]
        for reader in readers:
            reader.login()
            reader.sock.settimeout(120)
        time.sleep(0.2)
        idle = reset_peak(server)
        begin = time.monotonic()
        digest = hashlib.sha256()
        for data in _chunks(seed, whole):
            digest.update(data)
            sender.send(Chunk(stream=1, size=len(data)), data)
        sender.send(Send(ref=1, stream=1))
        while not isinstance(answer := sender.next().frame, Sent):
            pass
        written = time.monotonic() - begin

        begin = time.monotonic()
        sums: dict[Raw, tuple[str, int]] = {}
        threads = [
            threading.Thread(target=_fetch, args=(reader, answer.id, sums)) for reader in readers
        ]
        for reader in readers:
            while not isinstance(head := reader.next().frame, Message):
                pass
            assert (head.id, head.size) == (answer.id, whole)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        read = time.monotonic() - begin
        grew = memory(server, "VmHWM") - idle
        for each in (sender, *readers):
            each.close()
    (tmp_path / "chat.db").unlink()  # pytest keeps the folders of some runs
    record("long text", mib=whole / MIB, grew=grew, write_seconds=written, fetch_seconds=read)
    assert list(sums.values()) == [(digest.hexdigest(), whole)] * READERS
    assert grew <= BOUND
