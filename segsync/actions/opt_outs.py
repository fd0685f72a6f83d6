"""An opt-out holds for the person: for every contact of the organization that is them. Callers commit.

The same person is whoever has the same e-mail, or the same phone and nothing stronger to be known by. Asked at each door and told to
each contact once, so that runs go by what stands at the contact; what is said there later is newer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from segsync.models import Contact, Workspace
from segsync.rules.terms import Subscription

BEFORE: Final = "Opted out before, as another contact of the same person"
SPREADING: Final = 7_315_024_004
"""Names our advisory locks: who opts out waits for whoever adds contacts to the organization, and they for it."""


def lock(session: Session, organization_id: int, *, alone: bool) -> None:
    """Until the transaction ends nobody opts out; `alone`: nor does anybody else come in. Taken before any other lock."""
    taken = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    session.execute(select(taken(SPREADING % 2**31, organization_id % 2**31)))


def same_person(session: Session, organization_id: int, contact: Contact) -> Sequence[Contact]:
    """The other contacts of a person, oldest first."""
    ways = []
    if contact.email is not None:
        ways.append(Contact.email == contact.email)
    if contact.phone is not None:
        nothing_else = Contact.email.is_(None) & Contact.external_id.is_(None)
        ways.append((Contact.phone == contact.phone) & nothing_else)
    if not ways:
        return []
    others = select(Contact).where(_ours(organization_id), Contact.id != contact.id, or_(*ways))
    return session.scalars(others.order_by(Contact.id)).all()


def is_out(session: Session, organization_id: int, values: Mapping[str, Any], *, but: int = 0) -> bool:
    """Whether somebody with these identifiers opted out already, as another contact than `but`."""
    ways: list[ColumnElement[bool]] = []
    if values.get("email"):
        ways.append(Contact.email == values["email"])
    elif values.get("phone") and not values.get("external_id"):
        ways.append(Contact.phone == values["phone"])
    out = and_(Contact.subscription == Subscription.NO.value, _ours(organization_id), Contact.id != but)
    return bool(ways) and session.scalar(select(Contact.id).where(*ways, out).limit(1)) is not None


def hold(contact: Contact, source: str) -> bool:
    """The contact is not subscribed from now on. Whether they were."""
    if contact.subscription == Subscription.NO:
        return False
    contact.subscription, contact.subscription_source = Subscription.NO.value, source
    contact.subscription_at = contact.updated_at = func.now()
    return True


def _ours(organization_id: int) -> ColumnElement[bool]:
    return Contact.workspace_id.in_(select(Workspace.id).where(Workspace.organization_id == organization_id))
