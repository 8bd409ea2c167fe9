"""What `/schedule`, `/reply`, `/edit` and so on mean, and how it looks (S004-24, S004-25)."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from protocol.commands import Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event, Message, Quote, Sent
from protocol.language import english
from protocol.limits import MAX_TEXT
from protocol.requests import Request, Send
from protocol.typed import parse_line
from protocol.view import View, lines, message_lines
from protocol.vocabulary.editing import Comments, Delete, Edit, ListOwn, Thread
from protocol.vocabulary.schedule import (
    Cancel,
    ListScheduled,
    Schedule,
    Scheduled,
    ScheduledInfo,
    ScheduledList,
    ScheduledRefused,
    TimeZone,
    Zone,
    ZoneChanged,
)

HERE = Place(7)
GONE = "you were no longer in that conversation"
LEFT = "a conversation that you have left"
REFUSED = "Your scheduled message 3 to @Bob was not sent: the server refused it."
VIEW = View(english(), UTC)


def typed(line: str) -> Request:
    """Return the request of a line, without the uuid that makes it repeatable."""
    request = parse_line(line, HERE)
    assert isinstance(request, Request)
    if isinstance(request, Schedule | Edit | Delete):
        assert request.uuid is not None
        return replace(request, uuid=None)
    return request


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("/schedule 18:30 tea", Schedule(when="18:30", text="tea", conversation=7)),
        ("/schedule 9:05  tea", Schedule(when="9:05", text="tea", conversation=7)),
        ("/schedule +10m tea", Schedule(when="+10m", text="tea", conversation=7)),
        ("/schedule +1h30m tea", Schedule(when="+1h30m", text="tea", conversation=7)),
        (
            "/schedule 2026-12-31 18:30 tea",
            Schedule(when="2026-12-31 18:30", text="tea", conversation=7),
        ),
        ("/schedule 31.12 18:30 tea", Schedule(when="31.12 18:30", text="tea", conversation=7)),
        (
            "/schedule 31.12.2026 18:30 tea",
            Schedule(when="31.12.2026 18:30", text="tea", conversation=7),
        ),
        ("/schedule 31.12. 8:30 tea", Schedule(when="31.12. 8:30", text="tea", conversation=7)),
        (
            "/schedule 18:30 31.12 19:00 is the party",
            Schedule(when="18:30", text="31.12 19:00 is the party", conversation=7),
        ),
        ("/schedule +1d @Bob tea", Schedule(when="+1d", text="tea", conversation=7, to="Bob")),
        (
            "/schedule 18:30 #dev tea",
            Schedule(when="18:30", text="tea", conversation=7, room="dev"),
        ),
        ("/schedule 18:30 #3 tea", Schedule(when="18:30", text="tea", conversation=7, room="3")),
        ("/schedule 18:30 @@home tea", Schedule(when="18:30", text="@home tea", conversation=7)),
        ("/schedule 18:30 ##1 of 2", Schedule(when="18:30", text="#1 of 2", conversation=7)),
        (
            "/schedule 18:30 31.12.26 tea",
            Schedule(when="18:30 31.12.26", text="tea", conversation=7),
        ),
        ("/schedule 8:30  01.02 tea", Schedule(when="8:30  01.02", text="tea", conversation=7)),
        ("/schedule 18:30 1.02.27 t", Schedule(when="18:30 1.02.27", text="t", conversation=7)),
        ("/schedule 18:30 3.5 l milk", Schedule(when="18:30", text="3.5 l milk", conversation=7)),
        ("/schedule 18:30 10.15 bus", Schedule(when="18:30", text="10.15 bus", conversation=7)),
        ("/schedule 18:30 31.12.26tea", Schedule(when="18:30", text="31.12.26tea", conversation=7)),
        ("/scheduled", ListScheduled()),
        ("/cancel 5", Cancel(id=5)),
        ("/cancel #5", Cancel(id=5)),
        ("/zone", TimeZone()),
        ("/zone Europe/Moscow", TimeZone(name="Europe/Moscow")),
        ("/reply 5  yes and no", Send(text="yes and no", reply_to=5, conversation=7)),
        ("/edit #5 yes", Edit(id=5, text="yes")),
        ("/delete 5", Delete(id=5)),
        ("/comments 5", Comments(id=5)),
        ("/mine", ListOwn(conversation=7)),
    ],
)
def test_what_a_line_means(line: str, request_: Request) -> None:
    assert typed(line) == request_


@pytest.mark.parametrize(
    "line",
    [
        "/schedule", "/schedule 18:30", "/schedule tea at 18:30", "/schedule 18.30 tea",
        "/schedule tomorrow tea", "/schedule +10m", "/schedule 18:30 @Bob", "/schedule 18:30 #dev ",
        "/schedule 18:30 @ home", "/schedule 18:30 # 1", "/schedule 18:30 @", "/schedule +1m @ Bob",
        "/schedule 18:30 31.12.26",
        "/cancel", "/cancel all", "/reply", "/reply 5", "/reply yes 5", "/edit 5", "/edit yes",
        "/delete", "/delete -1", "/comments", f"/comments {'9' * 40}",
    ],
)  # fmt: skip
def test_what_is_not_understood(line: str) -> None:
    with pytest.raises(ProtocolError, match=f"^Write {line.split(maxsplit=1)[0]} ") as refused:
        parse_line(line, HERE)
    assert refused.value.code == ErrorCode.BAD_ARGUMENTS


@pytest.mark.parametrize("line", ["/edit 5 ", "/schedule 18:30 "])
def test_a_text_that_is_too_long(line: str) -> None:
    with pytest.raises(ProtocolError, match="nothing was sent") as refused:
        parse_line(line + "я" * (MAX_TEXT // 2 + 1), HERE)
    assert refused.value.code == ErrorCode.TEXT_TOO_LONG


ITEM = ScheduledInfo(id=3, due=0, conversation=1, kind="general", name="general", text="tea")
SAID = Message(id=1, seq=1, time=0, sender="Ann", text="who?")
COMMENT = Message(
    id=2, seq=2, time=0, sender="Bob", text="I", target=1,
    quote=Quote(id=1, sender="Ann", text="who?"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Sent(id=1, seq=1, time=0), []),
        (Sent(id=2, seq=2, time=0, target=1), []),
        (Sent(id=2, seq=2, time=0, target=1, kind="edit"), ["Message 1 is changed."]),
        (Sent(id=2, seq=2, time=0, target=1, kind="delete"), ["Message 1 is deleted."]),
        (
            Sent(id=2, seq=2, time=0, target=1, kind="void"),
            ["Message 1 had just been deleted; your change came too late."],
        ),
        (
            Thread(message=SAID, comments=[COMMENT], more=True),
            [
                "#1 00:00 01.01.70 Ann: who?",
                "(earlier comments are left out)",
                "  #2 00:00 01.01.70 Bob: I",
            ],
        ),
        (Scheduled(item=ITEM), ["It goes to everyone at 00:00 01.01.70. /cancel 3 stops it."]),
        (ScheduledList(items=[]), ["You have no scheduled messages."]),
        (
            ScheduledList(items=[replace(ITEM, kind="room", name="a\x1bb", cut=True)]),
            ["3. 00:00 01.01.70 to #a␛b: tea…"],
        ),
        (
            ScheduledList(items=[replace(ITEM, kind="", failure="unknown_conversation")]),
            [f"3. 00:00 01.01.70 to {LEFT}: tea (not sent: {GONE})"],
        ),
        (
            ScheduledRefused(item=replace(ITEM, kind="direct", name="Bob", failure="internal")),
            [f"{REFUSED} /scheduled shows it, /cancel 3 forgets it."],
        ),
        (Zone(name="UTC", now=0), ["Your time zone is UTC, where it is 00:00 01.01.70."]),
        (
            Zone(name="", now=0),
            ["You have set no time zone; here it is 00:00 01.01.70. /zone NAME sets one."],
        ),
        (ZoneChanged(name="UTC"), ["Your time zone is UTC now."]),
    ],
)
def test_how_it_looks(event: Event, expected: list[str]) -> None:
    assert lines(event, VIEW) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (replace(COMMENT, text="x\ny"), ["    > Ann: who?", "00:00 01.01.70 Bob: x⏎y"]),
        (
            replace(COMMENT, quote=Quote(id=1, sender="A\x07", text="long " * 30)),
            [f"    > A␇: {('long ' * 30)[:59].rstrip()}…", "00:00 01.01.70 Bob: I"],
        ),
        (
            replace(COMMENT, quote=Quote(id=1, sender="Ann", text="")),
            ["    > Ann: (deleted)", "00:00 01.01.70 Bob: I"],
        ),
        (
            replace(SAID, kind="edit", target=9, text="who is it?\x1b[2J"),
            ["00:00 01.01.70 * Ann changed message 9: who is it?␛[2J"],
        ),
        (
            replace(SAID, kind="edit", target=9, text=""),
            ["00:00 01.01.70 * Ann changed message 9, which is deleted now."],
        ),
        (replace(SAID, kind="delete", target=9), ["00:00 01.01.70 * Ann deleted message 9."]),
        (replace(SAID, kind="deleted", text="", edited=5), ["00:00 01.01.70 Ann: (deleted)"]),
        (replace(SAID, edited=5), ["00:00 01.01.70 Ann: who? (edited)"]),
        (replace(SAID, due=0), ["00:00 01.01.70 Ann: who? (was due at 00:00 01.01.70)"]),
    ],
)
def test_how_messages_look(message: Message, expected: list[str]) -> None:
    assert message_lines(message, VIEW) == expected
