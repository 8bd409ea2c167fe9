"""The chat: conversations, messages, facts, and a place to write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static, TextArea

from cli.here import Here
from cli.tui.acts import Acts
from cli.tui.board import Board
from cli.tui.composer import Composer
from cli.tui.desk import Desk
from cli.tui.keys import Where, bindings
from cli.tui.layout import Row, Setting, fit, pending_rows
from cli.tui.pane import MessagePane
from cli.tui.pane_view import Scene
from cli.tui.sidebar import WIDTH, Contents, Sidebar, title_of
from cli.tui.status_line import StatusLine, parts_of
from cli.tui.suggestions import Suggestions
from protocol.commands import Place
from protocol.language import N_, size_of
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.messages import ChatMessage
    from cli.outbox import Outgoing
    from cli.tui.app import Messenger
    from cli.tui.board import Transfer
    from cli.tui.local_commands import LocalCommand
    from cli.tui.roster import Place as RosterPlace
    from cli.tui.talk import Talk
    from protocol.language import Voice
    from protocol.vocabulary.reading import Marked

REDRAW_EVERY = 0.04
"""Seconds in which changes are collected before they are shown."""
TICK = 1.0
"""Seconds after which is looked at what changes by itself: a countdown, a stuck terminal."""
MOST_LINES = 8
"""Rows that what is being written takes at most, and a third of the screen."""
INVITATION = N_("Write a message")
"""What stands where nothing is written."""
WIDE = 70
"""Columns from which on the conversations are shown beside the messages."""


class ChatScreen(Screen[None]):
    """Shows a board, and is the face of a talk."""

    BINDINGS = bindings(Where.CHAT)

    def __init__(self, messenger: Messenger, board: Board) -> None:
        """Show ``board``; :meth:`attach` gives it a talk."""
        super().__init__()
        self.messenger = messenger
        self.board = board
        self.talk: Talk | None = None
        self.voice = board.here.voice
        self._dirty = False
        self._due = False
        self._title = ""
        self._afresh = True
        self._list_wanted: bool | None = None
        self._wide: bool | None = None
        self.desk = Desk(self)
        self.acts = Acts(self)
        self.sidebar = Sidebar()
        self.heading = Static("", id="heading", markup=False)
        self.pane = MessagePane(self._want, self._jump, self._saw, self.acts.do)
        self.status_line = StatusLine(messenger.note_painted)
        self.about = Static("", id="about", markup=False)
        self.suggestions = Suggestions(self.voice, messenger.palette)
        self.composer = Composer(self.desk, messenger.history, self.voice.say(INVITATION))

    def compose(self) -> ComposeResult:
        """Put the parts in their places."""
        with Horizontal(id="body"):
            yield self.sidebar
            with Vertical():
                yield self.heading
                yield self.pane
        yield self.suggestions
        yield self.status_line
        yield self.about
        yield self.composer

    def on_mount(self) -> None:
        """Begin."""
        self.sidebar.styles.width = WIDTH
        self.suggestions.display = self.about.display = False
        self.write()
        self.set_interval(TICK, self._tick)
        self.desk.load_draft()
        self.flush()

    def on_resize(self) -> None:
        """Show the conversations where there is room, and leave some for the messages."""
        self._show_list()
        self.composer.styles.max_height = max(1, min(MOST_LINES, self.size.height // 3))
        self.changed()

    # --- the face of the talk ---------------------------------------------------------------

    def changed(self) -> None:
        """Show the board anew, soon, with all that changes until then."""
        self._dirty = True
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(REDRAW_EVERY, self._flush_soon)

    def _flush_soon(self) -> None:
        self._due = False
        self.call_later(self.flush)

    def moved(self) -> None:
        """Follow the user to another conversation; what is being written may come along."""
        self._afresh = True
        self.desk.moved(carry=self.talk is not None and self.talk.is_moving)
        self.changed()

    def ask(self, question: str, take: Callable[[str | None], None]) -> None:
        """Ask for what nobody may read; what is taken is None where the user would not say."""
        from cli.tui.dialogs import Secret  # not before the first picture

        self.call_later(self.app.push_screen, Secret(question), take)

    def came(self, message: ChatMessage, place: RosterPlace | None) -> None:
        """Tell of a message that the user may want to know of."""
        self.messenger.alerts.me = self.board.name  # as the server writes it
        self.messenger.alerts.came(message, place, looked_at=self._looks_at(message))

    def _looks_at(self, message: ChatMessage) -> bool:
        return self.messenger.has_focus and message.conversation == self.board.present

    def was_read(self, event: Marked) -> None:
        """Tell of nothing that another device has read."""
        self.messenger.alerts.was_read(event.conversation, event.read)

    def do(self, command: LocalCommand, argument: str) -> None:
        """Do what only a screen can do."""
        self.call_later(self.messenger.do, command, argument)

    def began(self) -> None:
        """Stand there."""
        self.messenger.show_chat(self)

    def leave(self) -> None:
        """Close."""
        self.desk.keep_draft()
        self.messenger.exit()

    # --- showing ----------------------------------------------------------------------------

    def flush(self) -> None:
        """Show what has changed."""
        if not self._dirty and not self._afresh:
            return
        self._dirty = False
        if self.talk is not None:
            self.talk.refresh()
        board, palette = self.board, self.messenger.palette
        if board.here.voice.language != self.voice.language:
            self._speak(board.here.voice)
        place = board.place
        afresh, self._afresh = self._afresh, False
        self.pane.show(
            Scene(
                board.log, board.view, palette,
                direct=place is not None and place.info.kind == "direct",
                last_seq=0 if place is None else place.last,
                tail=self._tail(),
            ),
            afresh=afresh,
        )  # fmt: skip
        places = tuple(board.roster.ordered)
        self.sidebar.show(Contents(places, board.present, board.people, self.voice, palette))
        self._show_facts()

    def _speak(self, voice: Voice) -> None:
        """Go on in another language, everywhere on the screen."""
        self.voice = self.suggestions.voice = voice
        self.composer.placeholder = voice.say(INVITATION)
        self.messenger.speak(voice)

    def _show_facts(self) -> None:
        board = self.board
        narrow = not self.sidebar.display
        parts = parts_of(board, self.voice, time.monotonic(), narrow=narrow)
        self.status_line.show(parts, self.messenger.palette)
        title = ""
        if board.place is not None:
            title = title_of(board.place, self.voice)
            if board.place.info.topic:
                title += f" — {sanitise_line(board.place.info.topic)}"
        title = fit(title, max(1, self.heading.size.width - 1))
        if title != self._title:
            self._title = title
            self.heading.update(title)

    def _tail(self) -> tuple[tuple[str, list[Row]], ...]:
        """Return the rows of what is on its way to where the user is."""
        board = self.board
        if not board.log.at_end:
            return ()
        setting = Setting(board.view, max(8, self.pane.size.width - 1))
        waits = board.status is None or board.status.state.value != "online"
        mark = self.voice.say("waiting for the connection") if waits else ""
        rows = [
            (f"{one.ref}", pending_rows(self._text_of(one), setting, mark))
            for one in board.waiting_here()
        ]
        rows += [
            (one.name, pending_rows(self._transfer(one), setting, ""))
            for one in board.transfers
            if one.sending and board.is_here(one.conversation, one.to)
        ]
        return tuple(rows)

    def _text_of(self, outgoing: Outgoing) -> str:
        return outgoing.text if isinstance(outgoing.text, str) else self.voice.say("a long text")

    def _transfer(self, transfer: Transfer) -> str:
        return self.voice.say(
            "{name}: {percent} % of {size}",
            name=transfer.name, percent=transfer.percent, size=size_of(transfer.size),
        )  # fmt: skip

    def _tick(self) -> None:
        self.messenger.redraw_if_stuck()
        self.messenger.alerts.tick()
        self.desk.keep_draft()
        offline = self.board.retry_at is not None
        if offline or self.board.transfers or self.board.pending:
            self.changed()

    def _show_list(self) -> None:
        wide = self.size.width >= WIDE
        if wide is not self._wide:
            self._wide, self._list_wanted = wide, None
        self.sidebar.display = wide if self._list_wanted is None else self._list_wanted
        self.sidebar.styles.width = WIDTH if wide else max(10, self.size.width - 1)
        narrow_list = self.sidebar.display and not wide
        for part in (self.heading, self.pane):
            part.display = not narrow_list

    # --- what is looked at ------------------------------------------------------------------

    def _want(self, older: bool) -> None:
        if self.talk is not None:
            self.talk.want(older=older)

    def _jump(self, seq: int) -> None:
        if self.talk is not None:
            self.talk.jump(seq)

    def _saw(self, seq: int) -> None:
        if self.talk is not None and self.messenger.screen is self:
            self.talk.saw(seq, attentively=self.messenger.has_focus)
            if self.messenger.has_focus:
                self.messenger.alerts.was_read_here(self.board.present, seq)

    @on(Sidebar.Chosen)
    def _go_to_chosen(self, event: Sidebar.Chosen) -> None:
        self.go(event.conversation)

    def go(self, conversation: int) -> None:
        """Turn to a conversation."""
        if self.talk is not None:
            self.talk.go(conversation)
        if self._list_wanted and self.size.width < WIDE:
            self._list_wanted = None
            self._show_list()
        self.write()

    @on(Suggestions.Chosen)
    def _take_suggestion(self, event: Suggestions.Chosen) -> None:
        self.desk.take_completion(event.index)

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self.desk.typed()

    # --- keys -------------------------------------------------------------------------------

    def action_next_unread(self) -> None:
        """Go to the next conversation with something unread."""
        self.go(self.board.roster.next_unread(self.board.present))

    def action_beside(self, step: int) -> None:
        """Go to the conversation above or below."""
        self.go(self.board.roster.beside(self.board.present, step))

    def action_go_to(self, number: int) -> None:
        """Go to a conversation by its place in the list."""
        places = self.board.roster.ordered
        if number <= len(places):
            self.go(places[number - 1].info.id)

    def action_toggle_list(self) -> None:
        """Show the conversations, or hide them."""
        self._list_wanted = not self.sidebar.display
        self._show_list()
        self.changed()

    def action_dnd(self) -> None:
        """Do not disturb, on or off."""
        self.messenger.toggle_quiet()

    def action_theme(self) -> None:
        """Take the next look."""
        self.messenger.next_look()

    def action_page(self, pages: int) -> None:
        """Scroll the messages by screenfuls."""
        self.pane.page(pages)

    def action_first(self) -> None:
        """Show the first messages."""
        self.pane.to_start()

    def action_last(self) -> None:
        """Show the last messages."""
        self.pane.to_end()

    def action_select(self) -> None:
        """Select a message."""
        self.set_focus(self.pane)
        self.pane.select_last()

    def write(self) -> None:
        """Let the next key go to the composer: now, and not when all messages are handled."""
        self.set_focus(self.composer)

    @property
    def here(self) -> Place:
        """Where what is written goes."""
        return self.board.here.place

    @property
    def server(self) -> str:
        """The server's address, which drafts are kept by."""
        return self.messenger.server

    @property
    def folder(self) -> Path:
        """Where paths that are completed begin."""
        return Path.cwd()


def first_chat(messenger: Messenger, name: str, voice: Voice) -> ChatScreen:
    """Return a chat that stands before anything is known of the server."""
    return ChatScreen(messenger, Board(Here(voice), name))
