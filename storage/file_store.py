"""Files of any format, in chunks (S003-20)."""

from __future__ import annotations

from storage import file_statements as statements
from storage.body_statements import MAX_CHUNK
from storage.database import Database
from storage.records import ListedFile, NewFile, StoredFile


class FileStore:
    """Files on their way in, and those that messages bring; nobody ever holds one whole."""

    def __init__(self, database: Database) -> None:
        """Keep the files in a database."""
        self._database = database

    async def begin(self, new: NewFile, *, most: int) -> StoredFile | None:
        """Return the owner's file with that uuid, as far as it is there; made if there is none.

        None: it is not made, for there are ``most`` of the owner's that are not complete.
        """
        return await self._database.write(statements.begin, new, most)

    async def append(self, file_id: int, offset: int, data: bytes) -> int:
        """Store a chunk behind what is there; return how many bytes are there then.

        Where that is not ``offset + len(data)`` nothing was stored, for what was there did not
        end at ``offset``, or the chunk goes beyond the file. Raises :class:`KeyError` where
        there is no such file.
        """
        if len(data) > MAX_CHUNK:
            raise ValueError(f"a chunk of {len(data)} bytes is too long")
        return await self._database.write(statements.append, file_id, offset, data)

    async def complete(self, file_id: int, now: int) -> bool:
        """Note that all of a file is there and right; False where there is none any more."""
        return await self._database.write(statements.complete, file_id, now)

    async def add(self, new: NewFile, body_id: int | None) -> StoredFile:
        """Make a file of a body; one without bytes has none. Again it is the same file."""
        return await self._database.write(statements.add, new, body_id)

    async def get(self, file_id: int) -> StoredFile | None:
        """Return one file, or None where there is none."""
        return await self._database.read(statements.get, file_id)

    async def find(self, owner_id: int, uuid: bytes) -> StoredFile | None:
        """Return the owner's file with that uuid."""
        return await self._database.read(statements.find, owner_id, uuid)

    async def delete_unreferenced(self, file_id: int, *, unfinished: bool = False) -> bool:
        """Delete a file that no message brings; True: there is none any more, False: it stays.

        Its body is an orphan then, and has to be deleted in slices. With ``unfinished`` one
        that is complete stays too: its message may be on the way.
        """
        return await self._database.write(statements.delete_unreferenced, file_id, unfinished)

    async def abandoned(self, before: int, *, limit: int = 100) -> list[int]:
        """Return some files that no message brings and that were last heard of before a time."""
        return await self._database.read(statements.abandoned, before, limit)

    async def of_conversation(
        self, conversation_id: int, *, before: int | None, limit: int
    ) -> list[ListedFile]:
        """Return the last files of a conversation in rising order."""
        return await self._database.read(statements.of_conversation, conversation_id, before, limit)
