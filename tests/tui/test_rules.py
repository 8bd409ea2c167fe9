"""Notifications, completions, drafts, history, keys: the rules behind the widgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.messages import Age, ChatMessage
from cli.tui.alerts import Alerts, Of
from cli.tui.completion import Known, common_start, completions
from cli.tui.history import History
from cli.tui.kept_state import KeptState
from cli.tui.keys import KEYS, Where
from cli.tui.notifying import GRACE, GROUP, Happening, Notifier, sequences
from cli.tui.roster import Place
from cli.tui.terminal import CAPACITY, Writer
from cli.tui.theme import PALETTES, Look, first_look
from protocol.language import voice
from tests.tui.messages import info, message


def _said(seq: int, sender: str = "Ann", text: str = "hello") -> Happening:
    return Happening(7, seq, "", sender, text)


def test_one_notification_in_a_few_seconds() -> None:
    notifier = Notifier(voice())
    notifier.came(_said(1), 100.0)
    first = notifier.take(100.0)
    assert first is not None
    assert (first.title, first.body) == ("Ann", "hello")
    for seq in range(2, 30):
        notifier.came(_said(seq, f"User{seq % 2}"), 101.0)
        assert notifier.take(101.0) is None
    group = notifier.take(100.0 + GROUP)
    assert group is not None
    assert group.title == "28 new messages"
    assert group.body == "User0, User1"
    assert notifier.take(1000.0) is None


def test_notifications_follow_the_language() -> None:
    written: list[str] = []
    alerts = Alerts(voice(), written.append)
    alerts.of = Of.ALL
    alerts.speak(voice("ru"))
    said = ChatMessage(message(1, conversation=7), own=False, age=Age.LIVE)
    alerts.came(said, Place(info(7)), looked_at=False)
    assert "Ann в dev" in written[0]


def test_none_of_what_another_device_has_read() -> None:
    notifier = Notifier(voice())
    notifier.was_read(7, 1, 100.0)  # somebody looks at another device
    notifier.came(_said(2), 101.0)
    assert notifier.take(101.0) is None
    notifier.was_read(7, 2, 102.0)
    assert notifier.take(101.0 + GRACE) is None
    notifier.came(_said(3), 110.0)
    assert notifier.take(110.0 + GRACE) is not None  # nobody has read that


def test_sequences_hold_nothing_of_strangers() -> None:
    notifier = Notifier(voice())
    notifier.came(_said(1, "Eve;\x07", "\x1b]52;c;\x07\nrm"), 0.0)
    notification = notifier.take(0.0)
    assert notification is not None
    told = sequences(notification, {"TERM": "foot"})
    assert told.startswith("\a\x1b]777;notify;Eve,")
    assert told.count("\x1b") == 2  # where it begins and where it ends
    assert told.count(";") == 3
    assert sequences(notification, {"TERM": "xterm-kitty"}).startswith("\a\x1b]9;")
    assert sequences(notification, {"TERM": "x", "TMUX": "1"}).startswith("\a\x1bPtmux;")


@pytest.fixture
def known(tmp_path: Path) -> Known:
    """Two people, two rooms, and a folder with files."""
    (tmp_path / "report one.txt").touch()
    (tmp_path / "reports").mkdir()
    (tmp_path / ".hidden").touch()
    return Known(["Ann", "Anton", "日本"], ["dev", "design"], tmp_path)


@pytest.mark.parametrize(
    ("before", "texts"),
    [
        ("/sched", ["/schedule ", "/scheduled "]),
        ("/dn", ["/dnd "]),
        ("An", ["Ann: ", "Anton: "]),
        ("hello @An", ["Ann ", "Anton "]),
        ("/chat A", ["Ann ", "Anton "]),
        ("/chats de", ["design ", "dev "]),
        ("/lang ", ["en", "ru"]),
        ("/notify m", ["mentions"]),
        ("/file rep", ['"report one.txt"', "reports/"]),
        ('/file "rep', ['"report one.txt"', '"reports/']),
        ("//An", []),
        ("", []),
        ("日", ["日本: "]),
    ],
)
def test_completes(before: str, texts: list[str], known: Known) -> None:
    found = completions(before, known)
    assert [one.text for one in found] == texts
    for one in found:  # what stands before is kept, and the text goes on from what was typed
        assert one.text.strip('"').casefold().startswith(before[one.start :].strip('"').casefold())


def test_common_start_is_by_character(known: Known) -> None:
    assert common_start(completions("/sched", known)) == "/schedule"


def test_drafts_survive(tmp_path: Path) -> None:
    path = tmp_path / "state" / "screen.json"
    state = KeptState(path)
    state.set_draft("host:1", "Bob", 7, "not yet\nfinished")
    state.set("quiet", "yes")
    again = KeptState(path)
    assert again.draft("host:1", "BOB", 7) == "not yet\nfinished"
    assert again.draft("host:2", "Bob", 7) == ""
    assert again.get("quiet") == "yes"
    assert path.stat().st_mode & 0o77 == 0
    again.set_draft("host:1", "Bob", 7, "")
    again.write()
    assert KeptState(path).draft("host:1", "Bob", 7) == ""
    path.write_text("{not json")
    assert KeptState(path).draft("host:1", "Bob", 7) == ""


def test_history_is_the_line_modes(tmp_path: Path) -> None:
    from prompt_toolkit.history import FileHistory

    path = tmp_path / "lines"
    FileHistory(str(path)).store_string("typed in line mode\nof two lines")
    history = History(path)
    history.add("typed here")
    history.add("/password old new")  # nobody finds that again
    assert history.step(-1) == "typed here"
    assert history.step(-1) == "typed in line mode\nof two lines"
    assert history.step(-1) is None
    assert history.step(1) == "typed here"
    assert history.step(1) == ""
    assert "typed here" in list(FileHistory(str(path)).load_history_strings())
    assert "old new" not in path.read_text()


def test_every_key_is_told_of_once() -> None:
    for where in Where:
        names = [
            name for key in KEYS if key.where in {where, Where.EVERYWHERE} for name in key.keys
        ]
        assert len(names) == len(set(names))
    assert all(key.help for key in KEYS if key.shown)


def test_looks() -> None:
    assert set(PALETTES) == set(Look)
    assert first_look({"TERM": "linux"}) is Look.TERMINAL
    assert first_look({"TERM": "xterm", "COLORTERM": "truecolor"}) is Look.DARK
    assert first_look({"TERM": "xterm-256color", "COLORFGBG": "0;15"}) is Look.LIGHT


def test_a_stuck_terminal_holds_up_nobody() -> None:
    writer = Writer(-1)  # not begun: it takes nothing
    frames = 0
    while writer.put("x" * 1000):
        frames += 1
        assert frames < CAPACITY
    assert not writer.put("one more")
    assert writer.put("the end", must=True)
    assert not writer.is_idle
