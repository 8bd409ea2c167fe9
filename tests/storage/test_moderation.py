"""Quotas, complaints and blocks (S002-12, S004-17, S004-26, decision 9)."""

from __future__ import annotations

import pytest

from storage import Stores, User
from storage.moderation_records import Block, Lifted, NewComplaint, Quota, Verdict
from tests.storage.helpers import NOW, new, save, user

HOUR = 3_600_000_000
SINCE = NOW - 24 * HOUR
UNTIL = NOW + 4 * HOUR


async def complain(
    stores: Stores, target: User, by: User, *, guest_at: str = "", at: int = NOW, threshold: int = 3
) -> Verdict:
    """Complain about somebody; with an address as a guest."""
    reporter = f"ip:{guest_at}" if guest_at else f"user:{by.id}"
    complaint = NewComplaint(target.id, reporter, by.id, b"rude", at)
    filed = await stores.moderation.complain(complaint, at - 24 * HOUR, threshold, at + 4 * HOUR)
    return filed.verdict


async def people(stores: Stores, *names: str) -> list[User]:
    """Return users of those names."""
    return [await user(stores, name) for name in names]


async def test_quotas_are_kept(stores: Stores) -> None:
    ann, bob = await people(stores, "Ann", "Bob")
    await stores.moderation.save_quotas([Quota(bob.id, NOW, 3), Quota(ann.id, NOW - HOUR, 20)])
    assert sorted(await stores.moderation.quotas(0), key=lambda one: one.user_id) == [
        Quota(ann.id, NOW - HOUR, 20),
        Quota(bob.id, NOW, 3),
    ]
    assert await stores.moderation.quotas(NOW - HOUR) == [Quota(bob.id, NOW, 3)]
    await stores.moderation.save_quotas([])


async def test_what_was_sent_lately_to_the_general_chat(stores: Stores) -> None:
    ann, bob = await people(stores, "Ann", "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    await save(stores, [new(ann, uuid=bytes([n]) * 16) for n in range(5)])
    await save(stores, [new(ann, conversation_id=direct.id, uuid=b"d" * 16)])
    found = await stores.moderation.sent_since(NOW, 3)
    assert found == [(ann.id, bytes([n]) * 16) for n in (2, 3, 4)]
    assert await stores.moderation.sent_since(NOW + 1, 3) == []


async def test_the_third_complaint_blocks(stores: Stores) -> None:
    """And all of them are used up, so that the next block needs three again."""
    eve, *others = await people(stores, "Eve", "Ann", "Bob", "Cid")
    verdicts = [await complain(stores, eve, by) for by in others]
    assert verdicts == [Verdict.COUNTS, Verdict.COUNTS, Verdict.BLOCKS]
    assert await stores.moderation.blocks(NOW) == [Block(eve.id, "Eve", UNTIL, b"rude")]
    assert await stores.moderation.blocks(UNTIL) == []
    assert await stores.moderation.open_complaints(SINCE, 10) == []
    assert await complain(stores, eve, others[0]) is Verdict.BLOCKED
    later = [await complain(stores, eve, by, at=UNTIL + 1) for by in others[:2]]
    assert later == [Verdict.COUNTS] * 2
    found = await stores.accounts.find("eve")
    assert found is not None
    assert found.blocked_until == UNTIL


async def test_an_account_counts_once(stores: Stores) -> None:
    eve, ann, bob = await people(stores, "Eve", "Ann", "Bob")
    assert await complain(stores, eve, ann) is Verdict.COUNTS
    assert [await complain(stores, eve, ann) for _ in range(5)] == [Verdict.REPEATED] * 5
    assert await complain(stores, eve, bob) is Verdict.COUNTS
    assert len(await stores.moderation.open_complaints(SINCE, 10)) == 2


async def test_guests_of_one_address_are_one(stores: Stores) -> None:
    """Whatever they call themselves."""
    eve, *guests = await people(stores, "Eve", "Ann", "Bob", "Cid", "Dan")
    one, two = "192.0.2.1", "192.0.2.2"
    assert await complain(stores, eve, guests[0], guest_at=one) is Verdict.COUNTS
    for guest in guests:
        assert await complain(stores, eve, guest, guest_at=one) is Verdict.REPEATED
    assert await complain(stores, eve, guests[1], guest_at=two) is Verdict.COUNTS
    assert await complain(stores, eve, guests[2]) is Verdict.BLOCKS


async def test_one_name_is_one(stores: Stores) -> None:
    """As a guest here and there, and then with the password of that name."""
    eve, ann, bob = await people(stores, "Eve", "Ann", "Bob")
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        assert await complain(stores, eve, ann, guest_at=address) is Verdict.COUNTS
    assert await complain(stores, eve, ann) is Verdict.COUNTS
    assert await complain(stores, eve, bob) is Verdict.COUNTS
    assert await stores.moderation.blocks(NOW) == []


async def test_old_complaints_do_not_count(stores: Stores) -> None:
    eve, *others = await people(stores, "Eve", "Ann", "Bob", "Cid")
    await complain(stores, eve, others[0], at=SINCE - 1)
    assert await complain(stores, eve, others[1]) is Verdict.COUNTS
    assert await complain(stores, eve, others[2]) is Verdict.COUNTS
    # and the first one may complain again
    assert await complain(stores, eve, others[0]) is Verdict.BLOCKS


async def test_the_list_of_open_complaints(stores: Stores) -> None:
    eve, ann, bob = await people(stores, "Eve", "Ann", "Bob")
    await complain(stores, eve, ann, guest_at="192.0.2.1", at=NOW - 2)
    await complain(stores, ann, bob, at=NOW - 1)
    shown = [
        (one.target, one.reporter, one.guest, one.reason, one.created_at)
        for one in await stores.moderation.open_complaints(SINCE, 10)
    ]
    assert shown == [
        ("Eve", "Ann", True, b"rude", NOW - 2),
        ("Ann", "Bob", False, b"rude", NOW - 1),
    ]
    [last] = await stores.moderation.open_complaints(SINCE, 1)
    assert last.target == "Ann"
    assert await stores.moderation.open_complaints(NOW, 10) == []


async def test_a_block_is_lifted(stores: Stores) -> None:
    eve, ann, bob = await people(stores, "Eve", "Ann", "Bob")
    await complain(stores, eve, ann)
    assert await stores.moderation.lift(eve.id, NOW) == Lifted(blocked=False, complaints=1)
    assert await stores.moderation.lift(eve.id, NOW) == Lifted(blocked=False, complaints=0)
    await complain(stores, bob, ann, threshold=1)
    assert await stores.moderation.lift(bob.id, NOW) == Lifted(blocked=True, complaints=0)
    assert await stores.moderation.blocks(NOW) == []


async def test_an_administrator_blocks(stores: Stores) -> None:
    """At once; the complaints there are count no more."""
    eve, ann, root = await people(stores, "Eve", "Ann", "Root")
    await complain(stores, eve, ann)
    order = NewComplaint(eve.id, f"user:{root.id}", root.id, b"spam", NOW)
    await stores.moderation.block(order, UNTIL)
    assert await stores.moderation.blocks(NOW) == [Block(eve.id, "Eve", UNTIL, b"spam")]
    assert await stores.moderation.open_complaints(SINCE, 10) == []


async def test_when_users_were_here_only_moves_forward(stores: Stores) -> None:
    ann, bob = await people(stores, "Ann", "Bob")
    await stores.moderation.saw([ann.id, bob.id], NOW + 2)
    await stores.moderation.saw([ann.id], NOW + 1)
    await stores.moderation.saw([], NOW + 3)
    for seen, who in ((NOW + 2, True), (NOW + 3, False)):
        lowest, _ = await stores.expiry.lowest_delivered(1, 0, seen, 10)
        assert (lowest is not None) is who


@pytest.mark.parametrize("threshold", [1, 2])
async def test_the_threshold_is_a_setting(stores: Stores, threshold: int) -> None:
    eve, *others = await people(stores, "Eve", "Ann", "Bob")
    verdicts = [await complain(stores, eve, by, threshold=threshold) for by in others[:threshold]]
    assert verdicts[-1] is Verdict.BLOCKS
