"""What members of a warehouse are held out by, of those who were erased.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of people who were erased before nothing is known that could be hashed."""
    op.add_column("erased_key", sa.Column("hash_sealed", sa.Text(), nullable=True))


def downgrade() -> None:
    """Without it."""
    op.drop_column("erased_key", "hash_sealed")
