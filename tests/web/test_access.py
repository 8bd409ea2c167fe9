"""For everybody: axe finds nothing (WCAG AA), and a narrow screen shows everything."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.harness import RunningServer
from tests.web.plain import plain
from tests.web.tabs import Tab, Tabs
from tests.web.test_files import offer, png

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def check(page: Page) -> None:
    """Let axe look at the page as it is."""
    found = Axe().run(page, options=RULES)
    problems = [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]][:3])
        for violation in found.response["violations"]
    ]
    assert problems == []


def fill(tab: Tab, server: RunningServer, other: str) -> None:
    """Let a conversation have everything in it that there is to see."""
    with plain(server, other) as friend:
        friend.say(f"{other} says https://example.org/page")
        offer(friend, "picture.png", png())
        friend.say("psst", to=tab.page.locator(".me .name").inner_text())
    expect(tab.page.get_by_text(f"{other} says")).to_be_visible()
    tab.page.locator(".message").last.hover()
    tab.page.locator(".message").last.get_by_role("button", name="Reply").click()
    tab.say(f"an answer to {other}")
    tab.sees(f"an answer to {other}")
    expect(tab.page.locator(".file img").last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(tabs: Tabs, server: RunningServer, scheme: str) -> None:
    """Both screens, something wrong on each."""
    # A script from the test's own side is not held back by the page's policy.
    tab = tabs.open(color_scheme=scheme, bypass_csp=True)
    tab.try_to_come_in("Register", "bad name")
    check(tab.page)
    tab.come_in("Guest", f"Axe-{scheme}")
    fill(tab, server, f"Friend-{scheme}")
    check(tab.page)
    tab.press("Scheduled")
    tab.page.context.set_offline(True)
    expect(tab.page.locator(".notice.offline")).to_be_visible()
    tab.say(f"waits in the {scheme}")
    check(tab.page)
    tab.page.context.set_offline(False)
    tab.sees(f"waits in the {scheme}")


def test_axe_finds_nothing_in_the_panels(tabs: Tabs, server: RunningServer) -> None:
    """Lists, forms, help, completion, and a word in the corner."""
    tab = tabs.open(bypass_csp=True)
    tab.come_in("Guest", "Axe-panels")
    tab.composer.fill("/")
    tab.press("Who is here")
    expect(tab.page.get_by_role("option").first).to_be_visible()
    check(tab.page)
    tab.composer.fill("")
    for button in ("Keys", "Guest: register"):
        tab.press(button)
        check(tab.page)
    tab.say("/chats axe")
    tab.press("Room")
    tab.say("/nonsense")
    tab.told("There is no command")
    check(tab.page)


def test_a_command_typed_beside_the_field_is_no_message(tabs: Tabs) -> None:
    """The slash is the beginning of it: without that `/register SECRET` would be told to all."""
    tab = tabs.guest("Slashes")
    tab.page.get_by_role("button", name="Keys").click()
    expect(tab.composer).not_to_be_focused()
    tab.page.keyboard.type("/help status")
    expect(tab.composer).to_have_value("/help status")
    tab.composer.fill("half a ")
    tab.page.get_by_role("button", name="Who is here").focus()
    tab.page.keyboard.type("/message")  # there is something already: it is no command
    expect(tab.composer).to_have_value("half a message")


def test_360_pixels_are_enough(tabs: Tabs, server: RunningServer) -> None:
    """Nothing is beyond the right edge, and one gets everywhere."""
    tab = tabs.open()
    page = tab.page
    page.set_viewport_size({"width": 360, "height": 640})
    assert tab.overflow() == 0
    tab.come_in("Guest", "Narrow")
    fill(tab, server, "Friend-narrow")
    with plain(server, "Longword") as other:
        other.say("x" * 300)
    tab.sees("x" * 300)
    assert tab.overflow() == 0
    tab.press("Files")
    assert tab.overflow() == 0
    tab.press("Close")
    tab.press("Conversations")
    assert tab.overflow() == 0
    expect(tab.row("Friend-narrow")).to_be_visible()
    tab.row("Friend-narrow").click()
    tab.sees("psst")
    assert tab.overflow() == 0


def test_light_and_dark_are_switched_and_kept(tabs: Tabs) -> None:
    """The system's choice holds until one is made here; a reload keeps that."""
    tab = tabs.open(color_scheme="dark")
    root, back = tab.page.locator("html"), "getComputedStyle(document.body).backgroundColor"
    dark = tab.page.evaluate(back)
    tab.press("Light or dark")
    expect(root).to_have_attribute("data-theme", "light")
    assert tab.page.evaluate(back) != dark
    tab.page.reload()
    expect(root).to_have_attribute("data-theme", "light")
