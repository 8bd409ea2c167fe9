"""The full screen as a whole: signing in, one talk after the other, and the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from cli.credentials import Credentials
from cli.door import aside, given_password, plaintext_warning
from cli.errors import CannotConnect, LoginRefused, Refused, UnknownServer, UntrustedServer
from cli.known_servers import KnownServers
from cli.options import Options
from cli.reasons import reason_of
from cli.saved import SavedSessions
from cli.security import Security
from cli.signals import Stop
from cli.tui.app import Messenger
from cli.tui.chat import first_chat
from cli.tui.dialogs import Confirm
from cli.tui.face import Refusal
from cli.tui.guest import run_screen
from cli.tui.host import ScreenTask
from cli.tui.sign_in import Entry, FormField, How, Saved, SignIn
from cli.tui.talk import Talk
from protocol.errors import ErrorCode
from protocol.language import Sentence, voice

WAITING_ENTRIES = 1


class FullScreen:
    """One run of the program on the full screen."""

    def __init__(
        self,
        options: Options,
        saved: SavedSessions,
        known: KnownServers,
        app: Messenger,
        task: ScreenTask,
        *,
        name: str | None,
    ) -> None:
        """Take the user's wishes and the screen; without a ``name`` the user is asked."""
        security = Security(options.wish, options.fingerprint, options.trust_new, known)
        self._options = replace(options, security=security)
        self._known = known
        self._task = task
        self._name = name
        self._first_chat = app.chat
        self._saved = saved
        self._app = app
        self._voice = voice(options.language)
        self._wanted, self._entries = trio.open_memory_channel[Entry](WAITING_ENTRIES)
        self._attempt_scope = trio.CancelScope()
        self._talk: Talk | None = None
        self._code = 0
        self._last: list[str] = []
        self._done = trio.Event()
        self._sign_in: SignIn | None = None

    async def run(self, stop: Stop) -> int:
        """Show the screen until the user leaves; return the exit code."""
        app = self._app
        app.on_leave = self._on_leave
        entry = self._first_entry()
        async with trio.open_nursery() as nursery:
            with stop.begin():
                nursery.start_soon(self._serve, entry)
                await run_screen(app, self._task)
            stop.ask()  # from now on a signal ends this at once
            await self._finish()
            nursery.cancel_scope.cancel()
        return self._code

    def _on_leave(self) -> bool:
        """Let what was written be handed over first; True: there is nothing of that kind."""
        if self._talk is None or not self._talk.has_begun:
            return True
        self._talk.leave()
        return False

    async def _finish(self) -> None:
        """Wait until the talk has come to its end, with the terminal as it was before."""
        while self._last:
            self._tell_last(self._last.pop(0))
        talk = self._talk
        if talk is None:
            return
        if self._app.chat is not None:
            self._app.chat.desk.keep_draft()
        if not talk.has_begun:
            return
        talk.leave()
        await self._done.wait()

    def _tell_last(self, sentence: str) -> None:
        """Say something below the screen, once that has closed."""
        if self._task.done():
            aside(f"* {sentence}\n")
        else:
            self._last.append(sentence)

    # --- one talk after the other -----------------------------------------------------------

    def _first_entry(self) -> Entry | None:
        options = self._options
        if self._name is None:
            return None
        return Entry(options.host, options.port, self._name, password=given_password(options))

    async def _serve(self, entry: Entry | None) -> None:
        if entry is None and isinstance(self._app.screen, SignIn):
            self._look_after(self._app.screen)
        while True:
            if entry is None:
                entry = await self._entries.receive()
            tried, entry = entry, None
            with trio.CancelScope() as self._attempt_scope:
                entry = await self._attempt(tried)
            if self._attempt_scope.cancelled_caught:
                self._ask(tried, None, "")  # the user did not want to wait
            elif self._done.is_set():
                self._app.exit()
                return

    async def _attempt(self, entry: Entry) -> Entry | None:
        """Let somebody in; return what to try instead, None where they are asked again."""
        token = entry.token
        if token is None and entry.password is None:
            token = self._saved.token(entry.host, entry.port, entry.name)
        try:
            refusal = await self._talk_as(entry, token)
        except UntrustedServer as error:
            return await self._look_at(entry, error)
        except (CannotConnect, LoginRefused, Refused) as error:
            code = error.code if isinstance(error, Refused) else ""
            refusal = Refusal(code, error.said(self._voice))
            if isinstance(error, CannotConnect):
                self._ask(entry, FormField.HOST, refusal.sentence)
                return None
        if refusal is None:
            self._done.set()
            return None
        if refusal.code == ErrorCode.SESSION_ENDED and token is not None:
            self._forget(entry)
            return replace(entry, token=None)
        self._ask(entry, _field_of(refusal.code), refusal.sentence)
        return None

    async def _look_at(self, entry: Entry, error: UntrustedServer) -> Entry | None:
        """Ask whether a server is the one that is meant, where nobody knows it yet."""
        self._talk = None
        if isinstance(error, UnknownServer) and await self._asks_trust(error):
            try:
                await trio.to_thread.run_sync(
                    self._known.add, entry.host, entry.port, error.fingerprint
                )
            except OSError as not_saved:
                sentence = Sentence(
                    "The server cannot be saved as known: {reason}.", reason=reason_of(not_saved)
                )
                self._ask(entry, FormField.HOST, sentence.said(self._voice))
                return None
            return entry
        self._ask(entry, FormField.HOST, error.said(self._voice))
        return None

    async def _asks_trust(self, unknown: UnknownServer) -> bool:
        say = self._voice.say
        question = "\n".join(
            (
                say(
                    "The server {server} is not known yet. Its fingerprint is {fingerprint} .",
                    server=unknown.server, fingerprint=unknown.fingerprint,
                ),
                say("The server printed its own when it started: are they the same?"),
            )
        )  # fmt: skip
        answered = trio.Event()
        trusted = False

        def take(yes: bool | None) -> None:
            nonlocal trusted
            trusted = bool(yes)
            answered.set()

        self._app.call_later(self._app.push_screen, Confirm(question, self._voice), take)
        await answered.wait()
        return trusted

    async def _talk_as(self, entry: Entry, token: str | None) -> Refusal | None:
        """Talk until the user leaves or is refused."""
        options = replace(self._options, host=entry.host, port=entry.port, name=entry.name)
        self._app.server = f"{entry.host}:{entry.port}"
        chat = self._first_chat or first_chat(self._app, entry.name, self._voice)
        self._first_chat = None
        board = chat.board
        chat.talk = self._talk = talk = Talk(options, board, chat)
        if not entry.asked:
            chat.began()
        talk.tell_last = self._tell_last
        if (warning := plaintext_warning(options)) is not None:
            board.note(f"! {warning.said(self._voice)}")
        keep = self._keeper(entry)
        registers = entry.how is How.REGISTER
        credentials = Credentials(None if registers else entry.password, token, keep=keep)
        result = await talk.run(
            credentials,
            retry=not entry.asked,
            password=entry.password if registers else None,
        )
        self._voice = board.here.voice
        if isinstance(result, Refusal):
            self._talk = None
            return result
        self._code = result
        return None

    def _keeper(self, entry: Entry) -> Callable[[str, str], None]:
        def keep(name: str, token: str) -> None:
            try:
                self._saved.save(entry.host, entry.port, name, token)
            except OSError as error:
                sentence = Sentence(
                    "The session cannot be saved: {reason}.", reason=reason_of(error)
                )
                if self._app.chat is not None:
                    self._app.chat.board.note(f"! {sentence.said(self._voice)}")

        return keep

    def _forget(self, entry: Entry) -> None:
        try:
            self._saved.forget(entry.host, entry.port, entry.name)
        except OSError:
            return  # then it is tried again, and refused again, next time

    def _ask(self, entry: Entry, field: FormField | None, sentence: str) -> None:
        """Show the form, with what is wrong."""
        if self._sign_in is None or self._app.screen is not self._sign_in:
            saved = [Saved(*one) for one in self._saved.sessions()]
            self._look_after(SignIn(self._voice, saved, entry.host, entry.port))
        assert self._sign_in is not None  # noqa: S101 - for the type checker
        how = How.ACCOUNT if field is FormField.PASSWORD and entry.how is How.GUEST else entry.how
        self._sign_in.fill(replace(entry, how=how))
        self._sign_in.tell(field, sentence)
        self._app.show(self._sign_in)

    def _look_after(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        sign_in.on_begin = self._enter
        sign_in.on_stop = self._stop_attempt

    def _enter(self, entry: Entry) -> None:
        try:
            self._wanted.send_nowait(entry)
        except trio.WouldBlock:
            return  # one is on its way already

    def _stop_attempt(self) -> None:
        if self._talk is not None and not self._talk.has_begun:
            self._attempt_scope.cancel()


def _field_of(code: str) -> FormField | None:
    """Return where the form says what the server says."""
    if code in {ErrorCode.BAD_NAME, ErrorCode.NAME_TAKEN}:
        return FormField.NAME
    if code in {ErrorCode.PASSWORD_NEEDED, ErrorCode.BAD_CREDENTIALS, ErrorCode.BAD_PASSWORD}:
        return FormField.PASSWORD
    return None
