"""What a client tells its program about the connection, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.events import ConversationInfo, Event
from protocol.language import Sentence


@dataclass(frozen=True, slots=True)
class Connected:
    """Logged in: for the first time, or ``again`` after a loss."""

    server: str
    name: str
    """The user's name, as the server shows it."""
    guest: bool
    """True: the name has no password, anybody can use it."""
    again: bool
    missed: int
    """Messages that were written while the connection was away and follow now."""
    zone: str = ""
    """The time zone that the user has chosen, if there is one."""
    conversations: tuple[ConversationInfo, ...] = ()
    """What the user is in, and how much of it is unread."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost, or an attempt to get it back has failed."""

    reason: str
    retry_in: float
    """Seconds until the next attempt."""
    attempt: int
    """How many attempts have failed since the connection was lost: 0 at the loss itself."""


@dataclass(frozen=True, slots=True)
class ServerStops:
    """The server has said that it stops; the connection ends soon and is sought again."""

    reason: str


@dataclass(frozen=True, slots=True)
class StorageChanged:
    """The server's database cannot be reached, or can be again. Messages wait meanwhile."""

    available: bool


@dataclass(frozen=True, slots=True)
class ServerError:
    """The server reports an error that belongs to none of this client's requests."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Remark:
    """The server has a sentence about what the user just did; nothing has failed."""

    sentence: str


@dataclass(frozen=True, slots=True)
class LoginLost:
    """A later login was refused. The client has given up and is closed."""

    sentence: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ServerTrusted:
    """A server that nobody knew is trusted from now on, as the user wanted it beforehand."""

    server: str
    """Its address."""
    fingerprint: str
    not_saved: Sentence | None
    """Why it is known for this run only; None where it is known to later ones too."""


@dataclass(frozen=True, slots=True)
class TrustLost:
    """The server is not proven to be the one that is meant. The client has given up."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Messages that an earlier run of the program has left are being sent."""

    number: int
    damaged: int
    """Records of the file they were in that cannot be read: what was written there is lost."""


@dataclass(frozen=True, slots=True)
class NotKept:
    """The disk does not take what is written: it is sent, but does not survive this program."""

    reason: Sentence


@dataclass(frozen=True, slots=True)
class News:
    """Something happened that concerns the user: an invitation, a contact, another device."""

    event: Event


Notice = (
    Connected | Disconnected | ServerStops | StorageChanged | ServerError | Remark | News
    | LoginLost | ServerTrusted | TrustLost | Restored | NotKept
)  # fmt: skip
