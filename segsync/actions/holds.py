"""A run that was held because it would remove too many: what stands behind it, and an administrator's word. Callers commit."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.decided_by import decided_by
from segsync.actions.sync_access import living
from segsync.actions.sync_alerts import HELD
from segsync.actions.syncs import begin, subject
from segsync.models import Run, Sync
from segsync.rules.removals import RELEASED_FOR, Release
from segsync.rules.rights import Right
from segsync.rules.terms import Detail, Why
from segsync.runtime import Runtime


def held_run(session: Session, sync: Sync) -> Run | None:
    """The newest run that was held, of a sync that waits for it; None for any other."""
    if sync.detail != Detail.HELD:
        return None
    held = select(Run).where(Run.sync_id == sync.id, Run.problem_code == HELD)
    return session.scalar(held.order_by(Run.id.desc()).limit(1))


def release(runtime: Runtime, session: Session, actor: Actor, public_id: str, run_id: int) -> Run:
    """Lets the removals of the run go that was looked at, and starts the run that sends them at once.

    After the commit: `queue.wake_run(run.id)`. Raises NotAllowed, or Refused where these figures are old.
    """
    actor.need(Right.HOLD_REMOVALS)
    sync = living(session, actor, public_id)
    held = held_run(session, sync)
    if held is None:
        raise Refused("Nothing is held here any more. Nothing was changed.")
    if held.id != run_id:
        raise Refused("Another run was held meanwhile: look at its figures first. Nothing was changed.")
    found = held.findings
    if found.get("decided_by") != decided_by(session, sync):
        raise Refused(
            "A segment that counts here, an exclusion list or what an unknown consent means was changed since these figures were worked "
            "out, so they mean others. Press Sync now: the run works them out anew, and waits again where too many would be removed. "
            "Nothing was changed."
        )
    until = runtime.clock() + RELEASED_FOR
    given = Release(found["leaving"], found["to_nobody"], until, actor.person_id, found["decided_by"])
    sync.release = given.stored()
    run = begin(runtime, session, sync, Why.RELEASED, by=actor.person_id)
    released = {"removals": given.removals, "members_before": found["held"], "run": held.id}
    record(session, actor, "sync.release", subject(sync), change=({}, released))
    return run
