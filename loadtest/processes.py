"""What the server costs, as far as ``/proc`` tells: its processor time and its memory."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_LISTENING = "0A"  # the state of a socket in /proc/net/tcp
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """What a process and all below it have used."""

    cpu: float
    """Seconds of processor time from the beginning; the kernel counts in steps of 10 ms."""
    memory: int
    """Resident bytes now; the kernel's socket buffers are not in it."""


class _Stat(NamedTuple):
    parent: int
    usage: Usage


def usage(pid: int) -> Usage | None:
    """Return what a process and its children use; None where that cannot be known."""
    stats = {int(path.name): stat for path in _all_processes() if (stat := _read_stat(path))}
    if pid not in stats:
        return None
    children = defaultdict(list)
    for child, stat in stats.items():
        children[stat.parent].append(child)
    family = [pid]
    for member in family:
        family += children[member]
    cpu = sum(stats[member].usage.cpu for member in family)
    return Usage(cpu, sum(stats[member].usage.memory for member in family))


def machine_cpu() -> float | None:
    """Return the seconds of processor time used by everything on this machine since it started."""
    try:
        fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *interrupts = (int(field) for field in fields[1:9])
    return (user + nice + system + sum(interrupts)) / _TICK


def listener(port: int) -> int | None:
    """Return the process that listens on a port of this machine; None where that is hidden."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in _all_processes():
        try:
            if any(str(link.readlink()) in wanted for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return None


def _all_processes() -> list[Path]:
    return [path for path in _PROC.iterdir() if path.name.isdecimal()] if _PROC.is_dir() else []


def _read_stat(process: Path) -> _Stat | None:
    try:
        text = (process / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in front may have spaces
    parent, ticks, pages = int(fields[1]), map(int, fields[11:15]), int(fields[21])
    return _Stat(parent, Usage(sum(ticks) / _TICK, pages * _PAGE))


def _listening_inodes(port: int) -> list[str]:
    inodes = []
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.append(fields[9])
    return inodes
