"""Alembic's entry: runs the revisions on the connection that ``storage.migrate`` opened."""

from alembic import context
from sqlmodel import SQLModel

import storage.records  # noqa: F401 - registers the tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
