"""What the channel refused after a plan was folded goes into the ledger before the next plan is made."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from connectors.digests import texts
from segsync.actions import books
from segsync.actions.push.job import Job
from segsync.audience import late
from segsync.audience.files import Part
from segsync.audience.ledger import Sums
from segsync.audience.plan import AGAIN, BatchRef, Plan
from segsync.audience.streams import Stream
from segsync.models import Ledger, Run, RunBatch, Sync


def fold_refused(job: Job) -> None:
    """Whom the channel refused to add is not held, and whom it refused to take out is due again."""
    with job.runtime.sessions() as session:
        batches = books.refused_late(session, job.sync.id)
        plans = {run_id: _plans(job, run_id) for run_id in dict.fromkeys(batch.run_id for batch in batches)}
        # as it is now: the fold of what an earlier run left behind may just have changed it
        ledger_id = books.current_ledger(session, job.run.id)
        ledger = session.get(Ledger, ledger_id) if ledger_id else None
        base = books.ledger_parts(session, ledger_id)
    if not batches:
        return
    parts, sums = ([], Sums()) if ledger is None else _mended(job, base, batches, plans)
    with job.change() as (session, run):
        if ledger is not None:
            books.new_ledger(session, run, ledger.basis, parts, sums)
        if job.trying:
            return
        books.forget_late(session, batches)
        session.flush()
        books.unname(session, session.get_one(Sync, run.sync_id), run, now=job.now)


def _plans(job: Job, run_id: int) -> list[Plan]:
    with job.runtime.sessions() as session:
        return list(books.plans_sent(session, session.get_one(Run, run_id), job.folder))


def _mended(
    job: Job, base: Sequence[Part], batches: Sequence[RunBatch], plans: dict[int, list[Plan]]
) -> tuple[list[Part], Sums]:
    rows = job.runtime.settings.window_rows
    stream = Stream(job.folder, books.LEDGER, f"{job.stem}-late", group_rows=rows, part_rows=rows)
    sums = Sums()
    with job.tools.workbench() as bench:
        late.begin(bench, job.shape)
        for batch in batches:
            _note(job, bench, batch, plans[batch.run_id])
            job.claim.keep()
        for table in late.mend(bench, job.shape, [job.folder.open(part) for part in base], rows):
            sums = sums.plus(table)
            stream.add(table)
            job.claim.keep()
    return stream.finish(), sums


def _note(job: Job, bench: duckdb.DuckDBPyConnection, batch: RunBatch, plans: Sequence[Plan]) -> None:
    for plan in plans:
        for ref in plan.batches:
            if ref.number == batch.number:
                # somebody who was sent twice in a plan may be there although one of the two was refused
                for_good = all(file.section != AGAIN for file in plan.files)
                late.note(bench, job.shape, ref.action, _rows(job, ref, batch), for_good=for_good)


def _rows(job: Job, ref: BatchRef, batch: RunBatch) -> pa.Table:
    job.check(ref.file)
    refused = dict(books.refused_rows(batch))
    rows = texts(ref.read(("member", "version", *job.shape.key_columns))).take(pa.array(list(refused), pa.int64()))
    return rows.append_column("code", pa.array(list(refused.values()), pa.string()))
