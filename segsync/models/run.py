"""Runs, their batches, and the files of the data path."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from segsync.db import Base, Created, Id
from segsync.models.sync import Sync


class Run(Base):
    """One attempt to bring one destination up to date. What is due, waiting or claimed stands here and nowhere else."""

    __tablename__ = "run"
    __table_args__ = (
        Index("uq_run_sync_id_open", "sync_id", unique=True, postgresql_where=text("finished_at is null")),
        Index("ix_run_not_before", "not_before", postgresql_where=text("finished_at is null")),
        Index("ix_run_sync_id_id", "sync_id", "id"),
        Index("ix_run_scope", "scope", postgresql_where=text("finished_at is null and scope is not null")),
    )

    id: Mapped[Id]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    purpose: Mapped[str] = mapped_column(server_default="send", default="send")
    why: Mapped[str]
    started_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str]
    phase: Mapped[str] = mapped_column(server_default="checking")
    created_at: Mapped[Created]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    not_before: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    woken_at: Mapped[datetime | None]
    """When it was last put into the queue: not again within a few seconds."""
    turn_at: Mapped[datetime | None]
    """When a slice last got it further: whoever waits longest goes first."""
    scope: Mapped[str | None]
    """The limit of a channel that it waits for, by the name in `limit_scope`."""
    tries: Mapped[int] = mapped_column(server_default="0")
    """Failed attempts in a row at the same step."""

    cursor: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """Where the carrier stands: its own notes between two slices."""
    plan_id: Mapped[int | None]
    batches: Mapped[int] = mapped_column(server_default="0")
    batches_done: Mapped[int] = mapped_column(server_default="0")
    rows_to_add: Mapped[int] = mapped_column(server_default="0")
    rows_to_remove: Mapped[int] = mapped_column(server_default="0")
    rows_added: Mapped[int] = mapped_column(server_default="0")
    rows_removed: Mapped[int] = mapped_column(server_default="0")
    rows_done: Mapped[int] = mapped_column(server_default="0")
    members: Mapped[int] = mapped_column(server_default="0")
    """Members of the segment as read so far."""
    new_members: Mapped[int] = mapped_column(server_default="0")
    changed_members: Mapped[int] = mapped_column(server_default="0")
    gone_members: Mapped[int] = mapped_column(server_default="0")
    """Taken out of the audience, by the plan: a changed member is not."""
    unchanged_members: Mapped[int] = mapped_column(server_default="0")
    again_members: Mapped[int] = mapped_column(server_default="0")
    """Sent again although unchanged, because a removal touched a key of theirs."""
    renewed_members: Mapped[int] = mapped_column(server_default="0", default=0)
    """Sent again although unchanged, before the channel forgets them."""
    refused: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    skipped: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    everybody: Mapped[str | None]
    """Why everybody is sent again, where that is so."""
    requests: Mapped[int] = mapped_column(server_default="0")
    waited_seconds: Mapped[int] = mapped_column(server_default="0")
    phases: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    """[phase, begun at] in order."""
    references: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    findings: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """What a run came to that ended when its plan was known: one that was only tried, or was held."""

    problem_code: Mapped[str | None]
    problem_raw: Mapped[str] = mapped_column(server_default="")
    problem_reference: Mapped[str] = mapped_column(server_default="")
    problem_facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)

    sync: Mapped[Sync] = relationship()


class RunBatch(Base):
    """A batch of a recorded plan that was acknowledged: the only thing sending has to store."""

    __tablename__ = "run_batch"
    __table_args__ = (Index("ix_run_batch_next_poll", "next_poll", postgresql_where=text("next_poll is not null")),)

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]
    rows: Mapped[int]
    accepted: Mapped[int]
    refused: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    """[{code, count, rows, raw}]: positions inside the batch where the channel told them."""
    receipt: Mapped[str] = mapped_column(server_default="")
    reference: Mapped[str] = mapped_column(server_default="")
    acked_at: Mapped[datetime]
    next_poll: Mapped[datetime | None]
    polls: Mapped[int] = mapped_column(server_default="0")
    final_at: Mapped[datetime | None]
    match_rate: Mapped[str] = mapped_column(server_default="")


class BatchTaken(Base):
    """A batch that somebody is sending now. Only a wish that nobody else does: what was sent stands in `run_batch`."""

    __tablename__ = "batch_taken"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str]
    fence: Mapped[int | None]
    """Of whoever holds the run: taken as long as that claim lasts."""
    lease_until: Mapped[datetime | None]
    """Of a helper: taken until then."""


class Ledger(Base):
    """One generation of the ledger of a sync. `basis` names the rules its versions were made by."""

    __tablename__ = "ledger"

    id: Mapped[Id]
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"), index=True)
    run_id: Mapped[int | None]
    basis: Mapped[str]
    rows: Mapped[int]
    held: Mapped[int]
    created_at: Mapped[Created]


class DataFile(Base):
    """A Parquet file of the data path, immutable, listed with its size and checksum. Collected when nothing names it."""

    __tablename__ = "data_file"
    __table_args__ = (
        Index("ix_data_file_ledger_id_part", "ledger_id", "part"),
        Index("ix_data_file_run_id_sort_part", "run_id", "sort", "part"),
        Index("ix_data_file_unnamed_at", "unnamed_at", postgresql_where=text("unnamed_at is not null")),
    )

    id: Mapped[Id]
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"), index=True)
    ledger_id: Mapped[int | None]
    run_id: Mapped[int | None]
    sort: Mapped[str]
    part: Mapped[int]
    path: Mapped[str]
    low: Mapped[int]
    """Keys above this one …"""
    high: Mapped[int]
    """… up to and with this one."""
    rows: Mapped[int]
    size: Mapped[int]
    checksum: Mapped[str]
    created_at: Mapped[Created]
    unnamed_at: Mapped[datetime | None]
    """Since when nothing names it."""
