"""How everything stands for one user, for a device that has missed news (S002-17, S003-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat.conversations import describe, is_silent
from chat.session import Session
from protocol.vocabulary.reading import Synced

if TYPE_CHECKING:
    from chat.messenger import Messenger


async def snapshot(messenger: Messenger, session: Session) -> Synced:
    """Return the conversations and contacts of a session's user as they are now.

    What changes while they are read is not in it: whoever sends it asks for another one then.
    """
    memberships = await messenger.conversations.of(session.who)
    contacts = await messenger.contacts.among(session.who, memberships)
    messenger.admission.greet(session)  # what waits for an answer comes behind it
    return Synced(
        conversations=[describe(one) for one in memberships if not is_silent(one)],
        contacts=contacts,
    )
