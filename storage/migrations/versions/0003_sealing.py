"""The root key, and room for what is sealed; the sealing itself comes after it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB, "mysql")
_SEALED = sa.LargeBinary(64).with_variant(mysql.VARBINARY(64), "mysql")


def upgrade() -> None:
    """Make everything that is not there yet; what is there keeps its meaning."""
    op.create_table(
        "root_key",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("wrapped", _SEALED, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        **_OPTIONS,
    )
    if "sealed_title" not in _columns("conversations"):
        op.add_column("conversations", sa.Column("sealed_title", _BLOB))
    _widen_hashes()


def _widen_hashes() -> None:
    """Make room for a sealed SHA-256; SQLite looks at no length."""
    if op.get_bind().dialect.name == "sqlite":
        return
    if getattr(_columns("files")["sha256"], "length", None) != _SEALED.length:
        op.alter_column("files", "sha256", type_=_SEALED, existing_nullable=False, nullable=False)


def _columns(table: str) -> dict[str, Any]:
    return {
        column["name"]: column["type"] for column in sa.inspect(op.get_bind()).get_columns(table)
    }
