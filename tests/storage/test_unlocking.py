"""Keys and databases: made, lost, wrong, changed, and what was there before them (S000-20)."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from storage import (
    GENERAL_ID,
    CommandKey,
    GivenKey,
    KeyFile,
    MasterKey,
    StorageConfigurationError,
    Stores,
    change_master_key,
    open_stores,
    unlocking,
)
from storage.keys import parse_key
from storage.schema import messages
from storage.sealing import Vault, new_key
from storage.sealing_rows import seal_rows
from tests.storage.helpers import run, say, user


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    """A key file that does not exist yet."""
    return KeyFile(tmp_path / "chat.db.key")


def pending(keys: KeyFile) -> list[Path]:
    """Return the keys that are not the right one yet."""
    return sorted(keys.path.parent.glob("chat.db.key.new-*"))


async def texts(url: str, keys: MasterKey | None) -> list[str]:
    """Return the texts of the general chat."""
    async with open_stores(url, keys=keys) as stores:
        return [one.body.decode() for one in await stores.messages.GetAll(GENERAL_ID)]


async def write(url: str, keys: MasterKey | None, *what: str) -> None:
    """Write texts into the general chat."""
    async with open_stores(url, keys=keys) as stores:
        await say(stores, await user(stores), *what)


async def refused(url: str, keys: MasterKey | None, sentence: str) -> None:
    """Expect a clear sentence instead of a database."""
    with pytest.raises(StorageConfigurationError, match=sentence):
        async with open_stores(url, keys=keys):
            pass


# ---- the file


def test_a_key_file_is_made_for_its_owner_only(keys: KeyFile) -> None:
    assert keys.load() == []
    key = keys.make()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert keys.path.read_bytes() == b64encode(key) + b"\n"
    assert keys.load() == [key]
    assert [path.name for path in keys.path.parent.iterdir()] == [keys.path.name]


def test_a_key_file_is_never_overwritten(keys: KeyFile) -> None:
    key = keys.make()
    assert keys.make() == KeyFile(keys.path).make() == key


def test_a_key_that_others_can_read_is_warned_of(keys: KeyFile) -> None:
    keys.make()
    keys.path.chmod(0o640)
    with capture_logs() as logs:
        keys.load()
    assert [entry["event"] for entry in logs] == ["storage.master_key_readable"]


@pytest.mark.parametrize("text", ["", "secret", "a" * 63, "AAAA", "я" * 32, "=" * 44])
def test_what_is_no_key_is_refused_and_not_quoted(keys: KeyFile, text: str) -> None:
    keys.path.write_text(text)
    with pytest.raises(StorageConfigurationError, match="openssl rand -base64 32") as caught:
        keys.load()
    assert not text or text not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "nowhere" / "key")
    assert keys.load() == []
    with pytest.raises(StorageConfigurationError, match="cannot be written: No such file"):
        keys.make()


def test_keys_in_a_variable_and_of_a_command() -> None:
    key = new_key()
    for text in (b64encode(key).decode(), key.hex(), f" {key.hex().upper()}\n"):
        assert GivenKey(text, "$KEY").load() == [key]
        command = shlex.join([sys.executable, "-c", f"print({text!r})"])
        assert CommandKey(command).load() == [key]
        assert CommandKey(command).make() == key


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false", "ended with 1"),
        ("no-such-program-here", "No such file"),
        ("", "no command line"),
        ("echo hello", "openssl rand"),
        ("'", "no command line"),
    ],
)
def test_a_command_that_gives_no_key(command: str, reason: str) -> None:
    with pytest.raises(StorageConfigurationError, match=reason):
        CommandKey(command).load()


# ---- a database and its key


async def test_a_lost_or_wrong_key_is_one_clear_error(database_url: str, keys: KeyFile) -> None:
    """No new key is made over a database that is sealed, and nothing in it changes."""
    await write(database_url, keys, "hello")
    kept = keys.path.read_bytes()
    keys.path.unlink()
    await refused(database_url, keys, "is missing: it should be in the file .*chat.db.key")
    assert not keys.path.exists()
    await refused(database_url, GivenKey("11" * 32, "$KEY"), r"another master key than .*\$KEY")
    await refused(database_url, None, "cannot be used with --encryption off")
    keys.path.write_bytes(kept)
    assert await texts(database_url, keys) == ["hello"]


async def test_a_key_that_is_there_already_is_used(database_url: str, keys: KeyFile) -> None:
    """As of another database, or of a first start that was interrupted."""
    key = keys.make()
    await write(database_url, keys, "hello")
    assert keys.load() == [key]


async def test_a_first_start_that_was_interrupted(database_url: str, keys: KeyFile) -> None:
    keys._write(new_key())  # what is there before it has its name
    await write(database_url, keys, "hello")
    assert pending(keys) == []
    assert await texts(database_url, keys) == ["hello"]


async def test_what_was_there_before_is_sealed(
    database_url: str, keys: KeyFile, tmp_path: Path
) -> None:
    """A database without a key gets one, for good; nothing of what was there stays readable."""
    many = [f"readable text {number}" for number in range(150)]
    await write(database_url, None, *many)
    async with open_stores(database_url) as stores:
        assert await stored(stores) == [text.encode() for text in many]
    with capture_logs() as logs:
        assert await texts(database_url, keys) == many
    assert [(one["event"], one["rows"]) for one in logs if "rows" in one] == [
        ("storage.sealed", 150)
    ]
    async with open_stores(database_url, keys=keys) as stores:
        assert not any(b"readable" in body for body in await stored(stores))
        for path, content in contents(tmp_path):
            assert b"readable text" not in content, path
    await refused(database_url, None, "sealed")


def contents(folder: Path) -> list[tuple[Path, bytes]]:
    """Return what is in the files of an SQLite database."""
    return [(path, path.read_bytes()) for path in folder.glob("chat.db*")]


async def stored(stores: Stores) -> list[bytes]:
    """Return what the rows of messages really hold."""

    def read(connection: Connection) -> list[bytes]:
        return list(connection.execute(select(messages.c.body).order_by("id")).scalars())

    return await run(stores, read)


class PowerCut(BaseException):
    """The end of everything at some moment."""


async def test_sealing_what_was_there_is_done_at_once_or_not_at_all(
    database_url: str, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(database_url, None, *map(str, range(100)))

    def cut_off(connection: Connection, vault: Vault) -> int:
        seal_rows(connection, vault)
        raise PowerCut

    monkeypatch.setattr(unlocking, "seal_rows", cut_off)
    with pytest.raises(PowerCut):
        await texts(database_url, keys)
    assert await texts(database_url, None) == list(map(str, range(100)))
    monkeypatch.undo()
    assert await texts(database_url, keys) == list(map(str, range(100)))


# ---- another master key


async def test_another_key_while_a_server_runs(database_url: str, keys: KeyFile) -> None:
    """The server goes on, in old and in new conversations; the next one needs the new key."""
    async with open_stores(database_url, keys=keys) as stores:
        old = keys.path.read_bytes()
        ann = await user(stores)
        await say(stores, ann, "before")
        await change_master_key(database_url, keys, new_key())
        assert keys.path.read_bytes() != old
        await say(stores, ann, "after")
        room, _ = await stores.rooms.make("room:new", "new", ann.id, 1)
        await stores.rooms.set_topic(room.id, "made meanwhile")
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert pending(keys) == []
    assert await texts(database_url, keys) == ["before", "after"]
    async with open_stores(database_url, keys=keys) as stores:
        found = await stores.conversations.get(room.id)
        assert found is not None
        assert found.topic == "made meanwhile"
    keys.path.write_bytes(old)
    await refused(database_url, keys, "another master key")


async def test_another_key_while_none_runs(database_url: str, keys: KeyFile) -> None:
    await write(database_url, keys, "hello")
    await change_master_key(database_url, keys, new_key())
    assert await texts(database_url, keys) == ["hello"]


async def test_another_key_that_somebody_else_keeps(database_url: str) -> None:
    old, fresh = GivenKey("11" * 32, "$KEY"), GivenKey("22" * 32, "$KEY")
    await write(database_url, old, "hello")
    await change_master_key(database_url, old, fresh.make())
    await refused(database_url, old, "another master key")
    assert await texts(database_url, fresh) == ["hello"]


@pytest.mark.parametrize("moment", ["propose", "written", "update", "settle"])
async def test_a_change_that_was_interrupted(
    database_url: str, keys: KeyFile, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whenever it was: the database opens with what is on the disk, and can be changed again."""
    await write(database_url, keys, "hello")

    def cut(*_arguments: object) -> None:
        raise PowerCut

    def after(f: Callable[..., object]) -> Callable[..., None]:
        def both(*arguments: object) -> None:
            f(*arguments)
            raise PowerCut

        return both

    if moment == "propose":
        monkeypatch.setattr(keys, "propose", cut)
    elif moment == "written":
        monkeypatch.setattr(keys, "propose", after(keys.propose))
    elif moment == "update":
        monkeypatch.setattr("storage.opening.change", after(unlocking.change))
    else:  # the database has it, and the file has not got its name
        settle = keys.settle
        present = keys.load()[0]

        def settle_the_present(key: bytes) -> None:
            settle(key) if key == present else cut()

        monkeypatch.setattr(keys, "settle", settle_the_present)
    with pytest.raises(PowerCut):
        await change_master_key(database_url, keys, new_key())
    assert len(pending(keys)) == (moment != "propose")
    monkeypatch.undo()
    again = KeyFile(keys.path)
    assert await texts(database_url, again) == ["hello"]
    assert len(pending(keys)) == (moment in {"written", "update"})
    await change_master_key(database_url, again, new_key())
    assert pending(keys) == []
    assert await texts(database_url, again) == ["hello"]


async def test_two_changes_at_once(database_url: str, keys: KeyFile) -> None:
    """Whichever comes last: the key on the disk is that of the database."""
    await write(database_url, keys, "hello")
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                changed = KeyFile(keys.path)
                nursery.start_soon(change_master_key, database_url, changed, new_key())
        assert pending(keys) == []
        assert await texts(database_url, keys) == ["hello"]


def test_a_change_that_ends_while_the_keys_are_read(
    keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of the database is found beside the file, or in it."""
    keys.make()
    new = new_key()
    keys.propose(new)
    other = KeyFile(keys.path)

    def parse(text: str, where: str) -> bytes:
        key = parse_key(text, where)
        monkeypatch.undo()
        other.settle(new)
        return key

    monkeypatch.setattr("storage.keys.parse_key", parse)
    assert new in keys.load()
    assert keys.load() == [new]


async def test_what_cannot_be_changed(database_url: str, keys: KeyFile) -> None:
    async def refuses(master: MasterKey, new: bytes, sentence: str) -> None:
        with pytest.raises(StorageConfigurationError, match=sentence):
            await change_master_key(database_url, master, new)

    await write(database_url, None, "hello")
    await refuses(keys, new_key(), "not sealed")
    assert await texts(database_url, keys) == ["hello"]
    await refuses(keys, keys.make(), "the one the database has already")
    await refuses(GivenKey("11" * 32, "$KEY"), new_key(), "another master key")
    assert pending(keys) == []
    assert await texts(database_url, keys) == ["hello"]


async def test_a_file_that_cannot_be_replaced(
    sqlite_url: str, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that a container only sees: then the database keeps its key, too."""
    await write(sqlite_url, keys, "hello")
    kept = keys.path.read_bytes()

    def refuse(*_arguments: object) -> int:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageConfigurationError, match="cannot be replaced: Read-only"):
        await change_master_key(sqlite_url, keys, new_key())
    monkeypatch.undo()
    assert keys.path.read_bytes() == kept
    assert await texts(sqlite_url, keys) == ["hello"]
