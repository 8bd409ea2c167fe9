"""The pages of ``docs/`` are what the code says, and their links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from protocol import events, requests
from protocol.errors import ErrorCode, ProtocolError
from protocol.framing import event_reader, request_reader
from protocol.vocabulary import EVENTS, REQUESTS
from tests.packaging import ROOT, read
from tools import describe, docs
from tools.session import session

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_generated_pages_are_up_to_date() -> None:
    assert docs.stale() == [], "run make docs"


def test_a_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / "docs/man").mkdir(parents=True)
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    with (tmp_path / "docs/protocol.md").open("a") as page:
        page.write("\n")
    assert docs.main(["--check"]) == 1


def test_no_mark_is_left_in_a_page() -> None:
    for name, make in docs.PAGES.items():
        assert "{{" not in make(), name


def test_the_protocol_page_has_every_frame_field_and_code() -> None:
    page = docs.protocol_page()
    for frame in (*REQUESTS, *EVENTS):
        assert f"### {describe.name_of(frame)}\n" in page
        for field in describe.members(frame):
            assert f"`{field.encode_name}`" in page
    for struct in docs.objects():
        assert f"### {struct.__name__}\n" in page
    assert {"ConversationInfo", "FileInfo", "Quote"} <= {one.__name__ for one in docs.objects()}
    for code in ErrorCode:
        assert f"| `{code}` |" in page


def test_every_field_is_explained() -> None:
    for page in (docs.protocol_page(), docs.configuration_page()):
        for row in re.findall(r"^\| `.*\|$", page, re.MULTILINE):
            assert row.split("|")[-2].strip(), row


def test_the_example_is_made_of_frames_that_both_ends_can_read() -> None:
    names: dict[str, set[str]] = {"C": set(), "S": set()}
    for speaker, line in re.findall(r"^([CS]): (\{.*)$", session(), re.MULTILINE):
        reader = request_reader() if speaker == "C" else event_reader()
        frame = json.loads(line)
        raw = b"x" * frame["size"] if frame["type"] in {"chunk", "part"} else b""
        [item] = reader.feed(line.encode() + b"\n" + raw)
        assert not isinstance(item, ProtocolError), item
        names[speaker].add(frame["type"])
    # The frames of areas may be in it; those that every client needs must be.
    core = {describe.name_of(frame) for frame in requests.REQUESTS}
    assert names["C"] >= core - {"language", "status"}
    assert names["C"] <= {describe.name_of(frame) for frame in REQUESTS}
    core = {describe.name_of(frame) for frame in events.EVENTS}
    unusual = {"conversation_left", "notice", "opened", "status_report", "storage"}
    assert names["S"] >= core - unusual
    assert names["S"] <= {describe.name_of(frame) for frame in EVENTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
        if target and "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_whole(page: Path) -> None:
    """Each row is one line and has as many cells as the head: else it is shown as text."""
    cells = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("|"):
            found = len(re.findall(r"(?<!\\)\|", line))
            assert line.endswith("|"), f"line {number}: {line}"
            assert cells in {0, found}, f"line {number}: {line}"
            cells = found
        else:
            cells = 0


def test_names_are_said_to_be_of_what_they_are() -> None:
    """The usual meaning of a field is not taken for one that means something else."""
    page = docs.protocol_page()
    for struct, words in (
        ("conversation_left", "The conversation's"), ("file_details", "The file's"),
        ("FileInfo", "The file's"), ("SharedFile", "The file's"), ("RoomInfo", "The room's"),
        ("member_list", "The room's"), ("room_topic", "The room's"), ("zone_changed", "As `Eur"),
    ):  # fmt: skip
        section = page.partition(f"### {struct}\n")[2].partition("\n### ")[0]
        row = re.search(r"^\| `name` .*$", section, re.MULTILINE)
        assert row is not None
        assert f"| {words}" in row[0], struct


def test_every_decision_is_in_the_list() -> None:
    index = read("docs/adr/README.md")
    for path in (ROOT / "docs/adr").glob("0*.md"):
        assert f"]({path.name})" in index
        number, _, _ = path.name.partition("-")
        assert path.read_text(encoding="utf-8").startswith(f"# {number}: ")
