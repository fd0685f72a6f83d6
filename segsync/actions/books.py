"""The files of a sync as the database lists them: its ledger, and what a run drafted and planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from connectors.contract import Action
from segsync.audience.files import FileUnreadable, Folder, Part
from segsync.audience.ledger import Sums
from segsync.audience.plan import ADDITIONS, NOTES, SECTIONS, Acknowledgements, Plan, PlanFile
from segsync.models import DataFile, Ledger, Run, RunBatch, Sync
from segsync.rules.terms import Purpose
from segsync.runtime import Runtime

LEDGER = "ledger"
DRAFT = "draft"
"""Removals before the check over all windows."""
OWN_LEDGER = "ledger"
"""In the notes of a run that only tries: the generation that it made for itself, where something had to be folded first."""
REBUILT = "rebuilt"
"""The basis of a ledger that was begun anew: everybody is compared in full."""
LATE = "late"
"""Marks a refusal that the ledger does not know yet."""
_LATE = RunBatch.refused.contains([{LATE: True}])


def folder(runtime: Runtime, sync: Sync) -> Folder:
    """Where the files of this sync lie."""
    return Folder(runtime.ledgers, sync.public_id, runtime.effects)


def list_parts(
    session: Session, sync_id: int, parts: Iterable[Part], *, run_id: int, ledger_id: int | None = None
) -> None:
    """Writes down files that were written. Without this they do not exist."""
    for part in parts:
        session.add(
            DataFile(
                sync_id=sync_id,
                ledger_id=ledger_id,
                run_id=run_id,
                sort=part.sort,
                part=part.number,
                path=part.path,
                low=part.low,
                high=part.high,
                rows=part.rows,
                size=part.size,
                checksum=part.checksum,
            )
        )


def parts_of_run(session: Session, run_id: int, *sorts: str) -> Sequence[Part]:
    """The files of these sorts that this run wrote and still needs, one sort after the other, each in order. One query."""
    rows = session.scalars(
        select(DataFile)
        .where(DataFile.run_id == run_id, DataFile.sort.in_(sorts), DataFile.unnamed_at.is_(None))
        .order_by(DataFile.part)
    )
    return sorted((part_of(row) for row in rows), key=lambda part: sorts.index(part.sort))


def ledger_parts(session: Session, ledger_id: int | None) -> Sequence[Part]:
    """The files of a ledger, in key order."""
    if ledger_id is None:
        return []
    rows = session.scalars(select(DataFile).where(DataFile.ledger_id == ledger_id).order_by(DataFile.part))
    return [part_of(row) for row in rows]


def plan_of(session: Session, run: Run, files: Folder) -> Plan:
    """The recorded plan of a run, every file checked. Raises FileUnreadable."""
    listed = parts_of_run(session, run.id, *SECTIONS, NOTES)
    found = [PlanFile(part.sort, files.open(part), part.rows) for part in listed if part.sort != NOTES]
    notes = tuple(files.open(part) for part in listed if part.sort == NOTES)
    return Plan(tuple(found), int(run.cursor["batch_rows"]), int(run.cursor["first_batch"]), notes)


def listed_plan(session: Session, run: Run, files: Folder) -> Plan:
    """The same, without the notes and with no file opened: whoever reads one checks it first."""
    listed = parts_of_run(session, run.id, *SECTIONS)
    found = [PlanFile(part.sort, files.path(part), part.rows, part) for part in listed]
    return Plan(tuple(found), int(run.cursor["batch_rows"]), int(run.cursor["first_batch"]))


def acknowledgements(session: Session, run: Run) -> Acknowledgements:
    """What the channel answered to the plan that this run recorded last."""
    rows = session.scalars(
        select(RunBatch).where(RunBatch.run_id == run.id, RunBatch.number >= int(run.cursor["first_batch"]))
    ).all()
    refused = tuple((batch.number, position, code) for batch in rows for position, code in refused_rows(batch))
    return Acknowledgements(frozenset(batch.number for batch in rows), refused)


def first_answer(session: Session, run: Run) -> datetime | None:
    """When the channel first answered to the plan that this run recorded last: nobody of it was sent longer ago."""
    numbered = RunBatch.number >= int(run.cursor["first_batch"])
    return session.scalar(select(func.min(RunBatch.acked_at)).where(RunBatch.run_id == run.id, numbered))


def refused_rows(batch: RunBatch) -> Iterator[tuple[int, str]]:
    """Positions of the rows that the channel did not take, with the reason, as far as it is known which.

    All rows, where all were refused. And where some rows of a removal were, but not which: a removal may be repeated.
    """
    for reason in batch.refused:
        unnamed = not reason["rows"] and (reason["count"] >= batch.rows or batch.action == Action.REMOVE)
        for position in range(batch.rows) if unnamed else reason["rows"]:
            if 0 <= position < batch.rows:  # whatever a channel says
                yield int(position), str(reason["code"])


def unfolded_run(session: Session, sync_id: int) -> Run | None:
    """The run whose recorded plan is not yet in the ledger, or None."""
    return session.scalar(select(Run).where(Run.sync_id == sync_id, Run.plan_id.is_not(None)).order_by(Run.id).limit(1))


# -- refused after the plan was folded -------------------------------------------------------------------------


def remember_plan(session: Session, run: Run, plan: Plan) -> None:
    """Notes which files are of this plan, so that what the channel says much later can be found in them."""
    files = select(func.max(DataFile.id)).where(DataFile.run_id == run.id, DataFile.ledger_id.is_(None))
    recorded = {"first": plan.first, "rows": plan.batch_rows, "count": len(plan.batches)}
    entry = {**recorded, "up_to": session.scalar(files) or 0}
    run.cursor = {**run.cursor, "plans": [*run.cursor.get("plans", []), entry]}


def plans_sent(session: Session, run: Run, files: Folder) -> Iterator[Plan]:
    """Every plan that this run recorded, with files still to be checked. One whose files were cleared up is left out."""
    low = 0
    for entry in run.cursor.get("plans", []):
        rows = session.scalars(
            select(DataFile)
            .where(DataFile.run_id == run.id, DataFile.ledger_id.is_(None), DataFile.sort.in_(SECTIONS))
            .where(DataFile.id > low, DataFile.id <= entry["up_to"])
            .order_by(DataFile.part)
        ).all()
        low = entry["up_to"]
        parts = [part_of(row) for row in rows]
        found = tuple(PlanFile(part.sort, files.path(part), part.rows, part) for part in parts)
        plan = Plan(found, entry["rows"], entry["first"])
        if len(plan.batches) == entry["count"]:
            yield plan


def refused_late(session: Session, sync_id: int) -> Sequence[RunBatch]:
    """Batches of which the channel said later that it refused rows, and of which the ledger does not know it yet."""
    batches = select(RunBatch).join(Run, Run.id == RunBatch.run_id).where(Run.sync_id == sync_id, _LATE)
    return session.scalars(batches.order_by(RunBatch.run_id, RunBatch.number)).all()


def forget_late(session: Session, batches: Iterable[RunBatch]) -> None:
    """The ledger knows it now."""
    for known in batches:
        batch = session.get_one(RunBatch, (known.run_id, known.number), with_for_update=True)
        batch.refused = [{key: value for key, value in one.items() if key != LATE} for one in batch.refused]


# -- generations of the ledger ---------------------------------------------------------------------------------


def new_ledger(session: Session, run: Run, basis: str, parts: Sequence[Part], sums: Sums) -> Ledger:
    """Makes the next generation the current one; the files of the one before are named by nothing from now on.

    A run that only tries keeps it for itself.
    """
    sync = session.get_one(Sync, run.sync_id, with_for_update={"key_share": True})
    ledger = Ledger(sync_id=sync.id, run_id=run.id, basis=basis, rows=sum(part.rows for part in parts), held=sums.held)
    session.add(ledger)
    session.flush()
    list_parts(session, sync.id, parts, run_id=run.id, ledger_id=ledger.id)
    if run.purpose == Purpose.TRY:
        run.cursor = {**run.cursor, OWN_LEDGER: ledger.id}
        return ledger
    sync.ledger_id = ledger.id
    sync.members_held, sync.members_refused = sums.held, sums.refused
    sync.oldest_sent_at = None if sums.oldest is None else datetime.fromtimestamp(sums.oldest, UTC)
    return ledger


def current_ledger(session: Session, run_id: int) -> int | None:
    """The ledger that a run compares with, as it is now."""
    run = session.get_one(Run, run_id)
    return run.cursor.get(OWN_LEDGER) or session.get_one(Sync, run.sync_id).ledger_id


def put_away(session: Session, run: Run, *, now: datetime) -> None:
    """Nothing needs the files of a run any more that sent nothing, but a ledger that it brought up to date: collected days later."""
    current = session.get_one(Sync, run.sync_id).ledger_id
    session.execute(
        update(DataFile)
        .where(DataFile.run_id == run.id, DataFile.unnamed_at.is_(None))
        .where(or_(DataFile.ledger_id.is_(None), DataFile.ledger_id != current))
        .values(unnamed_at=now)
    )


@dataclass(frozen=True)
class Salvage:
    """What can still be read of the books. `as_of`: when the newest generation was written that is whole; None where none is."""

    files: Sequence[Path]
    as_of: datetime | None


def salvage(session: Session, files: Folder, sync: Sync) -> Salvage:
    """The newest generation that can be read whole, and whatever was planned or written since; where none can, every file that can."""
    rows = session.scalars(
        select(DataFile)
        .where(DataFile.sync_id == sync.id, DataFile.sort.in_([LEDGER, *ADDITIONS]))
        .order_by(DataFile.id)
    ).all()
    readable = {row.id: path for row in rows if (path := _readable(files, row)) is not None}
    ledgers = session.scalars(select(Ledger).where(Ledger.sync_id == sync.id).order_by(Ledger.id.desc()))
    for ledger in ledgers:
        whole = [row for row in rows if row.ledger_id == ledger.id and row.id in readable]
        if whole and sum(row.rows for row in whole) == ledger.rows:
            first = whole[0].id
            return Salvage([path for number, path in readable.items() if number >= first], ledger.created_at)
    return Salvage(list(readable.values()), None)


def _readable(files: Folder, row: DataFile) -> Path | None:
    try:
        return files.open(part_of(row))
    except FileUnreadable:
        return None


def begin_anew(session: Session, sync: Sync, run: Run, parts: Sequence[Part] = (), *, now: datetime) -> None:
    """A new ledger that knows nothing for certain takes the place of all that is known; what earlier plans held counts no longer."""
    session.execute(update(Run).where(Run.sync_id == sync.id, Run.plan_id.is_not(None)).values(plan_id=None))
    forget_late(session, refused_late(session, sync.id))
    new_ledger(session, run, REBUILT, parts, Sums())
    sync.removals_due = 0
    session.flush()
    unname(session, sync, run, now=now)


def forget_receipts(session: Session, sync: Sync) -> None:
    """Nothing is asked any more about batches that went into an audience which is gone."""
    runs = select(Run.id).where(Run.sync_id == sync.id)
    session.execute(
        update(RunBatch).where(RunBatch.run_id.in_(runs), RunBatch.next_poll.is_not(None)).values(next_poll=None)
    )


def unname(session: Session, sync: Sync, run: Run, *, now: datetime) -> None:
    """Files that neither the current ledger nor an open plan names are marked, and collected days later."""
    session.execute(
        update(DataFile)
        .where(
            DataFile.sync_id == sync.id,
            DataFile.unnamed_at.is_(None),
            or_(DataFile.ledger_id.is_(None), DataFile.ledger_id != sync.ledger_id),
            or_(DataFile.ledger_id.is_not(None), DataFile.run_id <= run.id),
        )
        .values(unnamed_at=now)
    )


def collect(session: Session, files: Folder, sync_id: int, *, before: datetime) -> int:
    """Deletes files that nothing has named since `before`, first from the list, then from the disk, and what is in no list. Returns how many."""
    needed = select(RunBatch.run_id).where(RunBatch.run_id == DataFile.run_id, _LATE).exists()
    gone = session.scalars(
        delete(DataFile)
        .where(DataFile.sync_id == sync_id, DataFile.unnamed_at < before, ~and_(DataFile.ledger_id.is_(None), needed))
        .returning(DataFile.path)
    ).all()
    session.commit()
    files.discard(gone)
    listed = set(session.scalars(select(DataFile.path).where(DataFile.sync_id == sync_id)))
    return len(gone) + files.sweep(listed, before)


def part_of(row: DataFile) -> Part:
    """A file as it is listed."""
    return Part(row.sort, row.part, row.path, row.low, row.high, row.rows, row.size, row.checksum)
