"""Somebody leaves: their sessions end, and administrators are told what still lives on them, until it does no more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from segsync.actions import alerts, people
from segsync.actions.actor import Actor
from segsync.actions.alerts import Cause
from segsync.actions.limits import holds_a_place
from segsync.models import Integration, Person, Sync
from segsync.rules.causes import who_acts

DEACTIVATED = "person.deactivated"


def deactivate(session: Session, actor: Actor, person_id: int, at: datetime) -> Person:
    """Ends the person's sessions, and opens an alert for each sign-in that syncs still run on. Raises Refused."""
    person = people.deactivate(session, actor, person_id, at)
    for integration in session.scalars(select(Integration).where(Integration.person_id == person.id)):
        running = select(Sync).where(Sync.integration_id == integration.id, holds_a_place())
        syncs = session.scalars(running).all()
        if syncs:
            cause = _cause(person, integration, syncs[0])
            alerts.open_alert(session, person.organization_id, cause, now=at, sync_ids=[sync.id for sync in syncs])
    return person


def reactivate(session: Session, actor: Actor, person_id: int, at: datetime) -> Person:
    """Lets the person sign in again, and closes what their leaving opened. Raises Refused."""
    person = people.reactivate(session, actor, person_id)
    for integration in session.scalars(select(Integration).where(Integration.person_id == person.id)):
        alerts.close_cause(session, person.organization_id, _key(integration), now=at)
    return person


def _key(integration: Integration) -> str:
    return f"integration:{integration.id}:{DEACTIVATED}"


def _cause(person: Person, integration: Integration, sync: Sync) -> Cause:
    return Cause(
        key=_key(integration),
        code=DEACTIVATED,
        acts=who_acts(DEACTIVATED),
        channel=integration.channel,
        integration_id=integration.id,
        account_id=sync.account_id,
        facts={"person": person.name, "channel": integration.channel, "account": sync.account_name},
    )
