"""Accounts, passwords, devices and names, as people have to do with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from cli.saved import SavedSessions
from protocol import PROTOCOL_VERSION
from protocol.events import Error, Event, Goodbye, LoggedIn, Message, Notice, Sent
from protocol.requests import Hello, Login, Send
from protocol.vocabulary.identity import (
    ChangePassword,
    EndSession,
    ListSessions,
    Register,
    Registered,
    SessionList,
)
from tests.cli.programs import run, terminal
from tests.harness import (
    EventT,
    LineClient,
    NativeClient,
    RunningServer,
    native,
    telnet,
)

PASSWORD = "correct-horse"


async def _log_in(client: NativeClient, kind: type[EventT], **login: object) -> EventT:
    await client.send(Hello(protocol=PROTOCOL_VERSION))
    return await client.ask(Login(**login), kind)  # type: ignore[arg-type]


async def _refused(server: RunningServer, **login: object) -> Error:
    async with native(server) as client:
        return await _log_in(client, Error, **login)


async def _enter(telnet_client: LineClient, password: str) -> None:
    await telnet_client.until("Password:")
    await telnet_client.type(password)


async def test_a_name_becomes_an_account(server: RunningServer) -> None:
    """S000-3, S003-2, S003-3: registration by name and password; both the name and it are needed.

    The account has an id of its own, the same at every login, and survives a restart (S003-18).
    """
    async with native(server) as ann:
        guest = await _log_in(ann, LoggedIn, name="Ann")
        assert guest.guest
        await ann.ask(Register(password=PASSWORD), Registered)
        again = await ann.ask(Register(password=PASSWORD), Error)
        assert (again.code, again.message) == ("name_taken", "Ann has a password already.")
    server.kill()
    server.start(port=server.port)
    assert (await _refused(server, name="ann")).code == "password_needed"
    async with native(server) as ann:
        account = await _log_in(ann, LoggedIn, name="ANN", password=PASSWORD)
    assert (account.guest, account.name, account.user_id) == (False, "Ann", guest.user_id)


async def test_wrong_names_and_wrong_passwords_get_one_answer(server: RunningServer) -> None:
    """S003-2: nothing tells whether it was the name or the password, and nothing is made."""
    async with native(server, "Ann") as ann:
        await ann.ask(Register(password=PASSWORD), Registered)
        async with native(server, "Guest"):
            for name in ("Ann", "Nobody", "Guest"):
                error = await _refused(server, name=name, password="not this one")
                assert (error.code, error.message) == ("bad_credentials", "Wrong name or password.")
        await ann.send(ListSessions())
    error = await _refused(server, name="Ann", token="made up")
    assert error.code == "session_ended"
    async with native(server) as nobody:  # still free
        assert (await _log_in(nobody, LoggedIn, name="Nobody")).guest


async def test_failures_are_answered_later_and_later(sqlite_server: RunningServer) -> None:
    """A guesser waits, each time longer; others, and messages, do not.

    ``tests/chat/test_throttle.py`` has the longer waits, and who is not let wait any more.
    """
    async with native(sqlite_server, "Ann") as ann, native(sqlite_server, "Bob") as bob:
        await ann.ask(Register(password=PASSWORD), Registered)
        answered: list[float] = []
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def guess() -> None:
                error = await _refused(sqlite_server, name="Ann", password="a guess")
                assert error.code == "bad_credentials"
                answered.append(trio.current_time() - begun)

            for _ in range(8):
                nursery.start_soon(guess)
            while len(answered) < 5:
                await bob.say("meanwhile")
            nursery.cancel_scope.cancel()
        assert answered[3] >= 1
        assert answered[4] >= 1 + 2
        await bob.say("still here")


async def test_a_device_comes_back_without_the_password(server: RunningServer) -> None:
    """S003-6: by a token, until it is logged out from another device (S000-4)."""
    async with native(server, "Ann") as ann:
        token = (
            await ann.ask(Register(password=PASSWORD, remember=True, device="laptop"), Registered)
        ).token
        assert token is not None
    async with native(server) as laptop, native(server) as phone:
        assert not (await _log_in(laptop, LoggedIn, name="Ann", token=token)).guest
        login = await _log_in(
            phone, LoggedIn, name="Ann", password=PASSWORD, remember=True, device="phone"
        )
        assert login.token not in {None, token}
        listed = (await phone.ask(ListSessions(), SessionList)).sessions
        assert [(one.device, one.here, one.own) for one in listed] == [
            ("laptop", True, False),
            ("phone", True, True),
        ]
        assert all(one.address.startswith("127.0.0.1:") and one.since for one in listed)
        assert (await phone.ask(EndSession(session=listed[0].id), Notice)).message
        goodbye = await laptop.expect(Goodbye)
        assert goodbye.reason == "This session was ended from one of your devices."
        assert await laptop.next() is None
        wrong = await phone.ask(EndSession(session=listed[0].id), Error)
        assert wrong.code == "bad_arguments"
    assert (await _refused(server, name="Ann", token=token)).code == "session_ended"
    async with native(server) as phone:  # the other one is not concerned
        await _log_in(phone, LoggedIn, name="Ann", token=login.token)


async def test_a_new_password_logs_other_devices_out(server: RunningServer) -> None:
    """The one it was changed on stays; the old password is worth nothing."""
    async with native(server, "Ann") as here, native(server) as there:
        await here.ask(Register(password=PASSWORD, remember=True), Registered)
        login = await _log_in(there, LoggedIn, name="Ann", password=PASSWORD, remember=True)
        bad = await here.ask(ChangePassword(old="wrong one", new="another-horse"), Error)
        assert bad.code == "bad_credentials"
        short = await here.ask(ChangePassword(old=PASSWORD, new="short"), Error)
        assert short.code == "bad_password"
        await here.ask(ChangePassword(old=PASSWORD, new="another-horse"), Notice)
        await there.expect(Goodbye)
        await here.say("still here")
    assert (await _refused(server, name="Ann", token=login.token)).code == "session_ended"
    assert (await _refused(server, name="Ann", password=PASSWORD)).code == "bad_credentials"
    async with native(server) as ann:
        await _log_in(ann, LoggedIn, name="Ann", password="another-horse")


async def test_guests_of_a_registered_name_have_to_go(sqlite_server: RunningServer) -> None:
    """They have not given the password, and would write under another's name."""
    async with native(sqlite_server, "Ann") as ann, native(sqlite_server, "Ann") as other:
        await ann.ask(Register(password=PASSWORD), Registered)
        assert "is an account now" in (await other.expect(Goodbye)).reason


@pytest.mark.parametrize(
    ("taken", "wanted"), [("Bob", "Bоb"), ("Bob", "b0b"), ("Anna", "Anña"), ("modern", "modem")]
)
async def test_look_alikes_of_taken_names(
    sqlite_server: RunningServer, taken: str, wanted: str
) -> None:
    """A name that reads like another one is refused, and says which."""
    async with native(sqlite_server, taken):
        error = await _refused(sqlite_server, name=wanted)
        assert error.code == "name_taken"
        assert f"looks too much like {taken}" in error.message
        async with native(sqlite_server, taken.upper()):  # the same name
            pass


async def test_telnet_asks_for_the_password_unseen(server: RunningServer) -> None:
    """S000-3, S003-2, S003-3 with /register, a wrong password, /sessions and /password."""
    hides, shows = b"\xff\xfb\x01", b"\xff\xfc\x01"
    async with telnet(server, "Tess") as tess:
        await tess.type("/register")
        before = await tess.until_bytes(b"Choose a password: ")
        assert before.count(hides) == 1
        await tess.type_bytes(b"\xff\xfd\x01" + PASSWORD.encode() + b"\r\n")
        assert shows in await tess.until_bytes(b"Once more: ")
        await tess.type("another one")
        assert await tess.until_bytes(b"! The two are not the same. Nothing changed.")
        await tess.type(f"/register {PASSWORD}")
        await tess.until_bytes(b"The name Tess is yours now")
        await tess.type("this is seen")
        await tess.type("/sessions")
        assert b"telnet at 127.0.0.1" in await tess.until_bytes(b"(this one)")
        await tess.type(f"/password {PASSWORD} another-horse")
        await tess.until_bytes(b"Your password is changed.")
    async with telnet(server) as tess, native(server, "Bob") as bob:
        await tess.type("tess")
        await tess.until_bytes(hides + b"Password: ")
        await tess.type(PASSWORD)
        await tess.until_bytes(b"! Wrong name or password.")
        await tess.until_bytes(hides + b"Password: ")  # nobody types it where a name is asked for
        await tess.type("another-horse")
        await tess.until_bytes(b"You are Tess.\r\n")
        await tess.type("hello")
        assert (await bob.expect(Message)).text != PASSWORD
        heard: list[Event] = bob.seen
        assert not any(PASSWORD in str(event) for event in heard)


async def test_names_that_take_long_to_compare_hold_up_nobody(
    sqlite_server: RunningServer,
) -> None:
    """S004-34: each of these would take a second or more, in which nobody else is served."""
    bomb = "a" + "\u0300\u0316" * 15_000
    async with telnet(sqlite_server) as eve, native(sqlite_server, "Bob") as bob:
        for _ in range(3):  # more than a stranger may say would end the connection
            await eve.type(bomb)
        for _ in range(3):
            await eve.until("A name has at most 32 characters; this one has 30001.")
        await bob.say("meanwhile")
        for _ in range(20):
            await bob.send(Login(name="Bob", password="a" * 2000))
            assert (await bob.expect(Error)).code == "bad_frame"
            await bob.send(Send(text=f"{bomb} hello", addressed=True))
            await bob.expect(Sent)
        await bob.say("still here")


def test_line_client_registers_and_stays_logged_in(
    sqlite_server: RunningServer, tmp_path: Path
) -> None:
    """S000-3, S003-3, S003-6: the password is typed once and never shown; the file is one's own."""
    port, file = sqlite_server.port, tmp_path / "sessions.json"
    saved = {"MYMESSENGER_SESSIONS": str(file)}
    with terminal(port, "Ann", **saved) as ann:
        ann.until_prompt("Ann>")
        ann.type("/register\r")
        ann.until_prompt("Choose a password:")
        ann.type(f"{PASSWORD}\r")
        ann.until_prompt("Once more:")
        ann.type(f"{PASSWORD}\r")
        shown = ann.until("The name Ann is yours now")
        assert not any(PASSWORD in line for line in shown)
        ann.type("\x04")
        assert ann.wait() == 0
    assert file.stat().st_mode & 0o777 == 0o600
    token = SavedSessions(file).token("127.0.0.1", port, "ann")
    assert token is not None
    with terminal(port, None, **saved) as ann:  # neither name nor password
        ann.until_prompt("Ann>")
        ann.type("/sessions\r")
        ann.until("(this one)")
        ann.type("\x04")
        assert ann.wait() == 0
    with terminal(port, "Ann") as other:  # another machine
        other.until_prompt("Password of Ann:")
        other.type("wrong one\r")
        other.until("Wrong name or password.")
        other.until_prompt("Password of Ann:")
        other.type(f"{PASSWORD}\r")
        other.until_prompt("Ann>")
        other.type("\x04")
        assert other.wait() == 0


def test_scripts_give_the_password_in_a_file(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """S003-2 in a pipe, where nobody can be asked."""
    port, file = sqlite_server.port, tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    assert run(port, "Ann", typed=f"/register {PASSWORD}\n").returncode == 0
    refused = run(port, "Ann", typed="hello\n")
    assert refused.returncode == 1
    assert b"Ann is an account: it needs its password. Give it with" in refused.stderr
    done = run(port, "Ann", "--password-file", str(file), typed="hello\n")
    assert (done.returncode, done.stderr) == (0, b"")
