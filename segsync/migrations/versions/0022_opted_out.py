"""Looking for whoever opted out, by e-mail and phone, in all workspaces at once.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
OPTED_OUT = sa.text("subscription = 'no'")


def upgrade() -> None:
    """Small indexes: of those who opted out alone."""
    op.create_index("ix_contact_email_opted_out", "contact", ["email"], postgresql_where=OPTED_OUT)
    op.create_index("ix_contact_phone_opted_out", "contact", ["phone"], postgresql_where=OPTED_OUT)


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_contact_phone_opted_out", table_name="contact")
    op.drop_index("ix_contact_email_opted_out", table_name="contact")
