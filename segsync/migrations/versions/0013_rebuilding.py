"""A sync can be rebuilt: what its next run has to rebuild first.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was ordered."""
    op.add_column("sync", sa.Column("rebuild", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Without it."""
    op.drop_column("sync", "rebuild")
