"""Who asks: API sessions by their tokens, kept so that not each request is a login.

The token of an account is its name and a device's token: it is in the database (hashed), is shown
by ``/sessions`` and ends there, and outlives the server. A guest's is known to this process only,
until it has been silent for an hour. Neither is a cookie, so no page of somebody else's can use it.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
import trio

from chat.dispatch import dispatch
from chat.messenger import Messenger
from chat.session import Session
from chat.sites import Network, Site, site_of
from chat.uploads import MAX_OPEN
from protocol.errors import ErrorCode
from protocol.events import Error, LoggedIn
from protocol.requests import Login
from server.conn import Conn
from server.gateways.api.peer import ApiPeer
from server.gateways.api.problems import problem, problem_of
from server.gateways.http.errors import HttpError

log = structlog.get_logger()

MOST = 10_000
"""Sessions kept; those not used for longest make room. Accounts come back by their tokens."""

MOST_GUESTS = 100
"""Guests from one address, a /64 of IPv6: one that comes as a thousand must not push the others
out. Addresses that are exempt from such limits are for many people and not counted."""

IDLE = 900.0
"""Seconds after which an account's session is forgotten until its token comes again."""

GUEST_IDLE = 3600.0
"""Seconds after which a guest's token is worthless."""

LOOK_EVERY = 30.0  # seconds

TURN_WITHIN = 60.0
"""Seconds that a login may wait for its turn while very many log in."""

MAX_TOKEN = 512
"""Characters of a token that are looked at; it has fewer than 220."""


class ApiSession:
    """One who asks by HTTP, with one token."""

    def __init__(self, peer: ApiPeer, key: bytes, secret: str | None, site: Site | None) -> None:
        self.peer = peer
        self.key = key
        self.secret = secret
        """The device's token; None for a guest."""
        self.site = site
        """Whom it is counted for, where it is a guest's."""
        self.used_at = trio.current_time()
        self._busy = 0  # requests under way
        self.texts = trio.CapacityLimiter(MAX_OPEN - 1)
        """Long texts that may come in at once; further ones wait."""
        self.listeners: set[Conn] = set()
        """Connections that listen to its events."""

    @property
    def session(self) -> Session:
        """The session, as the rules know it."""
        return self.peer.session

    @property
    def in_use(self) -> bool:
        """Somebody waits for an answer, or listens."""
        return bool(self._busy or self.listeners)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Surround a request under way, until its response has been given away."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @property
    def expires_at(self) -> float:
        """When it is forgotten unless it is used."""
        return self.used_at + (GUEST_IDLE if self.secret is None else IDLE)


class ApiSessions:
    """All of them; :meth:`run` has to run."""

    def __init__(
        self, messenger: Messenger, last_seq: Callable[[int], int], exempt: Sequence[Network]
    ) -> None:
        """``last_seq`` returns the last number that was published in a conversation.

        Guests from networks in ``exempt`` are not counted.
        """
        self._messenger = messenger
        self._last_seq = last_seq
        self._exempt = exempt
        self._by_key: OrderedDict[bytes, ApiSession] = OrderedDict()  # the latest used last
        self._guests: Counter[Site | None] = Counter()  # by address
        self._coming: dict[bytes, trio.Event] = {}

    # ---- coming

    async def begin(self, login: Login, address: str) -> tuple[str, LoggedIn]:
        """Log somebody in; return the token to ask with. Raises :class:`HttpError`."""
        peer = ApiPeer(address, self._last_seq)
        site = self._site(peer)
        if login.password is None and site is not None and self._guests[site] >= MOST_GUESTS:
            raise problem(
                ErrorCode.LIMIT_REACHED,
                "Too many guests come from this address; end one of their sessions.",
            )
        answer = await self._log_in(peer, login)
        token = self.keep(peer, answer.name, answer.token)
        return token, answer

    async def _log_in(self, peer: ApiPeer, login: Login) -> LoggedIn:
        with trio.move_on_after(TURN_WITHIN):
            answer = await dispatch(self._messenger, peer.session, login)
            if isinstance(answer, Error):
                raise problem_of(answer)
            if not isinstance(answer, LoggedIn):
                raise TypeError(f"a login is answered by {answer}")
            return answer
        raise problem(
            ErrorCode.LIMIT_REACHED, "Too many log in at this moment; try again in a minute."
        )

    def keep(self, peer: ApiPeer, name: str, secret: str | None) -> str:
        """Keep a session under a device's token, or as a guest's; return its token."""
        token = _token(name, secret or secrets.token_urlsafe())
        one = ApiSession(peer, _key(token), secret, self._site(peer))
        self._by_key[one.key] = one
        if secret is None:
            self._guests[one.site] += 1
        self._make_room()
        return token

    async def of(self, authorization: bytes | None, address: str, language: str) -> ApiSession:
        """Return the session of a request; raises :class:`HttpError` (401) where there is none."""
        token = _bearer(authorization)
        key = _key(token)
        while (coming := self._coming.get(key)) is not None:
            await coming.wait()
        one = self._by_key.get(key)
        if one is None:
            one = await self._come_back(token, key, address, language)
        if one.peer.ended is not None:
            self.forget(one)
            raise problem(ErrorCode.SESSION_ENDED, one.peer.ended.said(one.session.voice))
        one.used_at = trio.current_time()
        one.peer.address = address
        self._by_key.move_to_end(key)
        return one

    async def _come_back(self, token: str, key: bytes, address: str, language: str) -> ApiSession:
        name, secret = _parts(token)
        self._coming[key] = trio.Event()
        try:
            peer = ApiPeer(address, self._last_seq)
            await self._log_in(peer, Login(name=name, token=secret, language=language))
            self.keep(peer, name, secret)
            return self._by_key[key]
        finally:
            self._coming.pop(key).set()

    # ---- going

    def forget(self, one: ApiSession) -> None:
        """Keep a session no longer; one that is not kept is no error."""
        if self._by_key.get(one.key) is not one:
            return
        del self._by_key[one.key]
        self._discount(one)
        self._messenger.leave(one.session)

    def _discount(self, one: ApiSession) -> None:
        if one.secret is None:
            self._guests[one.site] -= 1
            if not self._guests[one.site]:
                del self._guests[one.site]

    def _site(self, peer: ApiPeer) -> Site | None:
        return site_of(peer.session.ip, self._exempt)

    def rename(self, one: ApiSession, secret: str) -> str:
        """Keep the session of a guest that has an account now under its device's token."""
        del self._by_key[one.key]
        self._discount(one)
        token = _token(one.session.who.name, secret)
        one.key, one.secret = _key(token), secret
        self._by_key[one.key] = one
        return token

    def _make_room(self) -> None:
        if len(self._by_key) > MOST:
            idle = next((one for one in self._by_key.values() if not one.in_use), None)
            if idle is not None:
                self.forget(idle)

    async def run(self) -> None:
        """Forget those that are not used any more, for ever."""
        while True:
            await trio.sleep(LOOK_EVERY)
            self.look()

    def look(self) -> None:
        """Forget those that have been silent for too long."""
        now = trio.current_time()
        for one in list(self._by_key.values()):
            if not one.in_use and one.expires_at <= now:
                self.forget(one)


def _token(name: str, secret: str) -> str:
    return f"{urlsafe_b64encode(name.encode()).decode().rstrip('=')}.{secret}"


def _parts(token: str) -> tuple[str, str]:
    """Return name and secret of a token; raises :class:`HttpError` where it is none."""
    encoded, dot, secret = token.partition(".")
    try:
        name = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:  # also what is no UTF-8
        raise _unknown() from None
    if not (dot and secret and name):
        raise _unknown()
    return name, secret


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _bearer(authorization: bytes | None) -> str:
    if authorization is None:
        raise problem(
            ErrorCode.NOT_LOGGED_IN,
            "Send the header Authorization: Bearer TOKEN; POST /api/v1/sessions gives a token.",
        )
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > MAX_TOKEN:
        raise problem(ErrorCode.NOT_LOGGED_IN, "The Authorization header has to be Bearer TOKEN.")
    return token.strip()


def _unknown() -> HttpError:
    return problem(
        ErrorCode.SESSION_ENDED,
        "This token does not hold (any more); log in to get one.",
    )
