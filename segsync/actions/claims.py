"""Claims on runs: a conditional update with a lease and a fence, by the database's clock. And the right to help with one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Interval,
    ScalarSelect,
    and_,
    bindparam,
    case,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session, sessionmaker

from segsync.actions.moments import FARTHEST
from segsync.models import BatchTaken, Run, Sync
from segsync.rules.terms import Phase, Purpose, RunState

_TAKE = text("""
    update run set lease_until = clock_timestamp() + :lease, fence = run.fence + 1, state = 'working',
                   started_at = coalesce(run.started_at, :now)
    from sync
    where run.id = :run_id and sync.id = run.sync_id
      and run.finished_at is null and (run.not_before <= :now or run.not_before > :farthest)
      and (run.purpose = 'try' or sync.status <> 'inactive' and sync.deleted_at is null)
      and (run.lease_until is null or run.lease_until < clock_timestamp())
      and not exists (select 1 from run other where other.sync_id = run.sync_id and other.id <> run.id
                      and other.lease_until > clock_timestamp() and other.purpose <> 'try')
      and not exists (select 1 from batch_taken taken join run other on other.id = taken.run_id
                      where other.sync_id = run.sync_id and other.id <> run.id and taken.lease_until > clock_timestamp())
    returning run.fence
""").bindparams(bindparam("lease", type_=Interval))

_RELEASE = text("""
    update run set lease_until = null where id = :run_id and fence = :fence
""")


_SENDS = and_(
    Run.finished_at.is_(None),
    Run.state != RunState.WAITING.value,
    Run.phase.in_([Phase.REMOVING.value, Phase.ADDING.value]),
)
"""Runs that can be helped with."""
_FIRST_BATCH = Run.cursor["first_batch"].astext.cast(BigInteger)
"""Tells the plan that a run sends from its earlier ones."""


_AS_TOLD = {"synchronize_session": False}
"""No run that is loaded is brought up to date: nobody looks at its lease there."""


class ClaimLost(Exception):  # noqa: N818 - read aloud as "claim lost"
    """The run was stopped, or somebody else took it over: nothing more may be sent under this claim."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a run until the lease ends. The fence tells this claim from every other."""

    run_id: int
    fence: int
    lease: timedelta
    sessions: sessionmaker[Session]

    @property
    def sender(self) -> str:
        """Tells batches taken under this claim from others."""
        return f"claim {self.fence}"

    @property
    def ours(self) -> ColumnElement[bool]:
        """Whether a run is ours, in a statement over it."""
        return and_(Run.fence == self.fence, Run.lease_until > func.clock_timestamp(), Run.finished_at.is_(None))

    @property
    def kept(self) -> dict[Any, Any]:
        """What lengthens the lease in an update of the run, where it is ours."""
        return {Run.lease_until: case((self.ours, func.clock_timestamp() + self.lease), else_=Run.lease_until)}

    def keep(self) -> None:
        """Lengthens the lease. Raises ClaimLost when the run is no longer ours."""
        with self.sessions.begin() as session:
            self.hold(session)

    def hold(self, session: Session) -> None:
        """The same in a transaction that goes on: the run is locked until its end. Called before every batch."""
        mine = update(Run).where(Run.id == self.run_id, self.ours).values(self.kept).returning(Run.id)
        if session.execute(mine, execution_options=_AS_TOLD).one_or_none() is None:
            raise ClaimLost

    def release(self) -> None:
        """Gives the run back."""
        with self.sessions.begin() as session:
            session.execute(_RELEASE, {"run_id": self.run_id, "fence": self.fence})

    def load(self, session: Session) -> Run:
        """The run, locked, and still ours. Raises ClaimLost otherwise."""
        run = lock(session, self.run_id)
        if run.fence != self.fence or run.finished_at is not None:
            raise ClaimLost
        return run


@dataclass(frozen=True)
class Help:
    """The right to send batches of a plan beside whoever holds the run, as long as the run sends that plan and does not wait."""

    run_id: int
    first_batch: int
    lease: timedelta
    sessions: sessionmaker[Session]
    sender: str = field(default_factory=lambda: f"help {secrets.token_hex(8)}")
    fence: None = None

    @property
    def ours(self) -> ColumnElement[bool]:
        """Whether a run still sends the plan that we help with, in a statement over it."""
        return and_(_SENDS, self.first_batch == _FIRST_BATCH)

    @property
    def kept(self) -> dict[Any, Any]:
        """Nothing in the run: a helper's lease stands with the batch."""
        return {}

    def keep(self) -> None:
        """Raises ClaimLost when nobody may help any more."""
        with self.sessions.begin() as session:
            self.hold(session)

    def hold(self, session: Session) -> None:
        """The same in a transaction that goes on: the run is locked until its end."""
        sending = select(Run.id).where(Run.id == self.run_id, self.ours).with_for_update()
        if session.execute(sending).one_or_none() is None:
            raise ClaimLost

    def load(self, session: Session) -> Run:
        """The run, locked, and still sending this plan. Raises ClaimLost otherwise."""
        self.hold(session)
        return session.get_one(Run, self.run_id, populate_existing=True)


def help_with(sessions: sessionmaker[Session], run_id: int, *, lease: timedelta) -> Help | None:
    """The right to help with a run that is sending; None otherwise."""
    with sessions.begin() as session:
        sending = select(_FIRST_BATCH).where(Run.id == run_id, _SENDS).with_for_update()
        first_batch = session.execute(sending).scalar_one_or_none()
    return None if first_batch is None else Help(run_id, first_batch, lease, sessions)


def leases_of(sync_id: int) -> CompoundSelect[datetime | None]:
    """Until when somebody may be writing to this sync's audience: whoever holds a run that sends, and whoever helps with one."""
    runs = select(Run.lease_until).where(Run.sync_id == sync_id, Run.purpose == Purpose.SEND.value)
    helpers = select(BatchTaken.lease_until).join(Run, Run.id == BatchTaken.run_id).where(Run.sync_id == sync_id)
    return runs.union_all(helpers)


def lock(session: Session, run_id: int) -> Run:
    """The run, locked after its sync: whoever switches a sync off does it in this order too, and nobody waits in a circle.

    The sync's lock lets others name it, as alerts do.
    """
    lock_sync(session, select(Run.sync_id).where(Run.id == run_id).scalar_subquery())
    return session.get_one(Run, run_id, with_for_update=True)


def lock_sync(session: Session, sync_id: int | ScalarSelect[int]) -> None:
    """Whoever takes the right to write to an audience does so one after the other: each looks at what the others hold."""
    session.execute(select(Sync.id).where(Sync.id == sync_id).with_for_update(key_share=True))


def take(sessions: sessionmaker[Session], run_id: int, *, lease: timedelta, now: datetime) -> Claim | None:
    """Claims a run that is due and free, of a sync that is on; None otherwise. One that only tries sends nothing, and may always."""
    moments = {"run_id": run_id, "lease": lease, "now": now, "farthest": now + FARTHEST}
    with sessions.begin() as session:
        lock_sync(session, select(Run.sync_id).where(Run.id == run_id).scalar_subquery())
        fence = session.execute(_TAKE, moments).scalar_one_or_none()
    return None if fence is None else Claim(run_id, fence, lease, sessions)
