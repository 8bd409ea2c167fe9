"""How messages and replies look as lines, at telnet and in the line client alike (S000-6)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.events import (
    Conversation,
    ConversationInfo,
    ConversationLeft,
    Error,
    Event,
    FileInfo,
    Goodbye,
    HistoryPage,
    LoggedIn,
    Message,
    Notice,
    Opened,
    PingEvent,
    Quote,
    Shutdown,
    StatusReport,
    StorageState,
)
from protocol.language import english
from protocol.limits import MAX_UNREAD
from protocol.text import UNREAD_LINE
from protocol.view import (
    QUOTE_LENGTH,
    View,
    conversation_lines,
    lines,
    marked_lines,
    message_lines,
    numbered_lines,
)
from protocol.vocabulary import EVENTS
from tests.protocol.frames import structs

MOMENT = 1_600_864_496_000_000  # 2020-09-23 12:34:56 UTC
VIEW = View(english(), ZoneInfo("UTC"), "Tess")
STAMP = "12:34 23.09.20"
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _message(text: str = "hello", **fields: object) -> Message:
    facts: dict[str, object] = {
        "id": 7, "seq": 3, "time": MOMENT, "sender": "Bob", "text": text,
    }  # fmt: skip
    return Message(**(facts | fields))  # type: ignore[arg-type]


def _info(number: int = 5, kind: str = "room", **fields: object) -> ConversationInfo:
    facts: dict[str, object] = {
        "id": number, "kind": kind, "name": "dev", "last_seq": 0, "delivered_seq": 0,
    }  # fmt: skip
    return ConversationInfo(**(facts | fields))  # type: ignore[arg-type]


NO = Quote(id=5, sender="Ann", text="no?")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (_message(), ["Bob: hello"]),
        (_message("two\nlines"), ["Bob: two⏎lines"]),
        (_message("head", size=2048), ["Bob: head … (2.0 KiB, /text 7 shows all of it)"]),
        (_message(edited=MOMENT), ["Bob: hello (edited)"]),
        (
            _message("head", size=2048, edited=MOMENT),
            ["Bob: head … (2.0 KiB, /text 7 shows all of it) (edited)"],
        ),
        (_message(due=MOMENT), [f"Bob: hello (was due at {STAMP})"]),
        (
            _message(edited=MOMENT, due=MOMENT - 60_000_000),
            ["Bob: hello (edited) (was due at 12:33 23.09.20)"],
        ),
        (_message("", kind="deleted"), ["Bob: (deleted)"]),
        (_message("", kind="deleted", edited=MOMENT), ["Bob: (deleted)"]),
        (_message("what it was", kind="deleted"), ["Bob: (deleted)"]),
        (
            _message("", kind="file", file=FileInfo(id=4, name="a b.txt", size=3_000_000)),
            ["Bob: [file a b.txt, 2.9 MiB; /get 7 saves it]"],
        ),
        (
            _message(
                "",
                kind="file",
                file=FileInfo(id=4, name="x", size=2),
                due=MOMENT,
                target=5,
                quote=NO,
            ),
            ["    > Ann: no?", f"Bob: [file x, 2 bytes; /get 7 saves it] (was due at {STAMP})"],
        ),
        (_message("yes", target=5, quote=NO), ["    > Ann: no?", "Bob: yes"]),
        (_message("better", kind="edit", target=5), ["* Bob changed message 5: better"]),
        (_message("", kind="delete", target=5), ["* Bob deleted message 5."]),
        (_message("", kind="join"), ["* Bob has come into the room."]),
        (_message("", kind="leave"), ["* Bob has left the room."]),
        (_message("tea", kind="topic"), ["* Bob set the topic: tea"]),
        (_message("Ann is a moderator", kind="role"), ["* Bob made a change: Ann is a moderator"]),
        (_message("of a later version", kind="new"), ["Bob: of a later version"]),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else value.kind,
)
def test_a_message_looks_like_this(message: Message, shown: list[str]) -> None:
    """S000-6, S003-15, S004-24, 25: each kind of entry, letter for letter."""
    *quoted, last = shown
    assert message_lines(message, VIEW) == [*quoted, f"{STAMP} {last}"]
    assert numbered_lines(message, VIEW) == [*quoted, f"#7 {STAMP} {last}"]


def test_a_message_says_where_it_is_from() -> None:
    """Said or happened, in the brackets behind the sender."""
    assert message_lines(_message(), VIEW, where="dev") == [f"{STAMP} Bob (dev): hello"]
    joined = message_lines(_message(kind="join"), VIEW, where="dev")
    assert joined == [f"{STAMP} * Bob (dev) has come into the room."]
    assert numbered_lines(_message(), VIEW, where="dev") == [f"#7 {STAMP} Bob (dev): hello"]


def test_the_sender_may_be_called_otherwise() -> None:
    """S000-9: as in a conversation of two."""
    assert message_lines(_message(), VIEW, sender="Me") == [f"{STAMP} Me: hello"]


def test_times_are_those_of_the_viewer() -> None:
    """S004-13: of the message, and of when it was due."""
    moscow = View(english(), ZoneInfo("Europe/Moscow"))
    [line] = message_lines(_message(due=MOMENT), moscow)
    assert line == "15:34 23.09.20 Bob: hello (was due at 15:34 23.09.20)"


def test_a_quote_is_the_beginning_on_one_line() -> None:
    """S004-24: however long or strange what is answered was."""
    quote = Quote(id=5, sender="A\x1bn", text="one\ntwo " + "x" * 500)
    above, _ = message_lines(_message(quote=quote), VIEW)
    shown = above.removeprefix("    > A␛n: ")
    assert shown.startswith("one⏎two xxx")
    assert shown.endswith("x…")
    assert len(shown) == QUOTE_LENGTH
    whole = Quote(id=5, sender="Ann", text="x" * QUOTE_LENGTH)
    assert message_lines(_message(quote=whole), VIEW)[0] == "    > Ann: " + "x" * QUOTE_LENGTH


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (
            Opened(conversation=_info(1, "general", name="general")),
            ["You are in the general chat; what you type goes to everyone."],
        ),
        (
            Opened(conversation=_info(2, "direct", name="Bob")),
            ["You are talking to Bob privately."],
        ),
        (Opened(conversation=_info()), ["You are in the room dev; what you type goes there."]),
        (Opened(conversation=_info(), created=True), ["You have made the room dev and are in it."]),
        (
            Opened(conversation=_info(topic="tea\x07")),
            ["You are in the room dev; what you type goes there.", "Topic: tea␇"],
        ),
        (ConversationLeft(conversation=5, name="dev"), ["You are no longer in dev."]),
        (
            ConversationLeft(conversation=5, name="dev", message="Ann has removed\nyou."),
            ["Ann has removed⏎you."],
        ),
        (HistoryPage(conversation=1, messages=[], more=False), ["There are no messages there."]),
        (
            HistoryPage(conversation=1, messages=[_message()], more=True),
            [f"#7 {STAMP} Bob: hello", "There is more: /before 7 goes back."],
        ),
        (
            HistoryPage(conversation=1, messages=[_message()], more=True, forward=True),
            [f"#7 {STAMP} Bob: hello", "There is more: /after 7 goes on."],
        ),
        (
            HistoryPage(conversation=1, messages=[_message(quote=NO)], more=False),
            ["    > Ann: no?", f"#7 {STAMP} Bob: hello"],
        ),
        (
            LoggedIn(user_id=1, name="Tess", guest=False, conversations=[]),
            [
                "You are Tess.",
                "What you type goes to everyone. /help lists the commands, /quit leaves.",
            ],
        ),
    ],
    ids=lambda value: value[0][:40] if isinstance(value, list) else type(value).__name__,
)
def test_a_reply_looks_like_this(event: Event, shown: list[str]) -> None:
    """An answer has no mark in front of it."""
    assert lines(event, VIEW) == marked_lines(event, VIEW) == shown


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Error(code="internal", message="It is\nbroken."), ["! It is⏎broken."]),
        (Notice(message="Done."), ["* Done."]),
        (Notice(ref=7, message="Done."), ["* Done."]),
        (Goodbye(ref=7, reason="Goodbye."), ["* Goodbye."]),
        (Shutdown(reason="The end."), ["* The end."]),
        (Conversation(conversation=_info()), ["* You are a member of the room dev now."]),
        (Conversation(conversation=_info(kind="direct")), []),
        (PingEvent(), []),
        (
            StorageState(available=True),
            ["* The database is back; what you wrote meanwhile is stored now."],
        ),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_errors_and_news_are_marked(event: Event, shown: list[str]) -> None:
    """So that no line of another's can be taken for one of the program's."""
    assert marked_lines(event, VIEW) == shown


@pytest.mark.parametrize(
    ("users", "connections", "said"),
    [
        (["Tess"], 1, "Here now (1, on 1 connection): Tess"),
        (["Bob", "Tess"], 3, "Here now (2, on 3 connections): Bob, Tess"),
    ],
)
def test_connections_are_counted(users: list[str], connections: int, said: str) -> None:
    """S004-9."""
    report = StatusReport(
        name="Tess", address="192.0.2.7:5000", connected_at=MOMENT, server="s 1",
        users=users, connections=connections,
    )  # fmt: skip
    assert lines(report, VIEW) == [
        f"You are Tess, connected from 192.0.2.7:5000 since {STAMP} to s 1.", said,
    ]  # fmt: skip


def _opened(kind: str, read: int, *messages: tuple[int, str]) -> Opened:
    return Opened(
        conversation=_info(2, kind, name="Bob", read_seq=read),
        messages=[_message(f"text {seq}", seq=seq, sender=who) for seq, who in messages],
    )


def _texts(opened: Opened) -> list[str]:
    shown = conversation_lines(opened, VIEW)
    assert lines(opened, VIEW)[1:] == shown
    return [line.removeprefix(f"{STAMP} ") for line in shown]


def test_a_line_of_hyphens_stands_before_the_unread() -> None:
    """S000-9, 10: once, and one's own lines are signed Me in a conversation of two."""
    opened = _opened("direct", 2, (1, "Bob"), (2, "Tess"), (3, "Bob"), (4, "Tess"), (5, "Bob"))
    assert _texts(opened) == [
        "Bob: text 1", "Me: text 2", UNREAD_LINE, "Bob: text 3", "Me: text 4", "Bob: text 5",
    ]  # fmt: skip


def test_ones_own_words_are_not_unread() -> None:
    """The line stands before the first of another, or nowhere."""
    opened = _opened("direct", 1, (1, "Bob"), (2, "Tess"), (3, "Bob"))
    assert _texts(opened) == ["Bob: text 1", "Me: text 2", UNREAD_LINE, "Bob: text 3"]
    assert _texts(_opened("direct", 1, (1, "Bob"), (2, "Tess"))) == ["Bob: text 1", "Me: text 2"]
    assert _texts(_opened("direct", 0, (1, "Bob"))) == [UNREAD_LINE, "Bob: text 1"]
    assert _texts(_opened("direct", 3, (1, "Bob"), (3, "Bob"))) == ["Bob: text 1", "Bob: text 3"]
    assert _texts(_opened("direct", 0)) == []


def test_what_is_unread_before_it_is_told() -> None:
    """S003-10: by the number of the first that is shown."""
    opened = Opened(conversation=_info(), messages=[_message()], more=True)
    assert lines(opened, VIEW)[1] == (
        "There are more unread messages before these; /before 7 shows them."
    )


@pytest.mark.parametrize(
    ("number", "shown"), [(1, "1"), (MAX_UNREAD - 1, "999"), (MAX_UNREAD, "1000+")]
)
def test_unread_messages_are_counted_to_a_thousand(number: int, shown: str) -> None:
    """S000-13: at the login, for each conversation that has some."""
    places = [_info(1, "general", unread=number), _info(5, unread=3), _info(6, "direct")]
    logged_in = LoggedIn(user_id=1, name="Tess", guest=False, conversations=places)
    assert lines(logged_in, VIEW)[-1] == (
        f"You have unread messages: {shown} in the general chat, 3 in dev."
    )


def test_in_a_room_everyone_has_a_name() -> None:
    """Me would tell nobody apart from the others."""
    opened = _opened("room", 0, (1, "Tess"), (2, "Bob"))
    assert _texts(opened) == ["Tess: text 1", UNREAD_LINE, "Bob: text 2"]


_TEXT = st.text(max_size=30) | st.just("x\x1b[2J\x9b1m\r\n\u202ey\u2028")


_KINDS = st.sampled_from(["text", "file", "deleted", "edit", "delete", "join", "topic", "role"])


@given(sender=_TEXT, text=_TEXT, where=_TEXT, kind=_KINDS)
@settings(deadline=None)
def test_nothing_a_terminal_obeys_passes_in_a_message(
    sender: str, text: str, where: str, kind: str
) -> None:
    """Names, texts, quotes, rooms and files are of strangers."""
    message = _message(
        text, sender=sender, kind=kind, target=5, quote=Quote(id=5, sender=sender, text=text),
        file=FileInfo(id=1, name=text, size=1) if kind == "file" else None,
    )  # fmt: skip
    shown = message_lines(message, VIEW, where=where)
    assert len(shown) <= 2
    for line in shown:
        assert not UNSAFE.search(line)
        assert line.startswith((f"{STAMP} ", "    > "))  # neither can be forged by the other


@given(event=st.one_of([structs(kind) for kind in EVENTS]))
@settings(deadline=None, max_examples=300)
def test_nothing_a_terminal_obeys_passes_in_any_event(event: Event) -> None:
    """Of all areas, whatever stands in the fields."""
    for line in marked_lines(event, VIEW):
        assert not UNSAFE.search(line)


def test_a_long_text_is_folded_for_people_and_not_for_programs() -> None:
    """Ten lines or a thousand characters are enough; the rest is a command away."""
    many = "\n".join(map(str, range(3000)))
    for text in (many, "x" * 2000):
        [line] = message_lines(_message(text), View(english()))
        assert len(line) < 1200
        assert line.endswith("shows all of it)")
        [line] = message_lines(_message(text), View(english(), whole=True))
        assert "shows all of it" not in line
    [line] = message_lines(_message("two\nlines"), View(english()))
    assert line.endswith(": two⏎lines")
