"""What people write is nowhere in the database as they wrote it (S000-20)."""

from __future__ import annotations

import hashlib
import mmap
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, select

from protocol.events import Error, HistoryPage, Notice, Opened, Sent
from protocol.requests import Chunk, Fetch, History, Send
from protocol.vocabulary.editing import Delete, Edit
from protocol.vocabulary.files import Download, FileList, ListFiles
from protocol.vocabulary.identity import Register, Registered
from protocol.vocabulary.moderation import (
    Blocked,
    BlockUser,
    Complain,
    ComplaintList,
    ListComplaints,
)
from protocol.vocabulary.rooms import JoinRoom, RoomTopic, SetTopic
from protocol.vocabulary.schedule import ListScheduled, Schedule, Scheduled, ScheduledList
from storage.mysql import open_mysql
from storage.opening import mysql_address
from storage.schema import metadata
from storage.seals import UNREADABLE
from tests.e2e.filing import get_file, send_file, take_parts
from tests.harness import NativeClient, RunningServer, native, running_server, telnet
from tests.mariadb import MariaDB

KINDS = (
    "message", "direct", "comment", "before-edit", "edit", "deleted", "long-head", "long-end",
    "file", "file-name", "topic", "room", "scheduled", "complaint", "block", "sha256",
)  # fmt: skip
GONE = {"before-edit", "deleted"}
"""What may have left no trace even where nothing is sealed."""


def words() -> dict[str, str]:
    """Return what is written of each kind; it is nowhere else."""
    return {kind: f"zq{uuid4().hex[:16]}-{kind}"[:32] for kind in KINDS}


async def write_everything(server: RunningServer, word: dict[str, str]) -> dict[str, bytes]:
    """Let people write something of each kind; return the bytes to look for."""
    data = b"\0\xff" * 40_000 + word["file"].encode() + b"\xfe" * 70_000
    async with native(server, "Root") as root, native(server, "Ann") as ann:
        await root.ask(Register(password="a long password of mine"), Registered)
        async with native(server, "Bob") as bob:
            await write_texts(ann, word)
            await bob.say(word["direct"], to="Ann")
            name = f"{word['file-name']}.bin"
            sent = await send_file(ann, data, name=name)
            assert await get_file(bob, sent.id) == data
            listed = await bob.ask(ListFiles(), FileList)
            assert [file.name for file in listed.files] == [name]
            await root.ask(JoinRoom(name=word["room"], private=True), Opened)
            await root.ask(SetTopic(room=word["room"], topic=word["topic"]), RoomTopic)
            await ann.ask(Schedule(when="+1h", text=word["scheduled"]), Scheduled)
            waiting = await ann.ask(ListScheduled(), ScheduledList)
            assert [item.text for item in waiting.items] == [word["scheduled"]]
            await ann.ask(Complain(name="Bob", reason=word["complaint"]), Notice)
            open_ones = await root.ask(ListComplaints(), ComplaintList)
            assert [one.reason for one in open_ones.complaints] == [word["complaint"]]
            await root.send(BlockUser(name="Bob", reason=word["block"]))
            assert (await bob.expect(Blocked)).reason == word["block"]
    wanted = {kind: text.encode() for kind, text in word.items()}
    return wanted | {"sha256": hashlib.sha256(data).digest()}


async def write_texts(ann: NativeClient, word: dict[str, str]) -> None:
    """Write messages, and change some."""
    first = await ann.say(word["message"])
    await ann.ask(Send(text=word["comment"], reply_to=first.id), Sent)
    for before, change in (("before-edit", "edit"), ("deleted", None)):
        sent = await ann.say(word[before])
        if change:
            await ann.ask(Edit(id=sent.id, text=word[change]), Sent)
        else:
            await ann.ask(Delete(id=sent.id), Sent)
    text = (word["long-head"] + " " * 100_000 + word["long-end"]).encode()
    for start in range(0, len(text), 65536):
        part = text[start : start + 65536]
        await ann.send(Chunk(stream=3, size=len(part)), part)
    await ann.ask(Send(stream=3), Sent)


def found_in(paths: Iterable[Path], wanted: dict[str, bytes]) -> set[str]:
    """Return what is in some files, byte for byte."""
    found = set()
    for path in paths:
        if not path.is_file() or not path.stat().st_size:
            continue
        with (
            path.open("rb") as file,
            closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as everything,
        ):
            found |= {kind for kind, text in wanted.items() if everything.find(text) >= 0}
    return found


def files_in(folder: Path, *others: Path) -> list[Path]:
    """Return all files in a folder and its folders, without some."""
    return [path for path in folder.rglob("*") if path not in others]


def dump(connection: Connection) -> bytes:
    """Return every column of every row."""
    rows = (row for table in metadata.sorted_tables for row in connection.execute(select(table)))
    values = (value for row in rows for value in row)
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values
    )


def damage(path: Path) -> None:
    """Overwrite every text, every chunk and every file name in an SQLite database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (
            "UPDATE messages SET body = zeroblob(length(body))",
            "UPDATE body_chunks SET data = zeroblob(length(data))",
            "UPDATE files SET name = zeroblob(length(name))",
        ):
            connection.execute(statement)


async def test_damaged_rows_end_nothing(tmp_path: Path) -> None:
    """Who reads them is told so in their place; the server and the connection go on."""
    word, unreadable = words(), UNREADABLE.decode()
    with running_server(tmp_path) as server:
        async with native(server, "Ann") as ann:
            await write_texts(ann, word)
            brought = await send_file(ann, b"x" * 300_000)
        server.stop()
        damage(tmp_path / "chat.db")
        server.start()
        async with native(server, "Bob", history=0) as bob:
            page = await bob.ask(History(), HistoryPage)
            told = [one for one in page.messages if one.kind not in {"deleted", "delete"}]
            assert {one.text for one in told} == {unreadable}
            for message in page.messages:
                await bob.send(Fetch(id=message.id))
                assert await take_parts(bob) == (UNREADABLE if message in told else b"")
            refused = await bob.ask(Download(id=brought.id), Error)
            assert refused.code
            await bob.say("still here")
        async with telnet(server, "Carol") as carol:
            await carol.until(unreadable)
            await carol.until("still here")
    assert "Traceback" not in server.log.read_text()
    assert "storage.unreadable" in server.log.read_text()


def judge(found: set[str], encryption: str) -> None:
    """Nothing may be found, and all of it where nothing is sealed."""
    expected = set() if encryption == "on" else set(KINDS) - GONE
    assert found - GONE == expected
    assert encryption == "off" or not found


@pytest.mark.parametrize("encryption", ["on", "off"])
async def test_nothing_is_in_the_files_of_sqlite(tmp_path: Path, encryption: str) -> None:
    flags = ("--encryption", encryption, "--admin", "Root")
    with running_server(tmp_path, *flags) as server:
        wanted = await write_everything(server, words())
        server.kill()  # what is in the write-ahead log stays there
    files = files_in(tmp_path, server.keys.path)
    assert {"chat.db", "chat.db-wal"} <= {path.name for path in files}
    judge(found_in(files, wanted), encryption)
    assert server.keys.path.exists() == (encryption == "on")


@pytest.mark.parametrize("encryption", ["on", "off"])
async def test_nothing_is_in_mysql(
    tmp_path: Path, mysql_url: str, mariadb: MariaDB, encryption: str
) -> None:
    """Neither in a dump nor in the files of the database server, its logs among them."""
    flags = ("--encryption", encryption, "--admin", "Root", "--database", mysql_url)
    with running_server(tmp_path, *flags) as server:
        wanted = await write_everything(server, words())
    async with open_mysql(mysql_address(mysql_url), create=False, deadline=10) as database:
        dumped = await database.read(dump)
    judge({kind for kind, text in wanted.items() if text in dumped}, encryption)
    judge(found_in(files_in(mariadb.data), wanted), encryption)
