"""Accounts, rooms, contacts, files, comments and what else people do beside writing."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB, "mysql")
_UUID = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql")
_HASH = sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql")


def upgrade() -> None:
    """Make everything that is not there yet; what is there keeps its meaning."""
    _extend_users()
    _extend_conversations()
    _make_files()
    _extend_messages()
    _make_spent()
    _make_contacts_and_devices()
    _make_ways_into_rooms()
    _make_complaints()
    _make_scheduled()
    _fill()  # last: with MySQL, what follows it would commit it


def _extend_users() -> None:
    _columns(
        "users",
        sa.Column("password_hash", sa.String(255)),
        sa.Column("registered_at", sa.BigInteger),
        sa.Column("skeleton", _key(512)),
        sa.Column("seen_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("blocked_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("quota_started_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("quota_used", sa.Integer, nullable=False, server_default="0"),
        sa.Column("zone", sa.String(64)),
        sa.Column("language", sa.String(8)),
    )
    _index("users_skeleton", "users", "skeleton")


def _extend_conversations() -> None:
    _columns(
        "conversations",
        sa.Column("title", sa.String(255)),
        sa.Column("topic", _BLOB),
        sa.Column("private", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("created_by", _ROW_ID),
    )
    _columns(
        "members",
        sa.Column("read_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("role", sa.String(16), nullable=False, server_default="member"),
    )


def _make_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("name", _BLOB, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", _HASH, nullable=False),
        _refers("body_id", "bodies", "fk_files_body", nullable=True),
        _refers("owner_id", "users", "fk_files_owner"),
        sa.Column("uuid", _UUID, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("complete", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("owner_id", "uuid", name="files_uuid"),
        **_OPTIONS,
    )
    _index("files_body", "files", "body_id")
    _index("files_owner", "files", "owner_id", "complete")


def _extend_messages() -> None:
    _columns(
        "messages",
        sa.Column("kind", sa.String(8), nullable=False, server_default="text"),
        sa.Column("target_id", _ROW_ID),
    )
    _add_file_id()
    _columns("messages", sa.Column("due_at", sa.BigInteger), sa.Column("edited_at", sa.BigInteger))
    # Few messages have one of these; SQLite need not index the others.
    for name in ("target", "file"):
        column = f"{name}_id"
        where = sa.text(f"{column} IS NOT NULL")
        _index(f"messages_{name}", "messages", column, sqlite_where=where)
    where = sa.text("file_id IS NOT NULL")
    _index("messages_shared", "messages", "conversation_id", "file_id", sqlite_where=where)
    _refer_to_files()


def _add_file_id() -> None:
    if _is_sqlite() and not _has_column("messages", "file_id"):
        # SQLite takes a foreign key only together with its column, MySQL only after it.
        op.execute(
            "ALTER TABLE messages ADD COLUMN file_id INTEGER"
            " CONSTRAINT fk_messages_file REFERENCES files (id)"
        )
    _columns("messages", sa.Column("file_id", _ROW_ID))


def _refer_to_files() -> None:
    keys = sa.inspect(op.get_bind()).get_foreign_keys("messages")
    if _is_sqlite() or "fk_messages_file" in {key["name"] for key in keys}:
        return
    # The column is empty yet; MySQL would copy the whole table to find that nothing is wrong.
    op.execute("SET SESSION foreign_key_checks = 0")
    try:
        op.create_foreign_key("fk_messages_file", "messages", "files", ["file_id"], ["id"])
    finally:
        op.execute("SET SESSION foreign_key_checks = 1")


def _make_spent() -> None:
    op.create_table(
        "spent",
        sa.Column("uuid", _UUID, primary_key=True),
        sa.Column("sender_id", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("message_id", _ROW_ID, nullable=False),
        sa.Column("conversation_id", _ROW_ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    _index("spent_sent_at", "spent", "sent_at")


def _make_contacts_and_devices() -> None:
    op.create_table(
        "contacts",
        _refers("user_id", "users", "fk_contacts_user", primary_key=True),
        _refers("contact_id", "users", "fk_contacts_contact", primary_key=True),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "devices",
        sa.Column("id", _ROW_ID, primary_key=True),
        _refers("user_id", "users", "fk_devices_user"),
        sa.Column("token_hash", _HASH, nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("token_hash", name="devices_token"),
        **_OPTIONS,
    )
    _index("devices_user", "devices", "user_id")


def _make_ways_into_rooms() -> None:
    op.create_table(
        "invitations",
        _refers(
            "conversation_id", "conversations", "fk_invitations_conversation", primary_key=True
        ),
        _refers("user_id", "users", "fk_invitations_user", primary_key=True),
        _refers("invited_by", "users", "fk_invitations_inviter"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    _index("invitations_user", "invitations", "user_id")
    op.create_table(
        "links",
        sa.Column("id", _ROW_ID, primary_key=True),
        _refers("conversation_id", "conversations", "fk_links_conversation"),
        sa.Column("token_hash", _HASH, nullable=False),
        _refers("created_by", "users", "fk_links_creator"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.UniqueConstraint("token_hash", name="links_token"),
        **_OPTIONS,
    )
    _index("links_conversation", "links", "conversation_id")
    op.create_table(
        "join_requests",
        _refers(
            "conversation_id", "conversations", "fk_join_requests_conversation", primary_key=True
        ),
        _refers("user_id", "users", "fk_join_requests_user", primary_key=True),
        _refers("link_id", "links", "fk_join_requests_link"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )


def _make_complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", _ROW_ID, primary_key=True),
        _refers("target_id", "users", "fk_complaints_target"),
        sa.Column("reporter", _key(80), nullable=False),
        _refers("reporter_id", "users", "fk_complaints_reporter"),
        sa.Column("reason", _BLOB, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        **_OPTIONS,
    )
    _index("complaints_target", "complaints", "target_id", "created_at")


def _make_scheduled() -> None:
    op.create_table(
        "scheduled",
        sa.Column("id", _ROW_ID, primary_key=True),
        _refers("user_id", "users", "fk_scheduled_user"),
        _refers("conversation_id", "conversations", "fk_scheduled_conversation"),
        sa.Column("body", _BLOB, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("uuid", _UUID, nullable=False),
        sa.Column("failure", sa.String(32)),
        sa.UniqueConstraint("uuid", name="scheduled_uuid"),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    _index("scheduled_due", "scheduled", "due_at")
    _index("scheduled_user", "scheduled", "user_id")


def _fill() -> None:
    # When they were here last nobody knows: as of now, or what they have missed could expire.
    op.get_bind().execute(
        sa.text("UPDATE users SET seen_at = :now WHERE seen_at = 0"),
        {"now": time.time_ns() // 1000},
    )
    # What was shown before anybody counted what is read counts as read.
    op.execute("UPDATE members SET read_seq = delivered_seq WHERE read_seq = 0")


def _key(length: int) -> Any:
    return sa.String(length).with_variant(mysql.VARBINARY(length), "mysql")


def _refers(column: str, table: str, constraint: str, **options: Any) -> sa.Column[Any]:
    options.setdefault("nullable", False)
    return sa.Column(column, _ROW_ID, sa.ForeignKey(f"{table}.id", name=constraint), **options)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _has_column(table: str, name: str) -> bool:
    return name in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _columns(table: str, *columns: sa.Column[Any]) -> None:
    """Add those that are not there yet; not every MySQL knows ADD COLUMN IF NOT EXISTS."""
    for column in columns:
        if not _has_column(table, column.name):
            op.add_column(table, column)


def _index(name: str, table: str, *columns: str, **options: Any) -> None:
    # Not every MySQL knows CREATE INDEX IF NOT EXISTS.
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns), **options)
