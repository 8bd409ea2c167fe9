"""Getting in: the saved session, the password where the name has one, and then the right mode."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from getpass import getpass
from pathlib import Path

from cli.credentials import Credentials
from cli.errors import ClientError, LoginRefused
from cli.options import Options
from cli.reasons import reason_of
from cli.saved import SavedSessions
from protocol.errors import ErrorCode
from protocol.language import Sentence, voice

ATTEMPTS = 3
"""How often a person is asked for a password."""


def aside(text: str) -> None:
    """Write something that is not output."""
    sys.stderr.write(text)
    sys.stderr.flush()


class Door:
    """One user's way to one server."""

    def __init__(self, options: Options, saved: SavedSessions) -> None:
        """Take the user's wishes, ``options.name`` given, and the sessions saved earlier."""
        self._options = options
        self._saved = saved
        self._name = options.name or ""
        self._voice = voice(options.language)

    def run(self) -> int:
        """Run the mode that is wanted; return the exit code.

        Raises LoginRefused where the server does not let one in by any means there are.
        """
        options = self._options
        token = self._saved.token(options.host, options.port, self._name)
        try:
            if token is not None:
                return self._run(Credentials(token=token, keep=self._keep))
        except LoginRefused as refused:
            if refused.code != ErrorCode.SESSION_ENDED:
                raise
            with suppress(OSError):  # then it is tried again, and refused again, next time
                self._saved.forget(options.host, options.port, self._name)
            self._complain(refused)
        password = given_password(options)
        try:
            return self._run(Credentials(password, keep=self._keep))
        except LoginRefused as refused:
            if refused.code != ErrorCode.PASSWORD_NEEDED:
                raise
            return self._run_asking(refused)

    def _run_asking(self, refused: LoginRefused) -> int:
        """Ask for the password, a few times."""
        if not sys.stdin.isatty():
            raise LoginRefused(
                refused.code,
                Sentence(
                    "{refusal} Give it with --password-file or MYMESSENGER_PASSWORD.",
                    refusal=refused,
                ),
            )
        for attempt in range(1, ATTEMPTS + 1):
            try:
                question = self._voice.say("Password of {name}:", name=self._name)
                password = getpass(f"{question} ", sys.stderr)
            except (EOFError, UnicodeDecodeError):
                aside("\n")
                raise refused from None
            try:
                return self._run(Credentials(password, keep=self._keep))
            except LoginRefused as again:
                if again.code != ErrorCode.BAD_CREDENTIALS or attempt == ATTEMPTS:
                    raise
                self._complain(again)
        raise refused

    def _complain(self, sentence: Sentence) -> None:
        aside(f"mymessenger: {sentence.said(self._voice)}\n")

    def _keep(self, name: str, token: str) -> None:
        try:
            self._saved.save(self._options.host, self._options.port, name, token)
        except OSError as error:
            reason = reason_of(error)
            self._complain(Sentence("The session cannot be saved: {reason}.", reason=reason))

    def _run(self, credentials: Credentials) -> int:
        options = replace(self._options, credentials=credentials)
        if options.task is not None:
            from cli.tasks import run_task

            return run_task(options)
        if options.is_one_shot:
            from cli.one_shot import run_one_shot

            return run_one_shot(options)
        if options.is_for_a_file:
            from cli.file_mode import run_file

            return run_file(options)
        if has_terminal() and not options.is_for_a_filter:
            from cli.line_mode import run_terminal

            return run_terminal(options)
        from cli.pipe_mode import run_pipe

        return run_pipe(options)


def given_password(options: Options) -> str | None:
    """Return the password that the user has given in advance; raises ClientError."""
    path = options.password_file
    if path is None:
        return os.environ.get("MYMESSENGER_PASSWORD") or None
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(
            "The password file {path} cannot be read: {reason}.",
            path=path,
            reason=reason_of(error),
        ) from error


def has_terminal() -> bool:
    """Tell whether a person can see and type, on a terminal that can move its cursor."""
    dumb = os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}
    return not dumb and sys.stdin.isatty() and sys.stdout.isatty()
