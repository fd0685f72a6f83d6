"""A warehouse may have a schema of ours, in which members are compared.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty: as before."""
    op.add_column("warehouse_connection", sa.Column("schema_name", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Without it."""
    op.drop_column("warehouse_connection", "schema_name")
