"""Connections to the customer's own engines, and what a segment reads there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from segsync.db import Base, Created, Id
from segsync.models.segment import Segment


class WarehouseConnection(Base):
    """An engine of the organization's. The address is sealed and never shown again; `place` is what may be seen of it."""

    __tablename__ = "warehouse_connection"
    __table_args__ = (
        Index("uq_warehouse_connection_organization_id_name", "organization_id", func.lower(text("name")), unique=True),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str]
    engine: Mapped[str]
    url_sealed: Mapped[str]
    place: Mapped[str]
    schema_name: Mapped[str] = mapped_column(server_default="", default="")
    """Where we may lay down tables there, so that members are compared there; empty: they are streamed and compared here."""
    tested_at: Mapped[datetime | None]
    """When it last answered, or failed to; none since the address changed where it is empty."""
    problem_code: Mapped[str | None]
    problem_raw: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[Created]


class WarehouseSource(Base):
    """What a warehouse segment reads: a query of a connection, and which of its columns are what."""

    __tablename__ = "warehouse_source"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("warehouse_connection.id"), index=True)
    query: Mapped[str]
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """See `rules.warehouse_forms.Columns`; empty until somebody said which column is what."""
    types: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """The types of the mapped columns when they were mapped."""
    columns: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    """[name, type] of every column at the last look."""
    sample_sealed: Mapped[str | None]
    """A few rows as JSON: they are people's values."""
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """How many members, and how many of them each channel can be sent, at the last look."""
    looked_at: Mapped[datetime | None]
    problem_code: Mapped[str | None]
    problem_facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    problem_raw: Mapped[str] = mapped_column(server_default="")

    segment: Mapped[Segment] = relationship()
    connection: Mapped[WarehouseConnection] = relationship()
