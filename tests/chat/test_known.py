"""Who has been here since the start: exact, and bounded."""

from __future__ import annotations

from chat.known import Known
from storage.records import Conversation, Marker, Membership, Message, User

ANN, BOB, EVE = (
    User(number, name, name.lower(), 0) for number, name in enumerate(["Ann", "Bob", "Eve"], 1)
)


def _general(last_seq: int) -> Conversation:
    return Conversation(1, "general", "general", last_seq)


def _direct(last_seq: int) -> Conversation:
    return Conversation(7, "direct", "direct:1:2", last_seq)


def _room(last_seq: int, topic: str = "") -> Conversation:
    return Conversation(8, "room", "room:dev", last_seq, "dev", topic)


def _message(conversation: int, seq: int) -> Message:
    return Message(99, conversation, seq, 1, "Ann", b"", 0, b"", 0)


def _meet(known: Known, user: User, *memberships: Membership) -> None:
    with known.reading():
        known.keep(user, memberships or [Membership(_general(5), user.id, 3)])


def _seen(known: Known, user: User) -> list[tuple[int, int, int, str | None]]:
    """Return conversation, last number, marker and partner of all that a user is in."""
    return [
        (
            one.conversation.id,
            one.conversation.last_seq,
            one.delivered_seq,
            one.peer.name if one.peer else None,
        )
        for one in known.memberships(user.id) or ()
    ]


def test_nobody_is_known_who_was_not_here() -> None:
    """And nobody is taken for somebody else."""
    known = Known()
    _meet(known, ANN)
    assert known.user("ann") == ANN
    assert known.user("bob") is None
    assert known.memberships(BOB.id) is None
    assert known.direct(ANN.id, BOB.id) is None
    assert known.direct(EVE.id, ANN.id) is None


def test_memberships_come_back_as_they_were() -> None:
    """The general chat first."""
    known = Known()
    memberships = [
        Membership(_general(5), 1, 3, read_seq=2, unread=3),
        Membership(_direct(2), 1, 1, BOB, read_seq=1, unread=1),
        Membership(_room(9, "tests"), 1, 9, read_seq=9, role="owner"),
    ]
    _meet(known, ANN, *memberships)
    assert known.memberships(ANN.id) == memberships


def test_what_is_published_moves_the_last_number() -> None:
    """A number too low would feed a client what it has; conversations of nobody cost nothing."""
    known = Known()
    _meet(known, ANN)
    known.published([_message(1, 6), _message(8, 1)])
    known.published([_message(1, 7), _message(1, 6)])
    assert _seen(known, ANN) == [(1, 7, 3, None)]
    _meet(known, BOB, Membership(_general(6), BOB.id, 3))
    assert _seen(known, BOB) == [(1, 7, 3, None)], "what the database told is older"
    assert len(known._rooms) == 1
    assert not known._meanwhile


def test_what_is_published_between_the_look_and_the_keeping_counts() -> None:
    """The database was asked before it was committed."""
    known = Known()
    with known.reading():
        with known.reading():
            known.published([_message(1, 7), _message(1, 6)])
        known.keep(ANN, [Membership(_general(5), ANN.id, 3)])
    assert _seen(known, ANN) == [(1, 7, 3, None)]
    assert not known._meanwhile


def test_written_markers_are_known() -> None:
    """They only move forward, also when what the database told is older."""
    known = Known()
    _meet(known, ANN)
    known.moved(
        [Marker(1, ANN.id, 5), Marker(1, ANN.id, 4), Marker(9, ANN.id, 9), Marker(1, 4711, 9)]
    )
    assert _seen(known, ANN) == [(1, 5, 5, None)]
    _meet(known, ANN)
    assert _seen(known, ANN) == [(1, 5, 5, None)]


def test_a_new_conversation_is_known_to_both() -> None:
    """With nothing delivered yet; who is not known is not known by it."""
    known = Known()
    _meet(known, ANN)
    _meet(known, BOB)
    for _ in range(2):
        for user, other in ((ANN, BOB), (BOB, ANN), (EVE, ANN)):
            known.join(user, Membership(_direct(0), user.id, 0, other))
    known.published([_message(7, 1)])
    assert _seen(known, ANN) == [(1, 5, 3, None), (7, 1, 0, "Bob")]
    assert _seen(known, BOB) == [(1, 5, 3, None), (7, 1, 0, "Ann")]
    assert known.direct(ANN.id, BOB.id) == known.direct(BOB.id, ANN.id) == 7
    assert known.memberships(EVE.id) is None


def test_the_one_who_was_here_longest_ago_is_forgotten() -> None:
    """With all that was known about the conversations only that one was in."""
    known = Known(max_users=2)
    _meet(known, ANN, Membership(_general(5), 1, 3), Membership(_direct(2), 1, 1, BOB))
    _meet(known, BOB)
    _meet(known, ANN)
    _meet(known, EVE)
    assert known.memberships(BOB.id) is None
    assert known.user("bob") is None
    assert (known.user("ann"), known.user("eve")) == (ANN, EVE)
    assert set(known._rooms) == {1}


def test_memberships_are_bounded_in_all() -> None:
    """One with too many friends is not known, and does not push the others out."""
    known = Known(max_seats=3)
    _meet(known, ANN)
    _meet(known, BOB)
    known.join(BOB, Membership(_direct(0), BOB.id, 0, ANN))
    assert known.user("ann") == ANN
    known.join(BOB, Membership(Conversation(8, "direct", "direct:2:3", 0), BOB.id, 0, EVE))
    assert known.user("ann") is None
    assert len(_seen(known, BOB)) == 3
    _meet(known, EVE, *(Membership(Conversation(n, "direct", "", 0), 3, 0) for n in range(10, 14)))
    assert known.user("eve") is None
    assert known.user("bob") == BOB
    assert known._seats == len(known._rooms) == 3


def test_who_leaves_a_room_is_in_it_no_more() -> None:
    """And makes room for others; a room that one is not in can be left."""
    known = Known()
    _meet(known, ANN)
    _meet(known, BOB)
    for user in (ANN, BOB):
        known.join(user, Membership(_room(4), user.id, 4, read_seq=4))
    known.leave(ANN.id, 8)
    known.leave(ANN.id, 8)
    known.leave(EVE.id, 8)
    known.published([_message(8, 5)])
    assert _seen(known, ANN) == [(1, 5, 3, None)]
    assert _seen(known, BOB) == [(1, 5, 3, None), (8, 5, 4, None)]
    assert known._seats == 3
    known.leave(BOB.id, 8)
    assert set(known._rooms) == {1}


def test_rooms_and_parts_in_them_change() -> None:
    """Of those who are known; an old look at the database does not change a topic back."""
    known = Known()
    _meet(known, ANN, Membership(_room(4), ANN.id, 4))
    _meet(known, BOB, Membership(_room(4), BOB.id, 4))
    known.describe(_room(4, "tests"))
    known.describe(Conversation(9, "room", "room:other", 0, "other", "not known"))
    known.appoint(ANN.id, 8, "owner")
    known.appoint(ANN.id, 9, "owner")
    known.appoint(EVE.id, 8, "owner")
    _meet(known, EVE, Membership(_room(4), EVE.id, 4))
    found = {user.name: known.memberships(user.id) for user in (ANN, BOB, EVE)}
    parts = {
        name: [(m.role, m.conversation.topic) for m in one or ()] for name, one in found.items()
    }
    assert parts == {
        "Ann": [("owner", "tests")], "Bob": [("member", "tests")], "Eve": [("member", "tests")],
    }  # fmt: skip
