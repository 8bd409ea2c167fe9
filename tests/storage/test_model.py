"""Any sequence of batches, with any repetitions, against a model of a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import GENERAL_ID, Stores, open_stores
from tests.mariadb import MariaDB
from tests.storage.helpers import NOW, new, user

# A message is a conversation, a sender and a number that becomes its uuid.
Sketch: TypeAlias = tuple[int, int, int]
sketches = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 12))
batches = st.lists(st.lists(sketches, max_size=8), max_size=8)


def model(drawn: list[list[Sketch]]) -> list[list[tuple[int, int, bool]]]:
    """Return id, seq and duplicate of each message."""
    stored: dict[tuple[int, int], tuple[int, int]] = {}
    seqs: Counter[int] = Counter()
    result = []
    for batch in drawn:
        answers = []
        for conversation, sender, number in batch:
            duplicate = (sender, number) in stored
            if not duplicate:
                seqs[conversation] += 1
                stored[sender, number] = (len(stored) + 1, seqs[conversation])
            answers.append((*stored[sender, number], duplicate))
        result.append(answers)
    return result


async def check(url: str, drawn: list[list[Sketch]]) -> None:
    """Store the batches in an empty database and compare."""
    async with open_stores(url) as stores:
        senders = [await user(stores, "Ann"), await user(stores, "Bob")]
        conversations = [GENERAL_ID]
        for sender in senders:  # each with oneself: two conversations more
            direct = await stores.conversations.ensure_direct(sender.id, sender.id, NOW)
            conversations.append(direct.id)
        for batch, answers in zip(drawn, model(drawn), strict=True):
            messages = [
                new(
                    senders[sender],
                    conversation_id=conversations[conversation],
                    uuid=number.to_bytes(16, "big"),
                )
                for conversation, sender, number in batch
            ]
            saved = await stores.messages.SaveMsg(messages)
            assert [(one.message.id, one.message.seq, one.duplicate) for one in saved] == answers
        await check_is_dense(stores, conversations)


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
        async with open_stores(url):
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
