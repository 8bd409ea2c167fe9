"""``mymessenger tail``: the messages as lines for programs, from wherever one left off (issue 6.5).

What is printed has a position in each conversation, its sequence number; the cursor of a line is
all these positions behind that line. Whoever starts again from the cursor of the last line that
they have gets what comes behind it, all of it and nothing twice.
"""

from __future__ import annotations

from collections import deque

import trio

from cli.aims import is_meant, room_of
from cli.client import Client
from cli.connecting import client_of
from cli.cursor import CursorFile, Positions, format_cursor
from cli.errors import ClientError
from cli.here import Here
from cli.messages import Age, ChatMessage
from cli.notices import Connected, Disconnected, LoginLost, Notice
from cli.options import Options
from cli.pipes import OutputClosed, OutputFailed, report, write
from cli.reasons import reason_of
from cli.show import NoticeLines, message_shown
from cli.signals import Stop, run_stoppable
from cli.tail_lines import json_line
from cli.tasks import EXIT_DONE, EXIT_FAILED, TailTask
from protocol.events import ConversationInfo, HistoryPage, Message
from protocol.language import voice
from protocol.limits import MAX_PAGE
from protocol.requests import History

BATCH = 200
"""Messages that are written together where many have arrived."""

AT_THE_END = 2**53
"""A position behind everything: nothing of that conversation is to be streamed."""


def run_tail(options: Options, task: TailTask) -> int:
    """Print messages; return the exit code. Raises ClientError where there is no connection."""
    return trio.run(run_stoppable, Tail(options, task).run)


class Past:
    """What a conversation holds between two numbers, page by page."""

    def __init__(self, info: ConversationInfo, after: int) -> None:
        """Begin behind a sequence number; the end is the last one that ``info`` tells of."""
        self._info = info
        self._after: int | None = after
        self.waiting: deque[Message] = deque()
        """What has come and is not printed."""

    @property
    def request(self) -> History | None:
        """What to ask for next; None behind the last page."""
        if self._after is None or self._after >= self._info.last_seq:
            return None
        return History(conversation=self._info.id, after=self._after, limit=MAX_PAGE)

    def take(self, page: HistoryPage) -> None:
        """Take a page that was asked for."""
        self._after = page.messages[-1].seq if page.more and page.messages else None
        last = self._info.last_seq
        self.waiting.extend(message for message in page.messages if message.seq <= last)


class Tail:
    """One run."""

    def __init__(self, options: Options, task: TailTask) -> None:
        """Take the user's wishes; ``options.name`` is given."""
        self._options = options
        self._task = task
        self._here = Here(voice(options.language), whole=True)
        self._notices = NoticeLines(self._here)
        self._file = None if task.cursor_file is None else CursorFile(task.cursor_file)
        self._positions: Positions = {}

    async def run(self, stop: Stop) -> int:
        """Print until the end, or for ever; return the exit code."""
        since = await self._since()
        try:
            await self._run(stop, since)
        except OutputFailed as failed:
            report(failed.said(self._here.voice))
            return EXIT_FAILED
        except OutputClosed:
            return EXIT_DONE  # as head ends what it has read enough of
        return EXIT_DONE

    async def _since(self) -> Positions | None:
        """Return where to begin: what the file says outranks the flag, for it is newer."""
        if self._file is None:
            return self._task.since
        try:
            kept = self._file.read()
        except OSError as error:
            raise ClientError(
                "The cursor file {path} cannot be read: {reason}.",
                path=self._task.cursor_file, reason=reason_of(error),
            ) from error  # fmt: skip
        except ValueError as error:
            raise ClientError(
                "The file {path} holds no cursor. Delete it to begin anew.",
                path=self._task.cursor_file,
            ) from error
        return self._task.since if kept is None else kept

    async def _run(self, stop: Stop, since: Positions | None) -> None:
        async with client_of(
            self._options,
            on_notice=self._notice,
            since=dict.fromkeys(since or {}, AT_THE_END),  # pages bring what was before
        ) as client:
            with stop.begin():
                await client.ping()  # from now on it is known what the user is in
                if self._task.aim is not None and self._task.aim.room is not None:
                    room_of(client, self._task.aim)
                await self._print_past(client, since)
                if self._file is not None:
                    await self._keep(self._file, format_cursor(self._positions))
                if self._task.follow:
                    await self._print_what_comes(client)

    # ---- what there is already

    async def _print_past(self, client: Client, since: Positions | None) -> None:
        infos = [info for info in client.conversations.values() if self._is_wanted(info)]
        if since is None:
            await self._print_last(client, infos)
            return
        self._positions = dict(since)
        for info in infos:
            if info.id not in since:
                self._positions[info.id] = await self._beginning(client, info)
        await self._print_merged(client, infos)

    async def _print_last(self, client: Client, infos: list[ConversationInfo]) -> None:
        """Print the last messages of all these conversations together, in order."""
        found: list[Message] = []
        for info in infos:
            before = info.last_seq + 1
            while self._task.count and before > 1:
                limit = min(self._task.count, MAX_PAGE)
                page = await self._page(
                    client, History(conversation=info.id, before=before, limit=limit)
                )
                found += page.messages
                enough = sum(one.conversation == info.id for one in found) >= self._task.count
                if enough or not page.more or not page.messages:
                    break
                before = page.messages[0].seq
        found.sort(key=lambda message: message.id)
        shown = found[max(0, len(found) - self._task.count) :] if self._task.count else []
        for info in infos:
            mine = [one.seq for one in shown if one.conversation == info.id]
            self._positions[info.id] = min([*mine, info.last_seq + 1]) - 1
        await self._print(client, shown)
        self._positions.update({info.id: info.last_seq for info in infos})

    async def _beginning(self, client: Client, info: ConversationInfo) -> int:
        """Return behind which number a conversation begins that the cursor does not know.

        That is where the user came into a room; the others begin with their first message.
        """
        if info.kind != "room":
            return 0
        me = client.CheckStatus().name
        before = info.last_seq + 1
        while before > 1:
            page = await self._page(
                client, History(conversation=info.id, before=before, limit=MAX_PAGE)
            )
            for message in reversed(page.messages):
                if message.kind == "join" and message.sender == me:
                    return message.seq - 1
            if not page.more or not page.messages:
                break
            before = page.messages[0].seq
        return 0

    async def _print_merged(self, client: Client, infos: list[ConversationInfo]) -> None:
        """Print conversations from their positions on, to the ends that they had at the login.

        They come in one order, that of the numbers that are unique on the server.
        """
        pasts = [Past(info, self._positions[info.id]) for info in infos]
        while True:
            for past in pasts:
                while past.request is not None and not past.waiting:
                    past.take(await self._page(client, past.request))
            pasts = [past for past in pasts if past.waiting]
            if not pasts:
                break
            batch: list[Message] = []
            while all(past.waiting for past in pasts):  # one that has none may have an older one
                batch.append(min(pasts, key=lambda past: past.waiting[0].id).waiting.popleft())
            await self._print(client, batch)
        for info in infos:  # what is missing is gone for good
            self._positions[info.id] = max(self._positions[info.id], info.last_seq)

    async def _page(self, client: Client, request: History) -> HistoryPage:
        with trio.move_on_after(self._task.timeout):
            return await client.ask_history(request)
        raise ClientError("The server does not answer.")

    # ---- what comes

    async def _print_what_comes(self, client: Client) -> None:
        while True:
            batch = [await client.ReadMsg()]
            while client.CheckStatus().unread and len(batch) < BATCH:
                batch.append(await client.ReadMsg())
            await self._print(client, [one.frame for one in batch])

    def _is_wanted(self, info: ConversationInfo) -> bool:
        return self._task.aim is None or is_meant(info, self._task.aim)

    # ---- printing

    async def _print(self, client: Client, messages: list[Message]) -> None:
        """Print what is new of these messages, and keep the cursor behind each."""
        lines: list[tuple[str, str]] = []
        for message in messages:
            info = client.conversations.get(message.conversation)
            if info is None or not self._is_wanted(info):
                continue
            if message.seq > self._positions.get(info.id, 0):
                self._positions[info.id] = message.seq
                cursor = format_cursor(self._positions)
                lines.append((self._line(client, message, info, cursor), cursor))
        if self._file is None:
            if lines:
                await write("".join(line for line, _ in lines).encode())
            return
        for line, cursor in lines:
            await write(line.encode())
            await self._keep(self._file, cursor)

    def _line(self, client: Client, message: Message, info: ConversationInfo, cursor: str) -> str:
        if self._task.json:
            return json_line(message, info, cursor)
        shown = ChatMessage(
            frame=message,
            own=False,
            age=Age.LIVE,
            private_with=info.name if info.kind == "direct" else None,
            room=info.name if info.kind == "room" else None,
        )
        view = self._here.view(client.CheckStatus().name)
        return "".join(f"{line}\n" for line in message_shown(shown, view))

    async def _keep(self, file: CursorFile, cursor: str) -> None:
        try:
            await trio.to_thread.run_sync(file.write, cursor)
        except OSError as error:
            raise ClientError(
                "The cursor file {path} cannot be written: {reason}.",
                path=self._task.cursor_file, reason=reason_of(error),
            ) from error  # fmt: skip

    def _notice(self, notice: Notice) -> None:
        """Tell of a lost connection, and when it is back; all else is no news to a program."""
        self._here.hear(notice)
        first = isinstance(notice, Connected) and not notice.again
        if isinstance(notice, Connected | Disconnected | LoginLost) and not first:
            for line in self._notices.lines(notice, self._options.name or ""):
                report(line)
