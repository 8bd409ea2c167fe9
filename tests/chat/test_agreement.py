"""Numbers that two packages have to agree upon, though neither imports the other."""

from __future__ import annotations

from protocol import limits, requests
from storage import body_statements, records


def test_both_know_the_general_chat_by_one_number() -> None:
    """The first migration makes it; clients write to it unless told otherwise."""
    assert requests.GENERAL == records.GENERAL_ID


def test_a_chunk_that_may_be_sent_can_be_stored() -> None:
    """One frame, one row."""
    assert limits.MAX_CHUNK <= body_statements.MAX_CHUNK
