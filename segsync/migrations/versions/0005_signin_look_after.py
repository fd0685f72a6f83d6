"""A sign-in that could not be looked at waits before the next look; alerts hold no name of a sign-in, which may be an e-mail."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("integration", sa.Column("look_after", sa.DateTime(timezone=True), nullable=True))
    op.execute("update alert set facts = facts - 'signin' where facts ? 'signin'")


def downgrade() -> None:
    op.drop_column("integration", "look_after")
