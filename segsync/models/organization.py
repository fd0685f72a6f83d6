"""Organizations, their workspaces and their people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from segsync.db import Base, Created, Id


class Installation(Base):
    """Facts about this installation as a whole: the ledger folder's id, heartbeats."""

    __tablename__ = "installation"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    at: Mapped[Created]


class Organization(Base):
    """The customer. `contracted_limit` is set by the operator only."""

    __tablename__ = "organization"

    id: Mapped[Id]
    name: Mapped[str]
    contracted_limit: Mapped[int]
    unknown_subscription_counts: Mapped[bool] = mapped_column(server_default="true")
    """Whether a contact whose subscription is unknown may be sent; one who said no never is."""
    unknown_consent_counts: Mapped[bool] = mapped_column(server_default="false")
    """Whether an unknown advertising consent counts as granted, where a channel asks for consent."""
    hold_percent: Mapped[int] = mapped_column(server_default="20")
    """A run that would take out more than this share of an audience waits for an administrator …"""
    hold_count: Mapped[int] = mapped_column(server_default="500")
    """… where that are at least so many."""
    unusual_percent: Mapped[int] = mapped_column(server_default="30")
    """How far from its usual size a segment may be before it is said."""
    created_at: Mapped[Created]

    workspaces: Mapped[list[Workspace]] = relationship(back_populates="organization")
    people: Mapped[list[Person]] = relationship(back_populates="organization")


class Workspace(Base):
    """Holds contacts, companies, fields and segments."""

    __tablename__ = "workspace"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str]
    country: Mapped[str] = mapped_column(server_default="US")
    """Default country of phone numbers without a country code, ISO alpha-2."""
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    created_at: Mapped[Created]

    organization: Mapped[Organization] = relationship(back_populates="workspaces")


class Person(Base):
    """Who signs in."""

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_email", text("lower(email)"), unique=True),
        CheckConstraint("role in ('primary_admin', 'abm_admin', 'marketing_user', 'view_only')", name="role"),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    deactivated_at: Mapped[datetime | None]
    last_signin_at: Mapped[datetime | None]
    created_at: Mapped[Created]

    organization: Mapped[Organization] = relationship(back_populates="people")


class BrowserSession(Base):
    """A browser that a person is signed in with. Only a digest of the secret in its cookie is kept."""

    __tablename__ = "browser_session"

    id: Mapped[Id]
    token_digest: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    browser: Mapped[str]
    """In plain words: 'Firefox on Linux'."""
    began_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    """To some minutes."""
    ends_at: Mapped[datetime] = mapped_column(index=True)
    """A while after the last use; moved to the moment when somebody ended it."""

    person: Mapped[Person] = relationship()


class WorkspacePerson(Base):
    """Membership of a person in a workspace; administrators belong to all without a row."""

    __tablename__ = "workspace_person"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)


class Invitation(Base):
    """An invitation by link. Only a digest of the link's secret is kept."""

    __tablename__ = "invitation"

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    workspace_ids: Mapped[list[Any]]
    token_digest: Mapped[str] = mapped_column(unique=True)
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[Created]


class SigninAttempt(Base):
    """A sign-in that was tried, by keyed digests of address and e-mail: what throttling looks at."""

    __tablename__ = "signin_attempt"

    id: Mapped[Id]
    email_digest: Mapped[str] = mapped_column(index=True)
    address_digest: Mapped[str] = mapped_column(index=True)
    succeeded: Mapped[bool]
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
