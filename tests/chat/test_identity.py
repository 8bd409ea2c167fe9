"""What a login proves, where something else happens at the same time."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
import trio

from chat.dispatch import dispatch
from protocol.events import Error, LoggedIn
from protocol.requests import Login
from protocol.vocabulary.identity import Register, Registered
from storage.errors import StorageUnavailable
from tests.chat.fakes import Author
from tests.chat.house import House, house

PASSWORD = "correct-horse"


async def _register(here: House, who: Author, *, remember: bool = False) -> str:
    answer = await dispatch(
        here.messenger, who, Register(password=PASSWORD, remember=remember, device="laptop")
    )
    assert isinstance(answer, Registered), answer
    return answer.token or ""


async def test_a_name_registered_during_a_login_is_no_guests(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was found to be a guest a moment ago must not come in under somebody's account."""
    async with house(sqlite_url) as here:
        ann, squatter = await here.enter("Ann"), Author()
        looked, go_on = trio.Event(), trio.Event()
        of = here.messenger.conversations.of

        async def slowly(*arguments: Any) -> Any:
            looked.set()
            await go_on.wait()
            return await of(*arguments)

        monkeypatch.setattr(here.messenger.conversations, "of", slowly)
        answers: list[object] = []

        async def log_in() -> None:
            answers.append(await dispatch(here.messenger, squatter, Login(name="Ann")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(log_in)
            await looked.wait()
            await _register(here, ann)
            go_on.set()
        [answer] = answers
        assert isinstance(answer, Error)
        assert answer.code == "password_needed"
        assert squatter.user is None


async def test_known_devices_log_in_while_the_database_is_away(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token seen since the start is known; another one, or a password, has to wait."""

    async def away(*_: object) -> NoReturn:
        raise StorageUnavailable("away")

    async with house(sqlite_url) as here:
        token = await _register(here, await here.enter("Ann"), remember=True)
        known = Login(name="Ann", token=token)
        assert isinstance(await dispatch(here.messenger, Author(), known), LoggedIn)
        for store, names in (
            (here.stores.identity, ("devices_by_token", "touch_devices", "password_hash")),
            (here.stores.accounts, ("ensure", "find", "find_all")),
            (here.stores.conversations, ("memberships",)),
        ):
            for name in names:
                monkeypatch.setattr(store, name, away)
        answer = await dispatch(here.messenger, Author(), known)
        assert isinstance(answer, LoggedIn)
        assert not answer.guest
        for other in (Login(name="Ann", token="other"), Login(name="Ann", password=PASSWORD)):
            answer = await dispatch(here.messenger, Author(), other)
            assert isinstance(answer, Error)
            assert answer.code == "storage_unavailable"
