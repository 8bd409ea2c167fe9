"""One browser for all tests of the page, and what must never happen in any of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.harness import PATIENT, RunningServer, running_server
from tests.web.tabs import Tabs

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium without a window.

    For one file at a time: while Playwright runs, its thread has a running asyncio loop, and
    other tests in it could start none.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that do not stop it; each uses names of its own."""
    with running_server(
        tmp_path_factory.mktemp("web"), *PATIENT, "--ping-interval", "5"
    ) as running:
        yield running


@pytest.fixture
def tabs(browser: Browser, server: RunningServer) -> Iterator[Tabs]:
    """Open pages; afterwards nothing may have gone wrong in any of them."""
    opened = Tabs(browser, server)
    yield opened
    opened.close()
    assert opened.troubles == []
