"""Who may answer, change and take back what, and for how long (S004-24)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import trio

from chat.dispatch import dispatch
from chat.editing import MOST_EDITS, EditingRules
from chat.expiry import Lifetime
from chat.moderation import ModerationRules
from protocol.errors import ErrorCode
from protocol.events import Error, Event, HistoryPage, Notice, Sent
from protocol.limits import MAX_TEXT
from protocol.requests import Send
from protocol.vocabulary.editing import Comments, Delete, Edit, ListOwn, Thread
from protocol.vocabulary.rooms import JoinRoom
from storage import GENERAL_ID, NewMessage, Quote
from storage.records import QUOTED
from tests.chat.fakes import Author
from tests.chat.house import House, house


@pytest.fixture
async def chat(sqlite_url: str) -> AsyncIterator[House]:
    """A messenger in which people may edit for 15 minutes."""
    async with house(sqlite_url) as made:
        yield made


def grow_older(chat: House, minutes: float) -> None:
    """Let the time pass for what may be changed."""
    later = chat.messenger.schedule.now() * 1000 + int(minutes * 60e9)
    chat.messenger.editing._now = lambda: later


async def long_text(chat: House, who: Author) -> tuple[int, int]:
    """Store a long text of somebody; return the ids of the message and of its body."""
    bodies = chat.stores.bodies
    body = await bodies.create(0)
    await bodies.append(body, 0, b"long " * 20_000)
    now = chat.messenger.schedule.now()
    user = who.who
    new = NewMessage(GENERAL_ID, user.id, user.name, uuid4().bytes, now, b"long", 100_000, body)
    [saved] = await chat.stores.messages.SaveMsg([new])
    return saved.message.id, body


async def test_one_changes_ones_own_message(chat: House) -> None:
    ann = await chat.enter("Ann")
    sent = await chat.say(ann, "helo")
    answer = await chat.ask(ann, Edit(ref=7, id=sent.id, text="hello"))
    assert isinstance(answer, Sent)
    assert (answer.ref, answer.kind, answer.target, answer.seq) == (7, "edit", sent.id, 2)
    [_, entry] = chat.published
    assert (entry.kind, entry.body, entry.target_id) == ("edit", b"hello", sent.id)
    changed = await chat.stores.messages.Get(sent.id)
    assert changed is not None
    assert (changed.body, changed.edited_at) == (b"hello", entry.sent_at)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Edit(id=99, text="x"), ErrorCode.UNKNOWN_MESSAGE),
        (Edit(id=1, text=" \n"), ErrorCode.EMPTY_MESSAGE),
        (Edit(id=1, text="я" * (MAX_TEXT // 2 + 1)), ErrorCode.TEXT_TOO_LONG),
        (Delete(id=99), ErrorCode.UNKNOWN_MESSAGE),
        (Comments(id=99), ErrorCode.UNKNOWN_MESSAGE),
        (Send(text="x", reply_to=99), ErrorCode.UNKNOWN_MESSAGE),
        (Send(text="x", reply_to=1, to="Bob"), ErrorCode.BAD_ARGUMENTS),
        (Send(text="Bob x", reply_to=1, addressed=True), ErrorCode.BAD_ARGUMENTS),
        (ListOwn(conversation=99), ErrorCode.UNKNOWN_CONVERSATION),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_cannot_be_done(
    chat: House, request_: Edit | Delete | Comments | Send | ListOwn, code: ErrorCode
) -> None:
    ann = await chat.enter("Ann")
    await chat.say(ann, "hello")
    assert await chat.refusal(ann, request_) == code
    assert chat.texts == ["hello"]


async def test_what_others_wrote_in_private_looks_like_nothing(chat: House) -> None:
    """Neither read, nor answered, nor changed, nor guessed: the sentence is the same."""
    ann, _, eve = [await chat.enter(name) for name in ("Ann", "Bob", "Eve")]
    secret = await chat.say(ann, "secret", to="Bob")
    for number in (secret.id, 4711):
        for request in (
            Comments(id=number),
            Edit(id=number, text="x"),
            Delete(id=number),
            Send(text="x", reply_to=number),
        ):
            answer = await chat.ask(eve, request)
            assert isinstance(answer, Error)
            assert answer.code == ErrorCode.UNKNOWN_MESSAGE
            assert answer.message.replace(str(number), "N") == (
                "You can see no message with the number N."
            )
    assert chat.texts == ["secret"]


async def test_others_messages_are_theirs(chat: House) -> None:
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    sent = await chat.say(ann, "hello")
    assert await chat.refusal(bob, Edit(id=sent.id, text="x")) == ErrorCode.NOT_ALLOWED
    assert await chat.refusal(bob, Delete(id=sent.id)) == ErrorCode.NOT_ALLOWED
    again = await chat.enter("ann")  # decision 3: who has the name of a guest is that user
    assert isinstance(await chat.ask(again, Delete(id=sent.id)), Sent)


async def test_only_for_a_while(chat: House) -> None:
    ann = await chat.enter("Ann")
    sent = await chat.say(ann, "hello")
    grow_older(chat, 14.9)
    assert isinstance(await chat.ask(ann, Edit(id=sent.id, text="in time")), Sent)
    grow_older(chat, 15.1)
    for request in (Edit(id=sent.id, text="late"), Delete(id=sent.id)):
        answer = await chat.ask(ann, request)
        assert isinstance(answer, Error)
        assert answer.code == ErrorCode.TOO_LATE
        assert "15 minutes" in answer.message
    assert chat.texts == ["hello", "in time"]


@pytest.mark.parametrize(("minutes", "allowed"), [(0, False), (10**12, True)])
async def test_never_and_for_ever(sqlite_url: str, minutes: int, allowed: bool) -> None:
    async with house(sqlite_url, editing=EditingRules(minutes)) as chat:
        ann = await chat.enter("Ann")
        sent = await chat.say(ann, "hello")
        grow_older(chat, 10**6 if allowed else 0)
        answer = await chat.ask(ann, Edit(id=sent.id, text="x"))
        assert isinstance(answer, Sent) == allowed
        assert isinstance(await chat.ask(ann, Delete(id=sent.id)), Sent) == allowed


async def test_so_many_times(chat: House) -> None:
    """Each change is stored and shown to all; also those that are asked for all at once."""
    ann, phone = await chat.enter("Ann"), await chat.enter("Ann")
    sent = await chat.say(ann, "0")
    last = Edit(id=sent.id, text="20", uuid=uuid4())
    for number in range(1, MOST_EDITS):
        await dispatch(chat.messenger, ann, Edit(id=sent.id, text=f"{number}"))
    assert isinstance(await chat.ask(ann, last), Sent)
    for who in (ann, phone):
        answer = await chat.ask(who, Edit(ref=3, id=sent.id, text="more"))
        assert isinstance(answer, Error)
        assert (answer.code, answer.message) == (
            ErrorCode.LIMIT_REACHED,
            "Message 1 has been changed 20 times; write a new one.",
        )
    again = await chat.ask(ann, last)
    assert isinstance(again, Sent)
    assert again.duplicate
    assert chat.texts == [str(number) for number in range(MOST_EDITS + 1)]
    assert isinstance(await chat.ask(ann, Delete(id=sent.id)), Sent)


async def test_what_is_deleted_is_gone(chat: House) -> None:
    """It is deleted once, however often that is asked for, and neither changed nor answered."""
    ann = await chat.enter("Ann")
    sent = await chat.say(ann, "hello")
    uuid = uuid4()
    assert isinstance(await chat.ask(ann, Delete(id=sent.id, uuid=uuid)), Sent)
    assert isinstance(await chat.ask(ann, Delete(id=sent.id, uuid=uuid)), Notice)
    assert len(chat.published) == 2
    for request in (Edit(id=sent.id, text="x"), Send(text="x", reply_to=sent.id)):
        answer = await chat.ask(ann, request)
        assert isinstance(answer, Error)
        assert (answer.code, answer.message) == (
            ErrorCode.UNKNOWN_MESSAGE, "Message 1 has been deleted."
        )  # fmt: skip
    entry = chat.published[-1]
    assert await chat.refusal(ann, Delete(id=entry.id)) == ErrorCode.UNKNOWN_MESSAGE


async def test_an_edit_sent_again_changes_nothing_more(chat: House) -> None:
    ann = await chat.enter("Ann")
    sent = await chat.say(ann, "a")
    edit = Edit(id=sent.id, text="b", uuid=uuid4())
    first = await chat.ask(ann, edit)
    await chat.ask(ann, Edit(id=sent.id, text="c"))
    again = await chat.ask(ann, edit)
    assert isinstance(first, Sent)
    assert isinstance(again, Sent)
    assert (again.id, again.duplicate) == (first.id, True)
    found = await chat.stores.messages.Get(sent.id)
    assert found is not None
    assert found.body == b"c"


async def test_a_change_that_meets_a_deletion(chat: House) -> None:
    """Two devices at once: the deletion holds, and who came too late with a text is told."""
    ann, phone = await chat.enter("Ann"), await chat.enter("Ann")
    answers: list[Event] = []

    async def edit(number: int) -> None:
        answers.append(await chat.ask(ann, Edit(id=number, text="secret")))

    for _ in range(10):
        sent = await chat.say(ann, "hello")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(edit, sent.id)
            nursery.start_soon(chat.ask, phone, Delete(id=sent.id))
        stored = await chat.stores.messages.Get(sent.id)
        assert stored is not None
        assert stored.kind == "deleted"
        [deletion] = [
            one for one in chat.published if (one.kind, one.target_id) == ("delete", sent.id)
        ]
        answer = answers[-1]
        if isinstance(answer, Sent):
            assert answer.kind == ("edit" if answer.seq < deletion.seq else "void")
        else:
            assert isinstance(answer, Error)
            assert answer.code == ErrorCode.UNKNOWN_MESSAGE
    assert {one.body for one in await chat.stores.messages.GetAll(GENERAL_ID)} == {b""}


async def test_long_texts_are_given_up(chat: House) -> None:
    """What no message refers to any more leaves the database at once."""
    ann = await chat.enter("Ann")
    bodies = []
    for request in (lambda number: Edit(id=number, text="short"), lambda number: Delete(id=number)):
        number, body = await long_text(chat, ann)
        assert await chat.stores.bodies.read(body, 0, 5) == b"long "
        assert isinstance(await chat.ask(ann, request(number)), Sent)
        bodies.append(body)
    with trio.fail_after(10):
        for body in bodies:
            while await chat.stores.bodies.read(body, 0, 5):  # noqa: ASYNC110 - for a thread
                await trio.sleep(0.01)
    texts = [
        (one.kind, one.body, one.size)
        for one in await chat.stores.messages.GetAll(GENERAL_ID, limit=3)
    ]
    assert ("deleted", b"", 0) in texts


async def test_owners_and_moderators_keep_their_rooms_clean(chat: House) -> None:
    ann, bob, eve = [await chat.enter(name) for name in ("Ann", "Bob", "Eve")]
    for who in (ann, bob, eve):
        await chat.ask(who, JoinRoom(name="dev"))
    [room] = [number for number in eve.screen.followed if number != GENERAL_ID]
    spam = await chat.ask(eve, Send(text="spam", conversation=room))
    assert isinstance(spam, Sent)
    grow_older(chat, 99)
    assert await chat.refusal(bob, Delete(id=spam.id)) == ErrorCode.NOT_ALLOWED
    assert await chat.refusal(ann, Edit(id=spam.id, text="x")) == ErrorCode.NOT_ALLOWED
    assert isinstance(await chat.ask(ann, Delete(id=spam.id)), Sent)
    assert await chat.refusal(ann, Delete(id=(await chat.say(eve, "spam")).id)) == (
        ErrorCode.NOT_ALLOWED
    )


async def test_keepers_delete_what_has_expired_for_them(sqlite_url: str) -> None:
    """Others still see it (decision 2); for its author it is over."""
    soon = ModerationRules(lifetime=Lifetime(minutes=1e-4))
    async with house(sqlite_url, soon) as chat:
        root, eve, _ = [await chat.enter(name) for name in ("Root", "Eve", "Bob")]
        root.admin = True
        spam = await chat.say(eve, "spam")
        for who in (root, eve):
            chat.messenger.markers.move(who.who.id, GENERAL_ID, spam.seq)
        await trio.sleep(0.05)
        await chat.messenger.expiry.expire_general()
        assert await chat.refusal(eve, Delete(id=spam.id)) == ErrorCode.UNKNOWN_MESSAGE
        assert await chat.refusal(root, Comments(id=spam.id)) == ErrorCode.UNKNOWN_MESSAGE
        assert isinstance(await chat.ask(root, Delete(id=spam.id)), Sent)


async def test_administrators_delete_everywhere_but_in_private(chat: House) -> None:
    root, eve = await chat.enter("Root"), await chat.enter("Eve")
    await chat.enter("Bob")
    root.admin = True
    await chat.ask(eve, JoinRoom(name="den"))
    [room] = [number for number in eve.screen.followed if number != GENERAL_ID]
    in_room = await chat.ask(eve, Send(text="spam", conversation=room))
    assert isinstance(in_room, Sent)
    here = await chat.say(eve, "spam")
    private = await chat.say(eve, "secret", to="Bob")
    with_root = await chat.say(eve, "to you", to="Root")
    for number in (in_room.id, here.id):
        assert isinstance(await chat.ask(root, Delete(id=number)), Sent)
    assert await chat.refusal(root, Delete(id=private.id)) == ErrorCode.UNKNOWN_MESSAGE
    assert await chat.refusal(root, Delete(id=with_root.id)) == ErrorCode.NOT_ALLOWED


async def test_a_comment_has_a_quote(chat: House) -> None:
    """It goes to the conversation of what it answers, whatever else the request says."""
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    text = "щ" * QUOTED
    private = await chat.say(ann, text, to="Bob")
    sent = await chat.ask(bob, Send(text="why?", reply_to=private.id, conversation=GENERAL_ID))
    assert isinstance(sent, Sent)
    assert (sent.conversation, sent.target) == (private.conversation, private.id)
    assert sent.quote is not None
    assert (sent.quote.sender, sent.quote.text) == ("Ann", "щ" * (QUOTED // 2))
    assert chat.published[-1].quote == Quote("Ann", text.encode()[:QUOTED])


async def test_a_thread(chat: House) -> None:
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    question = await chat.say(ann, "who?")
    for text in ("me", "and me"):
        await chat.ask(bob, Send(text=text, reply_to=question.id))
    await chat.say(bob, "something else")
    answer = await chat.ask(ann, Comments(ref=3, id=question.id))
    assert isinstance(answer, Thread)
    assert (answer.ref, answer.message.text, answer.more) == (3, "who?", False)
    assert [comment.text for comment in answer.comments] == ["me", "and me"]
    await chat.ask(ann, Delete(id=question.id))
    answer = await chat.ask(ann, Comments(id=question.id))
    assert isinstance(answer, Thread)
    assert answer.message.kind == "deleted"
    assert {comment.quote.text for comment in answer.comments if comment.quote} == {""}


async def test_a_thread_of_long_comments_fits_into_a_frame(chat: House) -> None:
    """The last ones are shown."""
    ann = await chat.enter("Ann")
    question = await chat.say(ann, "x" * 60_000)
    for number in range(10):
        await chat.ask(ann, Send(text=f"{number}" * 60_000, reply_to=question.id))
    answer = await chat.ask(ann, Comments(id=question.id))
    assert isinstance(answer, Thread)
    assert answer.more
    assert answer.comments[-1].text[0] == "9"
    assert 5 <= len(answer.comments) < 10


async def test_one_learns_the_numbers_of_ones_own(chat: House) -> None:
    ann, bob = await chat.enter("Ann"), await chat.enter("Bob")
    for number in range(12):
        await chat.say(ann, f"{number}")
        await chat.say(bob, "between")
    answer = await chat.ask(ann, ListOwn())
    assert isinstance(answer, HistoryPage)
    assert [message.text for message in answer.messages] == [str(n) for n in range(2, 12)]
    assert {message.sender for message in answer.messages} == {"Ann"}


async def test_of_ones_own_what_has_expired_is_not_shown(sqlite_url: str) -> None:
    """S004-16, S002-15: nor quoted."""
    soon = ModerationRules(lifetime=Lifetime(minutes=0.5 / 60))
    async with house(sqlite_url, soon) as chat:
        ann, _ = await chat.enter("Ann"), await chat.enter("Bob")
        old = await chat.say(ann, "secret")
        await trio.sleep(0.6)
        await chat.ask(ann, Send(text="young", reply_to=old.id))
        chat.messenger.markers.move(ann.who.id, GENERAL_ID, old.seq)
        await chat.messenger.expiry.expire_general()
        answer = await chat.ask(ann, ListOwn())
        assert isinstance(answer, HistoryPage)
        assert [(one.text, one.quote) for one in answer.messages] == [("young", None)]
