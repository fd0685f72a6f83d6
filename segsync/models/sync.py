"""Integrations, ad accounts, syncs, and the statements that people made for them."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, func, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from segsync.db import Base, Created, Id
from segsync.models.organization import Person, Workspace
from segsync.models.segment import Segment


class Integration(Base):
    """One person's authorised sign-in at one channel. Tokens are sealed by the vault."""

    __tablename__ = "integration"
    __table_args__ = (
        Index(
            "uq_integration_person_id_channel_live",
            "person_id",
            "channel",
            unique=True,
            postgresql_where=text("state in ('connected', 'reconnect', 'permission missing')"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    channel: Mapped[str]
    remote_id: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    access_sealed: Mapped[str | None]
    refresh_sealed: Mapped[str | None]
    scopes: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    expires_at: Mapped[datetime | None]
    refresh_expires_at: Mapped[datetime | None]
    data_access_expires_at: Mapped[datetime | None]
    refresh_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the access token is to be renewed without anybody's help."""
    must_act_by: Mapped[datetime | None] = mapped_column(index=True)
    problem: Mapped[str | None]
    """The code of `connectors.problems` behind `reconnect` or `permission missing`."""
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    checked_at: Mapped[datetime | None]
    look_after: Mapped[datetime | None]
    """No look before this: the last one failed, or found a sign-in that only its person can mend."""
    accounts_at: Mapped[datetime | None]
    disconnected_at: Mapped[datetime | None]
    refresh_lease_until: Mapped[datetime | None]
    refresh_fence: Mapped[int] = mapped_column(server_default="0")

    person: Mapped[Person] = relationship()


class OAuthFlow(Base):
    """A sign-in at a channel that was begun: what the return is checked against. Single use, ten minutes."""

    __tablename__ = "oauth_flow"

    state_digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    channel: Mapped[str]
    verifier_sealed: Mapped[str]
    return_to: Mapped[str]
    created_at: Mapped[Created]
    used_at: Mapped[datetime | None]


class AdAccount(Base):
    """An ad account as one integration last saw it."""

    __tablename__ = "ad_account"
    __table_args__ = (UniqueConstraint("integration_id", "remote_id", "via"),)

    id: Mapped[Id]
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    remote_id: Mapped[str]
    via: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str] = mapped_column(server_default="")
    time_zone: Mapped[str] = mapped_column(server_default="")
    blocked: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    """Reasons why it cannot be used: {code, facts}."""
    warnings: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    seen_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]


class Sync(Base):
    """The standing instruction: this segment, on this channel, in this ad account."""

    __tablename__ = "sync"
    __table_args__ = (
        Index(
            "uq_sync_segment_id_channel_account_id_live",
            "segment_id",
            "channel",
            "account_id",
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
        Index("ix_sync_organization_id_status", "organization_id", "status"),
        Index(
            "ix_sync_organization_id_attention",
            "organization_id",
            "attention",
            literal_column("status_since").desc().nulls_last(),
            literal_column("id").desc(),
            postgresql_where=text("deleted_at is null"),
        ),
        Index(
            "ix_sync_organization_id_census",
            *("organization_id", "channel", "account_id", "account_name", "status", "was_synced"),
            *("creator_id", "workspace_id"),
            postgresql_where=text("deleted_at is null"),
        ),
        Index("ix_sync_next_run_at", "next_run_at", postgresql_where=text("deleted_at is null")),
        Index(
            "ix_sync_channel_oldest_sent_at", "channel", "oldest_sent_at", postgresql_where=text("deleted_at is null")
        ),
        Index(
            "ix_sync_creator_id_unread",
            "creator_id",
            postgresql_where=text("told_at is not null and told_read_at is null"),
        ),
        Index("ix_sync_overdue_at", "overdue_at", postgresql_where=text("deleted_at is null")),
        Index("ix_sync_audience_next_poll", "audience_next_poll", postgresql_where=text("deleted_at is null")),
        CheckConstraint("status in ('syncing', 'synced', 'failed', 'inactive')", name="status"),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(unique=True)
    """The sync ID that people quote: SY-XXXX-XXXX."""
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), index=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    channel: Mapped[str]
    account_id: Mapped[str]
    account_via: Mapped[str] = mapped_column(server_default="")
    account_name: Mapped[str]
    named: Mapped[str] = mapped_column(
        Computed("lower(account_name || ' ' || account_id || ' ' || public_id)", persisted=True), deferred=True
    )
    """What a search in the list goes through. No word has a space, so one text stands for three."""
    creator_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    """Whose account it runs on: who created, resumed or accepted it."""
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id"), index=True)
    created_at: Mapped[Created]

    status: Mapped[str]
    attention: Mapped[int] = mapped_column(
        Computed(
            "case status when 'failed' then 0 when 'syncing' then 1 when 'synced' then 2 else 3 end", persisted=True
        ),
        deferred=True,
    )
    """The status as the list is sorted by it: what needs somebody comes first."""
    detail: Mapped[str] = mapped_column(server_default="")
    status_since: Mapped[datetime] = mapped_column(server_default=func.now())
    was_synced: Mapped[bool] = mapped_column(server_default="false")
    """Whether it was ever in step: with it, a syncing sync is active."""
    in_step_since: Mapped[datetime | None]
    """End of the last good run."""
    next_run_at: Mapped[datetime | None]
    probe_at: Mapped[datetime | None]
    """When a failure that needs a person is looked at again."""
    overdue_at: Mapped[datetime | None]
    """When it is late by a whole interval: from then on people are told. None where nothing is awaited."""
    every_seconds: Mapped[int]
    """The interval, or the longest time between two runs where it runs at a time of chosen days."""
    run_at: Mapped[time | None]
    """The time of the day that it runs at, on `run_days` (0 is Monday), by the clocks of `run_zone`."""
    run_days: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    run_zone: Mapped[str] = mapped_column(server_default="", default="")
    by_hand: Mapped[bool] = mapped_column(server_default="false", default=False)
    """Only people start its runs."""
    failures: Mapped[int] = mapped_column(server_default="0")
    problem_code: Mapped[str | None]
    problem_facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)

    off_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    off_at: Mapped[datetime | None]
    off_reason: Mapped[str | None]
    off_locked: Mapped[bool] = mapped_column(server_default="false")
    """Off until an administrator allows it."""
    stale_since: Mapped[datetime | None]

    audience_id: Mapped[str | None]
    audience_name: Mapped[str | None]
    audience_made_at: Mapped[datetime | None]
    audience_state: Mapped[str] = mapped_column(server_default="not known")
    audience_raw: Mapped[str] = mapped_column(server_default="")
    audience_figures: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    audience_match_rate: Mapped[str] = mapped_column(server_default="")
    audience_seen_at: Mapped[datetime | None]
    audience_next_poll: Mapped[datetime | None]
    told_state: Mapped[str] = mapped_column(server_default="", default="")
    """What the creator was told of the audience, once: 'ready', before that perhaps 'too small'; and whether they read it."""
    told_at: Mapped[datetime | None]
    told_read_at: Mapped[datetime | None]
    campaigns: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    campaigns_at: Mapped[datetime | None]

    ledger_id: Mapped[int | None]
    members_held: Mapped[int] = mapped_column(server_default="0")
    """Members in step by our own books."""
    members_refused: Mapped[int] = mapped_column(server_default="0")
    """Members whom the channel did not take, by name, as they are now."""
    rebuild: Mapped[str] = mapped_column(server_default="", default="")
    """What the next run has to rebuild first; empty where nothing is lost."""
    oldest_sent_at: Mapped[datetime | None]
    """When the member in step that was sent longest ago was sent; None where nobody is, or where nobody looked yet."""
    removals_due: Mapped[int] = mapped_column(server_default="0")

    hold_percent: Mapped[int | None]
    hold_count: Mapped[int | None]
    unusual_percent: Mapped[int | None]
    """Thresholds of its own; where there are none, those of the organization hold."""
    release: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """{removals, to_nobody, until, by, decided_by}: what an administrator let through after a run was held."""
    trial: Mapped[bool] = mapped_column(server_default="false")
    """Only ever tried without sending, before it was created: its row is deleted from the beginning, and takes no place."""

    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    retire_how: Mapped[str | None]
    retired_at: Mapped[datetime | None]
    emptied: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """How many batches of our own books were taken out already, and of which books."""

    segment: Mapped[Segment] = relationship()
    workspace: Mapped[Workspace] = relationship()
    creator: Mapped[Person] = relationship(foreign_keys=[creator_id])
    owner: Mapped[Person] = relationship(foreign_keys=[owner_id])
    integration: Mapped[Integration] = relationship()


class StatusMove(Base):
    """A move of a sync from one status to another."""

    __tablename__ = "status_move"
    __table_args__ = (Index("ix_status_move_sync_id_at", "sync_id", "at"),)

    id: Mapped[Id]
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    run_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    before: Mapped[str]
    after: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")


class StatementMade(Base):
    """A statement that a channel asks for, ticked by a person: who, which words, when."""

    __tablename__ = "statement_made"

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    version: Mapped[str]
    text: Mapped[str]
    at: Mapped[Created]
