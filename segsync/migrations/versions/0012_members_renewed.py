"""Who stays is sent again before the channel forgets them: how many a run renewed, and how old the oldest member of a sync is.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = "ix_sync_channel_oldest_sent_at"


def upgrade() -> None:
    """Two figures, and an index for the look at who is close to being forgotten."""
    op.add_column("run", sa.Column("renewed_members", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("sync", sa.Column("oldest_sent_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(NAME, "sync", ["channel", "oldest_sent_at"], postgresql_where=sa.text("deleted_at is null"))


def downgrade() -> None:
    """Without them."""
    op.drop_index(NAME, table_name="sync")
    op.drop_column("sync", "oldest_sent_at")
    op.drop_column("run", "renewed_members")
