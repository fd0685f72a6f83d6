"""Creating a sync, running it now, and deleting it. Switching it off and on is in `sync_switch`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connectors.contract import Retire
from connectors.registry import CHANNELS
from segsync.actions import alerts, limits, runs, statuses, timing
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.statements import keep, need_ticked, statement_key
from segsync.actions.sync_access import (
    Taken,
    find,
    living,
    need_own,
    need_workspace,
    own_integration,
    segment_for,
    usable_account,
)
from segsync.actions.sync_retire import retire
from segsync.models import AdAccount, Integration, Person, Run, Segment, Sync
from segsync.rules import schedule, sync_ids
from segsync.rules.limit import Use
from segsync.rules.rights import Right
from segsync.rules.schedule import Schedule
from segsync.rules.terms import Detail, Status, Why
from segsync.runtime import Runtime


@dataclass(frozen=True)
class Wanted:
    """What a person chose: segment, channel, ad account, when it runs, and the statements they ticked (by `statement_key`)."""

    segment_id: int
    channel: str
    account_id: str
    statements: frozenset[str] = field(default=frozenset())
    schedule: Schedule | None = None
    """When it runs; None as the installation says."""


@dataclass(frozen=True)
class Created:
    """A sync that exists, the first run to wake after the commit, and the use of the limit with it."""

    sync: Sync
    run: Run
    use: Use


def create(runtime: Runtime, session: Session, actor: Actor, wanted: Wanted) -> Created:
    """Creates a sync and its first run, taking a place of the limit, in the caller's transaction.

    Raises NotAllowed, Taken with a link to the sync that exists, or Refused naming the field and what helps.
    """
    actor.need(Right.EDIT_OWN_SYNCS)
    segment = segment_for(session, actor, wanted.segment_id)
    integration = own_integration(session, actor, wanted.channel)
    account = usable_account(runtime, session, integration, wanted.account_id)
    asked = CHANNELS[wanted.channel].capabilities.statements
    need_ticked(wanted.channel, asked, wanted.statements)
    use = limits.take(session, actor.organization_id)
    distinct(session, segment, wanted)
    sync = new_row(runtime, segment, integration, account)
    if wanted.schedule is not None:
        timing.write(sync, wanted.schedule)
    session.add(sync)
    session.flush()
    adopt_tries(session, sync)
    made = keep(session, sync, sync.creator_id, asked, sync.created_at)
    run = begin(runtime, session, sync, Why.FIRST, by=actor.person_id)
    limits.tell(session, actor.organization_id, now=runtime.clock())
    after = facts(session, sync) | {"statements": made, "runs": schedule.words(timing.of(sync))}
    record(session, actor, "sync.create", subject(sync), change=({}, after))
    return Created(sync, run, use)


def sync_now(runtime: Runtime, session: Session, actor: Actor, public_id: str) -> Run:
    """Starts a run at once, or hurries the one under way. After the commit: `queue.wake_run(run.id)`."""
    sync = living(session, actor, public_id)
    need_own(actor, sync, "run this sync")
    need_workspace(session, actor, sync, "run this sync")
    if sync.status == Status.INACTIVE:
        raise Refused("This sync is switched off. Switch it on first.")
    if sync.detail == Detail.SEGMENT_DELETED or sync.segment.deleted_at is not None:
        raise Refused("The segment was deleted. Restore it first, or delete the sync.")
    before = {"status": sync.status}
    run = begin(runtime, session, sync, Why.NOW, by=actor.person_id)
    record(session, actor, "sync.now", subject(sync), change=(before, {"status": sync.status, "run": run.id}))
    return run


def delete(runtime: Runtime, session: Session, actor: Actor, public_id: str, how: Retire) -> Sync:
    """Deletes a sync and frees its place; the audience is left, emptied or deleted there.

    After the commit: `queue.wake_chore("retire", sync.id)` unless it is left. Raises NotAllowed or Refused.
    """
    limits.hold(session, actor.organization_id)
    sync = living(session, actor, public_id)
    need_own(actor, sync, "delete this sync")
    capabilities = CHANNELS[sync.channel].capabilities
    if how not in ways_to_retire(sync.channel):
        raise Refused(f"{capabilities.label} does not offer that. Choose another way.", field="how")
    now = runtime.clock()
    before = facts(session, sync)
    runs.stop(session, sync, now=now)
    statuses.move(session, sync, Status.INACTIVE, now=now)
    sync.deleted_at, sync.deleted_by, sync.retire_how = now, actor.person_id, how.value
    sync.retired_at = now if how is Retire.LEAVE else None
    sync.next_run_at = sync.probe_at = sync.overdue_at = sync.audience_next_poll = None
    sync.stale_since = sync.stale_since or now
    alerts.forget_sync(session, sync, now=now)
    limits.tell(session, actor.organization_id, now=now)
    record(session, actor, "sync.delete", subject(sync), change=(before, {"audience": how.value}))
    return sync


def ways_to_retire(channel: str) -> frozenset[Retire]:
    """What can become of an audience whose sync is deleted: what the channel offers, and emptying, if need be by our books."""
    return CHANNELS[channel].capabilities.retire | {Retire.EMPTY}


def begin(runtime: Runtime, session: Session, sync: Sync, why: Why, *, by: int | None) -> Run:
    """Starts a run. The caller holds the row."""
    return runs.start(session, sync, why, by=by, now=runtime.clock())


def subject(sync: Sync) -> Subject:
    """The sync as the audit trail names it."""
    name = f"{sync.segment.name} → {_label(sync)} · {sync.account_name}"
    return Subject("sync", sync.id, name, sync.public_id)


def facts(session: Session, sync: Sync) -> dict[str, Any]:
    """A sync as the audit trail describes it before and after a change."""
    return {
        "status": sync.status,
        "detail": sync.detail,
        "segment": sync.segment.name,
        "channel": _label(sync),
        "account": f"{sync.account_name} ({sync.account_id})",
        "runs as": session.get_one(Person, sync.owner_id).name,
        "off_locked": sync.off_locked,
    }


def _label(sync: Sync) -> str:
    """The channel as people know it."""
    return CHANNELS[sync.channel].capabilities.label


def adopt_tries(session: Session, sync: Sync) -> None:
    """What was tried before a sync was created belongs to its history."""
    tried = select(Sync.id).where(
        Sync.trial.is_(True),
        Sync.segment_id == sync.segment_id,
        Sync.channel == sync.channel,
        Sync.account_id == sync.account_id,
        Sync.creator_id == sync.creator_id,
    )
    session.execute(update(Run).where(Run.sync_id.in_(tried), Run.finished_at.is_not(None)).values(sync_id=sync.id))


def distinct(session: Session, segment: Segment, wanted: Wanted) -> None:
    """Raises Taken where there is such a sync. Under the organization's lock, so that two who create the same at once never both pass."""
    other = session.scalar(
        select(Sync).where(
            Sync.segment_id == segment.id,
            Sync.channel == wanted.channel,
            Sync.account_id == wanted.account_id,
            Sync.deleted_at.is_(None),
        )
    )
    if other is not None:
        off = " It is switched off; it can be switched on there." if other.status == Status.INACTIVE else ""
        raise Taken(
            f"“{segment.name}” is synced to “{other.account_name}” already, as {other.public_id}.{off}",
            field="account",
            link=(f"Open {other.public_id}", f"/syncs/{other.public_id}"),
        )


def new_row(runtime: Runtime, segment: Segment, integration: Integration, account: AdAccount) -> Sync:
    """The row of a sync to this ad account, not yet in the database."""
    made = Sync(
        public_id=sync_ids.fresh(),
        organization_id=segment.organization_id,
        workspace_id=segment.workspace_id,
        segment=segment,
        channel=integration.channel,
        account_id=account.remote_id,
        account_via=account.via,
        account_name=account.name,
        creator_id=integration.person_id,
        owner_id=integration.person_id,
        integration_id=integration.id,
        created_at=runtime.clock(),
        status=Status.SYNCING.value,
        detail=Detail.NONE.value,
        status_since=runtime.clock(),
    )
    timing.write(made, timing.usual(runtime))
    return made


__all__ = [
    "Created",
    "Taken",
    "Wanted",
    "begin",
    "create",
    "delete",
    "distinct",
    "facts",
    "find",
    "new_row",
    "retire",
    "statement_key",
    "subject",
    "sync_now",
    "ways_to_retire",
]
