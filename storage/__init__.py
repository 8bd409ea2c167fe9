"""Messages, users and conversations in SQLite or MySQL, behind one interface.

Nothing here imports another package of the project. What others need is in this module:
:func:`open_stores`, the interface, the records and the errors.
"""

from storage.errors import StorageConfigurationError, StorageError, StorageUnavailable
from storage.interface import AccountStore, BodyStore, ConversationStore, Storage, Stores
from storage.opening import open_stores
from storage.records import (
    GENERAL_ID,
    Conversation,
    FileFacts,
    Marker,
    Membership,
    Message,
    NewMessage,
    Quote,
    Saved,
    User,
    Visitor,
)

__all__ = [
    "GENERAL_ID",
    "AccountStore",
    "BodyStore",
    "Conversation",
    "ConversationStore",
    "FileFacts",
    "Marker",
    "Membership",
    "Message",
    "NewMessage",
    "Quote",
    "Saved",
    "Storage",
    "StorageConfigurationError",
    "StorageError",
    "StorageUnavailable",
    "Stores",
    "User",
    "Visitor",
    "open_stores",
]
