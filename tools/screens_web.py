"""The pictures of the page in ``docs/screens``: ``python -m tools.screens_web``.

A server of its own, a few people who chat, and a Chromium that looks on.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench.client import Client
from bench.programs import our_server
from protocol.framing import encode
from protocol.ids import new_uuid
from protocol.requests import Chunk, Send
from protocol.vocabulary.files import ListFiles, Offer
from protocol.vocabulary.rooms import JoinRoom, SetTopic

SCREENS = Path(__file__).resolve().parent.parent / "docs" / "screens"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WIDE, NARROW, SMALL = (
    ViewportSize(width=width, height=height)
    for width, height in ((1000, 620), (360, 640), (360, 480))
)
Scheme = Literal["light", "dark"]


def main() -> None:
    """Make all of them."""
    SCREENS.mkdir(exist_ok=True)
    with our_server() as server, sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        _take(_open(browser, server.port, "light", WIDE), "signin")
        ann = _come_in(_open(browser, server.port, "light", WIDE), "Ann")
        _chat(server.port, browser, stack)
        ann.get_by_role("button", name="design").click()
        ann.locator(".file img").wait_for()
        ann.fill("#composer", "Looks good to me.")
        _take(ann, "chat")
        ann.fill("#composer", "/s")
        ann.get_by_role("button", name="Members").click()
        ann.get_by_role("button", name="Light or dark").click()
        ann.locator(".panel-rows").wait_for()
        _take(ann, "dark")
        narrow = _come_in(_open(browser, server.port, "light", NARROW), "Ann")
        narrow.get_by_role("button", name="Conversations").click()
        _take(narrow, "narrow")
        browser.close()


def _open(browser: Browser, port: int, scheme: Scheme, size: ViewportSize) -> Page:
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en-GB")
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator("form.card").wait_for()
    return page


def _come_in(page: Page, name: str) -> Page:
    page.locator(".tabs").get_by_role("button", name="Guest").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("button.main").click()
    page.locator("#composer").wait_for()
    return page


def _chat(port: int, browser: Browser, stack: ExitStack) -> None:
    """Let people say something worth a picture."""
    ann, bob, eve = (Client(port, name) for name in ("Ann", "Bob", "Eve"))
    for client in (ann, bob, eve):
        stack.callback(client.close)
    room = bob.ask(JoinRoom(name="design")).conversation.id
    bob.ask(SetTopic(conversation=room, topic="The page, and how it looks"))
    for client in (ann, eve):
        client.ask(JoinRoom(name="design"))
    bob.ask(Send(conversation=room, text="I have drawn the sign-in screen. What do you think?"))
    first = ann.ask(Send(conversation=room, text="Can one see it without an account?")).id
    bob.ask(Send(conversation=room, text="Yes, as a guest.", reply_to=first))
    _send_picture(eve, room, _open(browser, port, "dark", SMALL))
    eve.ask(Send(conversation=room, text="The same in the dark, at a small size."))
    eve.ask(Send(to="Ann", text="Lunch at one?"))
    bob.ask(Send(text="The server was restarted; nothing is missing here."))


def _send_picture(client: Client, room: int, page: Page) -> None:
    data = page.screenshot()
    page.close()
    client.ask(
        Offer(
            uuid=new_uuid(), name="sign-in.png", size=len(data), sha256=sha256(data).hexdigest(),
            stream=1, conversation=room,
        )
    )  # fmt: skip
    client.socket.sendall(encode(Chunk(stream=1, size=len(data)), data))
    while not client.ask(ListFiles(conversation=room)).files:
        pass  # it is being compared


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(300)  # a picture of what moves is of no use
    page.screenshot(path=SCREENS / f"{name}.png")


if __name__ == "__main__":
    main()
