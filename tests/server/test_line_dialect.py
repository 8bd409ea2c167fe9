"""What a person at telnet sees of each event, letter for letter (S000-6, S000-10)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import ErrorCode
from protocol.events import (
    EVENTS,
    Conversation,
    ConversationInfo,
    ConversationLeft,
    Error,
    Event,
    Goodbye,
    HistoryPage,
    LoggedIn,
    Message,
    Notice,
    Opened,
    Part,
    PingEvent,
    PongReply,
    Sent,
    Shutdown,
    StatusReport,
    StorageState,
    Welcome,
)
from protocol.language import english
from protocol.view import View
from protocol.vocabulary import EVENTS as ALL_EVENTS
from server.gateways.line_dialect import LineDialect, LineDialects
from server.gateways.terminal import text_lines
from storage.records import FileFacts, Quote
from storage.records import Message as StoredMessage
from tests.protocol.frames import structs

MOMENT = 1_600_864_496_000_000  # 2020-09-23 12:34:56 UTC
ROOMS = {6: "dev", 9: "x\x1b[2J\n"}
DIALECT = LineDialect(View(english(), ZoneInfo("UTC")), ROOMS.get)
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ATTACK = "x\x1b[2J\x9b1m\r\n\u202ey"


def _info(number: int, name: str, last: int, delivered: int) -> ConversationInfo:
    kind = "general" if number == 1 else "direct"
    return ConversationInfo(
        id=number, kind=kind, name=name, last_seq=last, delivered_seq=delivered,
        unread=last - delivered,
    )  # fmt: skip


def _message(text: str, *, conversation: int = 1, size: int | None = None) -> Message:
    return Message(
        id=7, seq=3, time=MOMENT, sender="Боб", text=text, conversation=conversation, size=size
    )


def _logged_in(*conversations: ConversationInfo) -> LoggedIn:
    return LoggedIn(user_id=1, name="Tess", guest=True, conversations=list(conversations))


GUEST = (
    "You are Tess, a guest: this name has no password, and anybody can use it. "
    "/register makes it yours.\r\n"
    "What you type goes to everyone. /help lists the commands, /quit leaves.\r\n"
)

STATUS = (
    "You are Tess, connected from 192.0.2.7:5000 since 12:34 23.09.20 to mymessenger 1.0.\r\n"
    "Here now (2, on 3 connections): Bob, Tess\r\n"
)

GOLDEN: list[tuple[Event, str]] = [
    (_message("hello"), "12:34 23.09.20 Боб: hello\r\n"),
    (_message("two\nlines\tand 🦜"), "12:34 23.09.20 Боб: two⏎lines    and 🦜\r\n"),
    (_message("psst", conversation=5), "12:34 23.09.20 Боб (private): psst\r\n"),
    (_message("folks", conversation=6), "12:34 23.09.20 Боб (dev): folks\r\n"),
    (_message("folks", conversation=9), "12:34 23.09.20 Боб (x␛[2J⏎): folks\r\n"),
    (
        _message("the head", size=200_000),
        "12:34 23.09.20 Боб: the head … (195.3 KiB, /text 7 shows all of it)\r\n",
    ),
    (_logged_in(), GUEST),
    (_logged_in(_info(1, "general", 5, 5)), GUEST),
    (
        _logged_in(_info(1, "general", 25, 5), _info(2, "Bob", 3, 0), _info(3, "Eve", 3, 3)),
        GUEST + "You have unread messages: 20 in the general chat, 3 in Bob.\r\n",
    ),
    (
        HistoryPage(conversation=1, messages=[_message("a"), _message("b")], more=False),
        "#7 12:34 23.09.20 Боб: a\r\n#7 12:34 23.09.20 Боб: b\r\n",
    ),
    (HistoryPage(conversation=1, messages=[], more=False), "There are no messages there.\r\n"),
    (
        Opened(conversation=_info(2, "Bob", 0, 0)),
        "You are talking to Bob privately.\r\n",
    ),
    (ConversationLeft(conversation=6, name="dev"), "You are no longer in dev.\r\n"),
    (
        StatusReport(
            name="Tess",
            address="192.0.2.7:5000",
            connected_at=MOMENT,
            server="mymessenger 1.0",
            users=["Bob", "Tess"],
            connections=3,
        ),
        STATUS,
    ),
    (Error(code=ErrorCode.BAD_NAME, message="That is no name."), "! That is no name.\r\n"),
    (Goodbye(reason="Goodbye."), "* Goodbye.\r\n"),
    (Notice(message="This goes to all."), "* This goes to all.\r\n"),
    (Shutdown(reason="The server is stopping."), "* The server is stopping.\r\n"),
    (
        StorageState(available=False),
        "* The database does not answer; what you write now is stored later.\r\n",
    ),
    (
        StorageState(available=True),
        "* The database is back; what you wrote meanwhile is stored now.\r\n",
    ),
    # What a person has no use for.
    (Sent(id=1, seq=1, time=MOMENT), ""),
    (Sent(id=1, seq=1, time=MOMENT, duplicate=True), ""),
    (Conversation(conversation=_info(2, "Bob", 0, 0)), ""),
    (Welcome(protocol=1, server="mymessenger", ping_interval=30), ""),
    (Part(id=1, offset=0, size=0, last=True), ""),
    (PongReply(), ""),
    (PingEvent(), ""),
]


@pytest.mark.parametrize(("event", "lines"), GOLDEN, ids=lambda value: type(value).__name__)
def test_an_event_looks_like_this(event: Event, lines: str) -> None:
    """Letter for letter, with telnet's ends of line (RFC 854)."""
    assert DIALECT.event(event) == lines.encode()


def test_every_event_has_been_thought_about() -> None:
    """A new one is missing here until somebody decides what a person sees of it.

    Those of the areas are proven with their areas; here they only have to be safe.
    """
    assert {type(event) for event, _ in GOLDEN} == set(EVENTS)


def test_a_stored_message_looks_like_the_event() -> None:
    """The number before it means nothing to a person."""
    stored = StoredMessage(7, 1, 3, 1, "Боб", b"u" * 16, MOMENT, b"hello", 5)
    for prev in (2, 0):
        assert DIALECT.message(stored, prev) == "12:34 23.09.20 Боб: hello\r\n".encode()
    long = StoredMessage(7, 1, 3, 1, "Боб", b"u" * 16, MOMENT, b"head", 3 * 1024**2, body_id=1)
    assert DIALECT.message(long, 2).endswith(b"(3.0 MiB, /text 7 shows all of it)\r\n")


def test_a_stored_comment_and_a_stored_file_look_like_the_events() -> None:
    """S003-15, S004-24: quote and name come from what is stored, broken bytes and all."""
    comment = StoredMessage(
        7, 1, 3, 1, "Боб", b"u" * 16, MOMENT, b"yes", 3, target_id=5, quote=Quote("Ann", b"no\xd1")
    )
    expected = "    > Ann: no\r\n12:34 23.09.20 Боб: yes\r\n"
    assert DIALECT.message(comment, 2) == expected.encode()
    file = StoredMessage(
        7, 1, 3, 1, "Боб", b"u" * 16, MOMENT, b"", 0, kind="file", file_id=4,
        file=FileFacts(b"a\xff.txt", 2048),
    )  # fmt: skip
    expected = "12:34 23.09.20 Боб: [file a\ufffd.txt, 2.0 KiB; /get 7 saves it]\r\n"
    assert DIALECT.message(file, 2) == expected.encode()


def test_times_are_those_of_the_servers_zone() -> None:
    """S004-13."""
    moscow = LineDialect(View(english(), ZoneInfo("Europe/Moscow")), ROOMS.get)
    assert moscow.event(_message("x")).startswith(b"15:34 23.09.20 ")


def test_all_of_one_language_and_zone_share_a_dialect() -> None:
    """What is encoded for one of them is encoded for all: a thousand cost what one costs."""
    dialects = LineDialects(ROOMS.get)
    here = dialects.of(english(), None)
    moscow = dialects.of(english(), ZoneInfo("Europe/Moscow"))
    assert dialects.of(english(), None) is here
    assert dialects.of(english(), ZoneInfo("Europe/Moscow")) is moscow
    assert here is not moscow
    assert moscow.event(_message("x", conversation=6)) == "15:34 23.09.20 Боб (dev): x\r\n".encode()


def test_the_divider_is_forty_hyphens() -> None:
    """S000-10."""
    assert DIALECT.divider == b"-" * 40 + b"\r\n"


def _with_attacks(text: str) -> list[Event]:
    return [
        Message(id=1, seq=1, time=MOMENT, sender=text, text=text),
        Message(id=1, seq=1, time=MOMENT, sender=text, text=text, size=10**9, conversation=2),
        LoggedIn(user_id=1, name=text, guest=True, conversations=[_info(2, text, 1, 0)]),
        StatusReport(
            name=text,
            address="192.0.2.7:1",
            connected_at=MOMENT,
            server="s",
            users=[text, text],
            connections=1,
        ),
        Error(code=ErrorCode.INTERNAL, message=text),
        Goodbye(reason=text),
        Shutdown(reason=text),
    ]


_LINES = (1, 1, 3, 2, 1, 1, 1)


@given(text=st.text(max_size=50) | st.just(ATTACK))
@settings(deadline=None)
def test_no_word_of_a_stranger_leaves_its_line(text: str) -> None:
    """Names, texts and sentences that quote them carry no control characters to a terminal."""
    for event, count in zip(_with_attacks(text), _LINES, strict=True):
        shown = DIALECT.event(event).decode()
        lines = shown.split("\r\n")
        assert lines.pop() == ""
        assert len(lines) == count
        for line in lines:
            assert len(line.splitlines()) == 1
            assert not UNSAFE.search(line)


@given(event=st.one_of([structs(kind) for kind in ALL_EVENTS]))
@settings(deadline=None, max_examples=300)
def test_no_event_makes_a_terminal_obey(event: Event) -> None:
    """Of any kind, with anything in its fields: whole lines of what can be printed."""
    shown = DIALECT.event(event).decode()
    lines = shown.split("\r\n")
    assert lines.pop() == ""
    for line in lines:
        assert len(line.splitlines()) <= 1
        assert not UNSAFE.search(line)


def test_lines_end_as_telnet_wants_it() -> None:
    """CR LF (RFC 854), an empty line too."""
    assert text_lines() == b""
    assert text_lines("a", "", "я") == "a\r\n\r\nя\r\n".encode()
