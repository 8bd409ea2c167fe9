"""The pane of messages, driven by Textual's pilot: scrolling, paging, selecting, folding."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cli.tui.log import Entry, Log
from cli.tui.pane import MessagePane
from cli.tui.pane_view import Scene
from cli.tui.theme import PALETTES, Look
from protocol.events import Message
from protocol.language import voice
from protocol.view import View
from tests.tui.messages import message

ROWS = 20
TOTAL = 100_000


class Window(App[None]):
    """A pane on a conversation of a hundred thousand messages, of which pages are given."""

    def __init__(self) -> None:
        super().__init__()
        self.log_shown = Log(1)
        self.asked = 0
        self.seen = 0
        self.acts: list[tuple[str, int]] = []
        self.pane = MessagePane(self._want, self._jump, self._saw, self._act)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self._want(True)
        self.pane.focus()

    def _want(self, older: bool) -> None:
        log, self.asked = self.log_shown, self.asked + 1
        if older:
            end = log.first or TOTAL + 1
            begin = max(1, end - 100)
            log.add_before(_page(begin, end), more=begin > 1, me="Bob")
        else:
            end = min(TOTAL + 1, log.last + 101)
            log.add_after(_page(log.last + 1, end), more=end <= TOTAL, me="Bob")
        self.call_later(self.show)

    def _jump(self, seq: int) -> None:
        self.log_shown.begin_anew()
        self.log_shown.last = seq
        self._want(False)

    def _saw(self, seq: int) -> None:
        self.seen = max(self.seen, seq)

    def _act(self, action: str, entry: Entry) -> None:
        self.acts.append((action, entry.seq))
        if action == "fold":
            self.pane.refold(entry)

    def show(self) -> None:
        view = View(voice(), UTC, "Bob")
        self.pane.show(Scene(self.log_shown, view, PALETTES[Look.DARK], False, TOTAL))

    @property
    def rows(self) -> list[str]:
        return [self.pane.render_line(y).text[:-1].rstrip() for y in range(self.pane.size.height)]


def _page(begin: int, end: int) -> list[Message]:
    return [message(seq, f"no {seq}") for seq in range(begin, end)]


def _drive(test: Callable[[Window, Pilot[None]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Window()
        async with app.run_test(size=(60, ROWS)) as pilot:
            await pilot.pause()
            await test(app, pilot)

    asyncio.run(run())


def test_loads_only_what_is_seen() -> None:
    async def test(app: Window, pilot: Pilot[None]) -> None:
        assert app.rows[-1].endswith("no 100000")
        assert app.asked == 1
        assert app.seen == TOTAL
        app.pane.to_start()
        await pilot.pause()
        assert any(row.endswith("Ann: no 1") for row in app.rows[:5])
        assert app.asked <= 4
        assert len(app.log_shown.entries) <= 300
        app.pane.to_end()
        await pilot.pause()
        assert app.rows[-1].endswith("no 100000")
        assert app.asked <= 8

    _drive(test)


def test_scrolls_over_the_edges_of_pages_without_a_jump() -> None:
    async def test(app: Window, pilot: Pilot[None]) -> None:
        top = None
        for _ in range(60):
            app.pane.page(-1)
            await pilot.pause()
            numbers = [int(row.rpartition(" ")[2]) for row in app.rows if " no " in row]
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            if top is not None:  # one row stays
                assert numbers[-1] in {top, top - 1}
            top = numbers[0]
        for _ in range(60):
            app.pane.page(1)
            await pilot.pause()
        assert app.pane.is_at_end

    _drive(test)


def test_what_comes_moves_nothing_that_is_read() -> None:
    async def test(app: Window, pilot: Pilot[None]) -> None:
        app.pane.scroll_rows(-30)
        await pilot.pause()
        before, seen = app.rows, app.seen
        for seq in range(TOTAL + 1, TOTAL + 50):
            app.log_shown.add(message(seq, f"no {seq}"))
        app.show()
        assert app.rows == before
        assert app.seen == seen
        app.pane.to_end()
        assert app.rows[-1].endswith(f"no {TOTAL + 49}")
        assert app.seen == TOTAL + 49

    _drive(test)


def test_selects_folds_and_acts() -> None:
    async def test(app: Window, pilot: Pilot[None]) -> None:
        app.log_shown.add(message(TOTAL + 1, "\n".join(f"line {n}" for n in range(100))))
        app.show()
        app.pane.select_last()
        await pilot.press("enter")
        assert app.rows[-1].endswith("line 99")
        await pilot.press("enter")
        assert "Enter unfolds it" in app.rows[-1]
        await pilot.press("up", "r", "down", "e")
        assert app.acts[-2:] == [("reply", TOTAL), ("edit", TOTAL + 1)]
        await pilot.resize_terminal(30, 8)
        assert len(app.rows) == 8
        assert all(len(row) < 30 for row in app.rows)

    _drive(test)
