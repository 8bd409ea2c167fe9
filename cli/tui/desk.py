"""What happens with what is being written: sending, drafts, completions, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.language import Count, size_of
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.tui.chat import ChatScreen
    from cli.tui.completion import Completion, Known


class Desk:
    """Looks after the composer of a chat."""

    def __init__(self, chat: ChatScreen) -> None:
        """Belong to ``chat``."""
        self._chat = chat
        self._draft_of = chat.board.present
        self._head = ""  # what a key has put before the text: `/reply 12 ` or `/edit 12 `
        self._listed_for = ""  # the text whose completions are shown
        self._kept = ""

    # --- sending ----------------------------------------------------------------------------

    def enter(self, text: str) -> None:
        """Send what was written, or do what it says."""
        talk = self._chat.talk
        head, self._head = self._head, ""
        self.about("")
        self._close_list()
        if talk is None:
            return
        if not text.strip():
            talk.retry_now()
            return
        talk.enter(f"{head}{text}", self._chat.here, by_key=bool(head))
        self._chat.board.log.divider = None
        self._chat.pane.to_end()
        self.keep_draft()

    def divide(self) -> None:
        """Let what comes from now on stand below the unread line, where there is none yet."""
        log = self._chat.board.log
        if log.divider is None or log.divider < log.last:
            log.divider = log.last or None

    def pasted(self, text: str) -> None:
        """Ask whether a long text is to be sent as one message."""
        from cli.tui.dialogs import Confirm  # not before the first picture

        voice, here = self._chat.voice, self._chat.here
        lines = text.rstrip("\n").count("\n") + 1
        question = voice.say(
            "Send {lines} ({size}) as one message?",
            lines=Count("{number} line", "{number} lines", lines),
            size=size_of(len(text.encode(errors="replace"))),
        )

        def answered(yes: bool | None) -> None:
            if yes and self._chat.talk is not None:
                self._chat.talk.enter(text.rstrip("\n"), here, verbatim=True)
                self._chat.pane.to_end()

        self._chat.app.push_screen(Confirm(question, voice), answered)

    def begin(self, head: str, text: str, about: str) -> None:
        """Let what is written next be an answer, or another text of a message."""
        self._head = head
        self.about(about)
        if text:
            self._chat.composer.put(text)
        self._chat.write()

    def about(self, text: str) -> None:
        """Show above the composer what is being written."""
        self._chat.about.update(text)
        self._chat.about.display = bool(text)

    def escape(self) -> None:
        """Close the list of completions, or give up the answer that is being written."""
        if self._chat.suggestions.display:
            self._close_list()
        elif self._head:
            if self._head.startswith("/edit"):
                self._chat.composer.put("")
            self._head = ""
            self.about("")

    # --- drafts -----------------------------------------------------------------------------

    def moved(self, *, carry: bool) -> None:
        """Put away what was begun where the user was, and take out what was begun here."""
        chat = self._chat
        text = chat.composer.text
        self._head = ""
        self.about("")
        self._close_list()
        if carry and text:
            self._keep("")
            self._draft_of = chat.board.present
            return
        self._keep(text)
        self._draft_of = chat.board.present
        self.load_draft()

    def load_draft(self) -> None:
        """Take out what was begun here."""
        chat = self._chat
        draft = chat.messenger.state.draft(chat.server, chat.board.name, self._draft_of)
        self._kept = draft
        chat.composer.put(draft)

    def keep_draft(self) -> None:
        """Keep what is being written, if it is another text than before."""
        text = self._chat.composer.text
        if text != self._kept and not self._head:
            self._keep(text)

    def _keep(self, text: str) -> None:
        chat = self._chat
        if text != self._kept:
            self._kept = text
            chat.messenger.state.set_draft(chat.server, chat.board.name, self._draft_of, text)
            chat.messenger.state.write()

    # --- completions ------------------------------------------------------------------------

    def typed(self) -> None:
        """Forget the completions of another text."""
        if self._chat.composer.text != self._listed_for:
            self._close_list()

    def complete(self, step: int) -> bool:
        """Go on with what is being typed: as far as it is clear, then one after the other."""
        suggestions = self._chat.suggestions
        if suggestions.found and suggestions.display:
            index = suggestions.index + step
            self.take_completion(index % len(suggestions.found))
            return True
        from cli.tui.completion import common_start, completions  # not before the first picture

        composer = self._chat.composer
        before = composer.before_cursor
        found = completions(before, self._known())
        if not found:
            return False
        if len(found) == 1:
            self._put(found[0], found[0].text)
            return True
        common = common_start(found)
        if len(common) > len(before) - found[0].start:
            self._put(found[0], common)
        self._listed_for = composer.text
        suggestions.show(found, -1)
        return True

    def take_completion(self, index: int) -> None:
        """Take one of the list."""
        suggestions = self._chat.suggestions
        chosen = suggestions.found[index]
        self._put(chosen, chosen.text)
        suggestions.show(suggestions.found, index)

    def _put(self, one: Completion, text: str) -> None:
        self._chat.composer.replace_before(one.start, text)
        self._listed_for = self._chat.composer.text

    def _close_list(self) -> None:
        self._chat.suggestions.show((), -1)

    def _known(self) -> Known:
        from cli.tui.completion import Known

        board = self._chat.board
        places = board.roster.ordered
        people = dict.fromkeys(one.info.name for one in places if one.info.kind == "direct")
        people |= dict.fromkeys(board.people)
        senders = (entry.message.sender for entry in board.log if entry.message is not None)
        people |= dict.fromkeys(senders)
        return Known(
            [sanitise_line(name) for name in people if name != board.name],
            [sanitise_line(one.info.name) for one in places if one.info.kind == "room"],
            self._chat.folder,
        )
