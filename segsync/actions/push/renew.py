"""Who stays is sent again before the channel forgets them, as a section of the plan: its fold is what renews them in the books."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc
from sqlalchemy.orm import Session

from segsync.actions import books
from segsync.actions.push.job import Job
from segsync.actions.push.read import members_of
from segsync.actions.push.windows import TOP
from segsync.audience import renewing
from segsync.audience.compare import whole_rows
from segsync.audience.files import Part
from segsync.audience.plan import AFTER, AGAIN, NEW, REMOVALS, RENEWED
from segsync.audience.renewing import Staying
from segsync.audience.streams import Stream
from segsync.models import Sync
from segsync.rules.renewal import how_many, turns


def renewals(job: Job, checked: Sequence[Part]) -> list[Part]:
    """Files of those who are renewed with this run, beside `checked`, what the check over all windows added to the plan."""
    taking_turns = turns(job.resend_after, job.every)
    rows = job.runtime.settings.window_rows
    with job.runtime.sessions() as session:
        sync = session.get_one(Sync, job.sync.id)
        base = books.ledger_parts(session, books.current_ledger(session, job.run.id))
        if not base or (sync.oldest_sent_at and taking_turns.nobody_at(job.now, sync.oldest_sent_at)):
            return []
        touched = [*books.parts_of_run(session, job.run.id, books.DRAFT), *_of(checked, AGAIN)]
        staying = Staying([job.folder.open(part) for part in base], [job.folder.open(part) for part in touched])
        stream = Stream(job.folder, RENEWED, job.stem, group_rows=job.batch_rows, part_rows=rows)
        identify = job.tools.identify(job.method)
        with members_of(job, session) as source, job.tools.workbench() as bench:
            due = renewing.choose(bench, job.shape, staying, taking_turns, job.now)
            most = how_many(due, sends=_sends(session, job, checked), batch_rows=job.batch_rows)
            session.rollback()  # no transaction is open while members are read elsewhere
            for piece in renewing.renewed(bench, job.shape, most, rows):
                values = source.values(-1, TOP, pc.unique(piece.column("member")))
                stream.add(whole_rows(bench, identify, piece, values))
                job.claim.keep()
    return stream.finish()


def _sends(session: Session, job: Job, checked: Sequence[Part]) -> bool:
    """Whether this run asks the channel for something anyway."""
    found = books.parts_of_run(session, job.run.id, NEW, AFTER)
    return any(part.rows for part in (*found, *_of(checked, REMOVALS), *_of(checked, AGAIN)))


def _of(parts: Sequence[Part], sort: str) -> list[Part]:
    return [part for part in parts if part.sort == sort]
