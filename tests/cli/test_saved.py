"""Sessions kept on the user's machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.saved import SavedSessions, saved_sessions

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
    assert list(path.parent.iterdir()) == [path]


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
