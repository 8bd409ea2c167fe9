"""Chatting at the page as people do (S003-13), with others at other doors."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.harness import ROOT, RunningServer
from tests.web.plain import plain
from tests.web.tabs import PASSWORD, Tabs


def test_two_browsers_and_a_terminal_chat(tabs: Tabs, server: RunningServer) -> None:
    """S001-8: what one writes appears at all the others, whatever they use."""
    ann, bob = tabs.guest("Ann1"), tabs.guest("Bob1")
    command = [sys.executable, "-m", "cmd.cli", "--port", str(server.port), "--name", "Tess"]
    terminal = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert terminal.stdin
    assert terminal.stdout
    with terminal, terminal.stdin, terminal.stdout:
        terminal.stdin.write("hello from the terminal\n")
        terminal.stdin.flush()
        ann.sees("hello from the terminal")
        bob.sees("hello from the terminal")
        ann.say("hello from Ann")
        bob.sees("hello from Ann")
        while "Ann1: hello from Ann" not in (line := terminal.stdout.readline()):
            assert line, "the terminal client has ended"
        terminal.stdin.close()
    expect(bob.message("hello from Ann").locator(".sender")).to_have_text("Ann1")
    expect(ann.message("hello from Ann").locator(".sender")).to_have_text("Me")


def test_register_stay_and_come_back(tabs: Tabs) -> None:
    """A device that stays signed in needs no password after a restart of the browser."""
    profile = tabs.context()
    first = tabs.open(profile)
    first.come_in("Register", "Reg", stay=True)
    expect(first.page.get_by_text("Guest: register")).to_have_count(0)
    first.page.close()
    again = tabs.open(profile)  # another tab: what was kept for the first one only is gone
    expect(again.composer).to_be_visible()
    again.press("Sign out")
    expect(again.page.get_by_label("Password", exact=True)).to_be_visible()
    again.page.reload()
    expect(again.page.get_by_label("Password", exact=True)).to_be_visible()
    assert "token" not in again.page.evaluate(
        "JSON.stringify({...localStorage, ...sessionStorage})"
    )


def test_without_staying_only_the_tab_remembers(tabs: Tabs) -> None:
    """A reload asks for nothing, another tab asks for the password."""
    profile = tabs.context()
    tab = tabs.open(profile)
    tab.come_in("Register", "Brief")
    tab.page.reload()
    expect(tab.composer).to_be_visible()
    other = tabs.open(profile)
    expect(other.page.get_by_label("Password", exact=True)).to_be_visible()
    kept: str = tab.page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert PASSWORD not in kept


def test_wrong_entries_are_told_before_and_after_sending(tabs: Tabs) -> None:
    """S003-14: what is plainly wrong never leaves the page; what the server refuses is shown."""
    owner = tabs.open()
    owner.come_in("Register", "Owner")
    tab = tabs.open()
    wrong = tab.page.locator("#wrong")
    tab.try_to_come_in("Guest", "two words")
    expect(wrong).to_contain_text("one word")
    tab.try_to_come_in("Register", "Short", password="short")
    expect(wrong).to_contain_text("at least 8")
    tab.try_to_come_in("Log in", "Owner", password="not the password")
    expect(wrong).to_contain_text("password")
    tab.try_to_come_in("Register", "Owner")
    expect(wrong).to_contain_text("password")
    tab.come_in("Log in", "Owner")


def test_replies_edits_and_deletions_reach_everyone(tabs: Tabs) -> None:
    """S004-24: a quote stands over a comment; a change changes what is shown."""
    ann, bob = tabs.guest("Ann2"), tabs.guest("Bob2")
    ann.say("first draft")
    bob.sees("first draft")
    bob.do("first draft", "Reply")
    expect(bob.page.locator(".doing")).to_contain_text("Answer to Ann2")
    bob.say("an answer")
    expect(ann.message("an answer").locator(".quote")).to_contain_text("first draft")
    ann.do("first draft", "Edit")
    expect(ann.composer).to_have_value("first draft")
    ann.say("second version")
    expect(bob.message("second version")).to_contain_text("(edited)")
    expect(bob.message("an answer").locator(".quote")).to_contain_text("second version")
    bob.sees("first draft", 0)
    ann.do("second version", "Delete")
    bob.sees("second version", 0)
    expect(bob.page.locator(".gone").last).to_have_text("(deleted)")


def test_unread_counts_agree_in_all_tabs(tabs: Tabs, server: RunningServer) -> None:
    """S003-6: what is read in one tab is read in the other; the title counts."""
    one, two = tabs.guest("Ida"), tabs.guest("Ida")
    with plain(server, "Kim") as kim:
        for text in ("psst", "are you there?"):
            kim.say(text, to="Ida")
        for tab in (one, two):
            expect(tab.row("Kim").locator(".count")).to_have_text("2")
            expect(tab.row("Kim").locator(".last")).to_have_text("Kim: are you there?")
            expect(tab.page).to_have_title(re.compile(r"^\(\d+\) "))
        one.row("Kim").click()
        one.sees("are you there?")
        expect(one.page.locator(".day.unread")).to_have_count(1)
        expect(two.row("Kim").locator(".count")).to_have_count(0)
        one.say("here I am")
        assert kim.hear("here I am").sender == "Ida"
        two.row("Kim").click()
        two.sees("here I am")  # the sender's other tab gets it as a message


def test_older_history_is_loaded_while_scrolling(tabs: Tabs, server: RunningServer) -> None:
    """S003-17; only what is in sight is in the document."""
    tab = tabs.guest("Lou")
    with plain(server, "Max") as other:
        for number in range(300):
            other.say(f"line {number}", to="Lou")
    tab.page.reload()
    tab.row("Max").click()
    tab.sees("line 299")
    assert tab.page.locator(".message").count() < 80
    box = tab.page.locator(".scroller")
    for _ in range(40):
        box.evaluate("box => box.scrollBy(0, -3000)")
        tab.page.wait_for_timeout(30)
        if tab.message("line 0").count():
            break
    tab.sees("line 0")
    assert tab.page.locator(".message").count() < 80
    tab.page.get_by_role("button", name="To the latest").click()
    tab.sees("line 299")


def test_a_private_room_by_link_and_approval(tabs: Tabs) -> None:
    """S004-29: the link opens here, the owner lets in."""
    olga = tabs.open()
    olga.come_in("Register", "Olga")
    olga.page.locator("#find").fill("secret")
    olga.press("Make the private room secret")
    olga.press("Room")
    olga.press("Make an invitation link")
    link = olga.page.locator(".panel-rows .name").inner_text()
    guest = tabs.open(path=link.partition(str(tabs.server.port))[2])
    guest.come_in("Register", "Petr")
    guest.press("Ask")
    olga.told("Petr asks to be let into secret")
    olga.press("Let in")
    guest.told("You have been let into secret")
    guest.row("secret").click()
    expect(guest.page.get_by_role("heading", name="secret")).to_be_visible()
    guest.say("thank you")
    olga.sees("thank you")
    olga.press("Close")
    olga.press("Members")
    expect(olga.page.locator(".panel-rows")).to_contain_text("Petr")


def test_an_invitation_is_accepted(tabs: Tabs) -> None:
    """S004-29: who is invited is asked, and is in."""
    ann, bob = tabs.guest("Ann3"), tabs.guest("Bob3")
    ann.say("/chats jazz")
    expect(ann.page.get_by_role("heading", name="jazz")).to_be_visible()
    ann.say("/invite Bob3")
    bob.told("Ann3 invites you to jazz")
    bob.press("Accept")
    expect(bob.page.get_by_role("heading", name="jazz")).to_be_visible()
    bob.say("nice here")
    ann.sees("nice here")


def test_a_message_for_later_and_a_complaint(tabs: Tabs) -> None:
    """S004-25 and S002-12 by buttons."""
    ann, bob = tabs.guest("Ann4"), tabs.guest("Bob4")
    ann.press("Scheduled")
    tomorrow = datetime.now() + timedelta(days=1)
    ann.page.get_by_label("When").fill(tomorrow.strftime("%Y-%m-%dT%H:%M"))
    ann.page.get_by_label("Message to General chat").last.fill("happy new year")
    ann.press("Send it then")
    expect(ann.page.locator(".panel-rows")).to_contain_text("happy new year")
    ann.page.get_by_role("button", name="Cancel: happy new year").click()
    expect(ann.page.get_by_text("Nothing is waiting for its time.")).to_be_visible()
    bob.say("rude words")
    ann.sees("rude words")
    ann.do("rude words", "Complain")
    ann.page.get_by_label("Why, for the administrators").fill("rude")
    ann.page.locator(".panel").get_by_role("button", name="Complain", exact=True).click()
    ann.told("Bob4")


def test_everything_by_keyboard(tabs: Tabs) -> None:
    """Come in, complete a command, change the last message, look at the keys: no mouse."""
    tab = tabs.open()
    page = tab.page
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.locator(".tabs").get_by_role("button", name="Guest").press("Enter")
    page.get_by_label("Name", exact=True).press_sequentially("Keyla")
    page.keyboard.press("Enter")
    expect(tab.composer).to_be_focused()
    page.keyboard.type("/cha")
    expect(page.get_by_role("option").first).to_contain_text("/chat")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(tab.composer).to_have_value("/chats ")
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="keys")).to_be_visible()
    page.keyboard.type("helo")
    page.keyboard.press("Enter")
    tab.sees("helo")
    page.keyboard.press("ArrowUp")
    expect(tab.composer).to_have_value("helo")
    tab.composer.fill("hello")
    page.keyboard.press("Enter")
    tab.sees("hello")
    page.keyboard.press("Shift+Tab")  # past the button for files, into the messages
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_have_count(0)


def test_a_command_nobody_knows_is_explained(tabs: Tabs) -> None:
    """Bad input gets a clear answer, and the text is not sent to everyone."""
    tab = tabs.guest("Typo")
    tab.say("/nonsense")
    tab.told("There is no command /nonsense")
    tab.say("//nonsense is text")
    tab.sees("/nonsense is text")


def test_the_page_over_tls(tabs: Tabs) -> None:
    """S000-21: the same port, encrypted; the WebSocket follows."""
    ann = tabs.open(scheme="https", ignore_https_errors=True)
    ann.come_in("Register", "AnnT")
    bob = tabs.guest("BobT")
    ann.say("encrypted on my side")
    bob.sees("encrypted on my side")
    bob.say("x" * 60_000)
    expect(ann.page.locator(".message").last).to_contain_text("Show all")


def test_russian_is_spoken_at_once(tabs: Tabs) -> None:
    """A browser that wants Russian gets it, from the server's sentences too; a switch is there."""
    tab = tabs.open(locale="ru-RU")
    page = tab.page
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.get_by_role("button", name="Гость").first.click()
    page.get_by_label("Имя", exact=True).fill("Ваня")
    page.locator("button.main").click()
    expect(page.get_by_role("heading", name="Общий чат")).to_be_visible()
    tab.say("/nonsense")
    tab.told("Команды /nonsense нет")
    tab.press("English")
    expect(page.get_by_role("heading", name="General chat")).to_be_visible()


def test_nobody_misses_a_text_of_any_size(tabs: Tabs) -> None:
    """S001-10: its head is shown, the rest on request."""
    ann, bob = tabs.guest("Ann5"), tabs.guest("Bob5")
    text = "war and peace " * 8000 + "THE END"
    ann.composer.evaluate(
        "(field, text) => { field.value = text; field.dispatchEvent(new Event('input')); }", text
    )
    ann.composer.press("Enter")
    last = bob.page.locator(".message").last
    expect(last).to_contain_text("war and peace")
    last.get_by_role("button", name="Show all").click()
    expect(last).to_contain_text("THE END")


def test_notifications_are_shown_where_nobody_looks(tabs: Tabs, server: RunningServer) -> None:
    """After the button, for a conversation that is not in sight, and for no other."""
    context = tabs.context(permissions=["notifications"])
    context.add_init_script(
        """window.shown = [];
        window.Notification = class {
            static permission = "default";
            static requestPermission() { Notification.permission = "granted"; return "granted"; }
            constructor(title, options) { window.shown.push([title, options.body]); }
        };"""
    )
    tab = tabs.open(context)
    tab.come_in("Guest", "Nora")
    with plain(server, "Olaf") as olaf:
        olaf.say("before the button", to="Nora")
        expect(tab.row("Olaf").locator(".count")).to_have_text("1")
        tab.press("Notifications")
        olaf.say("after the button", to="Nora")
        expect(tab.row("Olaf").locator(".count")).to_have_text("2")
        tab.row("Olaf").click()
        olaf.say("in sight", to="Nora")
        tab.sees("in sight")
    assert tab.page.evaluate("window.shown") == [["Olaf", "after the button"]]
