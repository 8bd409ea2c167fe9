"""Lost connections, restarts and reloads: nothing written is lost or doubled, and one sees it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from protocol.events import HistoryPage
from protocol.requests import History
from tests.harness import PATIENT, RunningServer, running_server
from tests.web.plain import plain
from tests.web.tabs import Tab, Tabs
from tests.web.test_files import file_of


@pytest.fixture
def fragile(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, Tabs]]:
    """A server that a test may kill, and tabs at it."""
    with running_server(
        tmp_path_factory.mktemp("fragile"), *PATIENT, "--ping-interval", "2"
    ) as running:
        tabs = Tabs(browser, running)
        yield running, tabs
        tabs.close()
        assert tabs.troubles == []


def _texts(tab: Tab) -> list[str]:
    return tab.page.locator(".message:not(.letter) .text").all_inner_texts()


def test_a_crash_and_a_reload_lose_nothing(fragile: tuple[RunningServer, Tabs]) -> None:
    """Messages written while the server is dead wait, survive a reload, and go out once."""
    server, tabs = fragile
    ann, bob = tabs.guest("Ann"), tabs.guest("Bob")
    ann.say("before")
    bob.sees("before")
    server.kill()
    expect(ann.page.locator(".notice.offline")).to_contain_text("Next attempt in")
    ann.say("written while it was dead")
    ann.say("and another one")
    expect(ann.page.locator(".letter")).to_have_count(2)
    expect(ann.page.locator(".notice.offline")).to_contain_text("2 messages wait.")
    with_port = server.port
    server.start(port=with_port)
    for tab in (ann, bob):
        tab.sees("written while it was dead")
        tab.sees("and another one")
    expect(ann.page.locator(".letter")).to_have_count(0)
    ann.page.reload()
    ann.sees("and another one")
    assert _texts(ann) == _texts(bob) == [
        "before", "written while it was dead", "and another one"
    ]  # fmt: skip


def test_what_was_not_acknowledged_goes_out_after_a_reload(
    fragile: tuple[RunningServer, Tabs],
) -> None:
    """The page is closed with a message unsent; who opens it again has it sent, once."""
    server, tabs = fragile
    ann = tabs.guest("Ann")
    ann.say("before")
    ann.sees("before")
    # The server is there and does not answer: what was sent may have been stored, or not.
    ann.page.evaluate("WebSocket.prototype.send = () => {}")
    ann.say("into the void")
    expect(ann.page.locator(".letter")).to_have_count(1)
    ann.page.reload()
    ann.sees("into the void")
    with plain(server, "Bob") as bob:
        assert bob.say("after").seq == 3
    ann.sees("after")
    assert _texts(ann) == ["before", "into the void", "after"]


def test_a_retry_of_what_got_through_is_not_shown_twice(
    fragile: tuple[RunningServer, Tabs],
) -> None:
    """The acknowledgement was lost with the page; the same uuid stores nothing more."""
    server, tabs = fragile
    ann = tabs.guest("Ann")
    kept = {"uuid": "3f0c6f1e-51a7-4d3c-9a52-6f1f5a0b7c04", "text": "twice", "conversation": 1}
    for at in (1, 2):
        ann.page.evaluate(
            "kept => localStorage.setItem('mm.out.Ann.' + kept.uuid, JSON.stringify(kept))",
            kept | {"at": at},
        )
        ann.page.reload()
        expect(ann.page.locator(".letter")).to_have_count(0)
        ann.sees("twice")
        assert ann.page.evaluate("Object.keys(localStorage).join()") == ""
    with plain(server, "Bob") as bob:
        assert bob.say("after").seq == 2
    ann.sees("after")
    assert _texts(ann) == ["twice", "after"]


def test_what_is_written_during_a_login_waits_for_it(tabs: Tabs) -> None:
    """A connection that is open and not yet logged in would refuse it."""
    ann = tabs.guest("Early")
    ann.page.evaluate(
        """async () => {
            const { status } = await import("/app/connection.js");
            status.value = { ...status.value, name: "connecting" };
        }"""
    )
    ann.say("typed too early")
    ann.say("/status")
    ann.told("There is no connection now")
    expect(ann.page.locator(".letter")).to_have_count(1)
    expect(ann.page.locator(".letter.failed")).to_have_count(0)
    ann.page.reload()
    ann.sees("typed too early")


def test_offline_is_shown_and_left_by_itself(tabs: Tabs, server: RunningServer) -> None:
    """The browser says it is offline; what others write meanwhile comes without a gap."""
    ann = tabs.guest("AnnO")
    context = ann.page.context
    ann.say("online")
    ann.sees("online")
    context.set_offline(True)
    expect(ann.page.locator(".notice.offline")).to_be_visible()
    ann.say("written offline")
    with plain(server, "BobO") as bob:
        first = bob.say("you missed this").seq
        assert bob.say("and this").seq == first + 1
    context.set_offline(False)
    ann.sees("you missed this")
    ann.sees("and this")
    ann.sees("written offline")
    expect(ann.page.locator(".notice.offline")).to_have_count(0)
    expect(ann.page.locator(".letter")).to_have_count(0)


def test_a_file_goes_on_where_a_crash_has_left_it(browser: Browser, tmp_path: Path) -> None:
    """S003-12: the rest is sent when the server is back, and what arrives is the file."""
    data = os.urandom(12_000_000)
    path = tmp_path / "big.bin"
    path.write_bytes(data)
    with running_server(tmp_path, *PATIENT, "--max-file-bytes", "0") as server:
        tabs = Tabs(browser, server)
        ann = tabs.guest("Ann")
        ann.page.set_input_files("input[type=file]", path)
        row = ann.page.locator(".transfers li")
        expect(row.locator(".state")).to_contain_text(re.compile(r"^[1-9].* MiB of"))
        server.kill()
        expect(row.locator(".state")).to_have_text("waits for the connection")
        server.start(port=server.port)
        expect(ann.page.get_by_role("button", name="Save big.bin")).to_be_visible()
        expect(row).to_have_count(0)
        with plain(server, "Bob") as bob:
            bob.send(History(limit=1))
            page = bob.expect(HistoryPage)
            assert file_of(bob, page.messages[0].id) == data
        tabs.close()
        assert tabs.troubles == []


def test_the_shutdown_notice_is_shown(fragile: tuple[RunningServer, Tabs]) -> None:
    """S001-18: the server's own sentence stands over the conversation, with the next attempt."""
    server, tabs = fragile
    ann = tabs.guest("Ann")
    assert server.stop() == 0
    expect(ann.page.locator(".notice.offline")).to_contain_text("The server is stopping")
    server.start(port=server.port)
    expect(ann.page.locator(".notice.offline")).to_have_count(0)


def test_a_refused_message_is_kept_until_it_is_discarded(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """S004-23: beyond the limit a text is not lost; it can be tried again or thrown away."""
    with running_server(
        tmp_path_factory.mktemp("limit"), *PATIENT, "--limit-messages", "1"
    ) as running:
        tabs = Tabs(browser, running)
        ann = tabs.guest("Ann")
        ann.say("the one")
        ann.sees("the one")
        ann.say("one too many")
        expect(ann.page.locator(".letter.failed .wrong")).to_be_visible()
        ann.page.reload()
        expect(ann.page.locator(".letter.failed")).to_contain_text("one too many")
        ann.press("Discard")
        expect(ann.page.locator(".letter")).to_have_count(0)
        tabs.close()
        assert tabs.troubles == []
