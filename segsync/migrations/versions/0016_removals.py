"""People who are taken out of every audience: requests, a task for each audience, and proofs of erasures.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

AWARE = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Three tables, empty."""
    op.create_table(
        "removal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="begun", nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", AWARE, server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", AWARE, nullable=False),
        sa.Column("done_at", AWARE, nullable=True),
        sa.Column("next_at", AWARE, nullable=False),
        sa.Column("lease_until", AWARE, nullable=True),
        sa.CheckConstraint("sort in ('opt_out', 'consent', 'erasure')", name=op.f("ck_removal_sort")),
        sa.CheckConstraint("state in ('begun', 'removing', 'done')", name=op.f("ck_removal_state")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_removal_organization_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_removal_workspace_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_removal_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal")),
    )
    open_ones = sa.text("done_at is null")
    op.create_index("ix_removal_organization_id_id", "removal", ["organization_id", "id"])
    op.create_index("ix_removal_next_at", "removal", ["next_at"], postgresql_where=open_ones)
    op.create_index(
        "uq_removal_contact_id_sort_open", "removal", ["contact_id", "sort"], unique=True, postgresql_where=open_ones
    )
    op.create_table(
        "removal_task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("removal_id", sa.BigInteger(), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("keys_sealed", sa.Text(), nullable=True),
        sa.Column("again", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("receipt", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("next_at", AWARE, nullable=False),
        sa.Column("sent_at", AWARE, nullable=True),
        sa.Column("final_at", AWARE, nullable=True),
        sa.Column("confirmed_at", AWARE, nullable=True),
        sa.Column("by_hand_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'sent', 'confirmed', 'by hand')", name=op.f("ck_removal_task_state")),
        sa.ForeignKeyConstraint(["removal_id"], ["removal.id"], name=op.f("fk_removal_task_removal_id")),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_removal_task_sync_id")),
        sa.ForeignKeyConstraint(["by_hand_by"], ["person.id"], name=op.f("fk_removal_task_by_hand_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal_task")),
    )
    op.create_index(op.f("ix_removal_task_removal_id"), "removal_task", ["removal_id"])
    op.create_index(op.f("ix_removal_task_sync_id"), "removal_task", ["sync_id"])
    op.create_table(
        "erased_key",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("erased_at", AWARE, nullable=False),
        sa.Column("removal_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_erased_key_organization_id")),
        sa.ForeignKeyConstraint(["removal_id"], ["removal.id"], name=op.f("fk_erased_key_removal_id")),
        sa.PrimaryKeyConstraint("organization_id", "digest", name=op.f("pk_erased_key")),
    )
    op.create_index(op.f("ix_erased_key_removal_id"), "erased_key", ["removal_id"])


def downgrade() -> None:
    """Without them."""
    for table in ("erased_key", "removal_task", "removal"):
        op.drop_table(table)
