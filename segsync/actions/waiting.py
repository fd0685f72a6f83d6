"""Syncs that wait for a sign-in: stopped when it ends, and set going by themselves when it is good again."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from connectors.problems import Code
from segsync.actions import alerts, removals, runs, statuses, sync_alerts
from segsync.actions.alerts import Cause
from segsync.actions.removals import SIGNIN
from segsync.actions.syncs import begin
from segsync.models import Alert, Integration, Sync
from segsync.rules import causes
from segsync.rules.causes import Place
from segsync.rules.terms import Acts, Detail, Status, Why
from segsync.runtime import Runtime


def resume_waiting(
    runtime: Runtime, session: Session, integration: Integration, *, and_of: int | None = None
) -> list[int]:
    """Closes what a dead sign-in opened and starts what waited for it, people who are to be taken out among it. Returns the runs to wake after the commit.

    `and_of` names an earlier sign-in whose incidents are over too.
    """
    waiting = session.scalars(
        select(Sync)
        .where(Sync.integration_id == integration.id, Sync.deleted_at.is_(None))
        .where(Sync.status == Status.FAILED.value, Sync.problem_code.startswith(SIGNIN))
        .order_by(Sync.id)
        .with_for_update(of=Sync)
        .execution_options(populate_existing=True)
    ).all()
    # syncs before alerts, as a run that ends does: two that meet never wait for each other
    ids = [integration.id] + ([and_of] if and_of else [])
    for alert in session.scalars(
        select(Alert).where(
            Alert.organization_id == integration.organization_id,
            Alert.integration_id.in_(ids),
            Alert.closed_at.is_(None),
            or_(Alert.code.startswith(SIGNIN), Alert.code.startswith("integration.")),
        )
    ):
        alerts.close_cause(session, integration.organization_id, alert.cause, now=runtime.clock())
    session.execute(
        update(Sync)
        .where(Sync.integration_id == integration.id, Sync.deleted_at.is_not(None), Sync.retired_at.is_(None))
        .values(probe_at=None)
    )
    removals.wake_waiting(session, integration.id, now=runtime.clock())
    return [begin(runtime, session, sync, Why.CAUSE_GONE, by=integration.person_id).id for sync in waiting]


def stop_for_signin(runtime: Runtime, session: Session, integration: Integration) -> None:
    """The sign-in ended: what runs on it stops within a batch, fails with that reason, and waits, in one incident."""
    now = runtime.clock()
    syncs = session.scalars(
        select(Sync)
        .where(Sync.integration_id == integration.id, Sync.deleted_at.is_(None))
        .where(Sync.status != Status.INACTIVE.value, Sync.detail != Detail.SEGMENT_DELETED.value)
        .order_by(Sync.id)
        .options(joinedload(Sync.segment), joinedload(Sync.owner))
        .with_for_update(of=Sync)
        .execution_options(populate_existing=True)
    ).all()
    code = Code.SIGNIN_REVOKED.value
    for sync in syncs:
        runs.stop(session, sync, now=now)
        sync.problem_code, sync.problem_facts = code, {}
        sync.probe_at = None
        statuses.move(session, sync, Status.FAILED, now=now, detail=Detail.NEEDS_PERSON)
    if not syncs:
        return
    one = syncs[0]
    cause = Cause(
        key=causes.incident(code, Place(one.id, integration.id, integration.channel, one.account_id)),
        code=code,
        acts=Acts.PERSON,
        person_id=integration.person_id,
        channel=integration.channel,
        integration_id=integration.id,
        facts=sync_alerts.facts_of(one),
    )
    alerts.open_alert(session, integration.organization_id, cause, now=now, sync_ids=[sync.id for sync in syncs])
