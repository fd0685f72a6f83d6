"""Runs wait in line for the limits of channels, and ad accounts take turns.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What a run waits for and when it last got further; until when limits are closed; which ad account had a slice last."""
    op.add_column("run", sa.Column("turn_at", WHEN))
    op.add_column("run", sa.Column("scope", sa.Text()))
    waiting = sa.text("finished_at is null and scope is not null")
    op.create_index("ix_run_scope", "run", ["scope"], postgresql_where=waiting)
    op.create_table(
        "limit_scope",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("opens_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limit_scope")),
    )
    op.create_table(
        "account_turn",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("channel", "account_id", name=op.f("pk_account_turn")),
    )


def downgrade() -> None:
    """Without them."""
    op.drop_table("account_turn")
    op.drop_table("limit_scope")
    op.drop_index("ix_run_scope", table_name="run")
    op.drop_column("run", "scope")
    op.drop_column("run", "turn_at")
