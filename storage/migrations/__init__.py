"""Brings a database to the form this program needs, and refuses one it does not know.

The steps are in ``versions``; a step that was released never changes. To add one, copy the
last file, give it the next number and name the last one in ``down_revision``. MySQL commits
with every CREATE TABLE, so each step must bear being run again after an interruption.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from sqlalchemy import Connection, inspect

from storage.errors import StorageConfigurationError
from storage.schema import metadata

VERSION_TABLE = "schema_version"

_one_at_a_time = threading.Lock()  # alembic's `op` and `context` are global


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Make or upgrade the tables in the connection's transaction; the caller commits it.

    Raises :class:`StorageConfigurationError` where the database was made by a newer program,
    or belongs to another one.
    """
    # Only the start of a server needs alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    logging.getLogger("alembic").setLevel(logging.WARNING)
    _refuse_strangers(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    steps = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    for unknown in set(context.get_current_heads()) - steps:
        raise StorageConfigurationError(
            f"The database was made by a newer mymessenger (its schema is {unknown}, this program"
            f" knows up to {max(steps)}): install the newer one, or choose another database."
        )
    with _one_at_a_time:
        command.upgrade(config, revision)


def _refuse_strangers(connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        return
    strange = sorted(tables & set(metadata.tables))
    if strange:
        raise StorageConfigurationError(
            f"The database belongs to another program (it has a table {strange[0]}):"
            " choose an empty one."
        )
