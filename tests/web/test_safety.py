"""What strangers write runs nothing, nothing leaves for another host, nothing is too heavy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from protocol.events import Opened, Sent
from protocol.requests import Send
from protocol.vocabulary.rooms import JoinRoom, RoomTopic, SetTopic
from tests.harness import ROOT, RunningServer
from tests.web.plain import plain
from tests.web.tabs import Tabs
from tests.web.test_files import offer

RUNS = "window.hacked=1"
ATTACKS = [
    f"<script>{RUNS}</script>",
    f"<img src=x onerror={RUNS}>",
    f"<svg onload={RUNS}>",
    f"<svg><script>{RUNS}</script></svg>",
    f"<iframe srcdoc='<script>parent.{RUNS}</script>'></iframe>",
    f"<iframe src=javascript:parent.{RUNS}></iframe>",
    f"<body onload={RUNS}>",
    f"<details open ontoggle={RUNS}>",
    f"<video><source onerror={RUNS}></video>",
    f"<math><mtext></p><img src=x onerror={RUNS}>",
    f"</textarea><script>{RUNS}</script>",
    f"</title><script>{RUNS}</script>",
    f"--><script>{RUNS}</script><!--",
    f"]]><script>{RUNS}</script>",
    f"javascript:{RUNS}",
    f"http://x/javascript:{RUNS}",
    f"https://x\" onmouseover=\"{RUNS}",
    f"https://x' autofocus onfocus='{RUNS}",
    f"data:text/html,<script>opener.{RUNS}</script>",
    f"${{{RUNS}}}",
    f"{{{{constructor.constructor('{RUNS}')()}}}}",
    f"';{RUNS};//",
    f"\";{RUNS};//",
    f"`;{RUNS};//",
    f"<a href=javascript:{RUNS}>x</a>",
    f"<form><button formaction=javascript:{RUNS}>x</button></form>",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    "__proto__", "constructor",
]  # fmt: skip


def test_nothing_is_hidden_or_turned_round(tabs: Tabs, server: RunningServer) -> None:
    """As on every other surface: what would lie about a text is shown as a replacement."""
    tab = tabs.guest("Reader")
    with plain(server, "Liar") as liar:
        liar.say("https://good.example/\u202egpj.exe\u200b\u2066 \x1b[2J e" + "\u0301" * 50)
    shown = "https://good.example/\ufffdgpj.exe\ufffd\ufffd \ufffd[2J e" + "\u0301" * 6
    expect(tab.message(shown).first).to_be_attached()


def test_what_strangers_write_runs_nothing(tabs: Tabs, server: RunningServer) -> None:
    """In texts, names of people, rooms and files, topics and quotes: shown as it was written."""
    tab = tabs.guest("Prey")
    last = 0
    with plain(server, "Hunter") as hunter:
        for attack in ATTACKS:
            last = hunter.ask(Send(text=attack, reply_to=last or None), Sent).id
            offer(hunter, attack.replace("/", "_")[:100], b"x")
        room = hunter.ask(JoinRoom(name="trap"), Opened).conversation.id
        for attack in ATTACKS:
            hunter.ask(SetTopic(conversation=room, topic=attack), RoomTopic)
    names = [
        attack for attack in ATTACKS if len(attack) <= 32 and not re.search(r'[\s",/:<>@]', attack)
    ]
    assert names
    for name in names:
        with plain(server, name) as named:
            named.say(f"from {name}")
    tab.sees(f"from {names[-1]}")
    for attack in ATTACKS[-4:]:
        expect(tab.message(attack).first).to_be_attached()
    tab.say("/chats trap")
    expect(tab.page.locator("header p")).to_have_text(ATTACKS[-1])
    tab.press("Members")
    tab.row("General chat").click()
    tab.press("Files")
    box = tab.page.locator(".scroller")
    for _ in range(30):  # let every one of them come into the document
        box.evaluate("box => box.scrollBy(0, -400)")
        tab.page.wait_for_timeout(20)
    assert tab.page.evaluate("window.hacked") is None
    assert tab.page.locator("#app script, #app iframe, #app style, #app base").count() == 0


def test_attacks_as_names_of_oneself(tabs: Tabs) -> None:
    """A name that a page's script could stumble over is a name like any other."""
    for name in ("__proto__", "constructor", "toString"):
        tab = tabs.guest(name)
        tab.say(f"I am {name}")
        tab.sees(f"I am {name}")


def test_the_policy_is_strict_and_holds(tabs: Tabs) -> None:
    """Even a script that got into the document would not run, nor talk to another host."""
    tab = tabs.open()
    response = tab.page.reload()
    assert response is not None
    policy = response.headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    tab.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
        " document.body.append(s); }"
    )
    assert tab.page.evaluate("window.hacked") is None
    blocked = tab.page.evaluate(
        "fetch('http://127.0.0.1:1/').then(() => 'got out', error => error.message)"
    )
    assert blocked != "got out"
    assert any("Content Security Policy" in trouble for trouble in tabs.troubles)
    tabs.troubles.clear()  # those two were ours


def test_the_page_is_light(tabs: Tabs) -> None:
    """All that a cold start takes over the wire, headers and all, is 150 KB at most."""
    context = tabs.context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"http://127.0.0.1:{tabs.server.port}/", wait_until="networkidle")
    expect(page.locator("button.main")).to_be_visible()
    assert len(sizes) > 20
    assert sum(sizes) <= 150_000


SOURCES = sorted((ROOT / "web" / "app").rglob("*.js"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_source_makes_markup_of_text(path: Path) -> None:
    """Everything shown is a text node: there is no way from a string to an element."""
    text = path.read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
        r"|DOMParser|createContextualFragment"
    )
    assert not re.search(forbidden, text)
    assert text.startswith("// "), "the first line says what the file is for"
    assert len(text.splitlines()) < 400


def test_the_page_has_nothing_inline() -> None:
    """The policy would forbid it: scripts, styles and handlers are in files."""
    text = (ROOT / "web" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", text)
    modules = {f"/{path.relative_to(ROOT / 'web')}" for path in (ROOT / "web").rglob("*.js")}
    named = re.findall(r'"(/(?:app|vendor)/[^"]+)"', text)
    assert sorted(named) == sorted(modules), "each is fetched at once, none in a chain of imports"
    assert json.loads((ROOT / "web" / "locale" / "ru.json").read_text(encoding="utf-8"))
