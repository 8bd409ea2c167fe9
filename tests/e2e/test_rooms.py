"""Rooms: going in and out, who is what in them, and who gets into private ones."""

from __future__ import annotations

import time

import trio

from protocol.events import (
    Conversation,
    ConversationLeft,
    Error,
    HistoryPage,
    Message,
    Notice,
    Opened,
    Sent,
)
from protocol.requests import Fetch, History, Send
from protocol.vocabulary.rooms import JoinRoom, Kick, LeaveRoom, ListMembers, ListRooms, RoomList
from tests.cli.programs import terminal
from tests.harness import LineClient, NativeClient, RunningServer, native, telnet

PASSWORD = "a long password"


async def _register(person: LineClient) -> None:
    await person.type(f"/register {PASSWORD}")
    await person.until("is yours now")


async def _private(person: LineClient, room: str) -> None:
    """Make a private room."""
    await _register(person)
    await person.type(f"/chats {room} private")
    await person.until(f"You have made the room {room}")


async def test_a_room_is_made_joined_listed_and_left(server: RunningServer) -> None:
    """S002-9 and S002-10, from telnet: everyone in it sees in order who comes, speaks and goes."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await ann.type("/get_chats")
        await ann.until("There are no rooms yet.")
        await ann.type("/chats Dev")
        await ann.until("You have made the room Dev and are in it.")
        await ann.type("first")
        await ann.type("/topic all about tests")
        await ann.until("Topic of Dev: all about tests")
        await ann.until("Ann (Dev) set the topic: all about tests")
        await bob.type("/chats dev")
        shown = await bob.until("Ann: first\r\n")
        assert "You are in the room Dev; what you type goes there." in shown
        assert "Topic: all about tests" in shown
        await ann.until("Bob (Dev) has come into the room.")
        await bob.type("second")
        await ann.until("Bob (Dev): second")
        await bob.type("/get_chats")
        await bob.until(". Dev (2 members, you are in it): all about tests")
        await bob.type("/members")
        shown = await bob.until("Bob, here\r\n")
        assert "2 members of Dev:\r\n  Ann, owner, here\r\n" in shown
        await bob.type("/leave")
        await bob.until("You have left the room Dev.")
        await ann.until("Bob (Dev) has left the room.")
        await bob.type("for everyone")
        await ann.until("Bob: for everyone")
        await bob.type("/chats")
        await bob.until(". Dev (1 member): all about tests")


async def test_one_can_leave_a_room_from_another(sqlite_server: RunningServer) -> None:
    """S002-9: by its name or its number; one stays where one is."""
    async with telnet(sqlite_server, "Ann") as ann:
        for room in ("one", "two", "three"):
            await ann.type(f"/chats {room}")
            await ann.until(f"You have made the room {room}")
        await ann.type("/leave one")
        await ann.until("You have left the room one.")
        await ann.type("/leave #3")
        await ann.until("You have left the room two.")
        await ann.type("/members")
        await ann.until("1 member of three:")
        await ann.type("/leave nowhere")
        await ann.until("You are in no room called nowhere.")


async def test_rooms_from_the_line_client(server: RunningServer) -> None:
    """S002-9, S002-10: the same commands on a terminal; the prompt says where one is."""
    async with telnet(server, "Bob") as bob:
        await bob.type("/chats dev")
        await bob.until("You have made the room dev")
        await trio.to_thread.run_sync(_look_around, server.port)
        await bob.until("Ann (dev) has come into the room.")
        await bob.until("Ann (dev): hello")
        await bob.until("Ann (dev) has left the room.")


def _look_around(port: int) -> None:
    with terminal(port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type("/get_chats\r")
        ann.until(". dev (1 member)")
        ann.type("/chats dev\r")
        ann.until("You are in the room dev; what you type goes there.")
        ann.until_prompt("Ann@dev>")
        ann.type("hello\r")
        ann.until("Ann (dev): hello")
        ann.type("/members\r")
        ann.until("  Bob, owner, here")
        ann.type("/topic\r")
        ann.until("dev has no topic.")
        ann.type("/topic mine\r")
        ann.until("Only owners and moderators of a room can do that")
        ann.type("/leave\r")
        ann.until("You have left the room dev.")
        ann.until_prompt("Ann>")


async def test_what_one_is_not_in_cannot_be_told_from_what_there_is_not(
    server: RunningServer,
) -> None:
    """S004-29: a private room is neither read, nor listed, nor guessed."""
    async with telnet(server, "Ann") as ann, native(server, "Eve", history=0) as eve:
        await _private(ann, "secret")
        await ann.type("hidden words")
        listed = await eve.ask(ListRooms(), RoomList)
        assert not listed.rooms
        for number in (2, 4711):
            for request in (
                History(conversation=number),
                Send(conversation=number, text="hello"),
                ListMembers(conversation=number),
                LeaveRoom(conversation=number),
            ):
                error = await eve.ask(request, Error)
                assert error.code == "unknown_conversation"
                sentence = f"You are in no conversation with the number {number}."
                assert error.message == sentence
        errors = [await eve.ask(Fetch(id=number), Error) for number in (1, 2, 4711)]
        assert {error.code for error in errors} == {"unknown_message"}
        names = [
            await eve.ask(ListMembers(room=name), Error) for name in ("secret", "nothing", "#2")
        ]
        assert {error.code for error in names} == {"unknown_room"}
        opened = await eve.ask(JoinRoom(name="secret"), Opened)
        assert (opened.created, opened.conversation.private) == (True, False)
        await ann.type("/chats secret")
        shown = await ann.until("Ann: hidden words\r\n")
        assert "You are in the room secret" in shown, "who is in the private one gets there"


async def test_devices_follow_and_leave_together(server: RunningServer) -> None:
    """S004-28: what one device joins or leaves is joined or left at the others at once."""
    async with (
        native(server, "Ann", history=0) as phone,
        native(server, "Ann", history=0) as laptop,
        native(server, "Bob", history=0) as bob,
    ):
        opened = await phone.ask(JoinRoom(name="dev"), Opened)
        number = opened.conversation.id
        heard = await laptop.expect(Conversation)
        assert (heard.conversation.id, heard.conversation.role) == (number, "owner")
        assert (await bob.ask(JoinRoom(name="dev"), Opened)).conversation.id == number
        await bob.ask(Send(conversation=number, text="hi"), Sent)
        for device in (phone, laptop):
            assert [await _next_in(device, number) for _ in range(3)] == ["join", "join", "hi"]
        await laptop.ask(LeaveRoom(conversation=number), ConversationLeft)
        left = await phone.expect(ConversationLeft)
        assert (left.conversation, left.name) == (number, "dev")
        error = await phone.ask(Send(conversation=number, text="still?"), Error)
        assert error.code == "unknown_conversation"
        members = [await _next_in(bob, number) for _ in range(2)]
        assert members == ["leave", "role"]


async def _next_in(client: NativeClient, number: int) -> str:
    """Return the next entry of a conversation: a text, or the kind of what is none."""
    while (message := await client.expect(Message)).conversation != number:
        pass
    return message.text if message.kind == "text" else message.kind


async def test_owners_appoint_and_put_out(server: RunningServer) -> None:
    """S004-29: roles; one who is put out is told, and is where everybody is."""
    async with (
        telnet(server, "Ann") as ann,
        telnet(server, "Bob") as bob,
        telnet(server, "Eve") as eve,
    ):
        await ann.type("/chats dev")
        await ann.until("You have made the room dev")
        for person in (bob, eve):
            await person.type("/chats dev")
            await person.until("You are in the room dev")
        await bob.type("/kick Eve")
        await bob.until("You may not put Eve out of this room.")
        await ann.type("/role Bob moderator")
        await bob.until("Ann (dev) made Bob a moderator.")
        await bob.type("/kick Eve")
        await eve.until("Bob has put you out of the room dev.")
        await ann.until("Bob (dev) has put Eve out of the room.")
        await eve.type("is anybody there?")
        await eve.until("so this was not sent")
        await eve.type("hello everyone")
        await ann.until("Eve: hello everyone")
        await ann.type("/role Ann member")
        await ann.until("A room needs an owner")
        await ann.type("/leave dev")
        await bob.until("Ann (dev) has left the room.")
        await bob.until("Ann (dev) made Bob an owner of the room.")


async def test_invitations(server: RunningServer) -> None:
    """S004-29: who is invited into a private room hears of it, at each login too, and gets in."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await _private(ann, "secret")
        await ann.type("our words")
        await ann.type("/invite Bob")
        await ann.until("Bob is a guest")
        await _register(bob)
        await ann.type("/invite Bob")
        await ann.until("Bob is invited to secret.")
        await bob.until("* Ann invites you to the private room secret.")
        await bob.type("/invitations")
        await bob.until(". secret, invited by Ann at")
        await bob.type("/decline secret")
        await bob.until("You do not go into secret.")
        await bob.type("/accept secret")
        await bob.until("You have no invitation to secret")
        await ann.type("/invite Bob")
        await bob.until("* Ann invites you to the private room secret.")
        await trio.to_thread.run_sync(_accept, server.port)
        await ann.until("Bob (secret) has come into the room.")
        await bob.until("* You are a member of the room secret now.")


def _accept(port: int) -> None:
    """Bob comes to another device, is told, and goes in."""
    with terminal(port, "Bob") as bob:
        bob.until("assword")
        bob.type(f"{PASSWORD}\r")
        bob.until("* Ann invites you to the private room secret.")
        bob.type("/invitations\r")
        bob.until(". secret, invited by Ann at")
        bob.type("/accept secret\r")
        bob.until("You are in the room secret; what you type goes there.")
        bob.until("Ann: our words")
        bob.until_prompt("Bob@secret>")


async def test_links_and_approval(server: RunningServer) -> None:
    """S004-29: by a generated link one asks, and the owner lets one in or does not."""
    async with telnet(server, "Ann") as ann, telnet(server, "Bob") as bob:
        await _private(ann, "secret")
        await ann.type("/link 2")
        await ann.until("can ask to be let into secret until")
        await ann.until("  /join ")
        code = (await ann.until("\r\n")).strip()
        await bob.type(f"/join {code}")
        await bob.until("needs an account")
        await _register(bob)
        await bob.type(f"/join {code}")
        await bob.until("You have asked to be let into secret.")
        await ann.until("* Bob asks to be let into secret.")
        await ann.type("/deny Bob")
        await bob.until("* You have not been let into secret.")
        await bob.type(f"/join {code}")
        await ann.until("* Bob asks to be let into secret.")
        async with telnet(server, None) as second:
            await second.type("Ann")
            await second.until_bytes(b"Password")
            await second.type(PASSWORD)
            await second.until_bytes(b"* Bob asks to be let into secret.")
            await second.type("/requests secret")
            await second.until("Bob has asked at")
            await second.type("/approve Bob secret")
            await second.until("Bob is in secret now.")
        await bob.until("* You have been let in: /chats secret goes there.")
        await bob.type("/chats secret")
        await bob.until("You are in the room secret")
        await bob.type("at last")
        await ann.until("Bob (secret): at last")
        await ann.type("/links")
        number = (await ann.until(". made by Ann")).rpartition("\n")[2].partition(".")[0]
        await ann.type(f"/revoke {number}")
        await ann.until("lets nobody in any more.")
        await trio.to_thread.run_sync(_knock_in_vain, server.port, code)


def _knock_in_vain(port: int, code: str) -> None:
    """A revoked code and one that never was are refused in the same words."""
    with terminal(port, "Eve") as eve:
        eve.until_prompt("Eve>")
        eve.type(f"/register {PASSWORD}\r")
        eve.until("is yours now")
        for text in (code, "AAAAAAAAAAAAAAAAAAAAAA"):
            eve.type(f"/join {text}\r")
        refusals = [line for line in eve.until("lets nobody in") if "This code lets nobody" in line]
        while len(refusals) < 2:
            eve.look()
            refusals = [line for line in eve.lines if "This code lets nobody" in line]
        assert len(set(refusals)) == 1


async def test_everything_is_there_after_a_restart(server: RunningServer) -> None:
    """S004-6 for rooms: who is in them, topic, roles, and what was said."""
    async with telnet(server, "Ann") as ann:
        await ann.type("/chats dev")
        await ann.until("You have made the room dev")
        await ann.type("/topic tests")
        await ann.until("Ann (dev) set the topic: tests")
        await ann.type("before")
        await ann.type("/get_chats")
        await ann.until(". dev (1 member, you are in it): tests")
    server.stop()
    server.start()
    async with telnet(server, "Ann") as ann, native(server, "Bob", history=0) as bob:
        opened = await bob.ask(JoinRoom(name="dev"), Opened)
        assert [message.text for message in opened.messages] == ["before"]
        assert opened.conversation.topic == "tests"
        await ann.until("Bob (dev) has come into the room.")
        await ann.type("/members dev")
        await ann.until("  Ann, owner, here\r\n  Bob, here")


async def test_a_private_room_from_the_line_client(server: RunningServer) -> None:
    """S004-29: all that an owner does, on a terminal; the others are at telnet."""
    async with telnet(server, "Bob") as bob, telnet(server, "Eve") as eve:
        for person in (bob, eve):
            await _register(person)
        steps = _Steps()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _own, server.port, steps)
            await bob.until("* Ann invites you to the private room secret.")
            await bob.type("/accept secret")
            await bob.until("You are in the room secret; what you type goes there.")
            await bob.until("Ann (secret) made Bob a moderator.")
            for answer in ("You have not been let into secret.", "You have been let in:"):
                await eve.type(f"/join {await steps.code()}")
                await eve.until(answer)
            await eve.until("Ann has put you out of the room secret.")
            await bob.until("Ann (secret) has put Eve out of the room.")


class _Steps:
    """What the one at the terminal, in a thread, tells the others."""

    def __init__(self) -> None:
        self._codes, self._known = trio.open_memory_channel[str](1)
        self._token = trio.lowlevel.current_trio_token()

    def tell(self, code: str) -> None:
        trio.from_thread.run(self._codes.send, code, trio_token=self._token)

    async def code(self) -> str:
        return await self._known.receive()


def _own(port: int, steps: _Steps) -> None:
    with terminal(port, "Ann") as ann:
        ann.until_prompt("Ann>")
        ann.type(f"/register {PASSWORD}\r")
        ann.until("is yours now")
        ann.type("/chats secret private\r")
        ann.until("You have made the room secret and are in it.")
        ann.type("/invite Bob\r")
        ann.until("Bob is invited to secret.")
        ann.until("Bob (secret) has come into the room.")
        ann.type("/role Bob moderator\r")
        ann.until("Bob is moderator of secret now.")
        ann.type("/link\r")
        ann.until("can ask to be let into secret until")
        [line] = [line for line in ann.until("  /join ") if line.startswith("  /join ")]
        steps.tell(line.split()[1])
        ann.until("* Eve asks to be let into secret.")
        ann.type("/requests\r")
        ann.until("Eve has asked at")
        ann.type("/deny Eve\r")
        ann.until("Eve is not let into secret.")
        steps.tell(line.split()[1])
        while sum("* Eve asks to be let" in shown for shown in ann.look()) < 2:
            time.sleep(0.01)
        ann.type("/approve Eve\r")
        ann.until("Eve is in secret now.")
        ann.type("/links\r")
        [made] = [line for line in ann.until(". made by Ann") if ". made by Ann" in line]
        ann.type(f"/revoke {made.partition('.')[0]}\r")
        ann.until("lets nobody in any more.")
        ann.type("/topic our matters\r")
        ann.until("Topic of secret: our matters")
        ann.type("/kick Eve\r")
        ann.until("Eve is out of secret.")


async def test_one_who_is_put_out_says_nothing_to_everyone_by_mistake(
    server: RunningServer,
) -> None:
    """S004-29: what was typed for the room goes nowhere, on a terminal as at telnet."""
    async with telnet(server, "Ann") as ann:
        await ann.type("/chats dev")
        await ann.until("You have made the room dev")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _be_put_out, server.port)
            await ann.until("Bob (dev): for the room")
            await ann.type("/kick Bob")
            shown = await ann.until("Bob: for everyone")
            assert "secret words" not in shown


def _be_put_out(port: int) -> None:
    with terminal(port, "Bob") as bob:
        bob.until_prompt("Bob>")
        bob.type("/decline dev\r")
        bob.until("You have no invitation to dev")
        bob.type("/chats dev\r")
        bob.until_prompt("Bob@dev>")
        bob.type("for the room\r")
        bob.until("Ann has put you out of the room dev.")
        bob.until_prompt("Bob>")
        bob.type("secret words\r")
        bob.until("so this was not sent")
        bob.type("for everyone\r")
        bob.until("Bob: for everyone")


async def test_each_message_is_answered_while_one_is_put_out(server: RunningServer) -> None:
    """Stored, or refused; nothing is lost without a word, and nothing else comes of the room."""
    count = 200
    async with (
        native(server, "Ann", history=0) as ann,
        native(server, "Bob", history=0) as bob,
    ):
        for client in (ann, bob):
            number = (await client.ask(JoinRoom(name="dev"), Opened)).conversation.id
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write_many, bob, number, count)
            await ann.expect(Message)
            await ann.ask(Kick(conversation=number, user="Bob"), Notice)
        answered: dict[int | None, bool] = {}
        left = False
        while len(answered) < count:
            event = await bob.next()
            left = left or isinstance(event, ConversationLeft)
            if isinstance(event, Sent | Error):
                assert event.ref not in answered
                answered[event.ref] = isinstance(event, Sent)
            elif isinstance(event, Message):
                assert not left, "nothing of the room comes behind the news"
        stored = sorted(ref for ref, sent in answered.items() if sent and ref is not None)
        page = await ann.ask(History(conversation=number, limit=200, spoken=True), HistoryPage)
        assert [int(message.text) for message in page.messages] == stored


async def _write_many(client: NativeClient, number: int, count: int) -> None:
    for ref in range(1, count + 1):
        await client.send(Send(ref=ref, conversation=number, text=str(ref)))
