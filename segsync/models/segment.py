"""Segments, the members of static lists, and sizes over time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from segsync.db import Base, Created, Id


class Segment(Base):
    """Which people, or companies, of one workspace. `version` goes up with every change of who is meant."""

    __tablename__ = "segment"
    __table_args__ = (
        CheckConstraint("kind in ('rule', 'list', 'warehouse')", name="kind"),
        CheckConstraint("members in ('people', 'companies')", name="members"),
        Index("ix_segment_workspace_id_deleted_at", "workspace_id", "deleted_at"),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str]
    kind: Mapped[str]
    members: Mapped[str]
    rules: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    version: Mapped[int] = mapped_column(server_default="1")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[Created]
    updated_at: Mapped[Created]
    size: Mapped[int | None]
    refreshed_at: Mapped[datetime | None]
    """When the members were last worked out."""
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class SegmentMember(Base):
    """A member of a static list: a contact's or company's id, by the segment's kind of members."""

    __tablename__ = "segment_member"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    added_at: Mapped[Created]


class SegmentSize(Base):
    """A point of the size chart: one per refresh."""

    __tablename__ = "segment_size"
    __table_args__ = (Index("ix_segment_size_segment_id_at", "segment_id", "at"),)

    id: Mapped[Id]
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    size: Mapped[int]
