"""Alembic's entry: runs migrations on the connection that `segsync.migrate` hands over, never on one of its own."""

from alembic import context

from segsync import models
from segsync.db import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_server_default=False,
)
assert models  # noqa: S101 - imported so that the metadata knows every table
with context.begin_transaction():
    context.run_migrations()
