"""A sync looked at closely: its runs, what they changed over time, who did what to it, and who stated what for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from connectors.contract import Kind
from segsync.actions.actor import Actor, NotThere
from segsync.models import (
    AuditEvent,
    Company,
    Contact,
    Person,
    Run,
    RunBatch,
    SegmentSize,
    StatementMade,
    StatusMove,
    Sync,
)
from segsync.rules import sync_ids
from segsync.rules.terms import Purpose, RunState

RUNS_SHOWN: Final = 10
CHARTED: Final = 60
HAPPENINGS: Final = 40


def whole(session: Session, actor: Actor, public_id: str) -> Sync:
    """A sync of the organization with everything its page names, deleted ones too. Raises Refused."""
    sync = session.scalar(
        select(Sync)
        .where(Sync.organization_id == actor.organization_id, Sync.public_id == sync_ids.read(public_id))
        .options(joinedload(Sync.segment), joinedload(Sync.creator), joinedload(Sync.owner))
        .options(joinedload(Sync.workspace), joinedload(Sync.integration))
    )
    if sync is None:
        raise NotThere(f"There is no sync {public_id} in your organization.")
    return sync


@dataclass(frozen=True)
class Runs:
    """A page of runs, newest first."""

    items: Sequence[Run]
    number: int
    total: int


def runs(session: Session, sync: Sync, number: int) -> Runs:
    """Runs of a sync, newest first. A number past the end gives the last page."""
    total = session.scalar(select(func.count()).select_from(Run).where(Run.sync_id == sync.id)) or 0
    number = max(1, min(number, -(-total // RUNS_SHOWN)))
    wanted = select(Run).where(Run.sync_id == sync.id).order_by(Run.id.desc())
    found = session.scalars(wanted.limit(RUNS_SHOWN).offset((number - 1) * RUNS_SHOWN)).all()
    return Runs(found, number, total)


def run(session: Session, sync: Sync, run_id: int) -> Run | None:
    """One run of a sync; None where it has no such run."""
    return session.scalar(select(Run).where(Run.sync_id == sync.id, Run.id == run_id))


def sample(session: Session, run: Run) -> list[tuple[str, Contact | Company | None]]:
    """A few members that a run which only tried is about, and what would happen to each; None where it is gone meanwhile."""
    told = run.findings.get("sample", [])
    ids, home = [member for _, member in told], run.sync.workspace_id
    # whatever stands in the row: only members of the workspace that the sync is of
    companies = select(Company).where(Company.id.in_(ids), Company.workspace_id == home)
    people = select(Contact).where(Contact.id.in_(ids), Contact.workspace_id == home)
    rows: Sequence[Contact | Company]
    rows = session.scalars(companies if run.findings.get("kind") == Kind.COMPANIES else people).all()
    found = {row.id: row for row in rows}
    return [(word, found.get(member)) for word, member in told]


@dataclass(frozen=True)
class BatchSum:
    """What a run's batches did, by action."""

    action: str
    batches: int
    rows: int
    accepted: int
    pending: int
    """Batches whose later result is still open at the channel."""


def batches(session: Session, run: Run) -> list[BatchSum]:
    """The batches of a run, summed up by what they did."""
    pending = func.count().filter(RunBatch.next_poll.is_not(None))
    rows = session.execute(
        select(RunBatch.action, func.count(), func.sum(RunBatch.rows), func.sum(RunBatch.accepted), pending)
        .where(RunBatch.run_id == run.id)
        .group_by(RunBatch.action)
        .order_by(RunBatch.action.desc())
    )
    return [BatchSum(action, count, int(sent), int(accepted), waits) for action, count, sent, accepted, waits in rows]


def finished(session: Session, sync: Sync) -> list[Run]:
    """The last runs that ended well, oldest first: what the charts draw."""
    good = (Run.state == RunState.DONE.value, Run.purpose == Purpose.SEND.value)
    newest = select(Run).where(Run.sync_id == sync.id, *good).order_by(Run.id.desc())
    return list(reversed(session.scalars(newest.limit(CHARTED)).all()))


def sizes(session: Session, sync: Sync) -> list[tuple[datetime, int]]:
    """The segment's size at its last refreshes, oldest first."""
    newest = select(SegmentSize).where(SegmentSize.segment_id == sync.segment_id).order_by(SegmentSize.at.desc())
    return [(point.at, point.size) for point in reversed(session.scalars(newest.limit(CHARTED)).all())]


@dataclass(frozen=True)
class Happening:
    """Something in a sync's history: somebody's deed, or a move from one status to another."""

    at: datetime
    event: AuditEvent | None = None
    move: StatusMove | None = None


def activity(session: Session, sync: Sync) -> list[Happening]:
    """Who did what to this sync, and how its status moved, newest first. For everybody who sees the sync."""
    deeds = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject_kind == "sync", AuditEvent.subject_id == sync.id)
        .order_by(AuditEvent.id.desc())
        .limit(HAPPENINGS)
    )
    moves = session.scalars(
        select(StatusMove).where(StatusMove.sync_id == sync.id).order_by(StatusMove.id.desc()).limit(HAPPENINGS)
    )
    found = [Happening(deed.at, event=deed) for deed in deeds] + [Happening(move.at, move=move) for move in moves]
    return sorted(found, key=lambda one: one.at, reverse=True)[:HAPPENINGS]


def statements(session: Session, sync: Sync) -> Sequence[tuple[StatementMade, str]]:
    """What was stated for this sync, and by whom."""
    rows = session.execute(
        select(StatementMade, Person.name)
        .join(Person, Person.id == StatementMade.person_id)
        .where(StatementMade.sync_id == sync.id)
        .order_by(StatementMade.id)
    )
    return [(made, name) for made, name in rows]


def name_of(session: Session, person_id: int | None) -> str:
    """Somebody's name; 'somebody' for nobody in particular."""
    person = session.get(Person, person_id) if person_id else None
    return person.name if person else "somebody"
