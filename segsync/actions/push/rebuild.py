"""Rebuilding what was lost: an audience that is gone or expired at the channel, and books that cannot be read any more.

Books are rebuilt from every file that can be read, all of it unsure: whoever is unwanted is taken out, whoever is wanted is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.contract import Retire, State
from segsync.actions import books, sync_alerts
from segsync.actions.push.job import Job
from segsync.audience.files import Part
from segsync.audience.salvage import unsure
from segsync.audience.streams import Stream
from segsync.models import Sync
from segsync.rules.terms import Phase, Rebuild

MADE_ANEW: Final = "its audience was gone at the channel and was made anew"
WHY: Final[Mapping[Rebuild, str]] = {
    Rebuild.RECORDS: "its books could not be read, and were rebuilt from older ones",
    Rebuild.EMPTY: "its books could not be read, so the audience was emptied first",
    Rebuild.AGAIN: "its books could not be read",
}
ANEW: Final = "anew"
"""In a run's notes: it has made its audience anew, which it does once."""


def audience_is_lost(job: Job) -> bool:
    """Whether the audience is to be made anew: a person said so, or the channel let it expire with all its members."""
    lost = job.capabilities.rebuilds_expired and job.sync.audience_state == State.EXPIRED
    return job.sync.audience_id is not None and (lost or job.sync.rebuild == Rebuild.AUDIENCE)


def start_over(job: Job) -> bool:
    """The audience turned out to be expired in the middle of a run: makes it anew. Whether that can help."""
    if not job.capabilities.rebuilds_expired or job.run.cursor.get(ANEW) or job.helps or job.trying:
        return False
    with job.change() as (session, run):
        session.get_one(Sync, run.sync_id).rebuild = Rebuild.AUDIENCE.value
        run.members, run.skipped = 0, {}
        run.new_members = run.changed_members = run.gone_members = run.unchanged_members = 0
        job.enter(run, Phase.AUDIENCE)
    return True


def books_if_ordered(job: Job) -> None:
    """Begins the ledger anew where a person ordered that. Raises any ConnectorProblem where the channel is asked to empty."""
    if job.sync.rebuild not in WHY or job.trying:
        return
    how = Rebuild(job.sync.rebuild)
    if how is Rebuild.EMPTY and job.sync.audience_id is not None:
        job.connector.retire(job.token, job.account, job.audience, Retire.EMPTY)
        job.claim.keep()
    parts = [] if how is Rebuild.EMPTY else _salvaged(job)
    with job.change() as (session, run):
        sync = session.get_one(Sync, run.sync_id)
        books.begin_anew(session, sync, run, parts, now=job.now)
        sync.rebuild = ""
        sync_alerts.everybody_again(session, sync, run, WHY[how], now=job.now)


def _salvaged(job: Job) -> Sequence[Part]:
    rows = job.runtime.settings.window_rows
    with job.runtime.sessions() as session:
        found = books.salvage(session, job.folder, job.sync)
    stream = Stream(job.folder, books.LEDGER, f"{job.stem}-rebuilt", group_rows=rows, part_rows=rows)
    with job.tools.workbench() as bench:
        for table in unsure(bench, job.shape, found.files, rows):
            stream.add(table)
            job.claim.keep()
    return stream.finish()
