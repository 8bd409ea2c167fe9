"""One thing asked for on the command line, and the end (S000-8, S000-9)."""

from __future__ import annotations

from contextlib import closing

import trio

from cli.client import Client
from cli.connecting import client_of
from cli.errors import ClientError, Refused, TextFailed
from cli.options import Options
from cli.outbox import Outgoing, TextSource
from cli.pipes import OutputClosed, OutputFailed, report, write
from cli.signals import EXIT_FAILED, Stop, run_stoppable
from cli.texts import open_whole, whole_text
from protocol.errors import ErrorCode
from protocol.events import Opened, Reply
from protocol.language import voice
from protocol.limits import MAX_TEXT
from protocol.requests import Request
from protocol.view import View, conversation_lines, lines, more_line
from protocol.vocabulary.contacts import AddContact, ContactList, ListContacts, contact_lines
from protocol.vocabulary.reading import Open

STDIN = "-"
"""What stands for standard input where a text is wanted."""


def run_one_shot(options: Options) -> int:
    """Do what the options say; return the exit code. Raises ClientError where that fails."""
    return trio.run(run_stoppable, OneShot(options).run)


class OneShot:
    """One run: standard output is what was asked for, standard error all else."""

    def __init__(self, options: Options) -> None:
        """Take the user's wishes; ``options.name`` is given."""
        self._options = options
        self._voice = voice(options.language)
        self._failed = False

    async def run(self, stop: Stop) -> int:
        """Connect, do it, and leave; return the exit code."""
        async with client_of(self._options) as client:
            with stop.begin():
                await self._do(client)
        return EXIT_FAILED if self._failed else 0

    async def _do(self, client: Client) -> None:
        options = self._options
        try:
            if options.add is not None:
                await self._add(client, options.add)
            elif options.chat is None:
                await self._list(client)
            elif options.send is None:
                await self._show(client, options.chat)
            else:
                await self._send(client, options.chat, options.send)
        except ClientError as error:
            self._complain(error.said(self._voice))

    async def _ask(self, client: Client, request: Request) -> Reply:
        with trio.move_on_after(self._options.timeout):
            return await client.ask(request)
        raise ClientError("The server does not answer.")

    async def _list(self, client: Client) -> None:
        """Print the contacts, each with how much is unread (S000-8)."""
        reply = await self._ask(client, ListContacts())
        if isinstance(reply, ContactList) and reply.contacts:
            await self._print(contact_lines(reply))
        else:
            self._remark(reply, client)

    async def _show(self, client: Client, contact: str) -> None:
        """Print a conversation, with a line before what is unread, which is read then (S000-9)."""
        reply = await self._ask(client, _opening(contact))
        if isinstance(reply, Opened):
            view = self._view(client)
            if reply.more:
                report(more_line(reply, view))
            await self._print(conversation_lines(reply, view))

    async def _add(self, client: Client, name: str) -> None:
        """Add a contact (S000-15)."""
        self._remark(await self._ask(client, AddContact(name=name)), client)

    async def _send(self, client: Client, contact: str, text: str) -> None:
        """Send one message, and wait until it is stored (S000-11, S000-16)."""
        name = await self._name_of(client, contact)
        try:
            await self._send_to(client, name, text)
        except Refused as refused:
            if refused.code != ErrorCode.UNKNOWN_USER or not _is_number(contact):
                raise
            raise ClientError(
                "There is no contact with the number {number}. /contacts lists them.",
                number=int(contact),
            ) from refused

    async def _send_to(self, client: Client, name: str, text: str) -> None:
        if text != STDIN:
            await self._deliver(client, name, text)
            return
        with await open_whole(None) as file, closing(await whole_text(file, None)) as whole:
            if whole.size > MAX_TEXT:
                await self._deliver(client, name, whole)
            else:  # as a line of it would be sent: echo ends what it writes with a newline
                await self._deliver(client, name, (await whole.read()).removesuffix("\n"))

    async def _name_of(self, client: Client, contact: str) -> str:
        if _is_number(contact):
            reply = await self._ask(client, ListContacts())
            contacts = reply.contacts if isinstance(reply, ContactList) else []
            if 1 <= int(contact) <= len(contacts):
                return contacts[int(contact) - 1].name
        return contact

    async def _deliver(self, client: Client, name: str, text: str | TextSource) -> None:
        try:
            outgoing = await client.begin_send(text, to=name)
        except UnicodeEncodeError as error:
            raise TextFailed("The text is not valid UTF-8.") from error
        await self._wait_for(client, outgoing)
        await outgoing.receipt()

    async def _wait_for(self, client: Client, outgoing: Outgoing) -> None:
        """Wait for the acknowledgement as long as there is some progress now and then."""
        carried = -1
        while not outgoing.done:
            furthest = client.CheckStatus().carried
            if furthest <= carried:
                raise ClientError("The message has not been acknowledged, and may be stored.")
            carried = furthest
            with trio.move_on_after(self._options.timeout):
                await outgoing.wait()

    def _view(self, client: Client) -> View:
        return View(self._voice, None, client.CheckStatus().name, whole=True)

    async def _print(self, shown: list[str]) -> None:
        try:
            await write("".join(f"{line}\n" for line in shown).encode())
        except OutputFailed as failed:
            self._complain(failed.said(self._voice))
        except OutputClosed:
            self._failed = True

    def _remark(self, reply: Reply, client: Client) -> None:
        """Say what is no output."""
        for line in lines(reply, self._view(client)):
            report(line)

    def _complain(self, sentence: str) -> None:
        self._failed = True
        report(sentence)


def _opening(contact: str) -> Open:
    return Open(number=int(contact)) if _is_number(contact) else Open(to=contact)


def _is_number(contact: str) -> bool:
    return (
        contact.isascii() and contact.isdecimal() and len(contact) <= _DIGITS and int(contact) > 0
    )


_DIGITS = 15  # well below 2**53
