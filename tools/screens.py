"""The pictures of the terminal client in ``docs/screens``: ``python -m tools.screens [--check]``.

They are made of the real screens with made-up people, and are the same each time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from textual.screen import Screen

from cli.here import Here
from cli.messages import Age, ChatMessage
from cli.notices import Connected
from cli.status import ClientStatus, State
from cli.tui.app import Messenger
from cli.tui.board import Board
from cli.tui.chat import ChatScreen
from cli.tui.history import History
from cli.tui.kept_state import KeptState
from cli.tui.sign_in import Saved, SignIn
from cli.tui.theme import Look
from protocol.events import ConversationInfo, FileInfo, Message, Quote
from protocol.language import english

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZE = (96, 26)
ME = "Bob"
MORNING = round(datetime(2026, 11, 28, 9, 12, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE = 60_000_000

_GENERAL = ConversationInfo(id=1, kind="general", name="general", last_seq=40, delivered_seq=40)
_PLACES = (
    _GENERAL,
    ConversationInfo(
        id=2, kind="room", name="dev", last_seq=9, delivered_seq=9, read_seq=6, unread=3,
        topic="what we build, and why it broke",
    ),
    ConversationInfo(
        id=3, kind="direct", name="Ann", last_seq=5, delivered_seq=5, read_seq=4, unread=1
    ),
    ConversationInfo(id=4, kind="room", name="ops", last_seq=80, delivered_seq=80, read_seq=72,
                     unread=8),
    ConversationInfo(id=5, kind="direct", name="Tanaka", last_seq=3, delivered_seq=3, read_seq=3),
)  # fmt: skip


def _said(
    seq: int,
    sender: str,
    text: str,
    *,
    minutes: int,
    quote: Quote | None = None,
    file: FileInfo | None = None,
    edited: int | None = None,
) -> Message:
    return Message(
        id=100 + seq, seq=seq, time=MORNING + minutes * MINUTE, sender=sender, text=text,
        conversation=2, quote=quote, file=file, edited=edited,
        kind="text" if file is None else "file",
    )  # fmt: skip


_MESSAGES = (
    _said(1, "Ann", "Good morning! The nightly build is green again.", minutes=-1440),
    _said(2, "Oleg", "Доброе утро. Проверю после обеда.", minutes=0),
    _said(3, ME, "I will write the release notes then.", minutes=1),
    _said(4, "Ann", "report.pdf", minutes=7, file=FileInfo(id=9, name="report.pdf", size=911_204)),
    _said(5, "Tanaka", "Thank you very much!", minutes=9),
    _said(6, ME, "Thank you all; the notes are in the wiki.", minutes=21, edited=MORNING),
    _said(
        7, "Oleg", "Page 3 needs a word on lost connections: they are bridged, files too, and "
        "nothing is sent twice.", minutes=44,
        quote=Quote(id=106, sender=ME, text="Thank you all; the notes are in the wiki."),
    ),
    _said(8, "Ann", "Bob, can you add that before noon?", minutes=45),
    _said(9, "Ann", "\n".join(f"{n:02} test_reliability.py::round_{n} PASSED" for n in range(60)),
          minutes=46),
)  # fmt: skip


def _board() -> Board:
    here = Here(english())
    here.hear(Connected("", name=ME, guest=False, again=False, missed=0, zone="UTC"))
    board = Board(here, ME)
    board.roster.take({place.id: place for place in _PLACES})
    here.go(_PLACES[1])
    for frame in _MESSAGES:
        board.take(ChatMessage(frame=frame, own=frame.sender == ME, age=Age.SEEN, room="dev"))
    board.log.divider = 6
    board.people = ("Ann", ME, "Oleg", "Tanaka")
    board.devices = 2
    board.status = ClientStatus(
        state=State.ONLINE, host="chat.example.org", port=8000, name=ME, guest=False, server="",
        since=0.0, offline_since=None, reconnects=0, last_error="", unacknowledged=0, carried=0,
        unread=0, round_trip=None, storage_available=True,
    )  # fmt: skip
    return board


def _messenger(look: Look) -> Messenger:
    return Messenger(
        english(), KeptState(None), History(None), look, "chat.example.org:8000", headless=True
    )


async def _picture(app: Messenger, screen: Screen[None]) -> str:
    app.show(screen)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        if isinstance(screen, ChatScreen):
            screen.composer.cursor_blink = False
            screen.composer.put("Done: the second paragraph on page 3.\nIs that clear enough?")
            screen.changed()
            screen.flush()
            screen.pane.to_end()
        await pilot.pause()
        return app.export_screenshot(title="mymessenger")


def pictures() -> dict[str, str]:
    """Return what the files are to hold."""
    made = {}
    for name, look in (("chat.svg", Look.DARK), ("chat-light.svg", Look.LIGHT)):
        app = _messenger(look)
        chat = ChatScreen(app, _board())
        app.chat = chat
        made[name] = asyncio.run(_picture(app, chat))
    saved = [Saved("chat.example.org", 8000, ME), Saved("127.0.0.1", 8000, "backup")]
    sign_in = SignIn(english(), saved, "127.0.0.1", 8000)
    made["sign-in.svg"] = asyncio.run(_picture(_messenger(Look.DARK), sign_in))
    return made


def main() -> int:
    """Write the pictures, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, tell what is old")
    check = parser.parse_args().check
    old = []
    for name, picture in pictures().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != picture:
            old.append(name)
            if not check:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(picture, encoding="utf-8")
    for name in old:
        print(f"{'old' if check else 'written'}: docs/screens/{name}")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
