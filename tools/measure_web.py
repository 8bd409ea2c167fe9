"""How fast the page is: ``python -m tools.measure_web [MESSAGES]``.

A server of its own with a long conversation, and a Chromium that opens the page cold, loads all of
the conversation and scrolls in it. Prints the figures of ``docs/performance.md``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from statistics import median

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.client import Client
from bench.programs import our_server
from protocol.framing import encode
from protocol.ids import new_uuid
from protocol.requests import Send
from protocol.vocabulary.rooms import JoinRoom

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
MESSAGES = 10_000
STARTS = 5
FRAMES = 600
STEP = 200
"""Pixels scrolled in a frame: at 60 frames a second nobody's finger is faster."""

_SCROLL = """async ([frames, step]) => {
    const box = document.querySelector('.scroller');
    const times = [];
    let before = await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < frames; frame += 1) {
        box.scrollBy(0, -step);
        const now = await new Promise(requestAnimationFrame);
        times.push(now - before);
        before = now;
    }
    return times;
}"""


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a line a figure."""
    count = int(arguments[0]) if arguments else MESSAGES
    with our_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        starts = [_cold_start(browser, server.port) for _ in range(STARTS)]
        print(f"interactive after a cold start, ms: {median(time for time, _ in starts):.0f}")
        print(f"bytes over the wire: {starts[0][1]}")
        _fill(server.port, count)
        page = _come_in(browser, server.port)
        _load_all(page)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _cpu(session)
        times = sorted(page.evaluate(_SCROLL, [FRAMES, STEP]))
        cpu = (_cpu(session) - before) / FRAMES * 1000
        rows = page.locator(".message").count()
        print(f"messages in the conversation: {count}, in the document: {rows}")
        print(
            f"frames while scrolling, ms: median {median(times):.1f}, "
            f"p99 {times[int(len(times) * 0.99)]:.1f}, longest {times[-1]:.1f}"
        )
        print(f"CPU of the page's thread a frame, ms: {cpu:.1f}")
        browser.close()


def _cpu(session: CDPSession) -> float:
    """Return the seconds that the page's main thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    [seconds] = [float(one["value"]) for one in metrics if one["name"] == "TaskDuration"]
    return seconds


def _cold_start(browser: Browser, port: int) -> tuple[float, int]:
    """Return milliseconds until one can type a name, and bytes that were fetched for that."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
    page.locator("input[name=name]:focus").wait_for()
    time: float = page.evaluate("performance.now()")
    page.wait_for_load_state("networkidle")
    context.close()
    return time, sum(sizes)


def _fill(port: int, count: int) -> None:
    with closing(Client(port, "Writer")) as writer:
        room = writer.ask(JoinRoom(name="long")).conversation.id
        for start in range(0, count - 1, 500):
            burst = range(start, min(start + 500, count - 1))
            text = "Message {0}, of which some are longer than others. {1}"
            frames = (
                Send(
                    conversation=room,
                    text=text.format(n, "More of it. " * (n % 20)),
                    uuid=new_uuid(),
                )
                for n in burst
            )
            writer.socket.sendall(b"".join(map(encode, frames)))
            writer.ask(Send(conversation=room, text="."))  # all before it are stored


def _come_in(browser: Browser, port: int) -> Page:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator(".tabs").get_by_role("button", name="Guest").click()
    page.get_by_label("Name", exact=True).fill("Reader")
    page.locator("button.main").click()
    page.fill("#composer", "/chats long")
    page.press("#composer", "Enter")
    page.get_by_role("heading", name="long").wait_for()
    return page


def _load_all(page: Page) -> None:
    box = page.locator(".scroller")
    while not page.get_by_text("Nothing is older than this.").count():
        box.evaluate("box => box.scrollTo(0, 0)")
        page.wait_for_timeout(20)
    page.get_by_role("button", name="To the latest").click()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(sys.argv[1:])
