"""Exclusion lists of the organization: who is never sent, by e-mail, phone, domain, company or segment.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "exclusion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('email', 'phone', 'domain', 'company', 'segment')", name=op.f("ck_exclusion_kind")
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_exclusion_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_exclusion_person_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name=op.f("fk_exclusion_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusion")),
        sa.UniqueConstraint(
            "organization_id",
            "kind",
            "value",
            "channel",
            name=op.f("uq_exclusion_organization_id_kind_value_channel"),
        ),
    )
    op.create_index("ix_exclusion_organization_id_id", "exclusion", ["organization_id", "id"])
    op.create_index(op.f("ix_exclusion_segment_id"), "exclusion", ["segment_id"])


def downgrade() -> None:
    """Without it."""
    op.drop_table("exclusion")
