"""Signing in on the full screen: as a guest, with a password, by registering (S003-13, S003-14)."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.harness import RunningServer
from tests.tui.screens import Person, person


def _type_name(one: Person, name: str) -> None:
    one.until("Sign in to a mymessenger server")
    one.type(name)
    one.until(f"Name         {name}")


def test_guest_types_a_name(shared: RunningServer, folder: Path) -> None:
    with person(folder, shared.port, None) as guest:
        guest.until("Sign in to a mymessenger server")
        guest.press("Enter")
        guest.until("A name is needed.")
        guest.type("two words")
        guest.press("Enter")
        guest.until("A name is one word")  # said by the server, and shown where the name is
        guest.press("C-u")
        guest.enter("Visitor")
        guest.until("Visitor (guest)")
        guest.enter("hello from the form")
        guest.until("Visitor: hello from the form")
        guest.press("C-c")
        assert guest.ended() == 0
        guest.check_restored()


def test_all_there_is_to_choose_is_there_on_a_narrow_terminal(
    shared: RunningServer, folder: Path
) -> None:
    for language, words in ("en", "Register"), ("ru", "Регистрация"):
        with person(folder, shared.port, None, "--lang", language, columns=40, rows=12) as one:
            one.until(words)


def test_registers_and_comes_back(shared: RunningServer, folder: Path) -> None:
    sessions = str(folder / "sessions.json")
    with person(folder, shared.port, None, MYMESSENGER_SESSIONS=sessions) as owner:
        _type_name(owner, "Owner")
        owner.press("Tab", "Right", "Right")
        owner.until("(•) Register")
        owner.press("Tab")
        owner.type("short")
        owner.press("Enter")
        owner.until("at least")  # the server says what is wrong with it
        owner.press("C-u")
        owner.enter("correct horse battery")
        owner.until("connected · Owner ·")
        owner.press("C-c")
        assert owner.ended() == 0
    with person(
        folder, shared.port, None, MYMESSENGER_SESSIONS=sessions
    ) as owner:  # who was here last
        owner.until("connected · Owner ·")
        owner.press("C-c")
        assert owner.ended() == 0
    # another device has no token: it is asked, and told where the mistake is
    with person(folder, shared.port, "Owner") as other:
        other.until("Sign in to a mymessenger server")
        other.enter("wrong horse battery")
        other.until("Wrong name or password")
        other.press("C-u")
        other.enter("correct horse battery")
        other.until("connected · Owner ·")


def test_nobody_listens(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with person(folder, port, None) as one:
        _type_name(one, "Early")
        one.press("Enter")
        one.until("Nobody listens")
    with person(folder, port, "Early") as one:  # with a name it waits for the server
        one.until("offline since")
        one.press("C-q")
        assert one.ended() == 0
        one.check_restored()
