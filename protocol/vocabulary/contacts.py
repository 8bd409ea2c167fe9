"""Contacts: whom one has added, and with whom one has written (S000-8, S000-15..17)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from protocol.commands import Built, Command, Place, no_arguments, usage_error
from protocol.events import Event, Reply
from protocol.language import N_
from protocol.limits import MAX_TYPED
from protocol.requests import Request, UserName
from protocol.text import sanitise_line
from protocol.view import View, lines, unread_text

TITLE = N_("Contacts")


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody one has added, or with whom there is a conversation."""

    name: str
    unread: Annotated[
        int, Meta(description="Messages from them that one has not read; 1000 may mean more.")
    ] = 0
    added: Annotated[bool, Meta(description="False: there is only a conversation with them.")] = (
        True
    )
    conversation: Annotated[
        int | None, Meta(description="The direct conversation, once somebody has written in it.")
    ] = None


class ListContacts(Request, frozen=True, kw_only=True, tag="contacts"):
    """Show one's contacts (S000-8): those added, and all with whom there is a conversation.

    Answered by `contact_list`. Who wrote or was written to last comes first; with whom there is
    nothing comes last, by name. `open` understands the numbers of the list asked for last.
    """


class AddContact(Request, frozen=True, kw_only=True, tag="add_contact"):
    """Add a user to one's contacts (S000-15). Answered by `contact_added`."""

    name: UserName


class RemoveContact(Request, frozen=True, kw_only=True, tag="remove_contact"):
    """Take a user out of one's contacts again. Answered by `contact_removed`.

    With whom there is a conversation stays in the list.
    """

    name: UserName


class ContactList(Reply, frozen=True, kw_only=True, tag="contact_list"):
    """The answer to `contacts`: at most 1000, in the order of their numbers from 1."""

    contacts: list[Contact]


class ContactAdded(Reply, frozen=True, kw_only=True, tag="contact_added"):
    """The answer to `add_contact`."""

    name: Annotated[str, Meta(description="The name as the others see it.")]
    known: Annotated[bool, Meta(description="True: it was one of the contacts already.")] = False


class ContactRemoved(Reply, frozen=True, kw_only=True, tag="contact_removed"):
    """The answer to `remove_contact`."""

    name: str
    known: Annotated[bool, Meta(description="False: the user had not been added.")] = True


class ContactNews(Event, frozen=True, kw_only=True, tag="contact_news"):
    """Another device of the user has added a contact, or taken one away (S004-28)."""

    name: str
    added: bool


@lines.register
def _(event: ContactList, view: View) -> list[str]:
    if not event.contacts:
        return [view.say("You have no contacts yet. /add NAME adds one.")]
    return contact_lines(event)


def contact_lines(event: ContactList) -> list[str]:
    """Return contacts as ``1. Name [unread]``, nothing where there are none (S000-8)."""
    return [
        f"{number}. {sanitise_line(contact.name)} [{unread_text(contact.unread)}]"
        for number, contact in enumerate(event.contacts, 1)
    ]


@lines.register
def _(event: ContactAdded, view: View) -> list[str]:
    if event.known:
        return [view.say("{name} is one of your contacts already.", name=event.name)]
    return [view.say("{name} is one of your contacts now.", name=event.name)]


@lines.register
def _(event: ContactRemoved, view: View) -> list[str]:
    if event.known:
        return [
            view.say(
                "{name} is no longer among those you have added. A conversation with {name} stays "
                "in /contacts.",
                name=event.name,
            )
        ]
    return [view.say("You have not added {name}.", name=event.name)]


@lines.register
def _(event: ContactNews, view: View) -> list[str]:
    if event.added:
        return [view.say("You have added {name} to your contacts.", name=event.name)]
    return [view.say("You have taken {name} out of your contacts.", name=event.name)]


def _add(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/add NAME")
    return AddContact(name=rest[:MAX_TYPED])


def _remove(rest: str, _place: Place) -> Built:
    if not rest:
        raise usage_error("/remove NAME")
    return RemoveContact(name=rest[:MAX_TYPED])


REQUESTS = (ListContacts, AddContact, RemoveContact)
EVENTS = (ContactList, ContactAdded, ContactRemoved, ContactNews)
COMMANDS = (
    Command(
        "contacts", "",
        N_("List your contacts, with the number of unread messages from each."),
        no_arguments(ListContacts),
    ),
    Command("add", "NAME", N_("Add NAME to your contacts."), _add),
    Command("remove", "NAME", N_("Take NAME out of your contacts."), _remove),
)  # fmt: skip
