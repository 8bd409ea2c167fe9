"""Messages as a server would send them."""

from __future__ import annotations

from protocol.events import ConversationInfo, Message
from protocol.requests import GENERAL

NOON = 1_700_049_600_000_000
"""Microseconds: 12:00 of 15.11.23 in UTC."""


def message(
    seq: int,
    text: str = "",
    *,
    sender: str = "Ann",
    kind: str = "text",
    target: int | None = None,
    time: int = NOON,
    conversation: int = GENERAL,
) -> Message:
    """Return a message; its id is a hundred times its sequence number."""
    return Message(
        id=100 * seq, seq=seq, time=time + seq, sender=sender, text=text or f"text {seq}",
        kind=kind, target=target, conversation=conversation,
    )  # fmt: skip


def info(
    number: int,
    kind: str = "room",
    name: str = "dev",
    *,
    last: int = 0,
    read: int = 0,
    unread: int = 0,
) -> ConversationInfo:
    """Return a conversation."""
    return ConversationInfo(
        id=number, kind=kind, name=name, last_seq=last, delivered_seq=last, read_seq=read,
        unread=unread,
    )  # fmt: skip
