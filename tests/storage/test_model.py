"""Any sequence of batches, with any repetitions, against a model of a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from storage import GENERAL_ID, Stores, open_stores
from storage.records import QUOTED
from tests.keys import KEY
from tests.mariadb import MariaDB
from tests.storage.helpers import NOW, new, user


class Sketch(NamedTuple):
    """A message: where, of whom, with a number that becomes its uuid, and what it does."""

    conversation: int
    sender: int
    number: int
    kind: str
    target: int

    @property
    def body(self) -> bytes:
        return b"" if self.kind == "delete" else repr(self).encode()


class Row(Struct):
    """A stored message as the model has it."""

    id: int
    seq: int
    sketch: Sketch
    kind: str
    body: bytes


Answer: TypeAlias = tuple[int, int, bool]

sketches = st.builds(
    Sketch,
    st.integers(0, 2),
    st.integers(0, 1),
    st.integers(0, 12),
    st.sampled_from(["text", "text", "file", "join", "edit", "delete"]),
    st.integers(1, 9),
)
batches = st.lists(st.lists(sketches, max_size=8), max_size=8)


def model(drawn: list[list[Sketch]]) -> tuple[list[list[Answer]], list[Row]]:
    """Return id, seq and duplicate of each message, and what is stored in the end."""
    stored: dict[tuple[int, int], Row] = {}
    seqs: Counter[int] = Counter()
    answers: list[list[Answer]] = []
    for batch in drawn:
        answers.append([])
        fresh = []
        for sketch in batch:
            key = (sketch.sender, sketch.number)
            duplicate = key in stored
            if not duplicate:
                seqs[sketch.conversation] += 1
                place = (len(stored) + 1, seqs[sketch.conversation])
                stored[key] = Row(*place, sketch, sketch.kind, sketch.body)
                fresh.append(stored[key])
            answers[-1].append((stored[key].id, stored[key].seq, duplicate))
        for row in fresh:
            change(row, list(stored.values()))
    return answers, list(stored.values())


def change(entry: Row, rows: list[Row]) -> None:
    """Let an edit or a deletion act."""
    targets = [
        row
        for row in rows
        if row.id == entry.sketch.target
        and row.sketch.conversation == entry.sketch.conversation
        and row.kind in ("text", "file")
    ]
    if entry.kind == "edit":
        for target in targets:
            target.body = entry.body
        entry.body = entry.body if targets else b""
    elif entry.kind == "delete":
        for target in targets:
            target.kind, target.body = "deleted", b""
            for row in rows:
                if row.kind == "edit" and row.sketch.target == target.id:
                    row.body = b""


async def check(url: str, drawn: list[list[Sketch]]) -> None:
    """Store the batches in an empty database and compare."""
    async with open_stores(url, keys=KEY) as stores:
        senders = [await user(stores, "Ann"), await user(stores, "Bob")]
        conversations = [GENERAL_ID]
        for sender in senders:  # each with oneself: two conversations more
            direct = await stores.conversations.ensure_direct(sender.id, sender.id, NOW)
            conversations.append(direct.id)
        answers, rows = model(drawn)
        for batch, expected in zip(drawn, answers, strict=True):
            messages = [
                new(
                    senders[sketch.sender],
                    sketch.body.decode(),
                    conversation_id=conversations[sketch.conversation],
                    uuid=sketch.number.to_bytes(16, "big"),
                    kind=sketch.kind,
                    target_id=sketch.target,
                )
                for sketch in batch
            ]
            saved = await stores.messages.SaveMsg(messages)
            assert [(one.message.id, one.message.seq, one.duplicate) for one in saved] == expected
        await check_is_dense(stores, conversations)
        await check_rows(stores, rows)


async def check_rows(stores: Stores, rows: list[Row]) -> None:
    """Compare what is stored, and what is found with it, with the model."""
    bodies = {row.id: row.body for row in rows}
    for row in rows:
        found = await stores.messages.Get(row.id)
        assert found is not None
        assert (found.kind, found.body, found.size) == (row.kind, row.body, len(row.body))
        spoken = row.kind in ("text", "file")
        quoted = bodies.get(row.sketch.target, b"")[:QUOTED] if spoken else None
        assert (found.quote.text if found.quote else None) == (
            quoted if row.sketch.target in bodies else None
        )
        thread = await stores.messages.thread(row.id)
        assert [comment.id for comment in thread] == [
            one.id for one in rows if one.kind in ("text", "file") and one.sketch.target == row.id
        ]


async def check_is_dense(stores: Stores, conversations: list[int]) -> None:
    """Look for holes in the numbers."""
    ids = []
    for conversation_id in conversations:
        found = await stores.messages.GetAll(conversation_id)
        assert [message.seq for message in found] == list(range(1, len(found) + 1))
        conversation = await stores.conversations.get(conversation_id)
        assert conversation is not None
        assert conversation.last_seq == len(found)
        ids += [message.id for message in found]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert await stores.messages.GetLastMsgID() == len(ids)


@settings(max_examples=40, deadline=None)
@given(drawn=batches)
def test_sqlite_follows_the_model(drawn: list[list[Sketch]]) -> None:
    with TemporaryDirectory() as folder:
        trio.run(check, str(Path(folder) / "chat.db"), drawn)


def test_mysql_follows_the_model(mariadb: MariaDB, mysql_url: str) -> None:
    empty = emptier(mariadb, mysql_url)

    @settings(max_examples=25, deadline=None, database=None)
    @given(drawn=batches)
    def follow(drawn: list[list[Sketch]]) -> None:
        empty()
        trio.run(check, mysql_url, drawn)

    follow()


def emptier(mariadb: MariaDB, url: str) -> Callable[[], None]:
    """Return what removes all that a test stored; making a new database takes too long."""
    database = url.rpartition("/")[2]

    async def make() -> None:
        async with open_stores(url, keys=KEY):
            pass

    trio.run(make)

    def empty() -> None:
        for statement in (
            "DELETE FROM messages",
            "DELETE FROM members",
            "DELETE FROM conversations WHERE id <> 1",
            "DELETE FROM users",
            "UPDATE conversations SET last_seq = 0",
            "UPDATE counters SET value = 0",
        ):
            mariadb.execute(statement, database)

    return empty
