"""The disk under SQLite: full for a while, or gone with everything that was not synced."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.events import Event, LoggedIn, StorageState
from tests.chaos.clients import crowd
from tests.chaos.faults import (
    LoopDisk,
    Raw,
    audit,
    busiest_second,
    can_mount,
    halt,
    in_time,
    log_lines,
    record,
    small_disk,
)
from tests.harness import PATIENT, running_server

RECOVERY = 3.0  # seconds
LOG_LINES = 10  # a second
FULL = 5.0  # seconds

needs_mounts = pytest.mark.skipif(not can_mount(), reason="mounting needs root")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _log_in_meanwhile(port: int) -> None:
    """Somebody whom the server knows is let in, and told what is wrong."""
    known = Raw(port, "c0")
    came: list[Event] = []
    while not (
        any(isinstance(event, LoggedIn) for event in came) and StorageState(available=False) in came
    ):
        came.append(known.next().frame)
    known.close()


@needs_mounts
def test_full(seed: int, tmp_path: Path) -> None:
    """Somebody else fills the disk; senders wait, are told, and lose nothing."""
    with (
        small_disk(tmp_path / "disk", 48) as disk,
        running_server(tmp_path, *PATIENT, "--db-name", str(disk / "chat.db")) as server,
        crowd(server.port, seed=seed) as clients,
    ):
        time.sleep(0.5)
        lines, since = log_lines(server), time.monotonic_ns()
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            _fill(filler)

        def told(available: str) -> bool:
            return all(log.count("storage", available, since) for log in clients.logs)

        # Room that the database had set aside before lasts for a moment.
        clients.wait(lambda: told("False"), 20.0, "the bad news")
        before = clients.acknowledged
        _log_in_meanwhile(server.port)
        time.sleep(FULL)
        assert clients.acknowledged == before
        assert shutil.disk_usage(disk).free < 65536
        filler.unlink()
        recovery = clients.wait(lambda: told("True"), 20.0, "the good news")
        time.sleep(0.5)
        clients.finish()
        assert not any(log.count("lost") for log in clients.logs)
        messages = audit(clients, server, tmp_path)
        busiest = busiest_second(server, lines)
    record("disk full", recovery=recovery, log_lines=busiest, messages=messages)
    assert in_time(recovery, RECOVERY)
    assert busiest <= LOG_LINES


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    """A disk whose power can be cut."""
    try:
        disk = LoopDisk(tmp_path / "disk.img", tmp_path / "disk")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no ext4 on a loop device here: {error}")
    try:
        yield disk
    finally:
        disk.unmount()
        (tmp_path / "disk.img").unlink()


@needs_mounts
def test_power_cut(seed: int, disk: LoopDisk, tmp_path: Path) -> None:
    """Whatever was not synced is gone; whatever was acknowledged is not."""
    draw = random.Random(seed)
    flags = ("--db-name", str(disk.folder / "chat.db"))
    with (
        running_server(tmp_path, *PATIENT, *flags) as server,
        crowd(server.port, seed=seed) as clients,
    ):
        time.sleep(draw.uniform(1.0, 3.0))
        halt(server)
        canary = disk.folder / "canary"
        canary.write_bytes(b"not synced")
        disk.cut()
        acknowledged = clients.acknowledged
        with pytest.raises(OSError, match="Input/output"):
            (disk.folder / "later").write_bytes(b"too late")
        server.kill()
        disk.unmount()
        disk.mount()
        assert not canary.exists() or not canary.read_bytes(), (
            "nothing was lost: this was no power cut"
        )
        server.start(port=server.port)
        clients.wait_caught_up(30.0)
        clients.finish()
        assert acknowledged > 100
        messages = audit(clients, server, tmp_path)
    record("power cut", acknowledged_before=acknowledged, messages=messages)
