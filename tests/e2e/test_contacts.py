"""Contacts: adding, listing with what is unread, and talking to them (S000-8..17)."""

from __future__ import annotations

import re

from cli.client import Client
from protocol.errors import ErrorCode
from protocol.events import Conversation, Error, LoggedIn, Message, Opened
from protocol.requests import Send
from protocol.vocabulary.contacts import (
    AddContact,
    Contact,
    ContactAdded,
    ContactList,
    ContactNews,
    ContactRemoved,
    ListContacts,
    RemoveContact,
)
from protocol.vocabulary.reading import Open
from tests.cli.programs import run, terminal
from tests.harness import LineClient, NativeClient, RunningServer, native, telnet

HYPHENS = "-" * 40
_TIME = re.compile(r"\d\d:\d\d \d\d\.\d\d\.\d\d ")


async def answer(person: LineClient, line: str) -> list[str]:
    """Type a line at telnet and return what is shown until all is answered, without times."""
    await person.type(line)
    await person.type("/lang en")
    shown = await person.until("* This is English.\r\n")
    return _TIME.sub("", shown).split("\r\n")[:-2]


async def contacts(client: NativeClient) -> list[tuple[str, int]]:
    """Return the contacts with what is unread."""
    found = await client.ask(ListContacts(), ContactList)
    return [(contact.name, contact.unread) for contact in found.contacts]


async def test_the_list_at_telnet(server: RunningServer) -> None:
    """S000-8, S000-10, S000-14, S000-15, S000-16, S000-17: numbered, latest first, and read.

    The line of hyphens stands before what is unread, and one's own lines are signed Me.
    """
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        async with telnet(server, "Cid"), telnet(server, "Dan"):
            pass
        assert await answer(ann, "/contacts") == ["You have no contacts yet. /add NAME adds one."]
        assert await answer(ann, "/add dan") == ["Dan is one of your contacts now."]
        assert await answer(ann, "/add Cid") == ["Cid is one of your contacts now."]
        assert await answer(ann, "/add CID") == ["Cid is one of your contacts already."]
        assert await answer(ann, "/contacts") == ["1. Cid [0]", "2. Dan [0]"]
        await ann.type("/send-to Bob one")
        await bob.until("Ann (private): one\r\n")
        await bob.type("/send-to Ann two")
        await bob.type("/send-to Ann three")
        await ann.until("Bob (private): three\r\n")
        assert await answer(ann, "/contacts") == ["1. Bob [2]", "2. Cid [0]", "3. Dan [0]"]
        assert await answer(ann, "/chat 1") == [
            "You are talking to Bob privately.",
            "Me: one",
            HYPHENS,
            "Bob: two",
            "Bob: three",
        ]
        assert await answer(ann, "/contacts") == ["1. Bob [0]", "2. Cid [0]", "3. Dan [0]"]
        await ann.type("four")
        await bob.until("Ann (private): four\r\n")
        assert await answer(ann, "/remove Dan") == [
            (
                "Dan is no longer among those you have added. "
                "A conversation with Dan stays in /contacts."
            )
        ]
        assert await answer(ann, "/remove Dan") == ["You have not added Dan."]
        assert await answer(ann, "/contacts") == ["1. Bob [0]", "2. Cid [0]"]
        assert await answer(bob, "/contacts") == ["1. Ann [1]"], "read by nobody who is elsewhere"


async def test_what_cannot_be_added(server: RunningServer) -> None:
    """S000-15: who does not exist, and oneself."""
    async with telnet(server, "Ann") as ann:
        assert await answer(ann, "/add Nobody") == [
            "! Nobody called Nobody has been here. /status lists who is."
        ]
        assert await answer(ann, "/add Ann") == ["! You cannot add yourself."]
        assert await answer(ann, "/add") == ["! Write /add NAME."]
        assert await answer(ann, "/remove") == ["! Write /remove NAME."]
        assert await answer(ann, "/chat") == ["! Write /chat NUMBER or /chat NAME."]
        assert await answer(ann, "/chat 1") == [
            "! There is no contact with the number 1. /contacts lists them."
        ]
        assert await answer(ann, "/chat Nobody") == [
            "! Nobody called Nobody has been here. /status lists who is."
        ]
        assert await answer(ann, "/chat Ann") == [
            "! You cannot write to yourself; name somebody else."
        ]


def test_in_the_line_client(server: RunningServer) -> None:
    """S000-8, S000-9, S000-10, S000-13..17: the same from the client on a terminal."""
    assert run(server.port, "Bob").returncode == 0
    with terminal(server.port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type("/add Bob\r")
        ann.until("Bob is one of your contacts now.")
        ann.type("/contacts\r")
        ann.until("1. Bob [0]")
        assert run(server.port, "Bob", typed="send-to Ann hello\n").returncode == 0
        ann.until("Bob (private): hello")
        ann.type("/contacts\r")
        ann.until("1. Bob [1]")
        ann.type("/chat 1\r")
        lines = ann.until(" Bob: hello")
        assert HYPHENS in lines
        ann.until_prompt("Ann@Bob>")
        ann.type("hello yourself\r")
        ann.until("Ann (private to Bob): hello yourself")
        ann.type("/chat Bob\r")
        ann.until(" Me: hello yourself")
        ann.type("/remove Bob\r")
        ann.until("Bob is no longer among those you have added.")
        ann.type("/general\r")
        ann.until("You are in the general chat; what you type goes to everyone.")
        ann.until_prompt("Ann>")
        ann.type("/quit\r")
        assert ann.wait() == 0
    shown = run(server.port, "Ann", typed="/contacts\n").stdout.decode()
    assert shown == "1. Bob [0]\n", "it was read where it was opened"


async def test_a_number_means_the_list_that_was_shown(server: RunningServer) -> None:
    """S000-9: though a message has changed the order since. A user may be called by a number."""
    async with (
        native(server, "Ann") as ann,
        native(server, "Bob") as bob,
        native(server, "Cid") as cid,
        native(server, "42"),
    ):
        await bob.say("first", to="Ann")
        await cid.say("second", to="Ann")
        await ann.messages(2)
        assert await contacts(ann) == [("Cid", 1), ("Bob", 1)]
        await bob.say("third", to="Ann")
        await ann.messages(1)
        assert (await ann.ask(Open(number=1), Opened)).conversation.name == "Cid"
        assert await contacts(ann) == [("Bob", 2), ("Cid", 0)]
        assert (await ann.ask(Open(number=1), Opened)).conversation.name == "Bob"
        assert (await ann.ask(Open(number=42), Opened)).conversation.name == "42"
        error = await ann.ask(Open(number=43), Error)
        assert error.code == ErrorCode.UNKNOWN_USER


async def test_opening_shows_the_other_nothing(server: RunningServer) -> None:
    """S000-9: before the first message; not now, not at a later login, not in the contacts."""
    async with native(server, "Bob") as bob, native(server, "Ann") as ann:
        opened = await ann.ask(Open(to="Bob"), Opened)
        assert (opened.conversation.name, opened.messages) == ("Bob", [])
        assert await contacts(ann) == []
        assert await contacts(bob) == []
        async with native(server) as again:
            login = await again.login("Bob")
            assert [one.kind for one in login.conversations] == ["general"]
            number = opened.conversation.id
            await ann.send(Send(text="now", conversation=number))
            for other in (bob, again):
                told = await other.expect(Conversation)
                assert (told.conversation.id, told.conversation.name) == (number, "Ann")
                message = await other.expect(Message)
                assert (message.text, message.conversation) == ("now", number)
        assert await contacts(bob) == [("Ann", 1)]
        assert not [event for event in bob.seen[:-3] if isinstance(event, Conversation)]
        assert [event.name for event in ann.seen if isinstance(event, LoggedIn)] == ["Ann"]


async def test_an_opened_conversation_lives_through_a_restart(server: RunningServer) -> None:
    """S000-19: it is written into where it was opened, and then both know of it."""
    async with native(server, "Bob"), native(server, "Ann") as ann:
        number = (await ann.ask(Open(to="Bob"), Opened)).conversation.id
    server.stop()
    server.start()
    async with native(server, "Bob") as bob, native(server, "Ann") as ann:
        await ann.send(Send(text="now", conversation=number))
        assert (await bob.expect(Conversation)).conversation.name == "Ann"
        assert (await bob.expect(Message)).text == "now"
        assert (await ann.expect(Conversation)).conversation.name == "Bob"


async def test_contacts_are_in_sync(server: RunningServer) -> None:
    """S004-28, S002-17: what one device adds or removes, the others hear of."""
    async with native(server, "Bob"), native(server, "Ann") as phone, telnet(server, "Ann") as desk:
        added = await phone.ask(AddContact(name="bob"), ContactAdded)
        assert (added.name, added.known) == ("Bob", False)
        await desk.until("* You have added Bob to your contacts.\r\n")
        assert await answer(desk, "/contacts") == ["1. Bob [0]"]
        await desk.type("/remove Bob")
        assert await phone.expect(ContactNews) == ContactNews(name="Bob", added=False)
        removed = await phone.ask(RemoveContact(name="bob"), ContactRemoved)
        assert not removed.known
        await phone.ask(AddContact(name="Bob"), ContactAdded)
    server.stop()
    server.start()
    async with native(server, "Ann") as phone:
        assert (await phone.ask(ListContacts(), ContactList)).contacts == [Contact(name="Bob")]


async def test_a_program_asks_for_its_contacts(sqlite_server: RunningServer) -> None:
    """S000-12: by the library; users are called by their names."""
    address = ("127.0.0.1", sqlite_server.port)
    async with Client.New(*address, "Ann") as ann, Client.New(*address, "Bob") as bob:
        await bob.SendMsg("hello", to="Ann")
        message = await ann.ReadMsg()
        assert (message.text, message.private_with) == ("hello", "Bob")
        reply = await ann.ask(ListContacts())
        assert isinstance(reply, ContactList)
        [contact] = reply.contacts
        assert (contact.name, contact.unread, contact.added) == ("Bob", 1, False)
        assert contact.conversation == message.conversation
