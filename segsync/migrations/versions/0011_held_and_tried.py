"""Large removals wait for an administrator, runs can be tried without sending, and unusual sizes are said.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

THRESHOLDS = {"hold_percent": "20", "hold_count": "500", "unusual_percent": "30"}


def upgrade() -> None:
    """Thresholds of organizations and syncs, what was released, and what a run is for and came to."""
    for name, usual in THRESHOLDS.items():
        op.add_column("organization", sa.Column(name, sa.BigInteger(), server_default=usual, nullable=False))
        op.add_column("sync", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("sync", sa.Column("release", JSONB(), server_default="{}", nullable=False))
    op.add_column("sync", sa.Column("trial", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("run", sa.Column("purpose", sa.Text(), server_default="send", nullable=False))
    op.add_column("run", sa.Column("findings", JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Without them. A sync that was only tried stays as one that was deleted."""
    op.drop_column("run", "findings")
    op.drop_column("run", "purpose")
    op.drop_column("sync", "trial")
    op.drop_column("sync", "release")
    for name in THRESHOLDS:
        op.drop_column("sync", name)
        op.drop_column("organization", name)
