"""A file on its way out over one connection: what the server has said of it."""

from __future__ import annotations

from cli.changes import Changes
from cli.errors import Refused
from protocol.events import Error, FileInfo, Reply, Sent
from protocol.vocabulary.files import Offered, Received


class Upload:
    """The answers to one offer, as they come; it ends with a receipt or a failure."""

    def __init__(self, ref: int, size: int, changes: Changes) -> None:
        """Take what answers the request ``ref``; ring ``changes`` at each answer."""
        self.ref = ref
        self._size = size
        self._changes = changes
        self.file: FileInfo | None = None
        """The file as everybody will see it; None until the server has taken the offer."""
        self.stored = 0
        """How much of it the server has."""
        self.receipt: Sent | None = None
        self.failure: Refused | None = None

    @property
    def done(self) -> bool:
        """True: nothing more will be said."""
        return self.receipt is not None or self.failure is not None

    def take(self, reply: Reply) -> None:
        """Take an answer."""
        match reply:
            case Offered():
                self.file = FileInfo(id=reply.id, name=reply.name, size=self._size)
                self.stored = reply.offset
            case Received():
                self.stored = reply.offset
            case Sent():
                self.receipt = reply
            case Error():
                self.failure = Refused(reply.code, reply.message)
        self._changes.ring()
