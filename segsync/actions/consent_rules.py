"""What an unknown subscription and an unknown advertising consent mean in an organization. Callers commit."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor
from segsync.actions.audit import Subject, record
from segsync.models import Contact, Organization, Workspace
from segsync.rules.rights import Right
from segsync.rules.terms import Consent, Subscription


@dataclass(frozen=True)
class Meaning:
    """Whether a contact may be sent whose subscription is unknown, and whether an unknown consent counts as granted."""

    unknown_subscription_counts: bool
    unknown_consent_counts: bool


@dataclass(frozen=True)
class Unknown:
    """How many contacts of the organization it is about."""

    contacts: int
    subscription: int
    consent: int


def change(session: Session, actor: Actor, meaning: Meaning) -> Organization:
    """Decides. The next run of every sync goes by it. Raises NotAllowed."""
    actor.need(Right.EDIT_CONSENT_RULES)
    organization = session.get_one(Organization, actor.organization_id, with_for_update=True)
    before = of(organization)
    if before != meaning:
        for name, counts in asdict(meaning).items():
            setattr(organization, name, counts)
        subject = Subject("organization", organization.id, organization.name)
        record(session, actor, "organization.consent", subject, change=(asdict(before), asdict(meaning)))
    return organization


def of(organization: Organization) -> Meaning:
    """What it means now."""
    return Meaning(organization.unknown_subscription_counts, organization.unknown_consent_counts)


def unknown(session: Session, actor: Actor) -> Unknown:
    """How many contacts have an unknown subscription, or an advertising consent that is unknown."""
    unsaid = or_(Contact.ad_user_data == Consent.UNKNOWN, Contact.ad_personalization == Consent.UNKNOWN)
    counted = session.execute(
        select(
            func.count(),
            func.count().filter(Contact.subscription == Subscription.UNKNOWN),
            func.count().filter(unsaid),
        )
        .join(Workspace, Workspace.id == Contact.workspace_id)
        .where(Workspace.organization_id == actor.organization_id)
    ).one()
    return Unknown(*counted)
