"""Russian and English, wherever a person reads (S000-9)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from protocol import PROTOCOL_VERSION
from protocol.events import Error, LoggedIn
from protocol.language import voice
from protocol.requests import Hello, Login, Send
from protocol.typed import help_lines
from tests.cli.programs import run, terminal
from tests.harness import LineClient, RunningServer, native, running_server, telnet

RUSSIAN = {"LANG": "ru_RU.UTF-8"}
_TIME = re.compile(r"^\d\d:\d\d \d\d\.\d\d\.\d\d ")


@pytest.fixture
def russian_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server in a Russian environment."""
    with running_server(tmp_path, **RUSSIAN) as server:
        yield server


@asynccontextmanager
async def russian_telnet(server: RunningServer, name: str) -> AsyncIterator[LineClient]:
    """Connect to a server that speaks Russian, and log in."""
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        client = LineClient(stream)
        await client.until("Как вас зовут? ")
        await client.type(name)
        await client.until("выход: /quit.\r\n")
        yield client


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


async def test_telnet_speaks_the_language_of_the_server(russian_server: RunningServer) -> None:
    """S000-9: from the first word to the last, errors too, until the person says otherwise."""
    async with russian_telnet(russian_server, "Аня") as ann:
        await ann.type("/send-to Боря привет")
        await ann.until("! Пользователя Боря здесь не было.")
        await ann.type("/nothing")
        await ann.until("! Команды /nothing нет.")
        await ann.type("/lang en")
        await ann.until("This is English.\r\n")
        await ann.type("/send-to Боря привет")
        await ann.until("! Nobody called Боря has been here.")
        await ann.type("/lang ru")
        await ann.until("Теперь по-русски.\r\n")
        await ann.type("/quit")
        assert "До свидания." in await ann.rest()


async def test_the_last_words_are_in_the_persons_language(russian_server: RunningServer) -> None:
    """S000-9: also what the server says on its way down; each in one's own language."""
    async with russian_telnet(russian_server, "Аня") as ann, native(russian_server) as bob:
        await bob.send(Hello(protocol=PROTOCOL_VERSION))
        await bob.ask(Login(name="Bob", language="en"), LoggedIn)
        await trio.to_thread.run_sync(russian_server.stop)
        assert "* Сервер останавливается. Всё подтверждённое сохранено." in await ann.rest()
        while await bob.next() is not None:
            pass
        assert "The server is stopping" in str(bob.seen[-1])


async def test_everybody_has_a_language_of_their_own(sqlite_server: RunningServer) -> None:
    """S000-9: the setting of one connection is nobody else's."""
    async with telnet(sqlite_server, "Ann") as ann, telnet(sqlite_server, "Bob") as bob:
        await ann.type("/lang ru")
        await ann.until("Теперь по-русски.")
        for client, shown in (
            (ann, "Напишите /send-to ИМЯ ТЕКСТ."),
            (bob, "Write /send-to NAME TEXT."),
        ):
            await client.type("/send-to nobody")
            await client.until(f"! {shown}\r\n")
        await ann.type("/lang de")
        await ann.until("! Доступные языки: en, ru.\r\n")


async def test_an_account_keeps_its_language(server: RunningServer) -> None:
    """S000-9: at telnet one is greeted in the language chosen last; a guest is not remembered."""
    for name, remembered in (("Ann", True), ("Bob", False)):
        async with telnet(server, name) as client:
            if remembered:
                await client.type("/register correct-horse")
                await client.until("is yours now")
            await client.type("/lang ru")
            await client.until("Теперь по-русски.\r\n")
    async with telnet(server) as ann:
        await ann.type("Ann")
        await ann.until_bytes(b"Password: ")
        await ann.type("correct-horse")
        await ann.until_bytes(b"\xff\xfc\x01")
        await ann.until("Вы — Ann.\r\n")
        await ann.type("/lang en")
        await ann.until("This is English.\r\n")
    async with telnet(server) as ann:
        await ann.type("Ann")
        await ann.until_bytes(b"Password: ")
        await ann.type("correct-horse")
        await ann.until_bytes(b"\xff\xfc\x01")
        await ann.until("You are Ann.\r\n")
    async with telnet(server, "Bob"):
        pass


async def test_programs_ask_for_a_language_at_login(sqlite_server: RunningServer) -> None:
    """S000-9, S004-34: the code is the same in every language, the sentence is not."""
    async with native(sqlite_server) as client:
        await client.send(Hello(protocol=PROTOCOL_VERSION))
        await client.ask(Login(name="Ann", language="ru"), LoggedIn)
        error = await client.ask(Send(ref=1, text="x", to="Bob"), Error)
        assert error.code == "unknown_user"
        assert error.message.startswith("Пользователя Bob здесь не было.")


async def test_all_of_the_help_is_in_russian(sqlite_server: RunningServer) -> None:
    """S000-9: no line of it is the same as in English, at telnet and in the client alike."""
    english, russian = help_lines(voice("en")), help_lines(voice("ru"))
    assert [line for line in russian if line in english] == []
    told = re.split(r"\n(?=\S|  /)", "\n".join(russian))  # an entry can have several lines
    assert [entry for entry in told if not re.search("[А-я]", entry)] == []
    async with telnet(sqlite_server, "Ann") as ann:
        await ann.type("/lang ru")
        await ann.until("Теперь по-русски.\r\n")
        await ann.type("/help")
        shown = await ann.until(russian[-1])
        assert _lines(shown) == russian
    result = await trio.to_thread.run_sync(
        lambda: run(sqlite_server.port, "Bob", typed="/help\n", **RUSSIAN)
    )
    assert _lines(result.stdout.decode()) == russian


@pytest.mark.parametrize(
    ("flags", "changes"),
    [
        ((), RUSSIAN),
        ((), {"LANG": "en_US.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}),
        ((), {"LANG": "en_US.UTF-8", "LC_ALL": "ru_RU"}),
        (("--lang", "ru"), {"LANG": "en_US.UTF-8"}),
    ],
)
def test_the_filter_speaks_the_language_of_the_locale(
    sqlite_server: RunningServer, flags: tuple[str, ...], changes: dict[str, str]
) -> None:
    """S000-9: as POSIX looks for it; the flag comes before."""
    result = run(sqlite_server.port, "Bob", *flags, typed="/status\n/nothing\n", **changes)
    shown = result.stdout.decode().splitlines()
    assert shown[0].startswith("Bob, адрес 127.0.0.1:")
    assert shown[-1] == "сейчас здесь (1 пользователь, 1 соединение): Bob"
    assert result.stderr.decode().startswith("mymessenger: Команды /nothing нет. Список команд: ")


def test_the_flag_comes_before_the_locale(sqlite_server: RunningServer) -> None:
    """S000-9: English in a Russian environment."""
    result = run(sqlite_server.port, "Bob", "--lang", "en", typed="/nothing\n", **RUSSIAN)
    assert result.stderr.decode().startswith("mymessenger: There is no command /nothing.")


def test_line_mode_speaks_russian(sqlite_server: RunningServer) -> None:
    """S000-9: the prompt, notices, answers, and what the client itself finds out."""
    with terminal(sqlite_server.port, "Bob", **RUSSIAN) as bob:
        bob.until("* Подключено: mymessenger")
        bob.until("гость: у этого имени нет пароля")
        bob.type("/status\r")
        bob.until("сейчас здесь (1 пользователь, 1 соединение): Bob")
        bob.type("/text 1 /tmp\r")
        bob.until("* Сообщение 1 не сохранено в /tmp: ")
        sqlite_server.stop()
        bob.until("* Сервер завершает работу. Сервер останавливается.")
        bob.until("* Связь потеряна. Сервер остановлен.")
        bob.until_prompt("Bob (нет связи)>")
        bob.type("/status\r")
        bob.until("Bob, нет связи с ")


def test_line_mode_goes_over_to_russian(sqlite_server: RunningServer) -> None:
    """S000-9: at once, and at the next login too."""
    with terminal(sqlite_server.port, "Bob") as bob:
        bob.until("Connected to")
        bob.type("/lang ru\r")
        bob.until("Теперь по-русски.")
        bob.type("/send-to Ann x\r")
        bob.until("* Не отправлено. Пользователя Ann здесь не было.")
        sqlite_server.kill()
        bob.until("* Связь потеряна. Сервер закрыл соединение.")
        sqlite_server.start(port=sqlite_server.port)
        bob.until("* Связь восстановлена, ничего не пропущено.")
        bob.type("/send-to Ann x\r")
        bob.until("* Не отправлено. Пользователя Ann здесь не было.")


def test_ones_own_lines_are_signed_in_russian(sqlite_server: RunningServer) -> None:
    """S000-9: `Я` in a Russian environment."""
    port = sqlite_server.port
    for name in ("Ann", "Пупа"):
        assert run(port, name).returncode == 0
    assert run(port, "Пупа", "--chat", "Ann", "--send", "Привет").returncode == 0
    assert run(port, "Ann", "--chat", "Пупа", "--send", "И тебе").returncode == 0
    result = run(port, "Ann", "--chat", "Пупа", **RUSSIAN)
    lines = [_TIME.sub("", line) for line in result.stdout.decode().splitlines()]
    assert lines == ["-" * 40, "Пупа: Привет", "Я: И тебе"]
    result = run(port, "Ann", "--chat", "7", **RUSSIAN)
    assert result.stderr.decode() == (
        "mymessenger: Контакта с номером 7 нет. Список контактов: /contacts.\n"
    )


def test_the_command_line_explains_itself_in_russian() -> None:
    """S000-9: help and errors, argparse's own words among them."""
    english, russian = (run(1, None, "--help", "--lang", language) for language in ("en", "ru"))
    known = set(english.stdout.decode().splitlines())
    same = [line for line in russian.stdout.decode().splitlines() if line in known]
    said_alike = ("mymessenger --", "  --fingerprint SHA256:...")  # examples, and a form
    assert [line for line in same if line and not any(one in line for one in said_alike)] == []
    result = run(1, "Bob", "--history", "viel", **RUSSIAN)
    assert result.returncode == 2
    assert result.stderr.decode().endswith(
        "mymessenger: ошибка: флаг --history: нужно число сообщений, а не 'viel'\n"
    )
    result = run(1, "Bob", "--quiet", **RUSSIAN)
    assert result.stderr.decode() == (
        "mymessenger: Не удалось подключиться к 127.0.0.1, порт 1. "
        "Там никто не отвечает. Запущен ли сервер?\n"
    )
