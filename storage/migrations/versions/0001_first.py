"""The first tables, the general chat and the counter of message ids."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Make everything that is not there yet."""
    row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    blob = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB, "mysql")
    op.create_table(
        "users",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column(
            "name_key", sa.String(512).with_variant(mysql.VARBINARY(512), "mysql"), nullable=False
        ),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name_key", name="users_name_key"),
        **_OPTIONS,
    )
    op.create_table(
        "conversations",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column(
            "key", sa.String(255).with_variant(mysql.VARBINARY(255), "mysql"), nullable=False
        ),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("key", name="conversations_key"),
        **_OPTIONS,
    )
    op.create_table(
        "members",
        sa.Column(
            "conversation_id",
            row_id,
            sa.ForeignKey("conversations.id", name="fk_members_conversation"),
            primary_key=True,
        ),
        sa.Column(
            "user_id", row_id, sa.ForeignKey("users.id", name="fk_members_user"), primary_key=True
        ),
        sa.Column("delivered_seq", sa.BigInteger, nullable=False),
        sa.Column("joined_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "bodies",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "body_chunks",
        sa.Column(
            "body_id",
            row_id,
            sa.ForeignKey("bodies.id", name="fk_body_chunks_body"),
            primary_key=True,
        ),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("data", blob, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "messages",
        sa.Column("id", row_id, primary_key=True, autoincrement=False),
        sa.Column(
            "conversation_id",
            row_id,
            sa.ForeignKey("conversations.id", name="fk_messages_conversation"),
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column(
            "sender_id",
            row_id,
            sa.ForeignKey("users.id", name="fk_messages_sender"),
            nullable=False,
        ),
        sa.Column("sender_name", sa.String(255), nullable=False),
        sa.Column(
            "uuid",
            sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        sa.Column("body", blob, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column(
            "body_id", row_id, sa.ForeignKey("bodies.id", name="fk_messages_body"), nullable=True
        ),
        sa.UniqueConstraint("conversation_id", "seq", name="messages_seq"),
        sa.UniqueConstraint("uuid", "sender_id", name="messages_uuid"),
        **_OPTIONS,
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    _index("members_user", "members", "user_id")
    # Few messages have a body of their own; SQLite need not index the others.
    _index("messages_body", "messages", "body_id", sqlite_where=sa.text("body_id IS NOT NULL"))
    _seed()


def _index(name: str, table: str, column: str, **options: Any) -> None:
    # Not every MySQL knows CREATE INDEX IF NOT EXISTS.
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, [column], **options)


def _seed() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT count(*) FROM counters")):
        return
    now = time.time_ns() // 1000
    connection.execute(
        sa.text(
            "INSERT INTO conversations (id, kind, `key`, last_seq, created_at)"
            " VALUES (1, 'general', 'general', 0, :now)"
        ),
        {"now": now},
    )
    connection.execute(sa.text("INSERT INTO counters (name, value) VALUES ('message_id', 0)"))
