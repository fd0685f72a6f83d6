"""What becomes of the audience at the channel after its sync was deleted: emptied or deleted there, however often it takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.contract import AccountRef, AudienceRef, Kind, Retire
from connectors.problems import ConnectorProblem, TryLater
from segsync.actions import alerts, claims, moments, sync_alerts, tokens
from segsync.actions.actor import Actor
from segsync.actions.alerts import Cause
from segsync.actions.audit import Subject, record
from segsync.actions.sync_empty import empty_by_books, pusher
from segsync.actions.trouble import Trouble
from segsync.audience.files import FileUnreadable
from segsync.models import Sync
from segsync.rules import causes, names
from segsync.rules.terms import Acts
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

AGAIN_AFTER: Final = timedelta(minutes=10)
PROBE_EVERY: Final = timedelta(hours=24)
"""When somebody has to act first; reconnecting looks at once."""


def retire(runtime: Runtime, sync_id: int) -> None:
    """Empties or deletes the audience of a deleted sync. May be called at any time, as often as wanted."""
    sync = _due(runtime, sync_id)
    if sync is None:
        return
    try:
        _at_channel(runtime, sync)
    except TryLater as later:
        _wait(runtime, sync_id, later.retry_after or AGAIN_AFTER)
    except ConnectorProblem as problem:
        log.info("audience not retired", sync=sync.public_id, code=problem.code.value, reference=problem.reference)
        _wait(runtime, sync_id, PROBE_EVERY, _trouble_of(problem))
    except FileUnreadable as damaged:
        log.warning("audience not emptied, its books are damaged", sync=sync.public_id)
        _wait(runtime, sync_id, PROBE_EVERY, Trouble("ledger.unreadable", {"file": str(damaged)}))
    else:
        _done(runtime, sync_id)


def _due(runtime: Runtime, sync_id: int) -> Sync | None:
    """The sync, when its audience is to be retired and nobody writes to it any more; held, so that only one worker does."""
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id, with_for_update=True)
        asked = sync.deleted_at is not None and sync.retire_how is not None and sync.retired_at is None
        waits = sync.probe_at is not None and sync.probe_at > runtime.clock()
        if not asked or waits or _somebody_writes(session, sync_id):
            return None
        sync.segment  # noqa: B018 - read while the session is open
        sync.probe_at = runtime.clock() + AGAIN_AFTER
        return sync


def _somebody_writes(session: Session, sync_id: int) -> bool:
    """A stopped run's worker may still be in its last request: one writer per audience."""
    leases = claims.leases_of(sync_id).subquery()
    return bool(session.scalar(select(func.bool_or(leases.c.lease_until > func.clock_timestamp()))))


def _at_channel(runtime: Runtime, sync: Sync) -> None:
    connector = runtime.connector(sync.channel)
    token = tokens.access(runtime, sync.integration_id)
    account = AccountRef(sync.account_id, sync.account_via)
    audience = AudienceRef(sync.audience_id, sync.audience_name or "") if sync.audience_id else None
    if audience is None:
        # the first run may have been stopped between making the audience and writing down which
        kind = Kind(sync.segment.members)
        kind = kind if kind in connector.capabilities.shapes else Kind.PEOPLE
        wanted = names.spec(connector.capabilities, sync.segment.name, kind, sync.public_id)
        audience = connector.find_audience(token, account, wanted)
    how = Retire(sync.retire_how or Retire.LEAVE)
    if audience is None:
        return
    if how in connector.capabilities.retire:
        connector.retire(token, account, audience, how)
    elif how is Retire.EMPTY:
        push = pusher(connector, token, account, audience)
        empty_by_books(runtime, sync, push, lambda place: _got_to(runtime, sync.id, place))


def _trouble_of(problem: ConnectorProblem) -> Trouble:
    facts = {key: str(value) for key, value in problem.facts.items()}
    return Trouble(problem.code.value, facts, problem.raw, problem.reference)


def _wait(runtime: Runtime, sync_id: int, pause: timedelta, trouble: Trouble | None = None) -> None:
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id, with_for_update=True)
        sync.probe_at = moments.later(now, pause)
        if trouble is not None:
            alerts.open_alert(session, sync.organization_id, _cause(sync, trouble), now=now, sync_ids=[sync.id])


def _got_to(runtime: Runtime, sync_id: int, place: dict[str, object]) -> None:
    """Whoever goes on after a limit begins here; meanwhile nobody else does."""
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id, with_for_update=True)
        sync.emptied, sync.probe_at = place, runtime.clock() + AGAIN_AFTER


def _cause(sync: Sync, trouble: Trouble) -> Cause:
    acts = causes.who_acts(trouble.code)
    return Cause(
        key=_key(sync),
        code=trouble.code,
        acts=acts,
        person_id=sync.owner_id if acts in {Acts.PERSON, Acts.OWNER} else None,
        channel=sync.channel,
        integration_id=sync.integration_id,
        account_id=sync.account_id,
        facts=sync_alerts.facts_of(sync) | dict(trouble.facts),
        raw=trouble.raw,
        reference=trouble.reference,
    )


def _done(runtime: Runtime, sync_id: int) -> None:
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id, with_for_update=True)
        sync.retired_at, sync.probe_at = now, None
        alerts.close_cause(session, sync.organization_id, _key(sync), now=now)
        named = Subject("sync", sync.id, sync.segment.name, sync.public_id)
        record(
            session,
            Actor.worker(sync.organization_id),
            "sync.retired",
            named,
            change=({}, {"audience": sync.retire_how}),
        )


def _key(sync: Sync) -> str:
    return f"sync:{sync.id}:retire"
