"""Trying without sending: what a run would do now, of a sync that is there or of one that is only thought of. Callers commit."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from segsync.actions import runs
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.sync_access import living, need_own, need_workspace, own_integration, segment_for, usable_account
from segsync.actions.syncs import Wanted, distinct, new_row, subject
from segsync.models import AdAccount, Integration, Run, Segment, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import Status
from segsync.runtime import Runtime


def try_sync(runtime: Runtime, session: Session, actor: Actor, public_id: str) -> Run:
    """Opens a run that sends nothing, also of a sync that failed, is held or is switched off.

    After the commit: `queue.wake_run(run.id)`. Raises NotAllowed, or Refused while a run is under way.
    """
    sync = living(session, actor, public_id)
    need_own(actor, sync, "try this sync")
    need_workspace(session, actor, sync, "try this sync")
    if sync.segment.deleted_at is not None:
        raise Refused("The segment was deleted. Restore it first, or delete the sync.")
    if runs.open_run(session, sync.id) is not None:
        raise Refused("A run is under way and says what it does. Try again when it has ended.")
    return _begin(runtime, session, actor, sync)


def try_new(runtime: Runtime, session: Session, actor: Actor, wanted: Wanted) -> Run:
    """The same for a sync that does not exist: no place of the limit is taken, and nothing is created at the channel.

    What is tried for the same choices again is kept together. After the commit: `queue.wake_run(run.id)`. Raises NotAllowed,
    Taken or Refused.
    """
    actor.need(Right.EDIT_OWN_SYNCS)
    segment = segment_for(session, actor, wanted.segment_id)
    integration = own_integration(session, actor, wanted.channel)
    account = usable_account(runtime, session, integration, wanted.account_id)
    distinct(session, segment, wanted)
    before = select(Sync).where(
        Sync.trial.is_(True),
        Sync.segment_id == segment.id,
        Sync.channel == wanted.channel,
        Sync.account_id == wanted.account_id,
        Sync.creator_id == integration.person_id,
    )
    sync = session.scalar(before.order_by(Sync.id).limit(1).with_for_update(of=Sync))
    if sync is None:
        sync = _trial(runtime, segment, integration, account)
        session.add(sync)
    sync.integration_id, sync.account_via, sync.account_name = integration.id, account.via, account.name
    session.flush()
    return _begin(runtime, session, actor, sync)


def newest(session: Session, sync: Sync) -> Run | None:
    """The newest run of a sync that was only tried; its runs moved to the sync that was created of it, if one was."""
    return session.scalar(select(Run).where(Run.sync_id == sync.id).order_by(Run.id.desc()).limit(1))


def created_of(session: Session, trial: Sync) -> Sync | None:
    """The sync that came of a try."""
    return session.scalar(
        select(Sync).where(
            Sync.segment_id == trial.segment_id,
            Sync.channel == trial.channel,
            Sync.account_id == trial.account_id,
            Sync.deleted_at.is_(None),
        )
    )


def _begin(runtime: Runtime, session: Session, actor: Actor, sync: Sync) -> Run:
    run = runs.try_out(session, sync, by=actor.person_id, now=runtime.clock())
    record(session, actor, "sync.try", subject(sync), change=({}, {"run": run.id}))
    return run


def _trial(runtime: Runtime, segment: Segment, integration: Integration, account: AdAccount) -> Sync:
    """Deleted from the beginning: whatever asks for syncs that are there does not see it."""
    sync = new_row(runtime, segment, integration, account)
    sync.trial, sync.status = True, Status.INACTIVE.value
    sync.deleted_at = runtime.clock()
    return sync
