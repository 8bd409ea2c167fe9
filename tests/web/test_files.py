"""Files at the page, both ways (S003-7, S003-12, S003-15, S003-16)."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from playwright.sync_api import expect

from protocol.events import Message, Part, Sent
from protocol.ids import new_uuid
from protocol.requests import Chunk
from protocol.vocabulary.files import DescribeFile, Download, FileDetails, Offer, Offered
from tests.harness import RunningServer
from tests.web.plain import Plain, plain
from tests.web.tabs import Tab, Tabs


def sha256(data: bytes) -> str:
    """Return the hash as hex digits."""
    return hashlib.sha256(data).hexdigest()


def png(width: int = 40, height: int = 30) -> bytes:
    """Return a small red picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
    rows = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def offer(client: Plain, name: str, data: bytes) -> int:
    """Send a file to everyone and return the number of its message."""
    client.ask(
        Offer(uuid=new_uuid(), name=name, size=len(data), sha256=sha256(data), stream=1), Offered
    )
    if data:
        client.send(Chunk(stream=1, size=len(data)), data)
    return client.expect(Sent).id


def file_of(client: Plain, message: int) -> bytes:
    """Fetch the file of a message whole."""
    client.send(Download(id=message))
    data = b""
    while True:
        incoming = client.next_frame()
        if isinstance(incoming.frame, Part):
            data += incoming.payload
            if incoming.frame.last:
                return data


def saved(tab: Tab, name: str) -> bytes:
    """Save a file as a person does, and return it."""
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name=f"Save {name}").last.click()
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def test_a_file_goes_both_ways_whole(tabs: Tabs, server: RunningServer, tmp_path: Path) -> None:
    """Three megabytes, by the button there, and saved by another browser; hashes are the same."""
    data = os.urandom(3_000_000)
    path = tmp_path / "random data.bin"
    path.write_bytes(data)
    ann, bob = tabs.guest("AnnF"), tabs.guest("BobF")
    with plain(server, "CatF") as cat:
        with ann.page.expect_file_chooser() as chooser:
            ann.page.get_by_role("button", name="Send files").click()
        chooser.value.set_files(path)
        while (message := cat.expect(Message)).kind != "file":
            pass
        details = cat.ask(DescribeFile(id=message.id), FileDetails)
        assert (details.size, details.sha256) == (len(data), sha256(data))
        assert file_of(cat, message.id) == data
    expect(ann.page.locator(".transfers")).to_have_count(0)
    assert saved(bob, path.name) == data
    assert saved(ann, path.name) == data


def test_files_are_dropped_and_pasted(tabs: Tabs) -> None:
    """By drop and by paste, as by the button, several at once; an empty one too."""
    ann, bob = tabs.guest("AnnD"), tabs.guest("BobD")
    transfer = """names => {
        const data = new DataTransfer();
        for (const [name, text] of names) data.items.add(new File([text], name));
        return data;
    }"""
    dropped = ann.page.evaluate_handle(transfer, [["one.txt", "first"], ["empty.txt", ""]])
    ann.page.dispatch_event(".conversation", "drop", {"dataTransfer": dropped})
    pasted = ann.page.evaluate_handle(transfer, [["two.txt", "second"]])
    ann.page.evaluate(
        "data => document.getElementById('composer').dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))",
        pasted,
    )
    for name, text in (("one.txt", b"first"), ("two.txt", b"second"), ("empty.txt", b"")):
        expect(bob.page.get_by_role("button", name=f"Save {name}")).to_be_visible()
        assert saved(bob, name) == text


def test_pictures_are_shown_and_nothing_else(tabs: Tabs, server: RunningServer) -> None:
    """The bytes decide, not the name; an SVG, which can run scripts, is a file to save."""
    tab = tabs.guest("AnnP")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    with plain(server, "BobP") as bob:
        picture = offer(bob, "red.png", png())
        others = [
            offer(bob, name, data)
            for name, data in (
                ("a.svg", svg),
                ("b.png", svg),
                ("c.html", b"<script>alert(2)</script>"),
            )
        ]
    shown = tab.page.locator(f"[data-message='{picture}'] img")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [40, 30]
    for name in ("a.svg", "b.png", "c.html"):
        expect(tab.page.get_by_role("button", name=f"Save {name}")).to_be_visible()
    assert saved(tab, "c.html") == b"<script>alert(2)</script>"
    for other in others:
        expect(tab.page.locator(f"[data-message='{other}'] .save")).to_be_visible()
        expect(tab.page.locator(f"[data-message='{other}'] img")).to_have_count(0)


def test_what_is_too_big_is_told(tabs: Tabs, tmp_path: Path) -> None:
    """S004-27: the limit is the server's; the page says so and keeps nothing half-sent."""
    path = tmp_path / "big.bin"
    path.write_bytes(b"x" * (5 * 1024 * 1024 + 1))
    tab = tabs.guest("AnnB")
    tab.page.set_input_files("input[type=file]", path)
    row = tab.page.locator(".transfers li", has_text="big.bin")
    expect(row.locator(".state")).to_contain_text("The file is too big")
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)


def test_one_chats_while_a_file_is_on_its_way(tabs: Tabs, tmp_path: Path) -> None:
    """S003-16: what is said meanwhile is there at once."""
    path = tmp_path / "slow.bin"
    path.write_bytes(os.urandom(5_000_000))
    ann, bob = tabs.guest("AnnW"), tabs.guest("BobW")
    ann.page.set_input_files("input[type=file]", path)
    ann.say("meanwhile")
    bob.sees("meanwhile")
    expect(bob.page.get_by_role("button", name="Save slow.bin")).to_be_visible()
