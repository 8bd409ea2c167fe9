"""Messages, users and conversations in SQLite or MySQL, behind one interface.

Nothing here imports another package of the project. What others need is in this module:
:func:`open_stores`, the interface, the records and the errors.
"""

from storage.errors import StorageConfigurationError, StorageError, StorageUnavailable
from storage.interface import AccountStore, BodyStore, ConversationStore, Storage, Stores
from storage.keys import CommandKey, GivenKey, KeyFile, MasterKey
from storage.opening import change_master_key, open_stores
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
    "CommandKey",
    "Conversation",
    "ConversationStore",
    "FileFacts",
    "GivenKey",
    "KeyFile",
    "Marker",
    "MasterKey",
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
    "change_master_key",
    "open_stores",
]
