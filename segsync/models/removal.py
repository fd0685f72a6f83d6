"""People who are taken out of every audience: the request, one task for each audience, and the proof of an erasure."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from segsync.db import Base, Created, Id
from segsync.models.sync import Sync


class Removal(Base):
    """A request to take one person out: they opted out, withdrew their consent, or are to be erased.

    `contact_id` is no foreign key: an erasure deletes the contact, and forgets the number when it is done.
    """

    __tablename__ = "removal"
    __table_args__ = (
        CheckConstraint("sort in ('opt_out', 'consent', 'erasure')", name="sort"),
        CheckConstraint("state in ('begun', 'removing', 'done')", name="state"),
        Index("ix_removal_organization_id_id", "organization_id", "id"),
        Index("ix_removal_next_at", "next_at", postgresql_where=text("done_at is null")),
        Index(
            "uq_removal_contact_id_sort_open",
            "contact_id",
            "sort",
            unique=True,
            postgresql_where=text("done_at is null"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    contact_id: Mapped[int | None]
    sort: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="begun")
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Who asked for it."""
    reason: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[Created]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    next_at: Mapped[datetime]
    """When a worker is to look at it next."""
    lease_until: Mapped[datetime | None]


class RemovalTask(Base):
    """One audience that the person is to leave."""

    __tablename__ = "removal_task"
    __table_args__ = (CheckConstraint("state in ('waiting', 'sent', 'confirmed', 'by hand')", name="state"),)

    id: Mapped[Id]
    removal_id: Mapped[int] = mapped_column(ForeignKey("removal.id"), index=True)
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"), index=True)
    state: Mapped[str] = mapped_column(server_default="waiting")
    keys_sealed: Mapped[str | None]
    """The keys as they were sent, kept until the channel confirmed that they are out."""
    again: Mapped[bool] = mapped_column(server_default="false")
    """A run was under way when this was asked for, or additions not carried out yet, which may have brought the person back: sent
    once more when these are over."""
    receipt: Mapped[str] = mapped_column(server_default="")
    reference: Mapped[str] = mapped_column(server_default="")
    """The channel's own id of the call: the proof that it was asked."""
    problem_code: Mapped[str | None]
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    """When the channel's answer was final."""
    confirmed_at: Mapped[datetime | None]
    by_hand_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Who said that it was done on the channel's own page."""

    sync: Mapped[Sync] = relationship()


class ErasedKey(Base):
    """A keyed hash of what an erased person was known by: they are recognised, and nobody can read who it was."""

    __tablename__ = "erased_key"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime]
    removal_id: Mapped[int | None] = mapped_column(ForeignKey("removal.id"), index=True)
    hash_sealed: Mapped[str | None]
    """The SHA-256 by which members of a warehouse are held out: of the e-mail, or of the phone of somebody without one."""
