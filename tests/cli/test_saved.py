"""Sessions kept on the user's machine."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from cli.credentials import Credentials
from cli.door import Door
from cli.errors import LoginRefused
from cli.known_servers import KnownServers
from cli.options import parse
from cli.saved import SavedSessions, saved_sessions
from protocol.errors import ErrorCode
from protocol.language import Sentence

HERE = ("127.0.0.1", 8000)
THERE = ("chat.example.org", 8000)


def test_tokens_are_kept_by_server_and_name(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sessions.json"
    saved = SavedSessions(path)
    saved.save(*HERE, "Ann", "a")
    saved.save(*HERE, "Bob", "b")
    saved.save(*THERE, "Ann", "c")
    again = SavedSessions(path)
    assert [again.token(*HERE, name) for name in ("ANN", "bob", "Eve")] == ["a", "b", None]
    assert (again.token(*THERE, "Ann"), again.last_name(*HERE)) == ("c", "Bob")
    again.forget(*HERE, "BOB")
    assert (again.last_name(*HERE), again.token(*HERE, "Bob")) == (None, None)
    assert again.token(*HERE, "Ann") == "a"


def test_a_server_is_forgotten_with_all_its_names(tmp_path: Path) -> None:
    """In whatever form its address was typed; what it gave is not for who answers there next."""
    saved = SavedSessions(tmp_path / "sessions.json")
    saved.save("Chat.Example.org", 8000, "Ann", "a")
    saved.save(*THERE, "Bob", "b")
    saved.save("::1", 8000, "Bob", "c")
    assert saved.forget_server("chat.example.org.", 8000)
    assert not saved.forget_server("chat.example.org", 8000)
    assert saved.token(*THERE, "Bob") is None
    assert saved.forget_server("0::1", 8000)
    assert not SavedSessions(None).forget_server("::1", 8000)


def test_only_the_user_can_read_them(tmp_path: Path) -> None:
    """Also where the folder is made, and whatever the mask of the process is."""
    path = tmp_path / "config" / "sessions.json"
    before = os.umask(0)
    try:
        SavedSessions(path).save(*HERE, "Ann", "a")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    lock = path.with_name("sessions.json.lock")
    assert sorted(path.parent.iterdir()) == [path, lock]
    assert lock.stat().st_mode & 0o777 == 0o600


def test_programs_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Each reads the file, changes it and writes it anew, one after the other."""
    path = tmp_path / "sessions.json"

    def log_in(number: int) -> None:
        saved = SavedSessions(path)
        for count in range(5):
            saved.save(*HERE, f"name{number}-{count}", "token")
        saved.forget(*HERE, f"name{number}-0")

    threads = [threading.Thread(target=log_in, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = json.loads(path.read_bytes())["127.0.0.1:8000"]["tokens"]
    assert len(kept) == 40


def test_a_token_that_cannot_be_forgotten_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is asked for all the same, where the disk is full or cannot be written."""
    saved = SavedSessions(tmp_path / "sessions.json")
    saved.save(*HERE, "Ann", "a")
    given: list[Credentials | None] = []

    def run(_door: Door, credentials: Credentials) -> int:
        given.append(credentials)
        if credentials.token is not None:
            raise LoginRefused(ErrorCode.SESSION_ENDED, Sentence("logged out"))
        return 0

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Door, "_run", run)
    monkeypatch.setattr(saved, "_write", fail)
    options = parse(["--name", "Ann", "--host", HERE[0], "--port", str(HERE[1])], {})
    assert Door(options, saved, KnownServers(None)).run() == 0
    assert [one is not None and one.token for one in given] == ["a", None]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"127.0.0.1:8000": 5}', b"\xff"])
def test_a_file_that_is_not_ours_is_no_trouble(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sessions.json"
    path.write_bytes(content)
    saved = SavedSessions(path)
    assert saved.last_name(*HERE) is None
    assert saved.token(*HERE, "Ann") is None
    saved.save(*HERE, "Ann", "a")
    assert SavedSessions(path).token(*HERE, "Ann") == "a"


def test_nothing_is_kept_where_that_is_wanted() -> None:
    saved = saved_sessions({"MYMESSENGER_SESSIONS": ""})
    saved.save(*HERE, "Ann", "a")
    assert saved.last_name(*HERE) is None
