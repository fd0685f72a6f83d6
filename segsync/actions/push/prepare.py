"""Before anything is read: whether the ad account takes audiences from this person, and the audience itself."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connectors.contract import AudienceRef, State
from connectors.problems import Code
from segsync.actions import alerts, books, sync_alerts
from segsync.actions.outcomes import Outcome, Progress
from segsync.actions.push import late, rebuild, record
from segsync.actions.push.job import Job
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.models import Run, Sync
from segsync.rules import names
from segsync.rules.terms import Phase

NEW_AUDIENCE = "the audience is new"


def check(job: Job) -> Outcome:
    """Asks the channel about the ad account, live. Raises TroubleFound with the first reason against it."""
    account = job.connector.check_account(job.token, job.account)
    if account.blocked:
        reason = account.blocked[0]
        raise TroubleFound(Trouble(reason.code, dict(reason.facts)))
    rebuild.books_if_ordered(job)
    record.fold_left_behind(job)
    late.fold_refused(job)
    with job.change() as (_, run):
        run.tries = 0  # the channel answered: what it could not do before counts no longer
        job.enter(run, Phase.AUDIENCE)
    return Progress()


def ensure(job: Job) -> Outcome:
    """Finds our audience by its marker, or makes it. Never touches one that only has the same name."""
    if not job.trying and (job.sync.audience_id is None or rebuild.audience_is_lost(job)):
        wanted = names.spec(job.capabilities, job.segment.name, job.kind, job.sync.public_id)
        made = job.connector.create_audience(job.token, job.account, wanted)
        job.claim.keep()
        with job.change() as (session, run):
            _keep(job, session, run, made)
    with job.change() as (session, run):
        run.tries = 0
        if job.sync.audience_id is None or books.current_ledger(session, run.id) is None:
            run.everybody = NEW_AUDIENCE
        job.enter_reading(session, run)
    return Progress()


def _keep(job: Job, session: Session, run: Run, made: AudienceRef) -> None:
    """The audience's id, in the sync. One that took the place of another is filled from nothing."""
    sync = session.get_one(Sync, run.sync_id)
    before, sync.rebuild = sync.audience_id, ""
    if made.remote_id == before:
        return  # somebody brought it back: the books are as true as they were
    sync.audience_id, sync.audience_name = made.remote_id, made.name
    sync.audience_made_at, sync.audience_next_poll = job.now, job.now + job.poll_after
    if before is None:
        return
    sync.audience_state = State.NOT_KNOWN.value
    sync.audience_figures, sync.audience_match_rate, sync.audience_seen_at = [], "", None
    run.cursor = {**run.cursor, rebuild.ANEW: True}
    books.forget_receipts(session, sync)
    books.begin_anew(session, sync, run, now=job.now)
    for code in (Code.AUDIENCE_GONE, Code.AUDIENCE_EXPIRED):
        key = sync_alerts.cause_of(sync, Trouble(code.value)).key
        alerts.close_cause(session, sync.organization_id, key, now=job.now)
    sync_alerts.everybody_again(session, sync, run, rebuild.MADE_ANEW, now=job.now)
