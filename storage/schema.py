"""The tables as the statements see them; what makes them is ``storage/migrations``.

What people write is sealed in its columns (``storage/seals.py``), unless encryption is off.

A test holds the two together: a migrated database must look exactly like this.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

MESSAGE_ID = "message_id"
"""The row of ``counters`` that holds the last message id."""

_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


class Key(TypeDecorator[str]):
    """A text that is unique byte for byte.

    MySQL's ``utf8mb4_bin`` takes ``bob`` and ``bob `` for equal, so there it is kept as bytes.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        """Take up to ``length`` characters, in MySQL bytes."""
        super().__init__(length)
        self._length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the database is told."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.VARBINARY(self._length))
        return dialect.type_descriptor(String(self._length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Encode on the way in."""
        return value.encode() if value is not None and dialect.name == "mysql" else value

    def process_result_value(
        self,
        value: str | bytes | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str | None:
        """Decode on the way out."""
        return value.decode() if isinstance(value, bytes) else value


row_id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts INTEGER keys only
blob = LargeBinary().with_variant(mysql.MEDIUMBLOB, "mysql")
uuid_bytes = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql")
sealed_bytes = LargeBinary(64).with_variant(mysql.VARBINARY(64), "mysql")
hash_bytes = LargeBinary(32).with_variant(mysql.BINARY(32), "mysql")


def _refers(column: str, table: str, constraint: str, **options: Any) -> Column[Any]:
    """Return a column with the id of a row of another table."""
    options.setdefault("nullable", False)
    return Column(column, row_id, ForeignKey(f"{table}.id", name=constraint), **options)


metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", row_id, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("name_key", Key(512), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("password_hash", String(255)),
    Column("registered_at", BigInteger),
    Column("skeleton", Key(512)),
    Column("seen_at", BigInteger, nullable=False, server_default="0"),
    Column("blocked_until", BigInteger, nullable=False, server_default="0"),
    Column("quota_started_at", BigInteger, nullable=False, server_default="0"),
    Column("quota_used", Integer, nullable=False, server_default="0"),
    Column("zone", String(64)),
    Column("language", String(8)),
    UniqueConstraint("name_key", name="users_name_key"),
    Index("users_skeleton", "skeleton"),
    **_MYSQL,
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", row_id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("key", Key(255), nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("title", String(255)),
    Column("topic", blob),  # UTF-8
    Column("private", SmallInteger, nullable=False, server_default="0"),
    Column("created_by", row_id),
    Column("sealed_title", blob),  # of a private room: then there is no title
    UniqueConstraint("key", name="conversations_key"),
    **_MYSQL,
)

members = Table(
    "members",
    metadata,
    Column(
        "conversation_id",
        row_id,
        ForeignKey("conversations.id", name="fk_members_conversation"),
        primary_key=True,
    ),
    Column("user_id", row_id, ForeignKey("users.id", name="fk_members_user"), primary_key=True),
    Column("delivered_seq", BigInteger, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False, server_default="0"),
    Column("role", String(16), nullable=False, server_default="member"),
    Index("members_user", "user_id"),
    **_MYSQL,
)

bodies = Table(
    "bodies",
    metadata,
    Column("id", row_id, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    **_MYSQL,
)

body_chunks = Table(
    "body_chunks",
    metadata,
    Column(
        "body_id", row_id, ForeignKey("bodies.id", name="fk_body_chunks_body"), primary_key=True
    ),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("data", blob, nullable=False),
    **_MYSQL,
)

messages = Table(
    "messages",
    metadata,
    Column("id", row_id, primary_key=True, autoincrement=False),
    Column(
        "conversation_id",
        row_id,
        ForeignKey("conversations.id", name="fk_messages_conversation"),
        nullable=False,
    ),
    Column("seq", BigInteger, nullable=False),
    Column("sender_id", row_id, ForeignKey("users.id", name="fk_messages_sender"), nullable=False),
    Column("sender_name", String(255), nullable=False),
    Column("uuid", uuid_bytes, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("body", blob, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body_id", row_id, ForeignKey("bodies.id", name="fk_messages_body"), nullable=True),
    Column("kind", String(8), nullable=False, server_default="text"),
    Column("target_id", row_id),  # no foreign key: the target may be gone
    _refers("file_id", "files", "fk_messages_file", nullable=True),
    Column("due_at", BigInteger),
    Column("edited_at", BigInteger),
    UniqueConstraint("conversation_id", "seq", name="messages_seq"),
    # The uuid first: those of our clients rise with time, so that the messages of a thousand
    # senders fall on one page of this index and not on a thousand (2.4 times as fast).
    UniqueConstraint("uuid", "sender_id", name="messages_uuid"),
    **_MYSQL,
)
# Few messages have one of these; SQLite need not index the others.
Index("messages_body", messages.c.body_id, sqlite_where=messages.c.body_id.is_not(None))
Index("messages_target", messages.c.target_id, sqlite_where=messages.c.target_id.is_not(None))
Index("messages_file", messages.c.file_id, sqlite_where=messages.c.file_id.is_not(None))
Index(
    "messages_shared",
    messages.c.conversation_id,
    messages.c.file_id,
    sqlite_where=messages.c.file_id.is_not(None),
)

# Who sent what has expired and is deleted: so that it is known if it is sent again.
spent = Table(
    "spent",
    metadata,
    Column("uuid", uuid_bytes, primary_key=True),
    Column("sender_id", row_id, primary_key=True, autoincrement=False),
    Column("message_id", row_id, nullable=False),
    Column("conversation_id", row_id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Index("spent_sent_at", "sent_at"),
    **_MYSQL,
)

files = Table(
    "files",
    metadata,
    Column("id", row_id, primary_key=True),
    Column("name", blob, nullable=False),  # UTF-8
    Column("size", BigInteger, nullable=False),
    Column("sha256", sealed_bytes, nullable=False),
    _refers("body_id", "bodies", "fk_files_body", nullable=True),  # an empty file has none
    _refers("owner_id", "users", "fk_files_owner"),
    Column("uuid", uuid_bytes, nullable=False),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("complete", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("owner_id", "uuid", name="files_uuid"),
    Index("files_body", "body_id"),
    Index("files_owner", "owner_id", "complete"),
    **_MYSQL,
)

contacts = Table(
    "contacts",
    metadata,
    _refers("user_id", "users", "fk_contacts_user", primary_key=True),
    _refers("contact_id", "users", "fk_contacts_contact", primary_key=True),
    Column("added_at", BigInteger, nullable=False),
    **_MYSQL,
)

devices = Table(
    "devices",
    metadata,
    Column("id", row_id, primary_key=True),
    _refers("user_id", "users", "fk_devices_user"),
    Column("token_hash", hash_bytes, nullable=False),
    Column("label", String(100), nullable=False),
    Column("address", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    UniqueConstraint("token_hash", name="devices_token"),
    Index("devices_user", "user_id"),
    **_MYSQL,
)

invitations = Table(
    "invitations",
    metadata,
    _refers("conversation_id", "conversations", "fk_invitations_conversation", primary_key=True),
    _refers("user_id", "users", "fk_invitations_user", primary_key=True),  # who is invited
    _refers("invited_by", "users", "fk_invitations_inviter"),
    Column("created_at", BigInteger, nullable=False),
    Index("invitations_user", "user_id"),
    **_MYSQL,
)

links = Table(
    "links",
    metadata,
    Column("id", row_id, primary_key=True),
    _refers("conversation_id", "conversations", "fk_links_conversation"),
    Column("token_hash", hash_bytes, nullable=False),
    _refers("created_by", "users", "fk_links_creator"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    UniqueConstraint("token_hash", name="links_token"),
    Index("links_conversation", "conversation_id"),
    **_MYSQL,
)

join_requests = Table(
    "join_requests",
    metadata,
    _refers("conversation_id", "conversations", "fk_join_requests_conversation", primary_key=True),
    _refers("user_id", "users", "fk_join_requests_user", primary_key=True),
    _refers("link_id", "links", "fk_join_requests_link"),
    Column("created_at", BigInteger, nullable=False),
    **_MYSQL,
)

complaints = Table(
    "complaints",
    metadata,
    Column("id", row_id, primary_key=True),
    _refers("target_id", "users", "fk_complaints_target"),
    Column("reporter", Key(80), nullable=False),  # user:12 or ip:192.0.2.1
    _refers("reporter_id", "users", "fk_complaints_reporter"),
    Column("reason", blob, nullable=False),  # UTF-8
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Index("complaints_target", "target_id", "created_at"),
    **_MYSQL,
)

scheduled = Table(
    "scheduled",
    metadata,
    Column("id", row_id, primary_key=True),
    _refers("user_id", "users", "fk_scheduled_user"),
    _refers("conversation_id", "conversations", "fk_scheduled_conversation"),
    Column("body", blob, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("uuid", uuid_bytes, nullable=False),
    Column("failure", String(32)),  # the code of the error, where it could not be sent
    UniqueConstraint("uuid", name="scheduled_uuid"),
    Index("scheduled_due", "due_at"),
    Index("scheduled_user", "user_id"),
    sqlite_autoincrement=True,  # people type the number: it must never be that of another one
    **_MYSQL,
)

# What everything is sealed with, itself sealed with the master key; no row: nothing is sealed.
root_key = Table(
    "root_key",
    metadata,
    Column("id", row_id, primary_key=True, autoincrement=False),
    Column("wrapped", sealed_bytes, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    **_MYSQL,
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_MYSQL,
)
