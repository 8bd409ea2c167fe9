"""What is kept on the disk until the server has it (adr 14)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import UUID

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.client import Client
from cli.errors import ClientClosed, Withdrawn
from cli.kept import KeptMessages, kept_messages
from cli.kept_file import Owner, Pending, Written
from cli.notices import Notice, NotKept, Restored
from cli.outbox import MAX_MESSAGES, Outgoing, Stage
from protocol.errors import ErrorCode
from protocol.events import Error
from protocol.ids import new_uuid
from protocol.requests import Send
from tests.cli.fake_server import FakeServer


def keeping(root: Path, name: str = "Bob", *, host: str = "h", port: int = 1) -> KeptMessages:
    """Return what a program has that is about to start."""
    return KeptMessages(root, host, port, name)


def written(kept: KeptMessages, text: str) -> Written:
    """Keep a message."""
    one = Written(uuid=new_uuid(), text=text, at=kept.now())
    kept.add(one)
    return one


def left(root: Path, name: str = "Bob") -> list[str]:
    """Return the texts that the next program finds, and leave them there."""
    kept = keeping(root, name)
    pending, _ = kept.open()
    kept.close()
    return [one.written.text for one in pending]


def files(root: Path) -> list[Path]:
    """Return the files that messages are in."""
    return list(root.rglob("*.outbox"))


def test_what_is_not_done_is_there_again_in_order(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    assert kept.open() == ([], 0)
    one, two, three = (written(kept, text) for text in ("one", "zwei\n\0\x1b", "три"))
    kept.note_tried(two.uuid)
    kept.note_done(one.uuid)
    kept.close()
    again = keeping(tmp_path)
    assert again.open() == ([Pending(two, tried=True), Pending(three, tried=False)], 0)
    again.note_done(three.uuid)
    again.note_done(two.uuid)
    again.close()
    assert files(tmp_path) == []


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    kept = keeping(tmp_path / "outbox")
    kept.open()
    written(kept, "secret")
    [file] = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    kept.close()


def test_a_file_that_is_done_with_does_not_grow(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    kept.open()
    for number in range(50):
        kept.note_done(written(kept, f"message {number}").uuid)
    [file] = files(tmp_path)
    assert file.stat().st_size == 0
    written(kept, "the next")
    kept.close()
    assert left(tmp_path) == ["the next"]


def test_others_get_nothing(tmp_path: Path) -> None:
    """Another name, another server: another folder. And the same name, however it is written."""
    kept = keeping(tmp_path, "Bób")
    kept.open()
    written(kept, "mine")
    kept.close()
    for other in (
        keeping(tmp_path, "Alice"), keeping(tmp_path, "Bob"),
        keeping(tmp_path, "Bób", port=2), keeping(tmp_path, "Bób", host="g"),
    ):  # fmt: skip
        assert other.open() == ([], 0)
        other.close()
    assert left(tmp_path, " BO\u0301B ") == ["mine"]


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Even where it lies in one's own folder."""
    alice, bob = keeping(tmp_path, "Alice"), keeping(tmp_path, "Bob")
    alice.open()
    written(alice, "hers")
    alice.close()
    [hers] = files(tmp_path)
    bob.open()
    written(bob, "his")
    bob.close()
    [his] = [file for file in files(tmp_path) if file != hers]
    moved = his.with_name("0.outbox")
    moved.write_bytes(hers.read_bytes())
    assert left(tmp_path) == ["his"]
    assert moved.exists()


def test_two_at_once_have_a_file_each_and_the_next_takes_over_both(tmp_path: Path) -> None:
    first, second = keeping(tmp_path), keeping(tmp_path)
    first.open()
    one = written(first, "one")
    assert second.open() == ([], 0)  # the first one looks after it
    written(second, "two")
    three = written(first, "three")
    first.note_done(one.uuid)
    first.close()
    assert left(tmp_path) == ["three"]
    second.close()
    assert left(tmp_path) == ["two", "three"]  # by the time of writing, whatever file they are in
    assert three.text == "three"


def test_a_torn_end_is_passed_over_and_what_comes_next_is_whole(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    kept.open()
    written(kept, "one")
    written(kept, "two")
    kept.close()
    [file] = files(tmp_path)
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        again = keeping(tmp_path)
        pending, damaged = again.open()
        assert [one.written.text for one in pending] == ["one", "two"][: len(pending)]
        assert damaged == (whole[:size] != b"" and not whole[:size].endswith(b"\n"))
        if pending:
            again.note_tried(pending[0].written.uuid)
        again.close()
        if file.exists():
            assert left(tmp_path) == [one.written.text for one in pending]


@given(place=st.integers(0, 400), junk=st.binary(min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_damage_never_breaks_and_never_makes_up(
    tmp_path_factory: pytest.TempPathFactory, place: int, junk: bytes
) -> None:
    root = tmp_path_factory.mktemp("damage")
    kept = keeping(root)
    kept.open()
    texts = [written(kept, text).text for text in ("one", "two", "three")]
    kept.close()
    [file] = files(root)
    whole = file.read_bytes()
    file.write_bytes(whole[:place] + junk + whole[place + len(junk) :])
    again = keeping(root)
    found = [one.written.text for one in again.open()[0]]
    again.close()
    assert found == [text for text in texts if text in found]
    assert len(found) >= 1  # a line, or two where the newline between them is hit


def test_a_newer_program_s_file_is_left_alone(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    kept._owner = Owner("h", 1, "bob", version=2)
    kept.open()
    written(kept, "from the future")
    kept.close()
    assert left(tmp_path) == []
    assert len(files(tmp_path)) == 1


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keeping(tmp_path)
    kept.open()
    written(kept, "one")
    real = os.write

    def full(number: int, data: bytes) -> int:
        if len(data) < 30:
            raise OSError(28, "No space left on device")
        return real(number, data[: len(data) - 10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        written(kept, "two")
    monkeypatch.undo()
    written(kept, "three")
    kept.close()
    again = keeping(tmp_path)
    pending, damaged = again.open()
    again.close()
    assert ([one.written.text for one in pending], damaged) == (["one", "three"], 0)


def test_where_it_is(tmp_path: Path) -> None:
    assert kept_messages({"MYMESSENGER_OUTBOX": ""}, "h", 1, "Bob") is None
    chosen = kept_messages({"MYMESSENGER_OUTBOX": str(tmp_path)}, "h", 1, "Bob")
    assert chosen is not None
    chosen.open()
    written(chosen, "here")
    assert len(files(tmp_path)) == 1
    chosen.close()


# --- the client on it ---------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _curt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no goodbye: the clock is the real one, for a mock one runs on beside threads."""
    monkeypatch.setattr("cli.upkeep.LEAVE_TIMEOUT", 0.01)


class Run:
    """One run of a program of Bob's."""

    def __init__(self, root: Path) -> None:
        self.server = FakeServer()  # a fresh one: nobody has called it yet
        self.notices: list[Notice] = []
        self.client = Client.New(
            "h", 1, "Bob", retry=True, on_notice=self.notices.append,
            open_stream=self.server.open_stream, kept=keeping(root),
        )  # fmt: skip


async def handed(client: Client, *texts: str) -> list[Outgoing]:
    """Hand over messages."""
    return [await client.begin_send(text) for text in texts]


async def test_the_next_run_sends_what_this_one_could_not(tmp_path: Path) -> None:
    first = Run(tmp_path)
    async with first.client as client:
        await client.begin_send("one", to="Alice")
        await client.begin_send("two", conversation=7, reply_to=3)
        assert [one.stage for one in client.pending] == [Stage.WAITING] * 2
        uuids = [one.uuid for one in client.pending]
        left_over = client.pending[0]
    assert left_over.stage is Stage.LEFT
    assert first.notices == []

    second = Run(tmp_path)
    async with second.client as client:
        assert second.notices == [Restored(2, damaged=0)]
        assert all(one.restored and one.kept for one in client.pending)
        three = await client.begin_send("three")
        peer = await second.server.accept()
        await peer.welcome()
        got = [await peer.store(seq) for seq in (1, 2, 3)]
        assert [(one.text, one.to, one.conversation, one.reply_to) for one in got] == [
            ("one", "Alice", 1, None), ("two", None, 7, 3), ("three", None, 1, None),
        ]  # fmt: skip
        assert [one.uuid for one in got[:2]] == uuids
        assert (await three.receipt()).seq == 3
        assert three.stage is Stage.STORED
        await client.drain()
    assert left(tmp_path) == []


async def test_one_whose_answer_was_lost_goes_out_again_under_its_uuid(tmp_path: Path) -> None:
    run = Run(tmp_path)
    async with run.client as client:
        [one] = await handed(client, "one")
        peer = await run.server.accept()
        await peer.welcome()
        sent = await peer.expect(Send)
        assert one.stage is Stage.ON_ITS_WAY
        assert not client.withdraw(one)
        await peer.lose()
    run = Run(tmp_path)
    async with run.client as client:
        [again] = client.pending
        assert again.stage is Stage.ON_ITS_WAY
        assert not client.withdraw(again)
        peer = await run.server.accept()
        await peer.welcome()
        assert (await peer.store(1, duplicate=True)).uuid == sent.uuid
        await client.drain()


async def test_withdrawn_is_never_sent(tmp_path: Path) -> None:
    run = Run(tmp_path)
    async with run.client as client:
        _, two, _ = await handed(client, "one", "two", "three")
        assert client.withdraw(two)
        assert two.stage is Stage.WITHDRAWN
        with pytest.raises(Withdrawn):
            await two.receipt()
        assert not client.withdraw(two)
    run = Run(tmp_path)
    async with run.client as client:
        peer = await run.server.accept()
        await peer.welcome()
        assert [(await peer.store(seq)).text for seq in (1, 2)] == ["one", "three"]
        await client.drain()


async def test_refused_is_done(tmp_path: Path) -> None:
    run = Run(tmp_path)
    async with run.client as client:
        [one] = await handed(client, "one")
        peer = await run.server.accept()
        await peer.welcome()
        sent = await peer.expect(Send)
        await peer.send(Error(ref=sent.ref, code=ErrorCode.BLOCKED, message="No."))
        await one.wait()
        assert one.stage is Stage.REFUSED
    assert left(tmp_path) == []


async def test_who_watches_sees_each_change(tmp_path: Path) -> None:
    seen: list[tuple[Stage, ...]] = []

    async def watch(client: Client) -> None:
        def stages() -> tuple[Stage, ...]:
            return tuple(one.stage for one in client.pending)

        while True:
            seen.append(stages())
            await client.wait_pending_change(lambda: stages() != seen[-1])

    run = Run(tmp_path)
    async with run.client as client, trio.open_nursery() as nursery:
        nursery.start_soon(watch, client)
        await trio.testing.wait_all_tasks_blocked()
        await handed(client, "one")
        await trio.testing.wait_all_tasks_blocked()
        peer = await run.server.accept()
        await peer.welcome()
        sent = await peer.expect(Send)
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(Error(ref=sent.ref, code=ErrorCode.BLOCKED, message="No."))
        await client.drain()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == [(), (Stage.WAITING,), (Stage.ON_ITS_WAY,), ()]


async def test_where_the_disk_takes_nothing_it_is_sent_all_the_same_and_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"")
    run = Run(tmp_path / "file" / "outbox")
    async with run.client as client:
        assert [type(one) for one in run.notices] == [NotKept]
        one, _ = await handed(client, "one", "two")
        assert not one.kept
        peer = await run.server.accept()
        await peer.welcome()
        assert [(await peer.store(seq)).text for seq in (1, 2)] == ["one", "two"]
        await client.drain()


async def test_more_than_a_client_holds_are_taken_over(tmp_path: Path) -> None:
    """Those of several runs: nobody is told to wait for room before they are sent."""
    many = MAX_MESSAGES + 10
    kept = keeping(tmp_path)
    kept.open()
    for number in range(many):
        written(kept, str(number))
    kept.close()
    run = Run(tmp_path)
    async with run.client as client:
        peer = await run.server.accept()
        await peer.welcome()
        assert [(await peer.store(seq)).text for seq in range(1, many + 1)] == [
            str(number) for number in range(many)
        ]
        await client.drain()


async def test_a_closed_client_keeps_what_comes_at_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path)
    async with run.client as client:
        pass
    with pytest.raises(ClientClosed):
        await client.begin_send("too late")
    assert left(tmp_path) == []


def test_uuids_are_those_of_the_file(tmp_path: Path) -> None:
    """The server knows a message by its uuid: it has to be the same one after a restart."""
    kept = keeping(tmp_path)
    kept.open()
    one = written(kept, "one")
    kept.close()
    again = keeping(tmp_path)
    [pending] = again.open()[0]
    assert isinstance(pending.written.uuid, UUID)
    assert pending.written.uuid == one.uuid
    again.close()
