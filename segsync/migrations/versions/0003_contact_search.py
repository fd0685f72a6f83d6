"""Contacts are found by how something begins, in the time of an index; an import knows where it stands."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BEGINS = "text_pattern_ops"


def upgrade() -> None:
    for name in (
        "uq_contact_workspace_id_external_id",
        "ix_contact_workspace_id_email",
        "ix_contact_workspace_id_phone",
    ):
        op.drop_index(name, table_name="contact")
    _index("uq_contact_workspace_id_external_id", "external_id", unique=True, postgresql_ops={"external_id": BEGINS})
    _index("ix_contact_workspace_id_email", "email", postgresql_ops={"email": BEGINS})
    _index("ix_contact_workspace_id_phone", "phone", "email", postgresql_ops={"phone": BEGINS})
    first, last = sa.text(f"lower(first_name) {BEGINS}"), sa.text(f"lower(last_name) {BEGINS}")
    _index("ix_contact_workspace_id_last_name", last, first)
    _index("ix_contact_workspace_id_first_name", first)
    domain = sa.text(f"split_part(email, '@', 2) {BEGINS}")
    _index("ix_contact_workspace_id_email_domain", domain, postgresql_where=sa.text("email is not null"))
    company = sa.text("company_domain is not null")
    _index("ix_contact_workspace_id_company_domain", "company_domain", postgresql_where=company)
    _index("ix_company_workspace_id_name", sa.text(f"lower(name) {BEGINS}"), table="company")
    op.add_column("import_job", sa.Column("rejects_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("import_job", sa.Column("lines_done", sa.BigInteger(), server_default="0", nullable=False))


def _index(name: str, *columns: Any, table: str = "contact", **options: Any) -> None:
    op.create_index(name, table, ["workspace_id", *columns], **options)


def downgrade() -> None:
    op.drop_column("import_job", "lines_done")
    op.drop_column("import_job", "rejects_bytes")
    op.drop_index("ix_company_workspace_id_name", table_name="company")
    for what in ("company_domain", "email_domain", "first_name", "last_name", "phone", "email"):
        op.drop_index(f"ix_contact_workspace_id_{what}", table_name="contact")
    op.drop_index("uq_contact_workspace_id_external_id", table_name="contact")
    _index("uq_contact_workspace_id_external_id", "external_id", unique=True)
    _index("ix_contact_workspace_id_email", "email")
    _index("ix_contact_workspace_id_phone", "phone")
