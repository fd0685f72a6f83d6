"""The health of a sign-in: renewed in time, proved by a live call before anybody is alarmed, alerts before and when syncs suffer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Identity
from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, TryLater
from segsync.actions import alerts, tokens
from segsync.actions.alerts import Cause
from segsync.actions.waiting import resume_waiting
from segsync.models import Integration, Sync
from segsync.rules.terms import Acts, SignInState, Status
from segsync.runtime import Runtime

SOON = "signin.soon"
WARN_BEFORE = timedelta(days=30)
LOOK_EVERY = timedelta(hours=24)
AGAIN_AFTER = timedelta(hours=1)


def look(runtime: Runtime, integration_id: int) -> None:
    """Renews the token where that is due, asks the channel who it belongs to, and opens or closes the alerts that follow."""
    with runtime.sessions() as session:
        integration = session.get_one(Integration, integration_id)
    if integration.state not in tokens.LIVE:
        return
    try:
        identity = _who(runtime, integration)
    except ReconnectNeeded as problem:
        _write(runtime, integration_id, problem)
        return
    except (TryLater, ConnectorProblem):
        _put_off(runtime, integration_id)
        return
    # some channels say it with the token instead of here
    given = identity.scopes or frozenset(integration.scopes)
    missing = sorted(set(runtime.oauth(integration.channel).needed) - given) if given else []
    if missing:
        _write(runtime, integration_id, ReconnectNeeded(Code.SCOPE_MISSING, scope=", ".join(missing)))
    else:
        _well(runtime, integration_id)


def _who(runtime: Runtime, integration: Integration) -> Identity:
    """Whose token it is, by the channel. One that ended before its time is renewed first: nobody has to act on that."""
    oauth, application = runtime.oauth(integration.channel), runtime.application(integration.channel)
    token = tokens.access(runtime, integration.id)
    try:
        return oauth.whoami(application, token.access_token)
    except ReconnectNeeded as problem:
        if problem.code is not Code.SIGNIN_EXPIRED:
            raise
    return oauth.whoami(application, tokens.access(runtime, integration.id, renew=True).access_token)


def _put_off(runtime: Runtime, integration_id: int) -> None:
    """Nothing was learnt: the next look is later, and so is a renewal that was due; runs use the token that they have."""
    later = runtime.clock() + AGAIN_AFTER
    with runtime.sessions.begin() as session:
        integration = _locked(session, integration_id)
        integration.look_after = later
        if integration.refresh_at is not None and integration.refresh_at < later:
            integration.refresh_at = later


def _well(runtime: Runtime, integration_id: int) -> None:
    """Proved by a live call: the alert is over, and what waited for this sign-in goes on."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        integration = _locked(session, integration_id)
        if integration.state not in tokens.LIVE:
            return
        was_lame = integration.state != SignInState.CONNECTED
        integration.state, integration.problem, integration.checked_at = SignInState.CONNECTED.value, None, now
        integration.look_after = None
        run_ids = resume_waiting(runtime, session, integration) if was_lame else []
        alerts.close_cause(session, integration.organization_id, f"integration:{integration.id}", now=now)
        warn(session, integration, now=now)
    for run_id in run_ids:
        runtime.queue.wake_run(run_id)


def _locked(session: Session, integration_id: int) -> Integration:
    """The sign-in as it is now: its person may have ended it while the channel was asked."""
    return session.get_one(Integration, integration_id, with_for_update={"key_share": True})


def _write(runtime: Runtime, integration_id: int, problem: ReconnectNeeded) -> None:
    state = SignInState.PERMISSION if problem.code is Code.SCOPE_MISSING else SignInState.RECONNECT
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        integration = _locked(session, integration_id)
        if integration.state not in tokens.LIVE:
            return
        integration.state, integration.problem, integration.checked_at = state.value, problem.code.value, now
        integration.look_after = now + LOOK_EVERY
        cause = _cause(integration, problem.code.value, problem.facts, key=f"integration:{integration.id}")
        alerts.open_alert(
            session, integration.organization_id, cause, now=now, sync_ids=syncs_on(session, integration.id)
        )


def warn(session: Session, integration: Integration, *, now: datetime) -> None:
    """Opens, or closes, the alert that a person must sign in again soon. Says the day and names the syncs."""
    key = f"integration:{integration.id}:{SOON}"
    if integration.must_act_by is None or integration.must_act_by - now > WARN_BEFORE:
        alerts.close_cause(session, integration.organization_id, key, now=now)
        return
    days = max((integration.must_act_by - now).days, 0)
    facts = {"days": str(days), "day": integration.must_act_by.date().isoformat()}
    cause = _cause(integration, SOON, facts, key=key)
    alerts.open_alert(session, integration.organization_id, cause, now=now, sync_ids=syncs_on(session, integration.id))


def syncs_on(session: Session, integration_id: int) -> list[int]:
    """The syncs that run on this sign-in and are switched on."""
    return list(
        session.scalars(
            select(Sync.id).where(
                Sync.integration_id == integration_id, Sync.deleted_at.is_(None), Sync.status != Status.INACTIVE
            )
        )
    )


def _cause(integration: Integration, code: str, facts: dict[str, str], *, key: str) -> Cause:
    return Cause(
        key=key,
        code=code,
        acts=Acts.PERSON,
        person_id=integration.person_id,
        channel=integration.channel,
        integration_id=integration.id,
        facts={"channel": integration.channel, "person": integration.person.name, **facts},
    )
