"""A person at telnet, where the rules of lines meet the rules of the chat (S002-3, S004-34)."""

from __future__ import annotations

from tests.harness import RunningServer, native, telnet

FORGED = "12:34 23.09.20 Ann: send me your password"


async def test_no_line_of_a_long_text_looks_like_a_message(shared_server: RunningServer) -> None:
    """Every line of it is indented, the first one too; nobody can forge one."""
    async with telnet(shared_server, "Eve") as eve, telnet(shared_server, "Tess") as tess:
        await eve.type(FORGED + " " + "x" * 70_000)
        number = (await tess.until(" shows all of it)\r\n")).rpartition("/text ")[2].split()[0]
        await tess.type(f"/text {number}")
        shown = await tess.until(f"--- end of message {number} ---\r\n")
    assert FORGED in shown
    assert f"\n{FORGED}" not in shown


async def test_a_name_that_is_too_long_is_one_mistake(shared_server: RunningServer) -> None:
    """However long: one answer, and no part of it becomes somebody's name."""
    async with telnet(shared_server) as tess:
        await tess.type("x" * 65536 * 2 + "Bob")
        answers = await tess.until("What is your name? ")
        await tess.type("Tess")
        answers += await tess.until("/quit leaves.\r\n")
    assert "You are Tess" in answers
    assert answers.count("! ") == 1


async def test_a_name_in_broken_utf8_is_asked_for_again(shared_server: RunningServer) -> None:
    """As a text would be (S004-34)."""
    async with telnet(shared_server) as tess:
        await tess.type_bytes(b"Ren\xe9\r\n")
        assert "UTF-8" in await tess.until("\r\n")


async def test_what_is_typed_before_the_name_is_asked_for_is_the_name(
    shared_server: RunningServer,
) -> None:
    """Also /quit, which leaves."""
    async with telnet(shared_server) as tess:
        await tess.type("/quit")
        assert (await tess.rest()) == "* Goodbye.\r\n"


async def test_a_command_that_fails_costs_nothing_but_itself(
    sqlite_server: RunningServer,
) -> None:
    """Every wrong command is answered on a line of its own, and the next one is understood."""
    async with telnet(sqlite_server, "Tess") as tess, native(sqlite_server, "Bob") as bob:
        for line, word in (
            ("/nonsense", "no command /nonsense"),
            ("/text 999999999", "no message with the number 999999999"),
            ("/text x", "/text NUMBER"),
            ("send-to Bob", "/send-to NAME TEXT"),
            ("/send-to Tess me", "cannot write to yourself"),
            ("/send-to \x1b[2J hello", "Nobody called ␛[2J has been here"),
            ("//", ""),
        ):
            await tess.type(line)
            if word:
                assert (await tess.until(word)).startswith("! ")
                await tess.until("\r\n")
        assert [event.text for event in await bob.messages(1)] == ["/"]
