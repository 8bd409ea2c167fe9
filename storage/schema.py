"""The tables as the statements see them; what makes them is ``storage/migrations``.

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

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", row_id, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("name_key", Key(512), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("name_key", name="users_name_key"),
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
    UniqueConstraint("conversation_id", "seq", name="messages_seq"),
    # The uuid first: those of our clients rise with time, so that the messages of a thousand
    # senders fall on one page of this index and not on a thousand (2.4 times as fast).
    UniqueConstraint("uuid", "sender_id", name="messages_uuid"),
    **_MYSQL,
)
# Few messages have a body of their own; SQLite need not index the others.
Index("messages_body", messages.c.body_id, sqlite_where=messages.c.body_id.is_not(None))

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_MYSQL,
)
