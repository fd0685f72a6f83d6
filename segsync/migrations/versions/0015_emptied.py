"""How far an audience was emptied by our own books, so that a limit on the way does not begin it anew.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is half emptied: what is under way begins once more."""
    empty = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("sync", sa.Column("emptied", empty, server_default="{}", nullable=False))


def downgrade() -> None:
    """From the start each time."""
    op.drop_column("sync", "emptied")
