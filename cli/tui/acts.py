"""What can be done with a message that is selected."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from cli.tui.layout import fit
from protocol.language import N_
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from cli.tui.chat import ChatScreen
    from cli.tui.log import Entry
    from protocol.events import Message


class Acts:
    """Does it, with the commands that people could type as well."""

    def __init__(self, chat: ChatScreen) -> None:
        """Belong to ``chat``."""
        self._chat = chat

    def do(self, action: str, entry: Entry) -> None:
        """Do something with an entry."""
        message = entry.message
        if action == "fold":
            self._fold(entry)
        elif action == "write":
            self._chat.write()
        elif message is None:
            return
        elif action == "reply":
            self._begin(f"/reply {message.id} ", "", message, N_("Answering {name}: {text}"))
        elif action == "edit":
            self._edit(entry, message)
        elif action == "delete":
            self._delete(message)
        elif action == "comments":
            self._enter(f"/comments {message.id}")
        elif action in {"save", "open"}:
            self._save(message, and_open=action == "open")
        elif action == "copy":
            self._chat.app.copy_to_clipboard(entry.whole or message.text)
            self._note(self._say("Copied."))

    def _fold(self, entry: Entry) -> None:
        message = entry.message
        if message is not None and message.size is not None and entry.whole is None:
            if self._chat.talk is not None:
                self._chat.talk.fetch_whole(message.id)
            return
        self._chat.pane.refold(entry)

    def _begin(self, head: str, text: str, message: Message, about: str) -> None:
        shown = self._say(about, name=message.sender, text=message.text[:200])
        width = max(10, self._chat.size.width - 1)
        self._chat.desk.begin(head, text, fit(shown, width))

    def _edit(self, entry: Entry, message: Message) -> None:
        if not entry.own or message.kind != "text":
            self._note("! " + self._say("Only texts of your own can be changed."))
        elif message.size is not None:
            self._note("! " + self._say("That is too long to be changed here."))
        else:
            self._begin(f"/edit {message.id} ", message.text, message, N_("Changing: {text}"))

    def _delete(self, message: Message) -> None:
        text = fit(sanitise_line(message.text[:200]), 40)
        question = self._say("Take back this message of {name}?", name=message.sender)

        def answered(yes: bool | None) -> None:
            if yes:
                self._enter(f"/delete {message.id}")

        self._confirm(f"{question}\n{text}", answered)

    def _save(self, message: Message, *, and_open: bool) -> None:
        if message.file is None:
            self._note("! " + self._say("There is no file in this message."))
        elif and_open:
            self._open(message)
        else:
            self._enter(f"/get {message.id}")

    def _open(self, message: Message) -> None:
        """Save a file where downloads belong, and open it, if the user trusts who sent it."""
        assert message.file is not None  # noqa: S101 - for the type checker
        question = self._say(
            "Open {file} of {name}? A file can harm this computer: open it only if you trust "
            "who sent it.",
            file=message.file.name, name=message.sender,
        )  # fmt: skip

        def answered(yes: bool | None) -> None:
            if yes and self._chat.talk is not None:
                self._chat.talk.save_and(message.id, open_with_system)

        self._confirm(question, answered)

    def _confirm(self, question: str, answered: Callable[[bool | None], None]) -> None:
        from cli.tui.dialogs import Confirm  # not before the first picture

        self._chat.app.push_screen(Confirm(question, self._chat.voice), answered)

    def _enter(self, line: str) -> None:
        if self._chat.talk is not None:
            self._chat.talk.enter(line, self._chat.here, by_key=True)
        self._chat.write()

    def _note(self, text: str) -> None:
        self._chat.board.note(text)
        self._chat.changed()

    def _say(self, template: str, /, **values: object) -> str:
        return self._chat.voice.say(template, **values)


def open_with_system(path: str) -> bool:
    """Open a file with the program that the desktop has for it; False where there is no desktop."""
    import shutil
    import subprocess

    opener = "open" if sys.platform == "darwin" else "xdg-open"
    found = shutil.which(opener)
    if found is None:
        return False
    with suppress(OSError):
        subprocess.Popen(  # noqa: S603 - the path is an argument, and no shell is asked
            [found, path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        return True
    return False
