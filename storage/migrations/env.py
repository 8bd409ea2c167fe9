"""Run by alembic; the connection comes from :func:`storage.migrations.upgrade`."""

from alembic import context

from storage.migrations import VERSION_TABLE

# It is in a transaction already, which alembic then leaves to the caller.
context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
