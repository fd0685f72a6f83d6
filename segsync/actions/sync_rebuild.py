"""Rebuilding a sync by a person: what can be rebuilt and how, who may, and ordering it. The next run carries it out."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from connectors.contract import Retire, State
from connectors.problems import Code
from segsync.actions import books
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.audit import record
from segsync.actions.sync_access import living, may_act, need_workspace, not_in_workspace, who_can
from segsync.actions.syncs import begin, subject
from segsync.actions.trouble import Trouble
from segsync.models import Run, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import Rebuild, Status, Why
from segsync.runtime import Runtime

UNREADABLE: Final = "ledger.unreadable"
HOW, AS_OF = "rebuild", "as_of"
"""In the facts of a damaged ledger: how it can be rebuilt, and how old the books are that can still be read."""


def damaged(runtime: Runtime, run_id: int, file: str) -> Trouble:
    """The trouble of a ledger that cannot be read, with how it can be rebuilt: found out where the files are."""
    with runtime.sessions() as session:
        sync = session.get_one(Sync, session.get_one(Run, run_id).sync_id)
        found = books.salvage(session, books.folder(runtime, sync), sync)
    empties = Retire.EMPTY in runtime.connector(sync.channel).capabilities.retire
    how = Rebuild.RECORDS if found.as_of else Rebuild.EMPTY if empties else Rebuild.AGAIN
    return Trouble(UNREADABLE, {"file": file, HOW: how.value, AS_OF: found.as_of.isoformat() if found.as_of else ""})


def offered(sync: Sync) -> Rebuild | None:
    """What a person can have rebuilt here, and how; None where nothing has to be."""
    off = sync.status == Status.INACTIVE or sync.deleted_at is not None or sync.segment.deleted_at is not None
    if off or sync.rebuild:
        return None
    if sync.problem_code == UNREADABLE:
        return Rebuild(sync.problem_facts.get(HOW) or Rebuild.AGAIN)
    gone = sync.problem_code == Code.AUDIENCE_GONE or sync.audience_state == State.GONE
    return Rebuild.AUDIENCE if gone and sync.audience_id else None


def as_of(sync: Sync) -> datetime | None:
    """How old the books are that would be rebuilt from."""
    told = sync.problem_facts.get(AS_OF)
    return datetime.fromisoformat(told) if told else None


def why_not(session: Session, actor: Actor, sync: Sync) -> str:
    """Why the actor cannot rebuild, saying who can; '' for administrators, whoever created it and whoever it runs as."""
    runs_as = actor.can(Right.EDIT_OWN_SYNCS) and sync.owner_id == actor.person_id
    if not runs_as and not may_act(actor, sync):
        return who_can(sync, "rebuild this")
    return not_in_workspace(session, actor, sync, "rebuild this")


def rebuild(runtime: Runtime, session: Session, actor: Actor, public_id: str) -> Run:
    """Orders what is offered and starts a run. After the commit: `queue.wake_run(run.id)`. Raises NotAllowed or Refused."""
    sync = living(session, actor, public_id)
    if refusal := why_not(session, actor, sync):
        raise NotAllowed(refusal)
    need_workspace(session, actor, sync, "rebuild this")
    how = offered(sync)
    if how is None:
        raise Refused("There is nothing to rebuild any more. Nothing was changed.")
    sync.rebuild = how.value
    run = begin(runtime, session, sync, Why.REBUILD, by=actor.person_id)
    record(session, actor, "sync.rebuild", subject(sync), change=({}, {"rebuilt": how.value, "run": run.id}))
    return run
