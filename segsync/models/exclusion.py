"""Exclusion lists: who is never to be sent, whatever segment they are in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from segsync.db import Base, Created, Id


class Exclusion(Base):
    """One entry of the organization's lists. It counts until `ends_at`; what is taken off a list is deleted.

    `value` is in canonical form (see `rules.cleaning`), so that it can be hashed as a contact's is: an e-mail as its mailbox, a company's
    name in the database's small letters.
    A segment is named by `segment_id`, and `value` is then its number.
    """

    __tablename__ = "exclusion"
    __table_args__ = (
        UniqueConstraint("organization_id", "kind", "value", "channel"),
        CheckConstraint("kind in ('email', 'phone', 'domain', 'company', 'segment')", name="kind"),
        Index("ix_exclusion_organization_id_id", "organization_id", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    kind: Mapped[str]
    value: Mapped[str]
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segment.id"), index=True)
    channel: Mapped[str] = mapped_column(server_default="")
    """The channel that it is about; '' for every channel."""
    reason: Mapped[str] = mapped_column(server_default="")
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Who put it on the list."""
    created_at: Mapped[Created]
    ends_at: Mapped[datetime | None]
