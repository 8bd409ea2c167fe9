"""What a person gets to see."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cli.here import Here
from cli.messages import Age, ChatMessage
from cli.notices import (
    Connected,
    Disconnected,
    LoginLost,
    News,
    Notice,
    Remark,
    ServerError,
    ServerStops,
    StorageChanged,
)
from cli.show import (
    NoticeLines,
    UnreadMark,
    message_shown,
    offline_lines,
    status_lines,
)
from cli.status import ClientStatus, State
from protocol.events import (
    Conversation,
    ConversationInfo,
    ConversationLeft,
    Message,
    Quote,
    StatusReport,
)
from protocol.language import english
from protocol.text import UNREAD_LINE
from protocol.view import View, guest_line

NOON = 1_600_862_040_000_000
"""2020-09-23 11:54 UTC."""


VIEW = View(english(), None, "Bob")
"""The times are those of the machine."""


@pytest.fixture(autouse=True)
def _in_moscow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "MSK-3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _message(
    text: str = "hello", *, sender: str = "Bob", private_with: str | None = None,
    size: int | None = None, age: Age = Age.LIVE, room: str | None = None,
    quote: Quote | None = None,
) -> ChatMessage:  # fmt: skip
    frame = Message(id=5, seq=1, time=NOON, sender=sender, text=text, size=size, quote=quote)
    return ChatMessage(frame=frame, own=False, age=age, private_with=private_with, room=room)


def _shown(message: ChatMessage, me: str) -> list[str]:
    return message_shown(message, Here(english()).view(me))


def _line(message: ChatMessage, me: str) -> str:
    [line] = _shown(message, me)
    return line


def _told(notice: Notice) -> str:
    [line] = NoticeLines(Here(english())).lines(notice, "Bob")
    return line


def _connected(server: str = "s 1", *, again: bool = False, missed: int = 0) -> Connected:
    return Connected(server, name="Bob", guest=True, again=again, missed=missed)


def test_message_is_a_line_in_local_time() -> None:
    assert _line(_message(), "Alice") == "14:54 23.09.20 Bob: hello"


def test_private_messages_say_so() -> None:
    received = _message(private_with="Bob")
    assert _line(received, "Alice") == "14:54 23.09.20 Bob (private): hello"
    written = _message(private_with="Alice")
    assert _line(written, "Bob") == "14:54 23.09.20 Bob (private to Alice): hello"
    to_oneself = _message(private_with="Bob")
    assert _line(to_oneself, "Bob") == "14:54 23.09.20 Bob (private): hello"


def test_messages_of_a_room_say_which() -> None:
    assert _line(_message(room="dev"), "Alice") == "14:54 23.09.20 Bob (dev): hello"


def test_comment_stands_below_what_it_answers() -> None:
    comment = _message("yes", room="dev", quote=Quote(id=3, sender="Ann", text="or no?"))
    assert _shown(comment, "Alice") == [
        "    > Ann: or no?", "14:54 23.09.20 Bob (dev): yes",
    ]  # fmt: skip


def test_head_of_a_long_text_tells_how_to_get_the_rest() -> None:
    line = _line(_message("beginning", size=2_000_000), "Alice")
    assert line == "14:54 23.09.20 Bob: beginning … (1.9 MiB, /text 5 shows all of it)"


def test_nothing_that_a_terminal_obeys_passes() -> None:
    evil = "\x1b[2J\x07\r\n23:59 01.01.30 Bob: forged\u202e\x9b31m"
    line = _line(_message(evil, sender="B\x1b]0;x\x07", private_with="A\x9b"), "B")
    assert line.isprintable()
    for told in (Disconnected(evil, 1, 0), ServerStops(evil), ServerError("x", evil),
                 LoginLost(evil), Remark(evil), _connected(server=evil)):  # fmt: skip
        assert _told(told).isprintable()
    info = ConversationInfo(id=2, kind="room", name=evil, last_seq=0, delivered_seq=0)
    for event in (Conversation(conversation=info), ConversationLeft(conversation=2, name=evil)):
        assert _told(News(event)).isprintable()
    assert guest_line(evil, VIEW).isprintable()


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (_connected(missed=3), "Connected to s 1. /help lists the commands."),
        (_connected(again=True), "Connected again, nothing was missed."),
        (_connected(again=True, missed=1), "Connected again, 1 message caught up."),
        (_connected(again=True, missed=2), "Connected again, 2 messages caught up."),
        (Disconnected("Gone.", 0.2, 0), "Connection lost: Gone. Retrying."),
        (Disconnected("Gone.", 0.2, 1), "Still no connection: Gone. Retrying."),
        (Disconnected("Gone.", 4.2, 3), "Still no connection: Gone. Retrying in 4 s."),
        (ServerStops("Bye."), "The server is shutting down: Bye."),
        (StorageChanged(True), "The server's database is back."),
        (StorageChanged(False), "The server's database is away. Messages wait until it is back."),
        (ServerError("x", "Bad."), "The server reports: Bad."),
        (LoginLost("Bad."), "The login was refused: Bad."),
        (Remark("Nobody is called Zoe."), "Nobody is called Zoe."),
    ],
)
def test_notices(notice: Notice, line: str) -> None:
    assert _told(notice) == line


def test_news_is_what_everybody_sees_of_the_event() -> None:
    info = ConversationInfo(id=2, kind="room", name="dev", last_seq=0, delivered_seq=0)
    assert _told(News(Conversation(conversation=info))) == "You are a member of the room dev now."
    direct = ConversationInfo(id=2, kind="direct", name="Ann", last_seq=0, delivered_seq=0)
    news = News(Conversation(conversation=direct))
    assert NoticeLines(Here(english())).lines(news, "Bob") == []


def test_failed_attempts_are_told_once_and_again_for_another_reason() -> None:
    notices = NoticeLines(Here(english()))
    reasons = ["Lost.", "Gone.", "Gone.", "Away.", "Away.", "Gone."]
    told = [
        notices.lines(Disconnected(reason, 0, number), "Bob") != []
        for number, reason in enumerate(reasons)
    ]
    assert told == [True, True, False, True, False, True]
    notices.lines(_connected(again=True), "Bob")
    assert notices.lines(Disconnected("Lost.", 0, 0), "Bob") != []
    assert notices.lines(Disconnected("Gone.", 0, 1), "Bob") != []


def _marks(*messages: ChatMessage) -> list[list[str]]:
    mark = UnreadMark()
    return [mark.before(message, "Me") for message in messages]


def test_unread_line_stands_once_between_read_and_unread() -> None:
    seen, missed, live = (_message(age=age) for age in (Age.SEEN, Age.MISSED, Age.LIVE))
    assert UNREAD_LINE == "-" * 40
    assert _marks(seen, missed, missed, live) == [[], [UNREAD_LINE], [], []]


def test_no_unread_line_where_there_is_nothing_to_divide() -> None:
    seen, missed, live = (_message(age=age) for age in (Age.SEEN, Age.MISSED, Age.LIVE))
    assert _marks(missed, missed) == [[], []]
    assert _marks(seen, live) == [[], []]
    assert _marks(seen, _message(age=Age.MISSED, sender="Me"), missed) == [[], [], [UNREAD_LINE]]


def _status(**changes: object) -> ClientStatus:
    facts: dict[str, object] = {
        "state": State.ONLINE, "host": "h", "port": 1, "name": "Bob", "guest": True,
        "server": "s 1", "since": NOON / 1e6, "reconnects": 0, "last_error": "",
        "unacknowledged": 0, "carried": 0, "unread": 0, "round_trip": None,
        "storage_available": True,
    }  # fmt: skip
    return ClientStatus(**(facts | changes))  # type: ignore[arg-type]


def test_status_names_who_is_here() -> None:
    report = StatusReport(
        name="Bob", address="1.2.3.4:5", connected_at=NOON, server="s 1",
        users=["Alice", "B\x1bb"], connections=3,
    )  # fmt: skip
    lines = status_lines(report, _status(round_trip=0.0123, reconnects=2, unacknowledged=1), VIEW)
    assert lines == [
        "Bob at 1.2.3.4:5, connected since 14:54 23.09.20",
        "server: s 1 at h port 1",
        "round trip: 12.3 ms",
        "connection lost and found again: 2 times",
        "waiting to be stored: 1",
        "here (2 users, 3 connections): Alice, B␛b",
    ]


def test_status_of_one_alone() -> None:
    report = StatusReport(
        name="Bob", address="1.2.3.4:5", connected_at=NOON, server="s 1",
        users=["Bob"], connections=1,
    )  # fmt: skip
    lines = status_lines(report, _status(reconnects=1), VIEW)
    assert lines[-2:] == [
        "connection lost and found again: 1 time", "here (1 user, 1 connection): Bob",
    ]  # fmt: skip


def test_status_without_a_connection() -> None:
    lines = offline_lines(_status(state=State.OFFLINE, last_error="Gone.", unacknowledged=2), VIEW)
    assert lines == [
        "Bob, offline since 14:54:00: Gone.", "server: h port 1", "waiting to be sent: 2",
    ]  # fmt: skip
