"""A file that somebody types as base64, for those who have nothing but telnet (S003-7)."""

from __future__ import annotations

import binascii
import hashlib
import re
import time
from typing import TYPE_CHECKING

from chat.intake import PIECE
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.filenames import safe_file_name
from protocol.ids import new_uuid
from storage.records import NewFile, StoredFile

if TYPE_CHECKING:
    from chat.messenger import Messenger

_BLANKS = bytes(range(33))
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]*")
_QUAD = 4


class Paste:
    """One such file on its way in; nothing is known of it but its name before its end."""

    def __init__(self, messenger: Messenger, session: Session, name: str) -> None:
        """Take a file, for whoever it may be."""
        self._messenger = messenger
        self._session = session
        self._name = safe_file_name(name)
        self._typed = b""  # less than four characters
        self._data = bytearray()  # not yet stored
        self._padded = False
        self._digest = hashlib.sha256()
        self._body_id: int | None = None
        self._file_id: int | None = None
        self._stored = 0

    async def add(self, typed: bytes) -> None:
        """Take some more of the base64, cut anywhere; blanks mean nothing."""
        typed = self._typed + typed.translate(None, _BLANKS)
        whole = len(typed) // _QUAD * _QUAD
        self._typed = typed[whole:]
        if not _BASE64.fullmatch(typed) or (typed and self._padded):
            raise _not_base64()
        self._padded = typed[:whole].endswith(b"=")
        try:
            self._data += binascii.a2b_base64(typed[:whole], strict_mode=True)
        except binascii.Error:
            raise _not_base64() from None
        self._messenger.files.check_size(self._stored + len(self._data))
        while len(self._data) >= PIECE:
            await self._store(bytes(self._data[:PIECE]))

    async def _store(self, piece: bytes) -> None:
        intake = self._messenger.intake
        if self._body_id is None:
            self._body_id = await intake.create()
        await intake.append(self._body_id, self._stored, piece)
        self._digest.update(piece)
        self._stored += len(piece)
        del self._data[: len(piece)]

    async def finish(self) -> StoredFile:
        """Return the file; it is all there."""
        if self._typed:
            raise _not_base64()
        if self._data:
            await self._store(bytes(self._data))
        new = NewFile(
            owner_id=self._session.who.id,
            uuid=new_uuid().bytes,
            name=self._name.encode(),
            size=self._stored,
            sha256=self._digest.digest(),
            created_at=time.time_ns() // 1000,
        )
        file = await self._messenger.stores.files.add(new, self._body_id)
        self._body_id, self._file_id = None, file.id  # the file has the body now
        return file

    def give_up(self) -> None:
        """Forget it, also where it is all there and may not be sent."""
        self._messenger.intake.give_up(self._body_id)
        self._messenger.files.release(self._file_id)
        self._body_id = self._file_id = None


def _not_base64() -> ProtocolError:
    return ProtocolError(ErrorCode.BAD_STREAM, "This is not base64; nothing of the file is kept.")
