"""All syncs of an organization are counted from an index, which is a thirtieth of the table: many syncs are alike in what is counted.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COLUMNS = [
    "organization_id",
    "channel",
    "account_id",
    "account_name",
    "status",
    "was_synced",
    "creator_id",
    "workspace_id",
]


def upgrade() -> None:
    op.create_index("ix_sync_organization_id_census", "sync", COLUMNS, postgresql_where=sa.text("deleted_at is null"))


def downgrade() -> None:
    op.drop_index("ix_sync_organization_id_census", table_name="sync")
