"""Who may do what: one table, request by role. ``test_authorization.py`` holds the server to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.requests import (
    Delivered,
    Fetch,
    History,
    Language,
    Login,
    Ping,
    Quit,
    Request,
    Send,
    Status,
)
from protocol.vocabulary import admission as a
from protocol.vocabulary import contacts as c
from protocol.vocabulary import editing as e
from protocol.vocabulary import files as f
from protocol.vocabulary import identity as i
from protocol.vocabulary import moderation as m
from protocol.vocabulary import reading as r
from protocol.vocabulary import receipts as rc
from protocol.vocabulary import rooms as o
from protocol.vocabulary import schedule as s
from tests.chat.world import (
    EMPTY,
    LOBBY,
    PASSWORD,
    PUBLIC,
    SECRET,
    World,
)

ROLES = {
    "nobody": "",  # before the login
    "guest": "Gus",  # in the public room
    "account": "Eve",  # in none of the rooms
    "member": "Max",
    "moderator": "Mona",
    "owner": "Olga",
    "admin": "Root",  # in none of the rooms
}
"""The columns, and who stands for each: member, moderator and owner are that in both rooms."""

CELLS = {
    "login": ErrorCode.NOT_LOGGED_IN,
    "account": ErrorCode.NEEDS_ACCOUNT,
    "no": ErrorCode.NOT_ALLOWED,
    "conv?": ErrorCode.UNKNOWN_CONVERSATION,
    "msg?": ErrorCode.UNKNOWN_MESSAGE,
    "room?": ErrorCode.UNKNOWN_ROOM,
    "user?": ErrorCode.UNKNOWN_USER,
    "args": ErrorCode.BAD_ARGUMENTS,
    "taken": ErrorCode.NAME_TAKEN,
    "again": ErrorCode.ALREADY_LOGGED_IN,
}
"""What a cell says, but for ``yes``."""


@dataclass(frozen=True)
class Seen:
    """The world as somebody of one role names it: what is used up is there for each apart."""

    world: World
    role: str

    @property
    def public(self) -> int:
        return self.world.public

    @property
    def secret(self) -> int:
        return self.world.secret

    @property
    def direct(self) -> int:
        """A conversation of two others."""
        return self.world.direct

    def of(self, place: str) -> int:
        """A message of somebody else's."""
        return self.world.messages.get(f"{place} Vic for {self.role}") or self.world.messages[place]

    def file(self, place: str) -> int:
        return self.world.messages[f"{place} file"]

    @property
    def mine(self) -> int:
        """One's own message in the general chat."""
        return self.world.messages[f"general {ROLES[self.role] or 'Pat'}"]

    @property
    def member(self) -> str:
        return "Vic2" if self.role == "owner" else "Vic"

    @property
    def asker(self) -> str:
        return "Ask2" if self.role == "owner" else "Ask"

    @property
    def link(self) -> int:
        return self.world.links[list(ROLES).index(self.role) % len(self.world.links)]

    @property
    def uuid(self) -> UUID:
        return UUID(int=list(ROLES).index(self.role))

    @property
    def device(self) -> str:
        """The id of one's own session."""
        return self.world.devices.get(ROLES[self.role], "d1")

    @property
    def later(self) -> int:
        """One's own scheduled message."""
        return self.world.scheduled.get(ROLES[self.role], 1)

    def offer(self, *, conversation: int = 1, to: str | None = None) -> f.Offer:
        return f.Offer(
            uuid=self.uuid, name="x", size=0, sha256=EMPTY, stream=7,
            conversation=conversation, to=to,
        )  # fmt: skip


Make = Callable[[Seen], Request]

# fmt: off
TABLE: list[tuple[str, str, Make]] = [
    # nobody  guest   account member  moder.  owner   admin
    ("yes     yes     yes     yes     yes     yes     yes", "say ping",
     lambda _: Ping()),
    ("yes     yes     yes     yes     yes     yes     yes", "quit",
     lambda _: Quit()),
    ("yes     yes     yes     yes     yes     yes     yes", "choose a language",
     lambda _: Language(language="ru")),
    ("yes     again   again   again   again   again   again", "log in",
     lambda _: Login(name="Newcomer")),
    ("login   yes     yes     yes     yes     yes     yes", "ask who is here",
     lambda _: Status()),
    # ---- messages
    ("login   yes     yes     yes     yes     yes     yes", "write to everyone",
     lambda _: Send(text="x")),
    ("login   yes     conv?   yes     yes     yes     conv?", "write into a room",
     lambda w: Send(text="x", conversation=w.public)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "write into a private room",
     lambda w: Send(text="x", conversation=w.secret)),
    ("login   conv?   conv?   conv?   conv?   conv?   conv?", "write to others' direct chat",
     lambda w: Send(text="x", conversation=w.direct)),
    ("login   yes     yes     yes     yes     yes     yes", "write to somebody",
     lambda _: Send(text="x", to="Pat")),
    ("login   yes     msg?    yes     yes     yes     msg?", "comment in a room",
     lambda w: Send(text="x", reply_to=w.of("public"))),
    ("login   msg?    msg?    yes     yes     yes     msg?", "comment in a private room",
     lambda w: Send(text="x", reply_to=w.of("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "comment in others' direct chat",
     lambda w: Send(text="x", reply_to=w.of("direct"))),
    ("login   yes     yes     yes     yes     yes     yes", "bring a piece of a text",
     lambda _: TextChunk(stream=1, data=b"x")),
    # ---- reading
    ("login   yes     conv?   yes     yes     yes     conv?", "page through a room",
     lambda w: History(conversation=w.public)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "page through a private room",
     lambda w: History(conversation=w.secret)),
    ("login   conv?   conv?   conv?   conv?   conv?   conv?", "page through others' chat",
     lambda w: History(conversation=w.direct)),
    ("login   msg?    msg?    yes     yes     yes     msg?", "page from a secret message",
     lambda w: r.HistoryFrom(message=w.of("secret"), older=True)),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "page from others' message",
     lambda w: r.HistoryFrom(message=w.of("direct"), older=True)),
    ("login   msg?    msg?    yes     yes     yes     msg?", "ask who has read a secret",
     lambda w: rc.Receipts(message=w.of("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "ask who has read others' message",
     lambda w: rc.Receipts(message=w.of("direct"))),
    ("login   no      no      no      no      no      no", "watch a message of somebody else",
     lambda w: rc.Receipts(message=w.of("general"), who="Kim", watch=True)),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "watch a message among others",
     lambda w: rc.Receipts(message=w.of("direct"), who="Kim", watch=True)),
    ("login   msg?    msg?    yes     yes     yes     msg?", "fetch a secret text",
     lambda w: Fetch(id=w.of("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "fetch others' text",
     lambda w: Fetch(id=w.of("direct"))),
    ("login   conv?   conv?   yes     yes     yes     conv?", "open a private room",
     lambda w: r.Open(conversation=w.secret)),
    ("login   conv?   conv?   conv?   conv?   conv?   conv?", "open others' chat",
     lambda w: r.Open(conversation=w.direct)),
    ("login   yes     yes     yes     yes     yes     yes", "open a chat with somebody",
     lambda _: r.Open(to="Pat")),
    # The next two are never answered; where one is not they do nothing (test_unguessable.py).
    ("login   yes     yes     yes     yes     yes     yes", "have been given messages",
     lambda w: Delivered(conversation=w.secret, seq=1)),
    ("login   yes     yes     yes     yes     yes     yes", "have read messages",
     lambda w: r.MarkRead(conversation=w.secret, seq=1)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "have read a private room",
     lambda w: r.ReadAll(conversation=w.secret)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "list one's own secret words",
     lambda w: e.ListOwn(conversation=w.secret)),
    ("login   msg?    msg?    yes     yes     yes     msg?", "show secret comments",
     lambda w: e.Comments(id=w.of("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "show comments of others",
     lambda w: e.Comments(id=w.of("direct"))),
    # ---- changing what was said
    ("login   yes     yes     yes     yes     yes     yes", "edit one's own message",
     lambda w: e.Edit(id=w.mine, text="y")),
    ("login   no      no      no      no      no      no", "edit somebody's message",
     lambda w: e.Edit(id=w.of("general"), text="y")),
    ("login   no      msg?    no      no      no      msg?", "edit one in a room",
     lambda w: e.Edit(id=w.of("public"), text="y")),
    ("login   msg?    msg?    no      no      no      msg?", "edit one in a private room",
     lambda w: e.Edit(id=w.of("secret"), text="y")),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "edit one between two others",
     lambda w: e.Edit(id=w.of("direct"), text="y")),
    ("login   yes     yes     yes     yes     yes     yes", "delete one's own message",
     lambda w: e.Delete(id=w.mine)),
    ("login   no      no      no      no      no      yes", "delete somebody's message",
     lambda w: e.Delete(id=w.of("general"))),
    ("login   no      msg?    no      yes     yes     yes", "delete one in a room",
     lambda w: e.Delete(id=w.of("public"))),
    ("login   msg?    msg?    no      yes     yes     yes", "delete one in a private room",
     lambda w: e.Delete(id=w.of("secret"))),
    ("login   msg?    msg?    no      yes     yes     yes", "delete what an owner wrote",
     lambda w: e.Delete(id=w.world.messages["secret Olga"])),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "delete one between two others",
     lambda w: e.Delete(id=w.of("direct"))),
    # ---- rooms
    ("login   yes     yes     yes     yes     yes     yes", "make a room",
     lambda w: o.JoinRoom(name=f"Of-{w.role}")),
    ("login   account yes     yes     yes     yes     yes", "make a private room",
     lambda w: o.JoinRoom(name=f"Of-{w.role}", private=True)),
    ("login   yes     yes     yes     yes     yes     yes", "go into a room",
     lambda _: o.JoinRoom(name=PUBLIC)),
    ("login   room?   room?   yes     yes     yes     room?", "go into a private room",
     lambda w: o.JoinRoom(name=f"#{w.secret}")),
    ("login   room?   room?   room?   room?   room?   room?", "go into others' chat",
     lambda w: o.JoinRoom(name=f"#{w.direct}")),
    ("login   yes     yes     yes     yes     yes     yes", "list rooms",
     lambda _: o.ListRooms()),
    ("login   yes     conv?   yes     yes     yes     conv?", "leave a room",
     lambda w: o.LeaveRoom(conversation=w.public)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "leave a private room",
     lambda w: o.LeaveRoom(conversation=w.secret)),
    ("login   room?   room?   room?   room?   room?   room?", "leave the general chat",
     lambda _: o.LeaveRoom()),
    ("login   yes     conv?   yes     yes     yes     conv?", "list members",
     lambda w: o.ListMembers(conversation=w.public)),
    ("login   room?   room?   yes     yes     yes     room?", "list secret members",
     lambda _: o.ListMembers(room=SECRET)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "ask for a topic",
     lambda w: o.ShowTopic(conversation=w.secret)),
    ("login   no      conv?   no      yes     yes     conv?", "set a topic",
     lambda w: o.SetTopic(conversation=w.public, topic="x")),
    ("login   conv?   conv?   no      yes     yes     conv?", "set a secret topic",
     lambda w: o.SetTopic(conversation=w.secret, topic="x")),
    ("login   room?   room?   no      no      yes     room?", "appoint a moderator",
     lambda w: o.SetRole(room=SECRET, user=w.member, role="moderator")),
    ("login   no      room?   no      no      yes     room?", "make oneself an owner",
     lambda w: o.SetRole(room=PUBLIC, user=ROLES[w.role], role="owner")),
    ("login   no      conv?   no      yes     yes     conv?", "put a member out",
     lambda w: o.Kick(conversation=w.public, user=w.member)),
    ("login   conv?   conv?   no      yes     yes     conv?", "put a secret member out",
     lambda w: o.Kick(conversation=w.secret, user=w.member)),
    ("login   room?   room?   no      no      yes     room?", "put a moderator out",
     lambda _: o.Kick(room=SECRET, user="Mod")),
    ("login   room?   room?   no      no      no      room?", "put an owner out",
     lambda _: o.Kick(room=SECRET, user="Boss")),
    # ---- coming into rooms
    ("login   yes     conv?   yes     yes     yes     conv?", "invite into a room",
     lambda w: a.Invite(conversation=w.public, user="Kim")),
    ("login   conv?   conv?   no      yes     yes     conv?", "invite into a private room",
     lambda w: a.Invite(conversation=w.secret, user="Kim")),
    ("login   conv?   conv?   no      account account conv?", "invite a guest into it",
     lambda w: a.Invite(conversation=w.secret, user="Gus")),
    ("login   yes     yes     yes     yes     yes     yes", "list one's invitations",
     lambda _: a.ListInvitations()),
    ("login   yes     yes     yes     yes     yes     yes", "accept an invitation",
     lambda _: a.AcceptInvitation(room=LOBBY)),
    ("login   room?   room?   room?   room?   room?   room?", "accept one that is another's",
     lambda _: a.AcceptInvitation(room="Closet")),
    ("login   yes     yes     yes     yes     yes     yes", "decline an invitation",
     lambda _: a.DeclineInvitation(room=LOBBY)),
    ("login   room?   room?   room?   room?   room?   room?", "decline one that is another's",
     lambda _: a.DeclineInvitation(room="Closet")),
    ("login   account conv?   no      yes     yes     conv?", "make a link",
     lambda w: a.MakeLink(conversation=w.secret)),
    ("login   account conv?   args    args    args    conv?", "make a link to an open room",
     lambda w: a.MakeLink(conversation=w.public)),
    ("login   account conv?   no      yes     yes     conv?", "list links",
     lambda w: a.ListLinks(conversation=w.secret)),
    ("login   account conv?   no      yes     yes     conv?", "revoke a link",
     lambda w: a.RevokeLink(conversation=w.secret, link=w.link)),
    ("login   account yes     yes     yes     yes     yes", "ask to be let in",
     lambda w: a.AskAdmission(code=w.world.code)),
    ("login   account room?   room?   room?   room?   room?", "ask by a wrong code",
     lambda _: a.AskAdmission(code="x" * 22)),
    ("login   account conv?   no      yes     yes     conv?", "list who asks",
     lambda w: a.ListAdmissions(conversation=w.secret)),
    ("login   account conv?   no      yes     yes     conv?", "let somebody in",
     lambda w: a.Approve(conversation=w.secret, user=w.asker)),
    ("login   account room?   no      user?   user?   room?", "let oneself in",
     lambda w: a.Approve(room=SECRET, user=ROLES[w.role])),
    ("login   account conv?   no      yes     yes     conv?", "keep somebody out",
     lambda w: a.Deny(conversation=w.secret, user=w.asker)),
    # ---- contacts
    ("login   yes     yes     yes     yes     yes     yes", "list contacts",
     lambda _: c.ListContacts()),
    ("login   yes     yes     yes     yes     yes     yes", "add a contact",
     lambda _: c.AddContact(name="Pat")),
    ("login   yes     yes     yes     yes     yes     yes", "remove a contact",
     lambda _: c.RemoveContact(name="Pat")),
    # ---- files
    ("login   yes     yes     yes     yes     yes     yes", "send a file to everyone",
     lambda w: w.offer()),
    ("login   yes     yes     yes     yes     yes     yes", "send a file to somebody",
     lambda w: w.offer(to="Pat")),
    ("login   yes     conv?   yes     yes     yes     conv?", "send a file into a room",
     lambda w: w.offer(conversation=w.public)),
    ("login   conv?   conv?   yes     yes     yes     conv?", "send a file into a private one",
     lambda w: w.offer(conversation=w.secret)),
    ("login   conv?   conv?   conv?   conv?   conv?   conv?", "send a file to others' chat",
     lambda w: w.offer(conversation=w.direct)),
    ("login   yes     yes     yes     yes     yes     yes", "give up a file",
     lambda w: f.Withdraw(uuid=w.uuid)),
    ("login   msg?    msg?    yes     yes     yes     msg?", "describe a secret file",
     lambda w: f.DescribeFile(id=w.file("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "describe others' file",
     lambda w: f.DescribeFile(id=w.file("direct"))),
    ("login   yes     msg?    yes     yes     yes     msg?", "get a file of a room",
     lambda w: f.Download(id=w.file("public"))),
    ("login   msg?    msg?    yes     yes     yes     msg?", "get a secret file",
     lambda w: f.Download(id=w.file("secret"))),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "get others' file",
     lambda w: f.Download(id=w.file("direct"))),
    ("login   conv?   conv?   yes     yes     yes     conv?", "list secret files",
     lambda w: f.ListFiles(conversation=w.secret)),
    # ---- who one is
    ("login   yes     taken   taken   taken   taken   taken", "register",
     lambda _: i.Register(password=PASSWORD)),
    ("login   account yes     yes     yes     yes     yes", "change one's password",
     lambda _: i.ChangePassword(old=PASSWORD, new="x" * 9)),
    ("login   yes     yes     yes     yes     yes     yes", "list one's sessions",
     lambda _: i.ListSessions()),
    ("login   account yes     yes     yes     yes     yes", "end one's session",
     lambda w: i.EndSession(session=w.device)),
    ("login   account args    args    args    args    args", "end somebody's session",
     lambda w: i.EndSession(session=w.world.devices["Pat"])),
    # ---- order
    ("login   yes     yes     yes     yes     yes     yes", "complain about somebody",
     lambda _: m.Complain(name="Kim")),
    ("login   no      no      no      no      no      args", "complain about the admin",
     lambda _: m.Complain(name="Root")),
    ("login   no      no      no      no      no      yes", "list complaints",
     lambda _: m.ListComplaints()),
    ("login   no      no      no      no      no      yes", "lift a block",
     lambda _: m.LiftBlock(name="Kim")),
    ("login   no      no      no      no      no      yes", "block somebody",
     lambda _: m.BlockUser(name="Kim")),
    # ---- sending later
    ("login   yes     yes     yes     yes     yes     yes", "write later",
     lambda _: s.Schedule(when="+1d", text="x")),
    ("login   yes     yes     yes     yes     yes     yes", "write later to somebody",
     lambda _: s.Schedule(when="+1d", text="x", to="Pat")),
    ("login   room?   room?   yes     yes     yes     room?", "write later into a room",
     lambda _: s.Schedule(when="+1d", text="x", room=SECRET)),
    ("login   conv?   conv?   conv?   conv?   conv?   conv?", "write later to others' chat",
     lambda w: s.Schedule(when="+1d", text="x", conversation=w.direct)),
    ("login   yes     yes     yes     yes     yes     yes", "list what is sent later",
     lambda _: s.ListScheduled()),
    ("login   yes     yes     yes     yes     yes     yes", "cancel one's own",
     lambda w: s.Cancel(id=w.later)),
    ("login   msg?    msg?    msg?    msg?    msg?    msg?", "cancel somebody's",
     lambda w: s.Cancel(id=w.world.scheduled["Pat"])),
    ("login   yes     yes     yes     yes     yes     yes", "choose a time zone",
     lambda _: s.TimeZone(name="Europe/Moscow")),
]
# fmt: on
