"""Contacts: adding, removing and listing them."""

from __future__ import annotations

from chat.dispatch import Answer, handles
from chat.messenger import Messenger
from chat.session import Session
from chat.writing import unknown_user
from protocol.vocabulary.contacts import (
    AddContact,
    ContactAdded,
    ContactList,
    ContactRemoved,
    ListContacts,
    RemoveContact,
)
from storage.records import User


@handles(ListContacts)
async def list_contacts(messenger: Messenger, session: Session, request: ListContacts) -> Answer:
    """Return the contacts, with what is unread from each (S000-8, S000-17)."""
    contacts = await messenger.contacts.of(session.who)
    messenger.contacts.note_shown(session, contacts)
    return ContactList(ref=request.ref, contacts=contacts)


@handles(AddContact)
async def add(messenger: Messenger, session: Session, request: AddContact) -> Answer:
    """Add another account to the contacts (S000-15)."""
    user = await _named(messenger, request.name)
    added = await messenger.contacts.add(session, user)
    return ContactAdded(ref=request.ref, name=user.name, known=not added)


@handles(RemoveContact)
async def remove(messenger: Messenger, session: Session, request: RemoveContact) -> Answer:
    """Take a contact away that was added."""
    user = await _named(messenger, request.name)
    removed = await messenger.contacts.remove(session, user)
    return ContactRemoved(ref=request.ref, name=user.name, known=removed)


async def _named(messenger: Messenger, name: str) -> User:
    user = await messenger.accounts.find(name)
    if user is None:
        raise unknown_user(name)
    return user
