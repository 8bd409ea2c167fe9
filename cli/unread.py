"""``mymessenger unread``: the number for prompts and status bars (issue 6.5)."""

from __future__ import annotations

import msgspec
import trio

from cli.connecting import client_of
from cli.errors import ClientError
from cli.options import Options
from cli.pipes import OutputClosed, OutputFailed, report, write
from cli.signals import Stop, run_stoppable
from cli.tasks import EXIT_DONE, EXIT_FAILED, EXIT_NO, UnreadTask
from protocol.events import ConversationInfo
from protocol.language import voice
from protocol.text import sanitise_line


class OneUnread(msgspec.Struct, frozen=True):
    """A conversation with unread messages, as ``--json --per`` prints it."""

    id: int
    kind: str
    """``general``, ``direct`` or ``room``."""
    name: str
    unread: int
    """At most 1000, which may mean more."""


class AllUnread(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``--json`` prints."""

    unread: int
    conversations: list[OneUnread] | None = None
    """With ``--per``; those with nothing unread are left out."""


def run_unread(options: Options, task: UnreadTask) -> int:
    """Print the number; return the exit code. Raises ClientError where it is not known."""
    return trio.run(run_stoppable, Unread(options, task).run)


class Unread:
    """One run."""

    def __init__(self, options: Options, task: UnreadTask) -> None:
        """Take the user's wishes; ``options.name`` is given."""
        self._options = options
        self._task = task
        self._voice = voice(options.language)

    async def run(self, stop: Stop) -> int:
        """Ask, print, leave; return the exit code."""
        with trio.move_on_after(self._task.timeout):
            found = await self._ask(stop)
            return await self._print(found)
        raise ClientError("The server does not answer.")

    async def _ask(self, stop: Stop) -> list[OneUnread]:
        """Return the conversations with unread messages: the login tells all of them."""
        options = self._options
        async with client_of(options) as client:
            with stop.begin():
                if options.retry:
                    await client.ping()
                return [_of(info) for info in client.conversations.values() if info.unread > 0]
        return []

    async def _print(self, found: list[OneUnread]) -> int:
        number = sum(one.unread for one in found)
        try:
            await write(self._shown(number, found))
        except OutputFailed as failed:
            report(failed.said(self._voice))
            return EXIT_FAILED
        except OutputClosed:
            return EXIT_FAILED
        return EXIT_DONE if number else EXIT_NO

    def _shown(self, number: int, found: list[OneUnread]) -> bytes:
        if self._task.json:
            every = AllUnread(number, found if self._task.per else None)
            return msgspec.json.encode(every) + b"\n"
        if self._task.per:
            lines = [f"{sanitise_line(one.name)} - {one.unread}\n" for one in found]
            return "".join(lines).encode()
        return b"%d\n" % number


def _of(info: ConversationInfo) -> OneUnread:
    return OneUnread(info.id, info.kind, info.name, info.unread)
