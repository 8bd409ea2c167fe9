"""The sizes both ends agree upon do not contradict each other."""

from __future__ import annotations

from uuid import UUID

import pytest

from protocol import limits
from protocol.events import Message
from protocol.framing import Incoming, encode, event_reader, request_reader
from protocol.requests import Send

BIGGEST = 2**53


@pytest.mark.parametrize("character", ["\u0001", '"', "\\", "x", "я", "🦜", "\u007f"])
def test_the_longest_text_fits_into_a_frame_with_all_its_fields(character: str) -> None:
    """Also where each of its bytes is escaped; in both directions."""
    text = character * (limits.MAX_TEXT // len(character.encode()))
    request = Send(
        ref=BIGGEST,
        text=text,
        stream=BIGGEST,
        uuid=UUID(int=2**128 - 1),
        conversation=BIGGEST,
        to="🦜" * limits.MAX_NAME,
        addressed=True,
    )
    assert len(encode(request)) <= limits.MAX_HEADER
    assert request_reader().feed(encode(request)) == [Incoming(request)]
    event = Message(
        id=BIGGEST,
        seq=BIGGEST,
        time=2**63,
        sender="\u0001" * limits.MAX_NAME,
        text=text,
        conversation=BIGGEST,
        prev=BIGGEST,
        size=2**63,
    )
    assert event_reader().feed(encode(event)) == [Incoming(event)]


def test_the_head_of_a_long_text_is_shorter_than_what_fits() -> None:
    """Or it would be no head."""
    assert 0 < limits.TEXT_HEAD < limits.MAX_TEXT < limits.MAX_HEADER
