"""Sealing: without the key nobody reads what is stored, or changes it unseen (S000-20).

AES-256-GCM. One root key is the source of all data keys: HKDF-Expand (RFC 5869) makes one for
each conversation, body and so on, so none of them is stored, looked up or lost. Nonces are
random: a key may seal 2**32 times before two of them are likely to be alike (NIST SP 800-38D),
so a conversation has a new key after every 2**30 messages of the server.

Nothing here does any I/O; what is bound to what is in ``storage/seals.py``.
"""

from __future__ import annotations

import os
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_BYTES = 32

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16
OVERHEAD = len(_VERSION) + _NONCE + _TAG
"""How many bytes longer than the text a sealed text is."""

CACHED = 4096
"""Data keys that are kept ready, the ones used last; a new one costs some 10 microseconds."""

_SCOPE = Struct(">qq")
_WRAPPING = b"mymessenger root key"


class BrokenSealError(Exception):
    """What is stored was sealed with another key, for another place, or has been changed."""


class Scope(NamedTuple):
    """What has a data key of its own."""

    kind: bytes
    number: int
    part: int = 0


class Vault(Protocol):
    """Seals and opens what is stored in one database; any thread may use it."""

    @property
    def seals(self) -> bool:
        """False: everything is stored as it is."""
        ...

    def seal(self, scope: Scope, text: bytes, bound: bytes) -> bytes:
        """Return what is stored; it opens only together with the same ``bound``."""
        ...

    def open(self, scope: Scope, stored: bytes, bound: bytes) -> bytes:
        """Return what was sealed; raises :class:`BrokenSealError` where it does not open."""
        ...


class PlainVault:
    """Stores everything as it is (``--encryption off``)."""

    seals = False

    def seal(self, scope: Scope, text: bytes, bound: bytes) -> bytes:  # noqa: ARG002
        """Return the text."""
        return text

    def open(self, scope: Scope, stored: bytes, bound: bytes) -> bytes:  # noqa: ARG002
        """Return what is stored."""
        return stored


PLAIN = PlainVault()


class KeyVault:
    """Seals with data keys that are made of one root key."""

    seals = True

    def __init__(self, root: bytes) -> None:
        """Take the 32 bytes of the root key."""
        self._root = root
        self._key = lru_cache(maxsize=CACHED)(self._derive)

    def _derive(self, scope: Scope) -> AESGCM:
        info = scope.kind + b"\0" + _SCOPE.pack(scope.number, scope.part)
        return AESGCM(HKDFExpand(SHA256(), KEY_BYTES, info).derive(self._root))

    def seal(self, scope: Scope, text: bytes, bound: bytes) -> bytes:
        """Return version, nonce, text and tag."""
        return _seal(self._key(scope), text, bound)

    def open(self, scope: Scope, stored: bytes, bound: bytes) -> bytes:
        """Return what was sealed."""
        return _open(self._key(scope), stored, bound)


def _seal(key: AESGCM, text: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + key.encrypt(nonce, text, _VERSION + bound)


def _open(key: AESGCM, stored: bytes, bound: bytes) -> bytes:
    if len(stored) < OVERHEAD or not stored.startswith(_VERSION):
        raise BrokenSealError
    try:
        return key.decrypt(stored[1 : 1 + _NONCE], stored[1 + _NONCE :], _VERSION + bound)
    except InvalidTag as error:
        raise BrokenSealError from error


def new_key() -> bytes:
    """Return a new random key."""
    return os.urandom(KEY_BYTES)


def wrap(master: bytes, root: bytes) -> bytes:
    """Return a root key as the database keeps it: sealed with the master key."""
    return _seal(AESGCM(master), root, _WRAPPING)


def unwrap(master: bytes, wrapped: bytes) -> bytes:
    """Return the root key; raises :class:`BrokenSealError` where the master key is another one."""
    return _open(AESGCM(master), wrapped, _WRAPPING)
