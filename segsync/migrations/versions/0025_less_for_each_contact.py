"""What every new contact pays for: a default in place of a trigger, no index that nothing asks, and one of those alone who have a company.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
TABLES = ("contact", "company")


def upgrade() -> None:
    """Tags are compared whatever their case, which the index of them never answered."""
    for table in TABLES:
        op.execute(f"alter table {table} alter change_no set default nextval('change_no')")
        op.execute(f"drop trigger {table}_created on {table}")
    op.drop_index("ix_contact_tags", table_name="contact")
    op.drop_index("ix_contact_company_id", table_name="contact")
    op.create_index(
        "ix_contact_company_id", "contact", ["company_id"], postgresql_where=sa.text("company_id is not null")
    )


def downgrade() -> None:
    """As they were."""
    op.drop_index("ix_contact_company_id", table_name="contact")
    op.create_index("ix_contact_company_id", "contact", ["company_id"])
    op.create_index("ix_contact_tags", "contact", ["tags"], postgresql_using="gin")
    for table in TABLES:
        op.execute(
            f"create trigger {table}_created before insert on {table} for each row execute function next_change_no()"
        )
        op.execute(f"alter table {table} alter change_no set default 0")
