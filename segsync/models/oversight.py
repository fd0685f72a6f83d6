"""What people look back at and act on: alerts, the audit trail, and questions to channels.

Triggers wanted (made in the first migration): `audit_event` refuses UPDATE, DELETE and TRUNCATE.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from segsync.db import Base, Created, Id


class Alert(Base):
    """An incident: one per cause. `cause` is the cause's key; only one open alert may have it."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_organization_id_cause_open",
            "organization_id",
            "cause",
            unique=True,
            postgresql_where=text("closed_at is null"),
        ),
        Index("ix_alert_organization_id_closed_at", "organization_id", "closed_at"),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    code: Mapped[str]
    cause: Mapped[str]
    acts: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Who has to act, where that is a person of ours."""
    channel: Mapped[str | None]
    integration_id: Mapped[int | None] = mapped_column(ForeignKey("integration.id"))
    account_id: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    raw: Mapped[str] = mapped_column(server_default="")
    reference: Mapped[str] = mapped_column(server_default="")
    times: Mapped[int] = mapped_column(server_default="1")
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


class AlertSync(Base):
    """A sync that an alert concerns."""

    __tablename__ = "alert_sync"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True)
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"), primary_key=True, index=True)
    run_id: Mapped[int | None]
    at: Mapped[Created]


class AuditEvent(Base):
    """Who did what. Append-only, by the database itself. Holds no personal data but the names of colleagues."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_organization_id_id", "organization_id", "id"),
        Index("ix_audit_event_subject", "subject_kind", "subject_id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    event: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[int | None]
    subject_name: Mapped[str]
    sync_public_id: Mapped[str | None] = mapped_column(index=True)
    before: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    reason: Mapped[str] = mapped_column(server_default="")
    request_id: Mapped[str] = mapped_column(server_default="")
    run_id: Mapped[int | None]


class Ask(Base):
    """A question to a channel that a page asked: answered by a worker, polled by the page. Parameters are ids only."""

    __tablename__ = "ask"

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    params: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="queued")
    answer: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    problem_code: Mapped[str | None]
    problem_raw: Mapped[str] = mapped_column(server_default="")
    problem_facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    """How often a worker began to answer."""
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]
