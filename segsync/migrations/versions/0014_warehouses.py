"""Connections to warehouses, and segments whose members are read there."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB


def upgrade() -> None:
    op.create_table(
        "warehouse_connection",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("url_sealed", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("problem_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_warehouse_connection_created_by_person")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_warehouse_connection_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warehouse_connection")),
    )
    op.create_index(
        "uq_warehouse_connection_organization_id_name",
        "warehouse_connection",
        ["organization_id", sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "warehouse_source",
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("mapping", JSON(), server_default="{}", nullable=False),
        sa.Column("types", JSON(), server_default="{}", nullable=False),
        sa.Column("columns", JSON(), server_default="[]", nullable=False),
        sa.Column("sample_sealed", sa.Text(), nullable=True),
        sa.Column("figures", JSON(), server_default="{}", nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("problem_facts", JSON(), server_default="{}", nullable=False),
        sa.Column("problem_raw", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["warehouse_connection.id"],
            name=op.f("fk_warehouse_source_connection_id_warehouse_connection"),
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_warehouse_source_segment_id_segment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_warehouse_source")),
    )
    op.create_index(op.f("ix_warehouse_source_connection_id"), "warehouse_source", ["connection_id"])
    _kinds("'rule', 'list', 'warehouse'")


def downgrade() -> None:
    op.execute("delete from segment where kind = 'warehouse'")
    _kinds("'rule', 'list'")
    op.drop_table("warehouse_source")
    op.drop_table("warehouse_connection")


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_segment_kind"), "segment", type_="check")
    op.create_check_constraint(op.f("ck_segment_kind"), "segment", f"kind in ({kinds})")
