"""People at the page: a tab each, in a browser profile of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.harness import PATIENCE, RunningServer

PASSWORD = "correct horse battery"

expect.set_options(timeout=PATIENCE * 1000)


class Tabs:
    """Opens tabs, and notes what must not happen in them."""

    def __init__(self, browser: Browser, server: RunningServer) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.server = server
        self.troubles: list[str] = []
        """Errors, dialogs, violations of the policy, requests to other hosts."""

    def context(self, **options: Any) -> BrowserContext:
        """Return a new profile."""
        options.setdefault("locale", "en-GB")
        context = self._browser.new_context(viewport={"width": 1100, "height": 700}, **options)
        context.set_default_timeout(PATIENCE * 1000)
        self._contexts.append(context)
        return context

    def open(
        self,
        context: BrowserContext | None = None,
        path: str = "/",
        scheme: str = "http",
        **options: Any,
    ) -> Tab:
        """Open the page, in a profile of its own unless one is given."""
        page = (context or self.context(**options)).new_page()
        self._watch(page)
        page.goto(f"{scheme}://127.0.0.1:{self.server.port}{path}")
        return Tab(page)

    def guest(self, name: str, **options: Any) -> Tab:
        """Come in as a guest."""
        tab = self.open(**options)
        tab.come_in("Guest", name)
        return tab

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request.url))

    def _dialog(self, dialog: Any) -> None:
        if dialog.type != "beforeunload":
            self.troubles.append(f"dialog: {dialog.message}")
        dialog.accept()

    def _console(self, message: Any) -> None:
        lost = "WebSocket connection" in message.text or "ERR_" in message.text
        if message.type in ("error", "warning") and not lost:
            self.troubles.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "blob" and parts.hostname != "127.0.0.1":
            self.troubles.append(f"request: {url}")

    def close(self) -> None:
        """Close all of them; no cookie was ever set."""
        for context in self._contexts:
            if cookies := context.cookies():
                self.troubles.append(f"cookies: {cookies}")
            context.close()


class Tab:
    """One person at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def come_in(self, way: str, name: str, *, stay: bool = False) -> None:
        """Fill the first screen in and wait for the second."""
        self.try_to_come_in(way, name, stay=stay)
        expect(self.composer).to_be_visible()
        expect(self.page.locator(".notice.offline")).to_have_count(0)

    def try_to_come_in(
        self, way: str, name: str, *, password: str = PASSWORD, stay: bool = False
    ) -> None:
        """Fill the first screen in."""
        page = self.page
        page.locator(".tabs").get_by_role("button", name=way).click()
        page.get_by_label("Name", exact=True).fill(name)
        if way != "Guest":
            page.get_by_label("Password", exact=True).fill(password)
            if stay:
                page.get_by_label("Stay signed in").check()
        if way == "Register":
            page.get_by_label("Password once more").fill(password)
        page.locator("button.main").click()

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.page.locator("#composer")

    def say(self, text: str) -> None:
        """Write something and send it."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def message(self, text: str) -> Locator:
        """A message that has come, or was acknowledged."""
        return self.page.locator(
            ".message:not(.letter)", has=self.page.get_by_text(text, exact=True)
        )

    def sees(self, text: str, count: int = 1) -> None:
        """Wait until a message is there, exactly so many times."""
        expect(self.message(text)).to_have_count(count)

    def do(self, text: str, action: str) -> None:
        """Press one of the buttons of a message."""
        message = self.message(text)
        message.hover()
        message.get_by_role("button", name=action).click()

    def row(self, name: str) -> Locator:
        """A conversation in the list."""
        return self.page.locator(".rows .row", has=self.page.get_by_text(name, exact=True))

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def told(self, text: str) -> None:
        """Wait for news in the corner."""
        expect(self.page.locator(".toast", has_text=text).first).to_be_visible()

    def overflow(self) -> int:
        """Return how many pixels are beyond the right edge."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width
