"""What the creator of a sync was told once: that the audience can be used, or is too small; and whether they read it.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

AWARE = sa.DateTime(timezone=True)
UNREAD = sa.text("told_at is not null and told_read_at is null")


def upgrade() -> None:
    """Nobody is told of an audience that could be used before, or was known to be too small."""
    op.add_column("sync", sa.Column("told_state", sa.Text(), server_default="", nullable=False))
    op.add_column("sync", sa.Column("told_at", AWARE, nullable=True))
    op.add_column("sync", sa.Column("told_read_at", AWARE, nullable=True))
    op.execute(
        "update sync set told_state = audience_state, told_at = now(), told_read_at = now()"
        " where audience_state in ('ready', 'too small')"
    )
    op.create_index("ix_sync_creator_id_unread", "sync", ["creator_id"], postgresql_where=UNREAD)


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_sync_creator_id_unread", table_name="sync")
    for column in ("told_read_at", "told_at", "told_state"):
        op.drop_column("sync", column)
