"""How many members of a sync its channel did not take, by name.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Not known until the next run of each sync that changes something: until then as if nobody were."""
    op.add_column("sync", sa.Column("members_refused", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    """Without it."""
    op.drop_column("sync", "members_refused")
