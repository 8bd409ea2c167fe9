"""Which of what is shown is read by that (S000-14)."""

from __future__ import annotations

from cli.client import Client
from cli.here import Here
from cli.messages import ChatMessage


def note_shown(client: Client, here: Here, message: ChatMessage) -> None:
    """Note that a message has been shown; in the conversation the person is in, it is read.

    So it is where the person writes: one's own message stands behind what was shown before it.
    """
    if message.own or message.conversation == here.place.conversation:
        client.mark_read(message.conversation, message.seq)
    else:
        client.mark_shown(message)
