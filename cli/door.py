"""Getting in: the saved session, the password where the name has one, and then the right mode."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from getpass import getpass
from pathlib import Path

from cli.address import is_loopback
from cli.credentials import Credentials
from cli.errors import ClientError, LoginRefused, UnknownServer
from cli.fingerprints import as_fingerprint
from cli.known_servers import KnownServers
from cli.options import Options
from cli.reasons import reason_of
from cli.saved import SavedSessions
from cli.security import Security
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

    def __init__(self, options: Options, saved: SavedSessions, known: KnownServers) -> None:
        """Take the user's wishes, ``options.name`` given, and what was saved earlier."""
        security = Security(options.wish, options.fingerprint, options.trust_new, known)
        self._options = replace(options, security=security)
        self._saved = saved
        self._known = known
        self._name = options.name or ""
        self._voice = voice(options.language)

    def run(self) -> int:
        """Run the mode that is wanted; return the exit code.

        Raises LoginRefused where the server does not let one in by any means there are, and
        UntrustedServer where it is not proven to be the one that is meant.
        """
        if (warning := plaintext_warning(self._options)) is not None:
            self._complain(warning)
        while True:
            try:
                return self._enter()
            except UnknownServer as unknown:
                if not self._may_ask or not self._asks_trust(unknown):
                    raise

    @property
    def _may_ask(self) -> bool:
        """True: there is a person who has come to talk."""
        options = self._options
        has_other_aims = options.is_one_shot or options.is_for_a_file or options.is_for_a_filter
        return sys.stdin.isatty() and sys.stderr.isatty() and not has_other_aims

    def _asks_trust(self, unknown: UnknownServer) -> bool:
        """Ask a person whether a server is the one that is meant; True: it is known now."""
        say = self._voice.say
        aside(
            say(
                "The server {server} is not known yet. Its fingerprint is {fingerprint} .",
                server=unknown.server, fingerprint=unknown.fingerprint,
            )
            + "\n"
            + say("The server printed its own when it started: are they the same?")
            + "\n"
        )  # fmt: skip
        while True:
            aside(say("Trust it? (yes/no)") + " ")
            try:
                answer = sys.stdin.readline()
            except UnicodeError:
                continue
            word = answer.strip().casefold()
            if not answer or word in {"no", say("no")}:
                aside("" if answer else "\n")
                return False
            if word in {"yes", say("yes")} or as_fingerprint(answer.strip()) == unknown.fingerprint:
                self._trust(unknown)
                return True
            self._complain(Sentence("Type yes or no, or the fingerprint that you know."))

    def _trust(self, unknown: UnknownServer) -> None:
        options = self._options
        try:
            self._known.add(options.host, options.port, unknown.fingerprint)
        except OSError as error:
            reason = reason_of(error)
            self._complain(
                Sentence("The server cannot be saved as known: {reason}.", reason=reason)
            )

    def _enter(self) -> int:
        """Prove by one means after the other who the user is; return the exit code."""
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


def plaintext_warning(options: Options) -> Sentence | None:
    """Return what somebody should know who does without encryption on purpose."""
    if not options.plaintext or is_loopback(options.host):
        return None
    return Sentence(
        "--plaintext: anybody on the way to {host} can read and change what you "
        "write, your password too.",
        host=options.host,
    )


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
