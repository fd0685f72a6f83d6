"""Files that nothing names any more are found without reading the list of all files: the scheduler looks every second.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = "ix_data_file_unnamed_at"


def upgrade() -> None:
    """An index of only those files."""
    op.create_index(NAME, "data_file", ["unnamed_at"], postgresql_where=sa.text("unnamed_at is not null"))


def downgrade() -> None:
    """Without it."""
    op.drop_index(NAME, table_name="data_file")
