"""Before anything is read: whether the ad account takes audiences from this person, and the audience itself."""

from __future__ import annotations

from segsync.actions import books
from segsync.actions.outcomes import Outcome, Progress
from segsync.actions.push import late, record
from segsync.actions.push.job import Job
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.rules import names
from segsync.rules.terms import Phase

NEW_AUDIENCE = "the audience is new"


def check(job: Job) -> Outcome:
    """Asks the channel about the ad account, live. Raises TroubleFound with the first reason against it."""
    account = job.connector.check_account(job.token, job.account)
    if account.blocked:
        reason = account.blocked[0]
        raise TroubleFound(Trouble(reason.code, dict(reason.facts)))
    record.fold_left_behind(job)
    late.fold_refused(job)
    with job.change() as (_, run):
        run.tries = 0  # the channel answered: what it could not do before counts no longer
        job.enter(run, Phase.AUDIENCE)
    return Progress()


def ensure(job: Job) -> Outcome:
    """Finds our audience by its marker, or makes it. Never touches one that only has the same name."""
    if job.sync.audience_id is None and not job.trying:
        wanted = names.spec(job.capabilities, job.segment.name, job.kind, job.sync.public_id)
        made = job.connector.create_audience(job.token, job.account, wanted)
        job.claim.keep()
        with job.change() as (session, run):
            sync = session.get_one(type(job.sync), run.sync_id)
            sync.audience_id, sync.audience_name = made.remote_id, made.name
            sync.audience_made_at, sync.audience_next_poll = job.now, job.now + job.poll_after
    with job.change() as (session, run):
        run.tries = 0
        if job.sync.audience_id is None or books.current_ledger(session, run.id) is None:
            run.everybody = NEW_AUDIENCE
        job.enter_reading(session, run)
    return Progress()
