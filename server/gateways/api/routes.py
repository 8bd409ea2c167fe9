"""The table: which method of which resource is which request of the protocol.

A request that is none of these belongs to a connection: ``hello``, ``pong``, ``quit``, ``chunk``.
"""

from __future__ import annotations

from protocol.events import (
    ConversationInfo,
    ConversationLeft,
    HistoryPage,
    LoggedIn,
    Notice,
    Opened,
    PongReply,
    Sent,
    StatusReport,
)
from protocol.requests import (
    Delivered,
    Fetch,
    History,
    Language,
    Login,
    Ping,
    Request,
    Send,
    Status,
)
from protocol.vocabulary.admission import (
    AcceptInvitation,
    AdmissionList,
    Approve,
    AskAdmission,
    DeclineInvitation,
    Deny,
    InvitationList,
    Invite,
    LinkList,
    LinkMade,
    ListAdmissions,
    ListInvitations,
    ListLinks,
    MakeLink,
    RevokeLink,
)
from protocol.vocabulary.contacts import (
    AddContact,
    ContactAdded,
    ContactList,
    ContactRemoved,
    ListContacts,
    RemoveContact,
)
from protocol.vocabulary.editing import Comments, Delete, Edit, ListOwn, Thread
from protocol.vocabulary.files import (
    DescribeFile,
    Download,
    FileDetails,
    FileList,
    ListFiles,
    Offer,
    Offered,
    Received,
    Withdraw,
)
from protocol.vocabulary.identity import (
    ChangePassword,
    EndSession,
    ListSessions,
    Register,
    Registered,
    SessionList,
)
from protocol.vocabulary.moderation import (
    BlockUser,
    Complain,
    ComplaintList,
    LiftBlock,
    ListComplaints,
)
from protocol.vocabulary.reading import HistoryFrom, MarkedRead, MarkRead, Open, ReadAll
from protocol.vocabulary.receipts import ReceiptList, Receipts
from protocol.vocabulary.rooms import (
    JoinRoom,
    Kick,
    LeaveRoom,
    ListMembers,
    ListRooms,
    MemberList,
    RoomList,
    RoomTopic,
    SetRole,
    SetTopic,
    ShowTopic,
)
from protocol.vocabulary.schedule import (
    Cancel,
    ListScheduled,
    Schedule,
    Scheduled,
    ScheduledList,
    TimeZone,
    Zone,
)
from server.gateways.api import entry, events, streams, uploads
from server.gateways.api.route import Route

CHAT = "/conversations/{conversation}"
MESSAGE = "/messages/{id}"
IN_ROOM = ("room",)
BYTES, TEXT, EVENTS = "application/octet-stream", "text/plain", "text/event-stream"


class Nothing(Request, frozen=True, kw_only=True, tag="nothing"):
    """What is asked of no handler: it is looked up beside them."""


class OfConversation(Nothing, frozen=True, kw_only=True, tag="of_conversation"):
    """The same, about one conversation."""

    conversation: int


_SESSIONS = (
    Route(
        "POST", "/sessions", Login, (LoggedIn,), ("token", "remember", "history", "resume"), 201,
        entry.log_in, "Log in, as a guest or with a password; the answer has the token.", open=True,
    ),
    Route("GET", "/sessions", ListSessions, (SessionList,)),
    Route(
        "DELETE", "/sessions/{session}", EndSession, (Notice,), handler=entry.end_session,
        title="End one of one's sessions; `current` is the one that asks.",
    ),
    Route(
        "GET", "/status", Status, (StatusReport,), title="Who is here, and facts about who asks."
    ),
    Route("GET", "/ping", Ping, (PongReply,), open=True),
    Route(
        "POST", "/me/account", Register, (Registered,), ("remember",), 201, entry.register,
        "Put a password on one's name. The answer has the token that holds from now on.",
    ),
    Route("PUT", "/me/password", ChangePassword, (Notice,)),
    Route(
        "PUT", "/me/language", Language, (Notice,),
        title="Speak another language to who has this token; an account keeps it.",
    ),
    Route("GET", "/me/zone", TimeZone, (Zone,), ("name",), title="Ask for one's time zone."),
    Route("PUT", "/me/zone", TimeZone, (Zone,), title="Set one's time zone on all devices."),
    Route(
        "GET", "/events", Nothing, handler=events.listen, gives=EVENTS,
        title="Listen to what happens, as server-sent events; Last-Event-ID goes on behind one.",
    ),
)  # fmt: skip
_CONVERSATIONS = (
    Route(
        "GET", "/conversations", Nothing, (entry.Conversations,), handler=entry.conversations,
        title="What one is in, with what is unread, and whom one knows.",
    ),
    Route(
        "POST", "/conversations", Open, (Opened,), ("number", "conversation"),
        title="Open the direct conversation with a user, which has read it.",
    ),
    Route(
        "GET", CHAT, OfConversation, (ConversationInfo,), handler=entry.conversation,
        title="One of them.",
    ),
    Route(
        "POST", f"{CHAT}/open", Open, (Opened,), ("number", "to"),
        title="Its latest messages and the unread ones, which are read by that.",
    ),
    Route("GET", f"{CHAT}/messages", History, (HistoryPage,)),
    Route(
        "POST", f"{CHAT}/messages", Send, (Sent,), ("stream", "to", "addressed"), 201,
        streams.send, "Write a message: JSON, or a text of any length as text/plain.",
        in_stream=True, takes=TEXT,
    ),
    Route(
        "POST", "/users/{to}/messages", Send, (Sent,),
        ("stream", "conversation", "addressed", "reply_to"), 201,
        streams.send, "Write to a user privately: JSON, or a text of any length as text/plain.",
        in_stream=True, takes=TEXT,
    ),
    Route("GET", f"{CHAT}/own", ListOwn, (HistoryPage,)),
    Route("PUT", f"{CHAT}/delivered", Delivered),
    Route("PUT", f"{CHAT}/read", MarkRead),
    Route("POST", f"{CHAT}/read", ReadAll, (MarkedRead,)),
    Route("PATCH", MESSAGE, Edit, (Sent,), in_stream=True),
    Route("DELETE", MESSAGE, Delete, (Sent, Notice), in_stream=True),
    Route("GET", f"{MESSAGE}/comments", Comments, (Thread,)),
    Route("GET", "/messages/{message}/receipts", Receipts, (ReceiptList,), ("watch",)),
    Route("GET", "/messages/{message}/history", HistoryFrom, (HistoryPage,)),
    Route(
        "GET", f"{MESSAGE}/text", Fetch, (), ("offset",), handler=streams.text, gives=TEXT,
        title="The whole text of a message, or a range of it.",
    ),
)  # fmt: skip
_FILES = (
    Route("GET", f"{CHAT}/files", ListFiles, (FileList,)),
    *(
        route
        for place, other in ((CHAT, "to"), ("/users/{to}", "conversation"))
        for route in (
            Route(
                "POST", f"{place}/files/{{uuid}}", Offer, (Offered, Sent), ("stream", other),
                handler=uploads.offer,
                title="Say which file will come; the answer says from which byte on.",
            ),
            Route(
                "PUT", f"{place}/files/{{uuid}}", Offer, (Sent, Received),
                ("stream", "size", other), 201, uploads.upload,
                "Send a file; with Content-Range from a byte on that the server has got to.",
                takes=BYTES, streams_in=True,
            ),
        )
    ),
    Route("DELETE", "/files/{uuid}", Withdraw, (Notice,)),
    Route("GET", f"{MESSAGE}/file", DescribeFile, (FileDetails,)),
    Route(
        "GET", f"{MESSAGE}/file/content", Download, (), ("offset", "limit"),
        handler=streams.content, gives=BYTES,
        title="The file of a message, or a range of it.",
    ),
)  # fmt: skip
_ROOMS = (
    Route("GET", "/rooms", ListRooms, (RoomList,)),
    Route("POST", "/rooms", JoinRoom, (Opened,)),
    Route("DELETE", f"{CHAT}/membership", LeaveRoom, (ConversationLeft,), IN_ROOM),
    Route("GET", f"{CHAT}/members", ListMembers, (MemberList,), IN_ROOM),
    Route("PUT", f"{CHAT}/members/{{user}}", SetRole, (Notice,), IN_ROOM),
    Route("DELETE", f"{CHAT}/members/{{user}}", Kick, (Notice,), IN_ROOM),
    Route("GET", f"{CHAT}/topic", ShowTopic, (RoomTopic,), IN_ROOM),
    Route("PUT", f"{CHAT}/topic", SetTopic, (RoomTopic,), IN_ROOM),
    Route("POST", f"{CHAT}/invitations", Invite, (Notice,), IN_ROOM),
    Route("GET", "/invitations", ListInvitations, (InvitationList,)),
    Route("POST", "/invitations/{room}/accept", AcceptInvitation, (Opened,)),
    Route("DELETE", "/invitations/{room}", DeclineInvitation, (Notice,)),
    Route("GET", f"{CHAT}/links", ListLinks, (LinkList,), IN_ROOM),
    Route("POST", f"{CHAT}/links", MakeLink, (LinkMade,), IN_ROOM, 201),
    Route("DELETE", f"{CHAT}/links/{{link}}", RevokeLink, (Notice,), IN_ROOM),
    Route("POST", "/admissions", AskAdmission, (Notice,)),
    Route("GET", f"{CHAT}/admissions", ListAdmissions, (AdmissionList,), IN_ROOM),
    Route("PUT", f"{CHAT}/admissions/{{user}}", Approve, (Notice,), IN_ROOM),
    Route("DELETE", f"{CHAT}/admissions/{{user}}", Deny, (Notice,), IN_ROOM),
)  # fmt: skip
_PEOPLE = (
    Route("GET", "/contacts", ListContacts, (ContactList,)),
    Route("PUT", "/contacts/{name}", AddContact, (ContactAdded,)),
    Route("DELETE", "/contacts/{name}", RemoveContact, (ContactRemoved,)),
    Route("GET", "/scheduled", ListScheduled, (ScheduledList,)),
    Route("POST", "/scheduled", Schedule, (Scheduled,), (), 201),
    Route("DELETE", "/scheduled/{id}", Cancel, (Notice,)),
    Route("POST", "/complaints", Complain, (Notice,)),
    Route("GET", "/complaints", ListComplaints, (ComplaintList,)),
    Route("PUT", "/blocks/{name}", BlockUser, (Notice,)),
    Route("DELETE", "/blocks/{name}", LiftBlock, (Notice,)),
)
ROUTES: tuple[Route, ...] = (*_SESSIONS, *_CONVERSATIONS, *_FILES, *_ROOMS, *_PEOPLE)
