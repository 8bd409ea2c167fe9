"""The worked example of ``docs/protocol.md``, made of real frames."""

from __future__ import annotations

from uuid import UUID

from protocol import PROTOCOL_VERSION
from protocol.events import (
    Conversation,
    ConversationInfo,
    Error,
    Event,
    Goodbye,
    HistoryPage,
    LoggedIn,
    Message,
    Part,
    PingEvent,
    PongReply,
    Sent,
    Shutdown,
    Welcome,
)
from protocol.framing import encode
from protocol.requests import (
    Chunk,
    Delivered,
    Fetch,
    Hello,
    History,
    Login,
    Ping,
    Pong,
    Quit,
    Request,
    Send,
)

_T = 1_800_000_000_000_000  # 2027-01-15 08:00 UTC
_SECOND = 1_000_000
_FIRST = UUID("3f0c6f1e-51a7-4d3c-9a52-6f1f5a0b7c01")
_SECRET = UUID("3f0c6f1e-51a7-4d3c-9a52-6f1f5a0b7c02")
_LONG = UUID("3f0c6f1e-51a7-4d3c-9a52-6f1f5a0b7c03")
_UNSURE = UUID("3f0c6f1e-51a7-4d3c-9a52-6f1f5a0b7c04")
_GENERAL = ConversationInfo(id=1, kind="general", name="general", last_seq=41, delivered_seq=40)
_WITH_ALICE = ConversationInfo(id=7, kind="direct", name="Alice", last_seq=0, delivered_seq=0)
_AT_RETURN = [
    ConversationInfo(id=1, kind="general", name="general", last_seq=45, delivered_seq=43),
    ConversationInfo(id=7, kind="direct", name="Alice", last_seq=1, delivered_seq=1),
]

_Frames = list[Request | Event | tuple[Chunk | Part, str]]

_STEPS: list[tuple[str, _Frames]] = [
    (
        "Bob comes in and gets what he missed.",
        [
            Hello(protocol=PROTOCOL_VERSION, client="example 1.0"),
            Welcome(protocol=PROTOCOL_VERSION, server="mymessenger 0.1.0", ping_interval=30.0),
            Login(ref=1, name="Bob", history=2),
            LoggedIn(ref=1, user_id=3, name="Bob", guest=True, conversations=[_GENERAL]),
            Message(id=120, seq=40, time=_T, sender="Alice", text="Is anybody here?"),
            Message(id=121, seq=41, time=_T + 9 * _SECOND, sender="Eve", text="Not me."),
            Delivered(conversation=1, seq=41),
        ],
    ),
    (
        "He writes. Eve was quicker: her message has the number before his.",
        [
            Send(ref=2, text="Hello!", uuid=_FIRST),
            Message(id=122, seq=42, time=_T + 20 * _SECOND, sender="Eve", text="Hello?"),
            Sent(ref=2, id=123, seq=43, time=_T + 20 * _SECOND),
        ],
    ),
    (
        "He writes to Alice for the first time.",
        [
            Send(ref=3, text="Just for you.", to="Alice", uuid=_SECRET),
            Conversation(conversation=_WITH_ALICE),
            Sent(ref=3, id=124, seq=1, time=_T + 30 * _SECOND, conversation=7),
        ],
    ),
    (
        "He reads further back, and something is wrong once.",
        [
            History(ref=4, before=40, limit=1),
            HistoryPage(
                ref=4,
                conversation=1,
                messages=[Message(id=119, seq=39, time=_T - _SECOND, sender="Bob", text="Bye.")],
                more=True,
            ),
            Send(ref=5, text="Hi", to="Nobody"),
            Error(ref=5, code="unknown_user", message="Nobody called Nobody has been here."),
        ],
    ),
    (
        "A long text goes out as a stream (the numbers are small here) and is read back.",
        [
            (Chunk(stream=1, size=11), "A very long"),
            (Chunk(stream=1, size=6), " text."),
            Send(ref=6, stream=1, uuid=_LONG),
            Sent(ref=6, id=125, seq=44, time=_T + 40 * _SECOND),
            Fetch(ref=7, id=125),
            (Part(ref=7, id=125, offset=0, size=17), "A very long text."),
            Part(ref=7, id=125, offset=17, size=0, last=True),
        ],
    ),
    (
        "Both ends look whether the other is there.",
        [PingEvent(), Pong(), Ping(ref=8), PongReply(ref=8)],
    ),
    ("Bob leaves.", [Quit(ref=9), Goodbye(ref=9, reason="Goodbye.")]),
    (
        "The next time he resumes. He had sent a message without learning that it was stored.",
        [
            Hello(protocol=PROTOCOL_VERSION),
            Welcome(protocol=PROTOCOL_VERSION, server="mymessenger 0.1.0", ping_interval=30.0),
            Login(ref=1, name="Bob", resume={1: 44, 7: 1}),
            LoggedIn(ref=1, user_id=3, name="Bob", guest=True, conversations=_AT_RETURN),
            Send(ref=2, text="Still there?", uuid=_UNSURE),
            Message(id=126, seq=45, time=_T + 50 * _SECOND, sender="Bob", text="Still there?"),
            Sent(ref=2, id=126, seq=45, time=_T + 50 * _SECOND, duplicate=True),
        ],
    ),
    (
        "The server stops, and closes the connection.",
        [Shutdown(reason="The server is stopping. What was acknowledged is stored.")],
    ),
]


def session() -> str:
    """Return the example as Markdown."""
    return "\n\n".join(f"{title}\n\n```\n{_lines(frames)}\n```" for title, frames in _STEPS)


def _lines(frames: _Frames) -> str:
    lines = []
    for item in frames:
        frame, payload = item if isinstance(item, tuple) else (item, "")
        speaker = "C" if isinstance(frame, Request) else "S"
        lines.append(f"{speaker}: {encode(frame).decode().rstrip()}")
        if isinstance(frame, Chunk | Part) and frame.size:
            if frame.size != len(payload.encode()):
                raise ValueError(f"The example says {frame.size} bytes: {payload!r}")
            lines.append(f'{speaker}: ({frame.size} raw bytes, no newline: "{payload}")')
    return "\n".join(lines)
