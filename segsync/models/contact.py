"""Contacts, companies, their fields and linked devices, and imports.

Triggers wanted (made by the migrations): before update of a standard field, consent or subscription on `contact`, and of a
standard field on `company`, `change_no` becomes `nextval('change_no')` when anything really changed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from segsync.db import Base, Created, Id

CHANGE_NO = text("nextval('change_no')")
"""The number of a change, of a new row too: no two rows ever have the same."""


class Company(Base):
    """A company of one workspace."""

    __tablename__ = "company"
    __table_args__ = (
        Index("uq_company_workspace_id_external_id", "workspace_id", "external_id", unique=True),
        Index("uq_company_workspace_id_company_domain", "workspace_id", "company_domain", unique=True),
        Index("ix_company_workspace_id_id", "workspace_id", "id"),
        Index(
            "ix_company_workspace_id_name",
            "workspace_id",
            func.lower(text("name")).label("low"),
            postgresql_ops={"low": "text_pattern_ops"},
        ),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str | None]
    company_domain: Mapped[str | None]
    organization_urn: Mapped[str | None]
    industry: Mapped[str | None]
    employees: Mapped[int | None]
    city: Mapped[str | None]
    region: Mapped[str | None]
    country: Mapped[str | None]
    external_id: Mapped[str | None]
    custom: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}", default=list)
    change_no: Mapped[int] = mapped_column(server_default=CHANGE_NO)
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class Contact(Base):
    """A person of one workspace, in canonical form (see `rules.cleaning`). Two contacts may share an e-mail or a phone."""

    __tablename__ = "contact"
    __table_args__ = (
        Index(
            "uq_contact_workspace_id_external_id",
            "workspace_id",
            "external_id",
            unique=True,
            postgresql_ops={"external_id": "text_pattern_ops"},
        ),
        Index("ix_contact_workspace_id_id", "workspace_id", "id"),
        # People are searched by how something begins; the phone's index also answers "this phone and no e-mail".
        Index("ix_contact_workspace_id_email", "workspace_id", "email", postgresql_ops={"email": "text_pattern_ops"}),
        Index(
            "ix_contact_workspace_id_phone",
            "workspace_id",
            "phone",
            "email",
            postgresql_ops={"phone": "text_pattern_ops"},
        ),
        Index(
            "ix_contact_workspace_id_last_name",
            "workspace_id",
            func.lower(text("last_name")).label("last"),
            func.lower(text("first_name")).label("first"),
            postgresql_ops={"last": "text_pattern_ops", "first": "text_pattern_ops"},
        ),
        Index(
            "ix_contact_workspace_id_first_name",
            "workspace_id",
            func.lower(text("first_name")).label("first"),
            postgresql_ops={"first": "text_pattern_ops"},
        ),
        Index(
            "ix_contact_workspace_id_email_domain",
            "workspace_id",
            func.split_part(text("email"), text("'@'"), text("2")).label("domain"),
            postgresql_ops={"domain": "text_pattern_ops"},
            postgresql_where=text("email is not null"),
        ),
        Index(
            "ix_contact_workspace_id_company_domain",
            "workspace_id",
            "company_domain",
            postgresql_where=text("company_domain is not null"),
        ),
        # who opted out is asked for by what they are known by, in all workspaces at once
        Index("ix_contact_email_opted_out", "email", postgresql_where=text("subscription = 'no'")),
        Index("ix_contact_phone_opted_out", "phone", postgresql_where=text("subscription = 'no'")),
        Index("ix_contact_company_id", "company_id", postgresql_where=text("company_id is not null")),
        CheckConstraint("subscription in ('yes', 'no', 'unknown')", name="subscription"),
        CheckConstraint("ad_user_data in ('granted', 'denied', 'unknown')", name="ad_user_data"),
        CheckConstraint("ad_personalization in ('granted', 'denied', 'unknown')", name="ad_personalization"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    email: Mapped[str | None]
    phone: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    gender: Mapped[str | None]
    birth_date: Mapped[date | None]
    city: Mapped[str | None]
    region: Mapped[str | None]
    postal_code: Mapped[str | None]
    country: Mapped[str | None]
    mobile_ad_id: Mapped[str | None]
    external_id: Mapped[str | None]
    company_domain: Mapped[str | None]
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id", ondelete="SET NULL"))
    company_explicit: Mapped[bool] = mapped_column(server_default="false")
    """Whether the company was named, rather than found by the e-mail's domain."""
    custom: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}", default=list)
    subscription: Mapped[str] = mapped_column(server_default="unknown")
    subscription_source: Mapped[str | None]
    subscription_at: Mapped[datetime | None]
    ad_user_data: Mapped[str] = mapped_column(server_default="unknown")
    ad_personalization: Mapped[str] = mapped_column(server_default="unknown")
    consent_source: Mapped[str | None]
    consent_at: Mapped[datetime | None]
    change_no: Mapped[int] = mapped_column(server_default=CHANGE_NO)
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class LinkedDevice(Base):
    """A device of a contact, for matching between workspaces only: never sent to a channel."""

    __tablename__ = "linked_device"
    __table_args__ = (
        UniqueConstraint("contact_id", "kind", "value"),
        Index("ix_linked_device_workspace_id_kind_value", "workspace_id", "kind", "value"),
        CheckConstraint("kind in ('idfv', 'android_id')", name="kind"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    kind: Mapped[str]
    value: Mapped[str]


class CustomField(Base):
    """A field beside the standard ones. `key` is its name inside `custom` and never changes."""

    __tablename__ = "custom_field"
    __table_args__ = (
        UniqueConstraint("workspace_id", "subject", "key"),
        CheckConstraint("subject in ('contact', 'company')", name="subject"),
        CheckConstraint("type in ('text', 'number', 'date', 'yes_no', 'list')", name="type"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    subject: Mapped[str]
    key: Mapped[str]
    label: Mapped[str]
    type: Mapped[str]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[Created]


class ImportJob(Base):
    """An import of a CSV file. The file and the rejected rows lie in the data folder, readable only by the product."""

    __tablename__ = "import_job"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    subject: Mapped[str]
    file_name: Mapped[str]
    file_path: Mapped[str]
    file_bytes: Mapped[int]
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segment.id"))
    """The static list that its rows are put in, where one was named."""
    state: Mapped[str]
    error: Mapped[str | None]
    bytes_done: Mapped[int] = mapped_column(server_default="0")
    rows_done: Mapped[int] = mapped_column(server_default="0")
    rows_created: Mapped[int] = mapped_column(server_default="0")
    rows_updated: Mapped[int] = mapped_column(server_default="0")
    rows_unchanged: Mapped[int] = mapped_column(server_default="0")
    rows_rejected: Mapped[int] = mapped_column(server_default="0")
    cells_left_out: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    rejects_path: Mapped[str | None]
    rejects_bytes: Mapped[int] = mapped_column(server_default="0")
    """How much of the file of rejected rows belongs to `bytes_done`: what lies behind is of a slice that was killed."""
    lines_done: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
