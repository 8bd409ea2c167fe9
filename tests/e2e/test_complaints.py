"""Complaints block for hours, and administrators see to them (S002-12, S002-16, S004-26)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from protocol.errors import ErrorCode
from protocol.events import Error, HistoryPage, Message, Notice
from protocol.requests import History, Send
from protocol.vocabulary.identity import Register, Registered
from protocol.vocabulary.moderation import (
    Blocked,
    BlockLifted,
    BlockUser,
    Complain,
    ComplaintList,
    LiftBlock,
    ListComplaints,
    NewComplaint,
)
from tests.cli.programs import terminal
from tests.harness import NativeClient, RunningServer, native, running_server, telnet

Start = Callable[..., AbstractContextManager[RunningServer]]
HOUR = 3_600_000_000
PASSWORD = "a long password of mine"


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Start:
    """Run a server with flags, on each of the two databases."""
    return partial(running_server, tmp_path, "--database", database_url, "--admin", "Root, Chief")


@asynccontextmanager
async def coming_from(
    server: RunningServer, address: str, name: str
) -> AsyncIterator[NativeClient]:
    """Connect a guest from another address of this machine."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port, local_address=address)
    async with stream:
        client = NativeClient(stream)
        await client.login(name, history=0)
        yield client


@asynccontextmanager
async def account(server: RunningServer, name: str) -> AsyncIterator[NativeClient]:
    """Connect somebody who takes a password for a new name."""
    async with native(server, name, history=0) as client:
        await client.ask(Register(password=PASSWORD), Registered)
        yield client


async def complain(client: NativeClient, name: str, reason: str = "") -> str:
    """Complain; return what is said about it."""
    return (await client.ask(Complain(name=name, reason=reason), Notice)).message


async def is_refused(client: NativeClient, **place: str) -> bool:
    """Tell whether somebody is refused because of a block."""
    error = await client.ask(Send(text="hello", **place), Error)  # type: ignore[arg-type]
    return error.code == ErrorCode.BLOCKED and "until" in error.message


async def test_who_might_become_an_administrator_is_warned_of(start: Start) -> None:
    """S004-26: at each start, for each such name that nobody has registered yet."""
    with start() as server:
        log = server.log.read_text("utf-8")
        assert log.count("admin.unregistered") == 2
        async with account(server, "root"):
            pass
    with start() as server:
        again = server.log.read_text("utf-8").removeprefix(log)
        assert again.count("admin.unregistered") == 1
        assert "Chief" in again


async def test_three_complaints_block_for_four_hours(start: Start) -> None:
    """S002-12, S002-16, S004-26, decision 9: three different accounts, within a day.

    The blocked user is told at once on all devices and at each message, and reads on.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = stack.enter_context(start())
        eve, phone = [await enter(native(server, "Eve", history=0)) for _ in range(2)]
        ann, bob, cid = [await enter(account(server, name)) for name in ("Ann", "Bob", "Cid")]
        said = await eve.say("buy this")
        assert "counts" in await complain(ann, "eve", "spam")
        assert "counts already" in await complain(ann, "Eve")
        assert "counts" in await complain(bob, "Eve")
        assert (await eve.say("and that")).id > said.id
        assert "Eve is blocked now" in await complain(cid, "Eve")
        for device in (eve, phone):
            until = (await device.expect(Blocked)).until
            assert 3.9 * HOUR < until - said.time < 4.1 * HOUR
            assert await is_refused(device)
            assert await is_refused(device, to="Ann")
            assert await is_refused(device, to="Nobody")
        assert "blocked already" in await complain(ann, "Eve")
        await ann.say("good")
        assert (await eve.expect(Message)).text == "good"
        page = await eve.ask(History(limit=3), HistoryPage)
        assert [one.text for one in page.messages] == ["buy this", "and that", "good"]


async def test_guests_of_one_address_are_one(start: Start) -> None:
    """Decision 9: a guest's complaint counts as one of its IP, an account's as one of it."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = stack.enter_context(start())
        eve = await enter(native(server, "Eve", history=0))
        for number in range(4):
            guest = await enter(coming_from(server, "127.0.0.1", f"guest{number}"))
            assert ("counts already" in await complain(guest, "Eve")) is (number > 0)
        second = await enter(coming_from(server, "127.0.0.2", "other"))
        await complain(second, "Eve")
        assert (await eve.say("still here")).id
        third = await enter(account(server, "Ann"))
        assert "blocked now" in await complain(third, "Eve")
        await eve.expect(Blocked)


async def test_about_whom_one_cannot_complain(start: Start) -> None:
    """S004-34: oneself, nobody, and administrators; a guest of that name is none."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = stack.enter_context(start("--complaints-threshold", "1"))
        ann = await enter(account(server, "Ann"))
        root = await enter(account(server, "Root"))
        chief = await enter(native(server, "Chief", history=0))
        for name, code in (
            ("Ann", ErrorCode.BAD_ARGUMENTS),
            ("Nobody", ErrorCode.UNKNOWN_USER),
            ("Root", ErrorCode.NOT_ALLOWED),
        ):
            assert (await ann.ask(Complain(name=name), Error)).code == code
        for stranger in (ann, chief):
            for request in (ListComplaints(), LiftBlock(name="Ann"), BlockUser(name="Ann")):
                assert (await stranger.ask(request, Error)).code == ErrorCode.NOT_ALLOWED
        refused = await root.ask(BlockUser(name="Root"), Error)
        assert refused.code == ErrorCode.BAD_ARGUMENTS
        await complain(ann, "Chief")
        await chief.expect(Blocked)


async def test_administrators_see_and_lift(start: Start) -> None:
    """S004-26, decision 9: they are told at once, list, lift, and block by themselves."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = stack.enter_context(start("--complaints-threshold", "2"))
        root = await enter(account(server, "Root"))
        eve = await enter(native(server, "Eve", history=0))
        ann, bob = [await enter(account(server, name)) for name in ("Ann", "Bob")]
        await complain(ann, "Eve", "spam")
        told = (await root.expect(NewComplaint)).complaint
        assert (told.name, told.reporter, told.guest, told.reason) == ("Eve", "Ann", False, "spam")
        listed = await root.ask(ListComplaints(), ComplaintList)
        assert [(one.name, one.reporter, one.reason) for one in listed.complaints] == [
            ("Eve", "Ann", "spam")
        ]
        assert listed.blocked == []
        assert "settled" in (await root.ask(LiftBlock(name="Eve"), Notice)).message
        await complain(bob, "Eve")
        assert (await eve.say("one complaint was settled")).id
        await complain(ann, "Eve")
        await eve.expect(Blocked)
        listed = await root.ask(ListComplaints(), ComplaintList)
        assert (listed.complaints, [one.name for one in listed.blocked]) == ([], ["Eve"])
        assert "can write again" in (await root.ask(LiftBlock(name="Eve"), Notice)).message
        await eve.expect(BlockLifted)
        assert (await eve.say("thank you")).id
        assert "not blocked" in (await root.ask(LiftBlock(name="Eve"), Notice)).message
        blocked = await root.ask(BlockUser(name="Eve", hours=2.5, reason="again"), Notice)
        assert "Eve is blocked until" in blocked.message
        assert (await eve.expect(Blocked)).reason == "again"
        assert await is_refused(eve)


async def test_a_block_survives_a_restart_and_ends(start: Start) -> None:
    """S004-6, S002-16: it is told at the login, and its time is a setting."""
    flags = ("--complaints-threshold", "1", "--block-hours", "0.0025")
    with start(*flags) as server:
        async with native(server, "Eve"), native(server, "Ann") as ann:
            await complain(ann, "Eve")
        server.kill()
        server.start()
        async with native(server) as eve:
            await eve.login("Eve")
            assert any(isinstance(event, Blocked) for event in eve.seen)
            assert await is_refused(eve)
            await trio.sleep(9.5)
            assert (await eve.say("back")).id


async def test_at_telnet(start: Start) -> None:
    """S002-12, S004-26: /ban, /complaints, /lift and /block, and what the blocked one sees."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = stack.enter_context(start("--complaints-threshold", "2"))
        root, eve = [await enter(telnet(server, name)) for name in ("Root", "Eve")]
        await root.type(f"/register {PASSWORD}")
        await root.until("is yours now")
        ann = await enter(account(server, "Ann"))
        await root.type("/ban")
        await root.until("! Write /ban NAME [REASON].")
        await root.type("/complaints")
        await root.until("There are no open complaints.")
        await complain(ann, "Eve", "spam \x1b[31m")
        await root.until("* Ann complains about Eve: spam ␛[31m (/complaints lists all.)")
        await root.type("/complaints")
        await root.until("Ann about Eve: spam ␛[31m\r\n")
        await root.type("/ban Eve rude")
        await root.until("* Your complaint about Eve counts; Eve is blocked now.")
        await eve.until("* You are blocked: you can read, but write nothing until ")
        await eve.type("hello")
        await eve.until("! You are blocked: you can read, but write nothing until ")
        await root.type("/complaints")
        await root.until("Eve is blocked until ")
        await root.type("/lift Eve")
        await root.until("* Eve can write again.")
        await eve.until("* An administrator has lifted the block")
        await root.type("/block Eve 2 of all days")
        await root.until("* Eve is blocked until ")
        await eve.until("* The reason: of all days")
        await eve.type("/complaints")
        await eve.until("! That is for the administrators of this server.")
        again = await enter(telnet(server))
        await again.type("Eve")
        await again.until("* You are blocked: you can read")


async def test_at_the_line_client(start: Start) -> None:
    """S002-12, S004-26: the same commands, and the same for the one who is blocked."""
    with (
        start("--complaints-threshold", "2") as server,
        terminal(server.port, "Root") as root,
        terminal(server.port, "Eve") as eve,
    ):
        for screen in (root, eve):
            screen.until("/help lists the commands")
        root.type(f"/register {PASSWORD}\r")
        root.until("is yours now")
        eve.type("/complaints\r")
        eve.until("That is for the administrators of this server.")
        eve.type("/ban Eve\r")
        eve.until("You cannot complain about yourself.")
        async with native(server, "Ann", history=0) as ann:
            await complain(ann, "Eve", "rude")
        root.until("* Ann (a guest) complains about Eve: rude (/complaints lists all.)")
        root.type("/complaints\r")
        root.until("Ann (a guest) about Eve: rude")
        root.type("/ban Eve\r")
        root.until("Your complaint about Eve counts; Eve is blocked now.")
        eve.until("* You are blocked: you can read, but write nothing until ")
        eve.type("hello\r")
        eve.until("Not sent: You are blocked: you can read, but write nothing until ")
        root.type("/lift Eve\r")
        root.until("Eve can write again.")
        eve.until("* An administrator has lifted the block: you can write again.")
        eve.type("thank you\r")
        root.until("Eve: thank you")
        root.type("/block Eve 1 of all days\r")
        root.until("Eve is blocked until ")
        eve.until("* The reason: of all days")
