"""Access tokens: opened from the vault, renewed in time by one worker at a time, never handed on with their refresh token."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from connectors.contract import Token, Tokens
from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, TryLater
from connectors.protocols import OAuth
from segsync.models import Integration
from segsync.rules.terms import SignInState
from segsync.runtime import Runtime

LEASE = timedelta(seconds=60)
MARGIN = timedelta(minutes=2)
"""A token this close to its end is renewed before it is used."""
POLL_SECONDS = 0.2
LIVE = frozenset({SignInState.CONNECTED, SignInState.RECONNECT, SignInState.PERMISSION})
"""A sign-in that is out of order is opened too: only a call can prove that it works again."""


def access(runtime: Runtime, integration_id: int, *, renew: bool = False) -> Token:
    """A token to act with. `renew` asks for a new one because the channel refused this one.

    Raises ReconnectNeeded when only the person can help, TryLater when the channel is away.
    """
    integration = _load(runtime, integration_id)
    if integration.state not in LIVE or not integration.access_sealed:
        raise ReconnectNeeded(_dead_code(integration))
    if renew or _is_due(integration, runtime.clock()):
        integration = _renew(runtime, integration)
    return Token(runtime.vault.open(integration.access_sealed or ""), integration.remote_id)


def store(runtime: Runtime, integration: Integration, tokens: Tokens) -> None:
    """Seals new tokens into the integration, with the days that matter. The caller commits."""
    oauth: OAuth = runtime.oauth(integration.channel)
    integration.access_sealed = runtime.vault.seal(tokens.access_token)
    integration.refresh_sealed = runtime.vault.seal(tokens.refresh_token) if tokens.refresh_token else None
    integration.expires_at = tokens.expires_at
    integration.refresh_expires_at = tokens.refresh_expires_at
    integration.data_access_expires_at = tokens.data_access_expires_at
    integration.refresh_at = oauth.refresh_at(tokens)
    integration.must_act_by = oauth.must_act_by(tokens)
    if tokens.scopes:
        integration.scopes = sorted(tokens.scopes)
    integration.checked_at, integration.look_after = runtime.clock(), None


def opened(runtime: Runtime, integration: Integration) -> Tokens:
    """The tokens of an integration, out of the vault."""
    refresh = integration.refresh_sealed
    return Tokens(
        access_token=runtime.vault.open(integration.access_sealed or ""),
        expires_at=integration.expires_at,
        refresh_token=runtime.vault.open(refresh) if refresh else None,
        refresh_expires_at=integration.refresh_expires_at,
        data_access_expires_at=integration.data_access_expires_at,
        scopes=frozenset(integration.scopes),
    )


def _load(runtime: Runtime, integration_id: int) -> Integration:
    with runtime.sessions() as session:
        return session.get_one(Integration, integration_id)


def _is_due(integration: Integration, now: datetime) -> bool:
    ends = integration.expires_at is not None and integration.expires_at - MARGIN <= now
    return ends or (integration.refresh_at is not None and integration.refresh_at <= now)


def _dead_code(integration: Integration) -> Code:
    return Code(integration.problem) if integration.problem else Code.SIGNIN_EXPIRED


def _renew(runtime: Runtime, integration: Integration) -> Integration:
    """Renews under a lease: a conditional update, commit, call, store by fence. Others wait for the result."""
    fence = _claim(runtime, integration)
    if fence is None:
        return _wait_for_other(runtime, integration)
    oauth = runtime.oauth(integration.channel)
    try:
        tokens = oauth.refresh(runtime.application(integration.channel), opened(runtime, integration))
    except ConnectorProblem:
        _release(runtime, integration.id, fence)
        raise
    with runtime.sessions.begin() as session:
        held = session.get_one(Integration, integration.id, with_for_update=True)
        if held.refresh_fence == fence:
            store(runtime, held, tokens)
            held.refresh_lease_until = None
            if held.state != SignInState.CONNECTED:
                held.checked_at = None  # looked at within a second: only that proves it, and sets going what waited
    return _load(runtime, integration.id)


def _claim(runtime: Runtime, integration: Integration) -> int | None:
    now = runtime.clock()
    free = or_(Integration.refresh_lease_until.is_(None), Integration.refresh_lease_until < now)
    with runtime.sessions.begin() as session:
        return session.execute(
            update(Integration)
            .where(Integration.id == integration.id, free, Integration.refresh_fence == integration.refresh_fence)
            .values(refresh_lease_until=now + LEASE, refresh_fence=Integration.refresh_fence + 1)
            .returning(Integration.refresh_fence)
        ).scalar_one_or_none()


def _release(runtime: Runtime, integration_id: int, fence: int) -> None:
    with runtime.sessions.begin() as session:
        session.execute(
            update(Integration)
            .where(Integration.id == integration_id, Integration.refresh_fence == fence)
            .values(refresh_lease_until=None)
        )


def _wait_for_other(runtime: Runtime, before: Integration) -> Integration:
    end = time.monotonic() + LEASE.total_seconds() / 4
    while time.monotonic() < end:
        now = _load(runtime, before.id)
        if now.access_sealed != before.access_sealed:
            return now
        if now.refresh_lease_until is None:
            break
        time.sleep(POLL_SECONDS)
    raise TryLater(Code.TIMEOUT, retry_after=timedelta(seconds=10))
