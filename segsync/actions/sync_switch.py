"""Switching a sync off and on. Two people at once are put in order by the row's lock; the second reads what the first did."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy.orm import Session

from segsync.actions import alerts, limits, runs, statuses
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.audit import record
from segsync.actions.statements import keep, need_ticked, to_make
from segsync.actions.sync_access import (
    find,
    living,
    may_act,
    need_own,
    not_in_workspace,
    own_integration,
    usable_account,
    who_can,
)
from segsync.actions.syncs import Created, begin, facts, subject
from segsync.models import Person, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import Status, Why
from segsync.runtime import Runtime

LONGEST_REASON = 500


@dataclass(frozen=True)
class Off:
    """Why a sync is switched off, and whether it stays off until an administrator allows it."""

    reason: str
    locked: bool = False


def switch_off(runtime: Runtime, session: Session, actor: Actor, public_id: str, off: Off) -> Sync:
    """Switches a sync off: its run stops before the next batch and its place is free. Raises NotAllowed or Refused."""
    limits.hold(session, actor.organization_id)
    sync = living(session, actor, public_id)
    need_own(actor, sync, "switch this off")
    if sync.status == Status.INACTIVE:
        raise Refused(f"{_off_by(session, sync)} switched this off already. Nothing was changed.")
    reason = _reason(off.reason)
    if off.locked and not actor.can(Right.EDIT_ANY_SYNC):
        raise NotAllowed("Only an administrator can switch off until an administrator allows it.", field="locked")
    now = runtime.clock()
    before = facts(session, sync)
    runs.stop(session, sync, now=now)
    statuses.move(session, sync, Status.INACTIVE, now=now)
    sync.off_by, sync.off_at, sync.off_reason, sync.off_locked = actor.person_id, now, reason, off.locked
    sync.stale_since = sync.stale_since or now
    sync.next_run_at = sync.probe_at = sync.overdue_at = None
    sync.problem_code, sync.problem_facts, sync.failures = None, {}, 0
    alerts.forget_sync(session, sync, now=now)
    limits.tell(session, actor.organization_id, now=now)
    record(session, actor, "sync.off", subject(sync), change=(before, facts(session, sync)), reason=reason)
    return sync


def switch_on(
    runtime: Runtime, session: Session, actor: Actor, public_id: str, ticked: AbstractSet[str] = frozenset()
) -> Created:
    """Switches a sync on, on the actor's own account from then on, and takes a place of the limit.

    `ticked` are the statements made now, by `statement_key`; what the actor stated for this sync before is not asked again.
    After the commit: `queue.wake_run(run.id)`. Raises NotAllowed saying who can, or Refused saying what helps.
    """
    seen = find(session, actor, public_id)
    why_not = why_not_on(session, actor, seen)
    if why_not:
        raise NotAllowed(why_not)
    integration = own_integration(session, actor, seen.channel)
    account = usable_account(runtime, session, integration, seen.account_id)
    # The organization's row before the sync's: the same order as everywhere, so that nobody waits in a circle.
    use = limits.take(session, actor.organization_id)
    sync = living(session, actor, public_id)
    _still_off(session, actor, sync)
    stated = to_make(session, sync, integration.person_id)
    need_ticked(sync.channel, stated, ticked)
    before = facts(session, sync) | {"off_reason": sync.off_reason}
    sync.owner_id, sync.integration_id, sync.account_via = integration.person_id, integration.id, account.via
    sync.account_name = account.name
    sync.off_by = sync.off_at = sync.off_reason = None
    sync.off_locked = False
    # `runs.start` refuses whatever is off, from whatever door.
    statuses.move(session, sync, Status.SYNCING, now=runtime.clock())
    run = begin(runtime, session, sync, Why.RESUMED, by=actor.person_id)
    limits.tell(session, actor.organization_id, now=runtime.clock())
    made = keep(session, sync, integration.person_id, stated, runtime.clock())
    record(session, actor, "sync.on", subject(sync), change=(before, facts(session, sync) | {"statements": made}))
    return Created(sync, run, use)


def why_not_off(actor: Actor, sync: Sync) -> str:
    """Why the actor cannot switch this off, saying who can; '' where they can."""
    if not actor.can(Right.EDIT_OWN_SYNCS):
        return Right.EDIT_OWN_SYNCS.refusal
    return "" if may_act(actor, sync) else who_can(sync, "switch this off")


def why_not_on(session: Session, actor: Actor, sync: Sync) -> str:
    """Why the actor cannot switch this on, saying who can; '' where only their own access is left to be looked at."""
    if not actor.can(Right.EDIT_OWN_SYNCS):
        return Right.EDIT_OWN_SYNCS.refusal
    if sync.off_locked and not actor.can(Right.EDIT_ANY_SYNC):
        return "It was switched off until an administrator allows it. Only an administrator can switch this on."
    if not may_act(actor, sync):
        return f"Only {sync.creator.name} or an administrator with access to this ad account can switch this on."
    return not_in_workspace(session, actor, sync, "switch this on")


def _still_off(session: Session, actor: Actor, sync: Sync) -> None:
    if sync.status != Status.INACTIVE:
        raise Refused("Somebody switched this on a moment ago. Nothing was changed.")
    if sync.segment.deleted_at is not None:
        raise Refused("The segment was deleted. Restore it first, or delete the sync.")
    why_not = why_not_on(session, actor, sync)
    if why_not:
        raise NotAllowed(why_not)


def _off_by(session: Session, sync: Sync) -> str:
    person = session.get(Person, sync.off_by) if sync.off_by else None
    return person.name if person else "Somebody"


def _reason(typed: str) -> str:
    reason = " ".join(typed.split())
    if not reason:
        raise Refused("Say why you switch it off. Others will see it.", field="reason")
    if len(reason) > LONGEST_REASON:
        raise Refused(f"Keep the reason below {LONGEST_REASON} characters; it has {len(reason)}.", field="reason")
    return reason
