"""A schedule for each sync: an interval as before, a time of chosen days in a zone, or only by hand; and from when on it is overdue.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

AWARE = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Syncs keep their interval. One whose run is under way has an interval from its beginning, any other from its next turn."""
    op.add_column("sync", sa.Column("overdue_at", AWARE, nullable=True))
    op.add_column("sync", sa.Column("run_at", sa.Time(), nullable=True))
    op.add_column("sync", sa.Column("run_days", JSONB(), server_default="[]", nullable=False))
    op.add_column("sync", sa.Column("run_zone", sa.Text(), server_default="", nullable=False))
    op.add_column("sync", sa.Column("by_hand", sa.Boolean(), server_default="false", nullable=False))
    op.execute(
        """
        update sync set overdue_at = coalesce(
            (select min(run.created_at) from run
             where run.sync_id = sync.id and run.finished_at is null and run.purpose = 'send'),
            sync.next_run_at) + make_interval(secs => sync.every_seconds)
        where deleted_at is null
        """
    )
    op.create_index("ix_sync_overdue_at", "sync", ["overdue_at"], postgresql_where=sa.text("deleted_at is null"))


def downgrade() -> None:
    """Every sync at its interval; of what ran at a time of chosen days that is the longest between two runs."""
    op.drop_index("ix_sync_overdue_at", table_name="sync")
    for column in ("by_hand", "run_zone", "run_days", "run_at", "overdue_at"):
        op.drop_column("sync", column)
