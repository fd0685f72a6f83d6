"""The list of all syncs: an index of the order in which they need somebody, and the text that a search goes through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ATTENTION = "case status when 'failed' then 0 when 'syncing' then 1 when 'synced' then 2 else 3 end"
NAMED = "lower(account_name || ' ' || account_id || ' ' || public_id)"


def upgrade() -> None:
    op.add_column("sync", sa.Column("named", sa.Text(), sa.Computed(NAMED, persisted=True), nullable=False))
    op.add_column(
        "sync", sa.Column("attention", sa.BigInteger(), sa.Computed(ATTENTION, persisted=True), nullable=False)
    )
    op.create_index(
        "ix_sync_organization_id_attention",
        "sync",
        [
            "organization_id",
            "attention",
            sa.literal_column("status_since").desc().nulls_last(),
            sa.literal_column("id").desc(),
        ],
        postgresql_where=sa.text("deleted_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_sync_organization_id_attention", table_name="sync")
    op.drop_column("sync", "attention")
    op.drop_column("sync", "named")
