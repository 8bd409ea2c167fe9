"""Who counts as whom, who is spared, and what is known in memory (S004-26, decision 9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from chat.complaints import MOST_BY_ONE, ComplaintRules, Complaints, _site
from chat.patience import Patience
from chat.session import Presence
from protocol.commands import Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Notice
from protocol.language import english
from protocol.typed import parse_line
from protocol.view import View, lines
from protocol.vocabulary.moderation import MAX_REASON, Blocked, BlockLifted, BlockUser, Complain
from storage import Stores, open_stores
from storage.errors import StorageUnavailable
from storage.moderation_records import Filed, Verdict
from storage.moderation_store import ModerationStore
from tests.chat.fakes import Author
from tests.chat.house import house
from tests.storage.helpers import user

HOUR = 3_600_000_000


class Chat:
    """Complaints with a clock that is set by hand."""

    def __init__(self, stores: Stores, threshold: int = 3) -> None:
        self.stores = stores
        self.now = 1_800_000_000_000_000
        self.presence = Presence()
        self.rules = ComplaintRules(threshold, admins=frozenset({"root"}))
        self.complaints = self.made()

    def made(self) -> Complaints:
        """Return complaints that know nothing yet."""
        return Complaints(
            self.stores.moderation,
            Patience(),
            self.presence,
            self.rules,
            zone=None,
            now=lambda: self.now * 1000,
        )

    async def enter(self, name: str, *, account: bool = True) -> Author:
        """Log somebody in."""
        author = Author(await user(self.stores, name))
        author.registered = account
        self.presence.add(author)
        if account:
            self.complaints.admit(author)
        self.complaints.tell_block(author)
        return author

    def is_blocked(self, author: Author) -> bool:
        """Tell whether somebody is refused."""
        try:
            self.complaints.check(author)
        except ProtocolError as error:
            return error.code == ErrorCode.BLOCKED
        return False


@pytest.fixture
async def chat(sqlite_url: str) -> AsyncIterator[Chat]:
    """A database of its own, and three complaints."""
    async with open_stores(sqlite_url) as stores:
        yield Chat(stores)


async def refusal(chat: Chat, by: Author, about: Author) -> ErrorCode:
    """Return why a complaint is not taken."""
    with pytest.raises(ProtocolError) as refused:
        await chat.complaints.complain(by, about.who, "")
    return refused.value.code


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1:1234", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:5", "192.0.2.1"),
        ("[2001:db8:1:2:3:4:5:6]:5", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:80", "2001:db8:1:2::/64"),
        ("[fe80::1%eth0]:80", "fe80::/64"),
        ("nowhere", "nowhere"),
    ],
)
def test_whom_an_address_stands_for(address: str, site: str) -> None:
    """Decision 9: a guest is its IP; of IPv6 a household has a whole network."""
    assert _site(address) == site


async def test_a_block_ends_by_the_clock(chat: Chat) -> None:
    """S002-16: four hours, known in memory and after a restart."""
    eve, *others = [await chat.enter(name) for name in ("Eve", "Ann", "Bob", "Cid")]
    for other in others:
        assert not chat.is_blocked(eve)
        await chat.complaints.complain(other, eve.who, "")
    assert eve.screen.posted == [Blocked(until=chat.now + 4 * HOUR)]
    chat.now += 4 * HOUR - 1
    assert chat.is_blocked(eve)
    chat.complaints = chat.made()
    await chat.complaints.load()
    assert chat.is_blocked(eve)
    assert (await chat.enter("Eve")).screen.posted == eve.screen.posted
    assert (await chat.complaints.open(None)).blocked[0].name == "Eve"
    chat.now += 1
    assert not chat.is_blocked(eve)
    assert (await chat.complaints.open(None)).blocked == []


async def test_what_is_left_to_the_blocked(chat: Chat) -> None:
    """They can take back what they wrote, and leave rooms."""
    chat.complaints = Complaints(
        chat.stores.moderation, Patience(), chat.presence, ComplaintRules(1), zone=None
    )
    eve, ann = await chat.enter("Eve"), await chat.enter("Ann")
    await chat.complaints.complain(ann, eve.who, "")
    for kind in ("text", "file", "edit", "topic"):
        with pytest.raises(ProtocolError):
            chat.complaints.check(eve, kind)
    for kind in ("delete", "leave", "join"):
        chat.complaints.check(eve, kind)


async def test_administrators_are_spared(chat: Chat) -> None:
    """With the password of the name only; they are told of every complaint."""
    root, eve = await chat.enter("Root"), await chat.enter("Eve")
    assert root.admin
    assert not eve.admin
    guest = await chat.enter("Root", account=False)
    assert not guest.admin
    assert await chat.complaints.complain(eve, guest.who, "") is Verdict.COUNTS  # no account yet
    assert await chat.stores.identity.register(root.who.id, "hash", chat.now)
    found = await chat.stores.accounts.find("root")
    assert found is not None
    eve_again = await chat.enter("Eve")
    with pytest.raises(ProtocolError) as refused:
        await chat.complaints.complain(eve_again, found, "")
    assert refused.value.code == ErrorCode.NOT_ALLOWED
    assert len(root.screen.posted) == 1
    assert guest.screen.posted == []


async def test_nobody_complains_for_ever(chat: Chat) -> None:
    """S004-34: what one reporter may have open is bounded; a day later there is room again."""
    ann = await chat.enter("Ann")
    targets = [await chat.enter(f"user{number}") for number in range(MOST_BY_ONE + 1)]
    for target in targets[:-1]:
        assert await chat.complaints.complain(ann, target.who, "") is Verdict.COUNTS
    assert await refusal(chat, ann, targets[-1]) == ErrorCode.LIMIT_REACHED
    chat.now += 25 * HOUR
    assert await chat.complaints.complain(ann, targets[-1].who, "") is Verdict.COUNTS
    assert await refusal(chat, ann, ann) == ErrorCode.BAD_ARGUMENTS


async def test_an_administrator_blocks_and_lifts(chat: Chat) -> None:
    root, eve = await chat.enter("Root"), await chat.enter("Eve")
    for hours in (0, -1, 8761, float("inf")):
        with pytest.raises(ProtocolError):
            await chat.complaints.block(root, eve.who, hours, "")
    with pytest.raises(ProtocolError):
        await chat.complaints.block(root, root.who, 1, "")
    assert await chat.complaints.block(root, eve.who, 0.5, "why") == chat.now + HOUR // 2
    assert await chat.complaints.block(root, eve.who, None, "") == chat.now + 4 * HOUR
    assert (await chat.complaints.lift(eve.who)).blocked
    assert not (await chat.complaints.lift(eve.who)).blocked
    assert not chat.is_blocked(eve)
    assert eve.screen.posted == [
        Blocked(until=chat.now + HOUR // 2, reason="why"),
        Blocked(until=chat.now + 4 * HOUR),
        BlockLifted(),
    ]


async def test_a_longer_block_is_kept(chat: Chat) -> None:
    """Unless hours are given, which may be fewer."""
    root, eve = await chat.enter("Root"), await chat.enter("Eve")
    await chat.complaints.block(root, eve.who, 10, "long")
    assert await chat.complaints.block(root, eve.who, None, "again") == chat.now + 10 * HOUR
    assert await chat.complaints.block(root, eve.who, 1, "less") == chat.now + HOUR
    assert await chat.complaints.block(root, eve.who, None, "") == chat.now + 4 * HOUR


async def test_the_reason_of_a_block_is_shown(chat: Chat) -> None:
    """To administrators, also after a restart; of three complaints it is the last one's."""
    root, eve, mal = [await chat.enter(name) for name in ("Root", "Eve", "Mal")]
    await chat.complaints.block(root, eve.who, 1, "spam")
    for name in ("Ann", "Bob", "Cid"):
        await chat.complaints.complain(await chat.enter(name), mal.who, f"says {name}")
    for _ in range(2):
        shown = (await chat.complaints.open(None)).blocked
        assert [(one.name, one.reason) for one in shown] == [("Eve", "spam"), ("Mal", "says Cid")]
        chat.complaints = chat.made()
        await chat.complaints.load()
    event = await chat.complaints.open(None)
    assert lines(event, View(english()))[1].endswith(": spam")


@pytest.mark.parametrize(
    ("account", "words"),
    [(True, "A complaint of yours about Eve counts already"), (False, "of guests at your address")],
)
async def test_why_a_complaint_does_not_count(sqlite_url: str, account: bool, words: str) -> None:
    """Decision 9: guests of one address are one reporter, and are told so."""
    async with house(sqlite_url) as home:
        eve, ann, bob = [await home.enter(name) for name in ("Eve", "Ann", "Bob")]
        other = ann if account else bob
        ann.registered = account
        for by in (ann, other):
            said = await home.ask(by, Complain(name=eve.who.name))
        assert isinstance(said, Notice)
        assert words in said.message


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("/ban Eve", Complain(name="Eve")),
        ("/ban Eve  she is  rude ", Complain(name="Eve", reason="she is  rude")),
        ("/block Eve", BlockUser(name="Eve")),
        ("/block Eve 2", BlockUser(name="Eve", hours=2.0)),
        ("/block Eve 0.5 of all days", BlockUser(name="Eve", hours=0.5, reason="of all days")),
        ("/block Eve of all days", BlockUser(name="Eve", reason="of all days")),
    ],
)
def test_what_is_typed(line: str, request_: object) -> None:
    assert parse_line(line, Place()) == request_


@pytest.mark.parametrize(
    "line",
    ["/ban", "/lift", "/lift Eve Bob", "/block", "/block Eve 0", "/block Eve 9000",
     f"/ban Eve {'x' * (MAX_REASON + 1)}"],
)  # fmt: skip
def test_what_cannot_be_typed(line: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_line(line, Place())
    assert refused.value.code == ErrorCode.BAD_ARGUMENTS


async def test_a_block_whose_answer_was_lost_holds(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S002-16: the database has it; the next who complains is told so, and it is true."""
    eve, *others = [await chat.enter(name) for name in ("Eve", "Ann", "Bob", "Cid", "Dan")]
    for other in others[:2]:
        await chat.complaints.complain(other, eve.who, "")
    real = ModerationStore.complain

    async def lost(*args: Any) -> Filed:
        await real(*args)
        raise StorageUnavailable("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(ModerationStore, "complain", lost)
        with pytest.raises(StorageUnavailable):
            await chat.complaints.complain(others[2], eve.who, "")
    until = chat.now + 4 * HOUR
    chat.now += HOUR
    assert await chat.complaints.complain(others[3], eve.who, "") is Verdict.BLOCKED
    assert chat.is_blocked(eve)
    assert await chat.complaints.complain(others[2], eve.who, "") is Verdict.BLOCKED
    assert eve.screen.posted == [Blocked(until=until)], "told once, of the block there is"


@pytest.mark.parametrize("account", [True, False])
async def test_complaints_at_the_same_time_are_counted(chat: Chat, account: bool) -> None:
    """S004-34: on several connections too; those of guests are one reporter by their address."""
    names = [f"reporter{number}" if not account else "Ann" for number in range(4)]
    reporters = [await chat.enter(name, account=account) for name in names]
    targets = [await chat.enter(f"user{number}") for number in range(MOST_BY_ONE + 8)]
    verdicts: list[object] = []

    async def complain(by: Author, about: Author) -> None:
        try:
            verdicts.append(await chat.complaints.complain(by, about.who, ""))
        except ProtocolError as error:
            verdicts.append(error.code)

    async with trio.open_nursery() as nursery:
        for number, target in enumerate(targets):
            nursery.start_soon(complain, reporters[number % 4], target)
    assert verdicts.count(Verdict.COUNTS) == MOST_BY_ONE
    assert verdicts.count(ErrorCode.LIMIT_REACHED) == 8


async def test_what_comes_to_nothing_is_not_counted(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S004-34: the same complaint again, or one that the database did not take."""
    ann, eve, bob = [await chat.enter(name) for name in ("Ann", "Eve", "Bob")]
    assert await chat.complaints.complain(ann, eve.who, "") is Verdict.COUNTS
    for _ in range(MOST_BY_ONE):
        assert await chat.complaints.complain(ann, eve.who, "") is Verdict.REPEATED

    async def away(*_: object) -> Filed:
        await trio.lowlevel.checkpoint()
        raise StorageUnavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(ModerationStore, "complain", away)
        for _ in range(MOST_BY_ONE):
            with pytest.raises(StorageUnavailable):
                await chat.complaints.complain(ann, bob.who, "")
    assert await chat.complaints.complain(ann, bob.who, "") is Verdict.COUNTS
