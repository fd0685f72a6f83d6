"""The plan recorded before anything is sent, and folded into the ledger when it was sent, or will not be sent any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from connectors.contract import Applies
from segsync.actions import books
from segsync.actions.outcomes import Done, Outcome, Progress
from segsync.actions.push import judge, renew
from segsync.actions.push.job import Job
from segsync.actions.push.judge import Checked
from segsync.actions.push.read import members_of
from segsync.actions.push.windows import TOP
from segsync.actions.sync_alerts import PUT_OFF
from segsync.audience.compare import whole_rows
from segsync.audience.conflicts import Check, Draft
from segsync.audience.files import Part
from segsync.audience.ledger import Books, Sums, fold
from segsync.audience.plan import AFTER, AGAIN, NEW, NOTES, REMOVALS, Plan
from segsync.audience.rolls import gathered
from segsync.audience.streams import Stream
from segsync.models import Ledger, Run, Sync
from segsync.rules.terms import Phase

UNANSWERED = "the channel had not answered anything of what was sent before"
MANY = 20_000
"""Removals whose check takes so much memory that what was only kept for later makes room."""
ALL_CHANGED = "what the channel takes of each of them has changed"


def record(job: Job) -> Outcome:
    """Checks removals against everybody who stays, and records the plan. From here on its rows are unsure.

    Where the run only tries, or an administrator has to look first, nothing is recorded and nothing is sent.
    """
    if job.run.findings:
        return judge.outcome(job.run.findings, trying=job.trying)
    with job.runtime.sessions() as session:
        written = books.parts_of_run(session, job.run.id, books.DRAFT, NOTES)
    removals = sum(part.rows for part in written if part.sort == books.DRAFT)
    if removals > MANY:
        job.tools.give_back()
    checked = _checked(job, sum(part.sort == NOTES for part in written)) if removals else Checked()
    renewed = renew.renewals(job, checked.parts)
    with job.change() as (session, run):
        books.list_parts(session, run.sync_id, [*checked.parts, *renewed], run_id=run.id)
        session.flush()
        # the number of a batch is never used again in a run: an answer that comes late belongs to no other batch
        first = int(run.cursor.get("last_batch", 0)) + 1
        planned = {"first_batch": first, "batch_rows": job.batch_rows, "planned_at": job.now.isoformat(), PUT_OFF: []}
        run.cursor = {**run.cursor, **planned}
        plan = books.listed_plan(session, run, job.folder)
        _announce(session, run, plan, checked)
        if judge.ends_here(job, session, run, plan, checked):
            return Progress()
        run.plan_id = run.id
        session.get_one(Sync, run.sync_id).removals_due = 0
        books.remember_plan(session, run, plan)
        job.enter(run, _first_phase(plan), last_batch=first + len(plan.batches) - 1)
    return Progress()


def _announce(session: Session, run: Run, plan: Plan, checked: Checked) -> None:
    """What the page shows of the plan, beside what this run has sent already: the same of a run and of one that tries."""
    if not run.cursor.get("once_read"):
        run.gone_members = checked.found.leaving
        run.everybody = run.everybody or _why_everybody(session, run)
    run.batches = run.batches_done + len(plan.batches)
    run.rows_to_remove = run.rows_removed + plan.rows_to_remove
    run.rows_to_add = run.rows_added + plan.rows_to_add
    run.again_members = sum(file.rows for file in plan.files if file.section == AGAIN)


def _why_everybody(session: Session, run: Run) -> str | None:
    """Where nobody stays as it was although nobody's rules changed: also that is said."""
    if not run.changed_members or run.unchanged_members or run.new_members:
        return None
    ledger = session.get(Ledger, books.current_ledger(session, run.id))
    return UNANSWERED if ledger is not None and not ledger.held else ALL_CHANGED


def _first_phase(plan: Plan) -> Phase:
    if plan.rows_to_remove:
        return Phase.REMOVING
    return Phase.ADDING if plan.batches else Phase.RECORDING


def _checked(job: Job, notes_before: int) -> Checked:
    rows = job.runtime.settings.window_rows
    removals, notes, again = (_stream(job, sort) for sort in (REMOVALS, NOTES, AGAIN))
    notes.first_number = notes_before
    with job.runtime.sessions() as session:
        check = Check(job.shape, _draft(job, session), window=rows, keep=job.claim.keep)
        session.rollback()  # no transaction is open while files are read
        for cut in check.cuts():
            removals.add(cut.removals)
            notes.add(cut.forgotten)
            del cut  # two of them are never held at once
        for table in _whole(job, session, gathered(check.sharing(), rows)):
            again.add(table)
    parts = [part for stream in (removals, notes, again) for part in stream.finish()]
    return Checked(parts, check.found, check.leaving if job.trying else ())


def _stream(job: Job, sort: str) -> Stream:
    return Stream(job.folder, sort, job.stem, group_rows=job.batch_rows, part_rows=job.runtime.settings.window_rows)


def _draft(job: Job, session: Session) -> Draft:
    def paths(sort: str) -> list[Path]:
        return [job.open(part) for part in books.parts_of_run(session, job.run.id, sort)]

    base = [job.open(part) for part in books.ledger_parts(session, books.current_ledger(session, job.run.id))]
    removals, new, after = paths(books.DRAFT), paths(NEW), paths(AFTER)
    if job.capabilities.applies is Applies.LATER:
        return Draft(base, removals, after, unordered=new)
    return Draft(base, removals, [*new, *after])


def _whole(job: Job, session: Session, sharing: Iterator[pa.Table]) -> Iterator[pa.Table]:
    first = next(sharing, None)
    if first is None:
        return
    identify = job.tools.identify(job.method)
    with members_of(job, session) as source, job.tools.workbench() as bench:
        session.rollback()  # no transaction is open while members are read elsewhere
        for piece in chain([first], sharing):
            yield whole_rows(bench, identify, piece, source.values(-1, TOP, pc.unique(piece.column("member"))))
            job.claim.keep()


# -- folding ---------------------------------------------------------------------------------------------------


def fold_own(job: Job) -> Outcome:
    """The plan was sent, or is too old to go on with: brings the ledger up to date. Then the run is done, or reads again."""
    _fold(job, job.run)
    with job.change() as (session, run):
        if run.cursor.get("stale"):
            run.members, run.skipped = 0, {}
            job.enter_reading(session, run, stale=False, once_read=True)
            return Progress()
        # what the channel makes of the audience now is asked soon after, not only with the daily look
        session.get_one(Sync, run.sync_id).audience_next_poll = job.now + job.poll_after
        return Done(refused=sum(run.refused.values()))


def fold_left_behind(job: Job) -> None:
    """A plan that an earlier run recorded and did not finish goes into the ledger, before anything is compared with it."""
    with job.runtime.sessions() as session:
        left = books.unfolded_run(session, job.sync.id)
    if left is not None and left.id != job.run.id:
        _fold(job, left)


def _fold(job: Job, planned: Run) -> None:
    with job.runtime.sessions() as session:
        sync = session.get_one(Sync, planned.sync_id)
        plan = books.plan_of(session, planned, job.folder)
        files = Books(
            base=[job.open(part) for part in books.ledger_parts(session, sync.ledger_id)],
            plan=plan,
            acknowledged=books.acknowledgements(session, planned),
        )
        sent_at = books.first_answer(session, planned) or job.now
    parts, sums = ([], Sums()) if not plan.batches and not plan.notes else _folded(job, files, planned, sent_at)
    with job.change() as (session, run):
        folded = session.get_one(Run, planned.id)
        if plan.batches or plan.notes or sync.ledger_id is None:
            # by the rules of its day: another version of ours may have made the plan
            books.new_ledger(session, run, planned.cursor.get("basis", job.basis), parts, sums)
        if job.trying:
            return
        folded.plan_id = None
        session.flush()
        books.unname(session, session.get_one(Sync, sync.id), run, now=job.now)


def _folded(job: Job, files: Books, planned: Run, sent_at: datetime) -> tuple[list[Part], Sums]:
    rows = job.runtime.settings.window_rows
    stem = f"{job.stem}-of{planned.id}-{planned.cursor['first_batch']}"
    stream = Stream(job.folder, books.LEDGER, stem, group_rows=rows, part_rows=rows)
    sums = Sums()
    # a window is too small for two threads, and each takes memory of its own
    with job.tools.workbench(threads=1) as bench:
        for table in fold(bench, job.shape, files, now=int(sent_at.timestamp()), window=rows):
            sums = sums.plus(table)
            stream.add(table)
            job.claim.keep()
    return stream.finish(), sums
